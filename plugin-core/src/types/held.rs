//! Values that are made of a loan.
//!
//! # Problem
//!
//! A plugin's function takes `&Vec<Named>`. The host has such a vector, but the host's compiler lays it out in its own
//! way, so the plugin needs a `Vec<Named>` of its own to refer to. A full copy allocates memory for every text in the
//! vector and frees this memory when the call returns.
//!
//! # Idea
//!
//! The sender lends `Repr`s that point to its own texts. The `Repr`s are in an [`Arena`] of the sender. The receiver
//! makes a value whose texts point to the same memory: each `String` has a buffer of the sender. The buffer of the
//! `Vec` is the array of `Repr`s, overwritten, if the elements have drop glue and fit; otherwise the receiver's arena
//! provides a buffer.
//!
//! Such a value is *held*. It is in a [`ManuallyDrop`], it is never dropped, and the function sees it only behind `&`.
//! When the function returns, each side frees its own arena.
//!
//! # Proof
//!
//! **Allocators.** [`Vec::from_raw_parts`] asks for memory of the global allocator, because a `Vec` may later free or
//! reallocate its memory. The function itself only stores the three numbers. A `Vec` frees or reallocates memory when
//! it is dropped, used by value, or used behind `&mut`. None of this happens to a held `Vec`. It is never dropped, and
//! no safe function turns a `&Vec` into a `&mut Vec` or into a second `Vec` with the same memory. The same argument
//! holds for `String`, `OsString`, `PathBuf`, `VecDeque` and `Box`. The capacity of a held value is its length, which
//! the memory has in any case. The proof does not cover a program that passes `as_ptr()` to an allocator's own
//! functions, to measure the block. Such a program needs `unsafe`, and std makes no such promise about the address.
//!
//! **Shares.** A clone of one of these types has new memory. A clone of an `Arc` or a `Bytes` shares memory with the
//! original and may outlive the loan. The receiver therefore makes a share of its own, and [`Arena::own`] gives the
//! share up when the loan ends. An error becomes a new error for the same reason. A user's type consists of types that
//! cross, and [`PluginType`] asks the same of every implementation.
//!
//! **Changes.** During a loan, the bytes of the sender's value that the receiver reads do not change. The sender has
//! borrowed the value, and by the promise of [`PluginType`] no function with a `&` to it changes these bytes. A type
//! may have interior mutability elsewhere, and some do. A hasher may have a `Cell`, but no hasher crosses. A `Bytes`
//! has an atomic pointer, but the receiver reads the address and the length from a copy, and gets a share by the
//! sender's own function. A boxed error may have anything, but the sender lends a copy of its texts. The receiver only
//! reads the value.
//!
//! **Overwriting.** The receiver may write to the array of `Repr`s in the sender's arena, which the sender does not
//! read again. The receiver must not write to the sender's value, which may be in read-only memory, and which other
//! arguments and other threads may refer to. The array is the value itself if the elements are plain for the sender,
//! and the receiver cannot see that: a type may be plain on one side only. But a type with drop glue is plain on no
//! side, so the receiver overwrites only `Repr`s of such types.
//!
//! **Uniqueness.** The compiler assumes that a `Box` is the only way to reach its content. The content of a held `Box`
//! is therefore in an arena, where only the receiver uses it until the loan ends. Plain content is copied there. `Vec`
//! and `String` do not promise uniqueness, so their plain elements and their text stay in the sender's memory.
//!
//! **Lifetimes.** A function gets its reference from the `deref` of [`HeldRef`](super::reference::HeldRef) and its kin,
//! so the reference does not outlive these. No held value contains a `&'static`: a `Cow<'static, str>` is held as
//! `Owned`.
//!
//! **Unwinding.** The author's code may panic: a key's `Hash`, `Eq` or `Ord`, a default, the function itself, and on
//! the sender's side an error's `Display`. A value that is not complete yet consists of parts in `ManuallyDrop`s and of
//! values in an arena's memory, so unwinding drops no held part. An owned part belongs to the arena as soon as it
//! exists. So a panic frees everything exactly once, as a return does.
//!
//! **Maps.** std builds the table of a map, and std may drop keys and values meanwhile. The module
//! [`maps`](super::maps) shows why this does no harm.
//!
//! **Layout.** A pointer to plain elements is aligned for the receiver, because both sides lay out plain types as C
//! does. If the type is plain on one side only, its `Repr` is laid out alike on both sides, and the plain type is laid
//! out as its `Repr`. An arena aligns each part for its type. A value without size needs no memory.

use std::mem::{ManuallyDrop, needs_drop};
use std::ptr::{NonNull, slice_from_raw_parts_mut};

use super::{PluginType, is_plain, with_room};
use crate::abi::BufferRepr;
use crate::memory::Arena;
use crate::origin::Origin;

/// Makes a vector whose buffer is borrowed.
///
/// # Safety
///
/// `len` elements are at `first`. They outlive every use of the vector, and they do not change during that time. The vector
/// is used behind `&` only, and is never dropped.
#[inline(always)]
pub(super) unsafe fn vec<T>(first: NonNull<T>, len: usize) -> ManuallyDrop<Vec<T>> {
    // SAFETY: `len` elements are at `first` (`# Safety`). `from_raw_parts` also asks for memory of the allocator,
    // because a `Vec` may free or reallocate it. By the proof above, no `Vec` does so that is used behind `&` only and
    // never dropped, as `# Safety` asks.
    ManuallyDrop::new(unsafe { Vec::from_raw_parts(first.as_ptr(), len, len) })
}

