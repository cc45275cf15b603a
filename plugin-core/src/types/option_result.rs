//! `Option` and `Result`, which cross as tagged unions.

use std::mem::{ManuallyDrop, MaybeUninit};

use super::{PluginType, unknown_tag};
use crate::cold::cold_path;
use crate::describe::{Node, Tag};
use crate::memory::Arena;
use crate::origin::Origin;

/// Lowers a value to a place with its tag. (A call returns the tag apart from the rest.)
///
/// # Safety
///
/// `T::Repr` is `repr(C)`, and begins with the tag as a byte.
#[inline(always)]
unsafe fn lower_with_tag<T: PluginType>(value: T, place: &mut MaybeUninit<T::Repr>) {
    let tag = value.lower_returned(place);
    // SAFETY: by `# Safety`, the `Repr` is `repr(C)` and begins with the tag. So this byte is in `place`, which is
    // borrowed for writing.
    unsafe { place.as_mut_ptr().cast::<u8>().write(tag as u8) }
}

/// The `Repr` of an `Option`: 0 for `None`, or 1 and the value.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct OptionRepr<R: Copy> {
    tag: u8,
    value: MaybeUninit<R>,
}

// SAFETY: the tag tells whether the value was written.
#[diagnostic::do_not_recommend]
unsafe impl<T: PluginType> PluginType for Option<T> {
    type Repr = OptionRepr<T::Repr>;
    const NODE: &'static Node = &Node::Of { head: &Tag::Option.head(), parts: &[T::NODE] };
    const DEEP: bool = T::DEEP;
    const LAST_TAG: usize = 1;

    #[inline]
    fn lower(self) -> Self::Repr {
        match self {
            None => OptionRepr { tag: 0, value: MaybeUninit::uninit() },
            Some(value) => OptionRepr { tag: 1, value: MaybeUninit::new(value.lower()) },
        }
    }
    #[inline(always)]
    fn lower_to(self, place: &mut MaybeUninit<Self::Repr>) {
        // SAFETY: the `Repr` is `repr(C)`, and its first field is the tag.
        unsafe { lower_with_tag(self, place) }
    }
    #[inline(always)]
    fn lower_returned(self, place: &mut MaybeUninit<Self::Repr>) -> usize {
        let Some(value) = self else { return 0 };
        // SAFETY: `value` is a field of the place, which is borrowed for writing. The field is a `MaybeUninit`, so it
        // may be referred to before it is written.
        value.lower_to(unsafe { &mut (*place.as_mut_ptr()).value });
        1
    }
    #[inline(always)]
    unsafe fn lift_returned(tag: usize, repr: MaybeUninit<Self::Repr>, origin: &Origin) -> Self {
        // SAFETY: by `# Safety` of `lift_returned`, `lower_returned` has returned the tag. It has written the value if
        // the tag is 1, and the value may be lifted as the `Option` may.
        (tag == 1).then(|| unsafe { T::lift((*repr.as_ptr()).value.assume_init(), origin) })
    }
    #[inline]
    fn lend(&self, arena: &mut Arena) -> Self::Repr {
        match self {
            None => OptionRepr { tag: 0, value: MaybeUninit::uninit() },
            Some(value) => OptionRepr { tag: 1, value: MaybeUninit::new(value.lend(arena)) },
        }
    }
    #[inline]
    unsafe fn lift(repr: Self::Repr, origin: &Origin) -> Self {
        match repr.tag {
            0 => None,
            // SAFETY: `lower` and `lend` write the value if the tag is 1. It may be lifted as the `Option` may
            // (`# Safety` of `PluginType::lift`).
            1 => Some(unsafe { T::lift(repr.value.assume_init(), origin) }),
            tag => unknown_tag("Option", tag),
        }
    }
    #[inline]
    unsafe fn hold(repr: &Self::Repr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        ManuallyDrop::new(match repr.tag {
            0 => None,
            // SAFETY: `lend` and `lower` write the value if the tag is 1. It may be held as the `Option` may
            // (`# Safety` of `PluginType::hold`).
            1 => Some(ManuallyDrop::into_inner(unsafe { T::hold(repr.value.assume_init_ref(), origin, arena) })),
            tag => unknown_tag("Option", tag),
        })
    }
}

/// The `Repr` of a `Result`: 0 and the value, or 1 and the error.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ResultRepr<T: Copy, E: Copy> {
    tag: u8,
    payload: ResultPayload<T, E>,
}

#[derive(Clone, Copy)]
#[repr(C)]
union ResultPayload<T: Copy, E: Copy> {
    ok: T,
    err: E,
}

// SAFETY: the tag tells which of the two fields was written.
#[diagnostic::do_not_recommend]
unsafe impl<T: PluginType, E: PluginType> PluginType for Result<T, E> {
    type Repr = ResultRepr<T::Repr, E::Repr>;
    const NODE: &'static Node = &Node::Of { head: &Tag::Result.head(), parts: &[T::NODE, E::NODE] };
    const DEEP: bool = T::DEEP || E::DEEP;
    const LAST_TAG: usize = 1;

    #[inline]
    fn lower(self) -> Self::Repr {
        match self {
            Ok(value) => ResultRepr { tag: 0, payload: ResultPayload { ok: value.lower() } },
            Err(error) => ResultRepr { tag: 1, payload: ResultPayload { err: error.lower() } },
        }
    }
    #[inline(always)]
    fn lower_to(self, place: &mut MaybeUninit<Self::Repr>) {
        // SAFETY: the `Repr` is `repr(C)`, and its first field is the tag.
        unsafe { lower_with_tag(self, place) }
    }
    #[inline(always)]
    fn lower_returned(self, place: &mut MaybeUninit<Self::Repr>) -> usize {
        let place = place.as_mut_ptr();
        // SAFETY: both are fields of the place, which is borrowed for writing. Each is referred to as a `MaybeUninit`,
        // so it may be so before it is written.
        unsafe {
            match self {
                Ok(value) => {
                    value.lower_to(&mut *(&raw mut (*place).payload.ok).cast());
                    0
                }
                Err(error) => {
                    error.lower_to(&mut *(&raw mut (*place).payload.err).cast());
                    1
                }
            }
        }
    }
    #[inline(always)]
    unsafe fn lift_returned(tag: usize, repr: MaybeUninit<Self::Repr>, origin: &Origin) -> Self {
        let repr = repr.as_ptr();
        // SAFETY: by `# Safety` of `lift_returned`, `lower_returned` has returned the tag. It has written `ok` for 0
        // and `err` for 1, and the field may be lifted as the `Result` may.
        unsafe {
            match tag {
                0 => Ok(T::lift((&raw const (*repr).payload.ok).read(), origin)),
                _ => {
                    cold_path();
                    Err(E::lift((&raw const (*repr).payload.err).read(), origin))
                }
            }
        }
    }
    #[inline]
    fn lend(&self, arena: &mut Arena) -> Self::Repr {
        match self {
            Ok(value) => ResultRepr { tag: 0, payload: ResultPayload { ok: value.lend(arena) } },
            Err(error) => ResultRepr { tag: 1, payload: ResultPayload { err: error.lend(arena) } },
        }
    }
    #[inline]
    unsafe fn lift(repr: Self::Repr, origin: &Origin) -> Self {
        // SAFETY: `lower` and `lend` write `ok` for the tag 0 and `err` for 1. The field may be lifted as the `Result`
        // may (`# Safety` of `PluginType::lift`).
        unsafe {
            match repr.tag {
                0 => Ok(T::lift(repr.payload.ok, origin)),
                1 => Err(E::lift(repr.payload.err, origin)),
                tag => unknown_tag("Result", tag),
            }
        }
    }
    #[inline]
    unsafe fn hold(repr: &Self::Repr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: `lend` and `lower` write `ok` for the tag 0 and `err` for 1. The field may be held as the `Result`
        // may (`# Safety` of `PluginType::hold`).
        unsafe {
            ManuallyDrop::new(match repr.tag {
                0 => Ok(ManuallyDrop::into_inner(T::hold(&repr.payload.ok, origin, arena))),
                1 => Err(ManuallyDrop::into_inner(E::hold(&repr.payload.err, origin, arena))),
                tag => unknown_tag("Result", tag),
            })
        }
    }
}