/// Holds `len` values in a row.
///
/// The values replace their `Repr`s if the `Repr`s belong to the loan, are in the sender's arena, and are large enough.
/// A large slice needs half the memory then. That matters because fresh memory costs more time than the conversion
/// does.
///
/// # Safety
///
/// As for [`PluginType::hold`], for each `Repr`. `Repr`s that belong to the loan are not used afterwards, and they are
/// in an arena unless the type is plain on the sender's side.
#[inline]
pub(super) unsafe fn elements<T: PluginType>(
    (reprs, len): (NonNull<T::Repr>, usize),
    belong_to_loan: bool,
    origin: &Origin,
    arena: &mut Arena,
) -> NonNull<T> {
    // A sender for which the type is plain lends its own memory. No type with drop glue is plain, on either side.
    let from_arena = const { needs_drop::<T>() };
    let fit = const { size_of::<T>() <= size_of::<T::Repr>() && align_of::<T>() <= align_of::<T::Repr>() };
    let first = if from_arena && fit && belong_to_loan { reprs.cast::<T>() } else { arena.alloc::<T>(len) };
    with_room(T::DEEP, || {
        for index in 0..len {
            // SAFETY: each `Repr` may be held once (`# Safety`), and `first` has room for `len` values. If they replace
            // the `Repr`s, value number n ends where `Repr` number n does, or before. After that, neither that `Repr`
            // nor an earlier one is needed.
            unsafe {
                let value = T::hold(reprs.add(index).as_ref(), origin, arena);
                first.add(index).write(ManuallyDrop::into_inner(value));
            }
        }
    });
    first
}

/// Holds the elements of a buffer, of a type that is not plain on this side.
///
/// # Safety
///
/// As for [`PluginType::hold`], for a sequence of such elements.
#[inline]
pub(super) unsafe fn repr_elements<T: PluginType>(repr: &BufferRepr, origin: &Origin, arena: &mut Arena) -> NonNull<T> {
    // SAFETY: `first` asks for a buffer of `own` or `lent`, as every sequence has. `elements` asks that each `Repr` may
    // be held, as `# Safety` says, and that lent ones are in an arena: a sender whose elements are not plain lends them
    // with `lend_all`.
    unsafe { elements((repr.first(), repr.len()), repr.is_lent(), origin, arena) }
}

/// Holds a boxed slice.
///
/// # Safety
///
/// As for [`PluginType::hold`].
#[inline]
pub(super) unsafe fn boxed_slice<T: PluginType>(
    repr: &BufferRepr,
    origin: &Origin,
    arena: &mut Arena,
) -> ManuallyDrop<Box<[T]>> {
    let len = repr.len();
    // SAFETY: the buffer has `len` elements. Plain ones are valid as `T`, and the arena's memory for their copies is
    // new. Others may be held, because the slice may (`# Safety`).
    let first = unsafe {
        if is_plain::<T>() {
            let copy = arena.alloc::<T>(len);
            copy.copy_from_nonoverlapping(repr.first(), len);
            copy
        } else {
            repr_elements(repr, origin, arena)
        }
    };
    // SAFETY: `first` has `len` elements, in an arena. `from_raw` also asks for memory of the allocator, because a
    // `Box` may free it. By the proof above, no `Box` does so that is used behind `&` only and never dropped, as
    // `# Safety` asks. No other code uses the memory.
    ManuallyDrop::new(unsafe { Box::from_raw(slice_from_raw_parts_mut(first.as_ptr(), len)) })
}

/// Holds the default of a field that an older sender's value does not have, as if the sender had lent it.
///
/// The arena keeps the default itself. The field cannot be the default, because the fields of a held value are never
/// dropped.
///
/// # Safety
///
/// The returned value is used behind `&` only, and is never dropped. During its use, `arena` exists.
#[inline]
pub unsafe fn default<T: PluginType>(value: T, arena: &mut Arena) -> ManuallyDrop<T> {
    if !needs_drop::<T>() {
        return ManuallyDrop::new(value);
    }
    let value = arena.keep(value);
    // SAFETY: `keep` has written the value, and this function has the only pointer to it.
    let repr = unsafe { value.as_ref() }.lend(arena);
    // SAFETY: the kept value lends `repr`, and `repr` is held once. The arena keeps the value for as long as the held
    // one may be used (`# Safety`).
    unsafe { T::hold(&repr, &Origin::HOST, arena) }
}

/// Makes an owned copy of a held value.
#[inline]
pub(super) fn copied<T: PluginType>(value: &T, arena: &mut Arena) -> T {
    const {
        assert!(
            !T::NODE.has_boxed_objects(),
            "a key with an object in a `Box`, such as a closure, cannot be copied: write `Arc<dyn ..>`"
        )
    }
    let repr = value.lend(arena);
    // SAFETY: `value` lends `repr`, and is borrowed until this call ends. This library made `repr`, so its origin may
    // be `HOST`. Parts that lead to another library have an origin of their own.
    unsafe { T::lift(repr, &Origin::HOST) }
}
