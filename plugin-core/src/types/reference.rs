//! `&T`, `&str`, `&[T]`, `&mut T` and `&mut [T]` as whole arguments.
//!
//! The receiver reaches a plain value through its address. Behind `&`, any other value is *lent*: the receiver *holds*
//! a value that refers to the sender's memory, as [`held`](super::held) explains. Behind `&mut`, any other value moves
//! to the receiver, and moves back at the end of the call, also if the receiver panics.

use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::sequence::{assert_sized, lend_all};
use super::{PluginType, held, is_plain};
use crate::abi::SliceRepr;
use crate::describe::{Node, Tag};
use crate::fault::unwind::NoUnwind;
use crate::memory::Arena;
use crate::origin::Origin;

/// A type that crosses behind `&`: `str`, slices, `Path`, `OsStr`, and every [`PluginType`].
///
/// The trait is for bounds. Its items are hidden, and semantic versioning does not cover them, so do not implement it by hand.
///
/// # Safety
///
/// `hold_ref` gives a value equal to the one passed to `lend_ref`, on any two sides whose `REF_NODE`s fit each
/// other, for as long as the sender's borrow and slot live. Dropping the held value frees none of the sender's memory.
///
/// # Example
///
/// ```standalone_crate
/// use plugin_core::{PluginRef, plugin_export};
/// use plugin_host::{Error, Host};
///
/// /// Sends a value to the plugin.
/// fn send<T: PluginRef + ?Sized>(host: &Host, value: &T) -> Result<usize, Error> {
///     let receive = host.get::<fn(&T) -> usize>("receive")?;
///     Ok(receive(value))
/// }
///
/// #[plugin_export]
/// fn receive(names: &[String]) -> usize {
///     names.len()
/// }
///
/// let names = ["ann".to_owned(), "bob".to_owned()];
/// assert_eq!(send(&Host::linked()?, &names[..])?, 2);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`&{Self}` cannot cross between a plugin and its host",
    label = "a reference to this type does not cross",
    note = "write `#[plugin_type]` on a struct or enum of yours; convert a type of another crate to such a type, or to text",
    note = "what crosses behind `&`: `str`, slices, `Path`, `OsStr`, and every type that crosses by value"
)]
pub unsafe trait PluginRef: 'static {
    /// The C-compatible form of the reference.
    #[doc(hidden)]
    type RefRepr: Copy;
    /// The sender's part of a loan, which stays in its place for the length of the call.
    #[doc(hidden)]
    type Slot: Default;
    /// The receiver's part of a loan.
    #[doc(hidden)]
    type Held: Deref<Target = Self>;
    /// The descriptor of `&Self`.
    #[doc(hidden)]
    const REF_NODE: &'static Node;

    /// Lends `self`. `slot` must not move until the call is over.
    #[doc(hidden)]
    fn lend_ref(&self, slot: &mut Self::Slot) -> Self::RefRepr;

    /// Receives the lent value.
    ///
    /// # Safety
    ///
    /// `repr` came from a `lend_ref` whose borrow and slot outlive the returned value, and is held once. It came from `origin`.
    #[doc(hidden)]
    unsafe fn hold_ref(repr: Self::RefRepr, origin: &Origin) -> Self::Held;
}

/// A type that crosses behind `&mut`: slices, and every [`PluginType`].
///
/// The trait is for bounds. Its items are hidden, and semantic versioning does not cover them, so do not implement it by hand.
///
/// # Safety
///
/// After the call, the sender finds in its place the value that the receiver has left in the held one.
///
/// # Example
///
/// ```standalone_crate
/// use plugin_core::{PluginMut, plugin_export};
/// use plugin_host::{Error, Host};
///
/// /// Has the plugin change a value.
/// fn change<T: PluginMut + ?Sized>(host: &Host, value: &mut T) -> Result<(), Error> {
///     let change = host.get::<fn(&mut T)>("change")?;
///     change(value);
///     Ok(())
/// }
///
/// #[plugin_export(name = "change")]
/// fn add_bob(names: &mut Vec<String>) {
///     names.push("bob".to_owned());
/// }
///
/// let mut names = vec!["ann".to_owned()];
/// change(&Host::linked()?, &mut names)?;
/// assert_eq!(names, ["ann", "bob"]);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`&mut {Self}` cannot cross between a plugin and its host",
    label = "a reference to this type does not cross",
    note = "write `#[plugin_type]` on a struct or enum of yours; convert a type of another crate to such a type, or to text",
    note = "what crosses behind `&mut`: slices, and every type that crosses by value"
)]
pub unsafe trait PluginMut: 'static {
    /// The C-compatible form of the reference.
    #[doc(hidden)]
    type MutRepr: Copy;
    /// The sender's part of a loan. Its drop puts the value back.
    #[doc(hidden)]
    type Loan<'a>;
    /// The receiver's part of a loan. Its drop hands the value back.
    #[doc(hidden)]
    type HeldMut: DerefMut<Target = Self>;
    /// The descriptor of `&mut Self`.
    #[doc(hidden)]
    const MUT_NODE: &'static Node;

    /// Takes the value out of its place until the loan is dropped. The value that is put back comes from `origin`.
    ///
    /// # Safety
    ///
    /// The loan is dropped and not forgotten, because the place is empty until then. The library of `origin` is loaded
    /// when this happens.
    #[doc(hidden)]
    unsafe fn lend_mut<'a>(&'a mut self, origin: &'a Origin) -> Self::Loan<'a>;

    /// Returns the form to pass. The loan must not move until the call is over.
    #[doc(hidden)]
    fn mut_repr(loan: &mut Self::Loan<'_>) -> Self::MutRepr;

    /// Receives the lent value.
    ///
    /// # Safety
    ///
    /// `repr` came from a loan, and is held once. The returned value is dropped, and not forgotten, before the loan is.
    /// Until then, only the returned value is used to reach the lent one. It came from `origin`.
    #[doc(hidden)]
    unsafe fn hold_mut(repr: Self::MutRepr, origin: &Origin) -> Self::HeldMut;
}

/// A `&str` as its receiver holds it.
///
/// It contains a `&'static str`, but its references do not outlive it, so a plugin cannot keep the text.
pub struct HeldStr(&'static str);

impl Deref for HeldStr {
    type Target = str;
    #[inline(always)]
    fn deref(&self) -> &str {
        self.0
    }
}

// SAFETY: a text crosses as address and length, and is UTF-8 on both sides.
#[diagnostic::do_not_recommend]
unsafe impl PluginRef for str {
    type RefRepr = SliceRepr;
    type Slot = ();
    type Held = HeldStr;
    const REF_NODE: &'static Node =
        &Node::Of { head: &Tag::Ref.head(), parts: &[&Node::Of { head: &Tag::Str.head(), parts: &[] }] };

    #[inline(always)]
    fn lend_ref(&self, _: &mut ()) -> SliceRepr {
        SliceRepr::new(self.as_bytes())
    }
    #[inline(always)]
    unsafe fn hold_ref(repr: SliceRepr, _: &Origin) -> HeldStr {
        // SAFETY: `lend_ref` lent the bytes of a `str`, which are UTF-8. By `# Safety` of `PluginRef::hold_ref`, the
        // borrow outlives the result, and a `HeldStr` gives no reference that outlives it.
        HeldStr(unsafe { std::str::from_utf8_unchecked(repr.as_slice()) })
    }
}

/// A `&[T]` as its receiver holds it.
pub struct HeldSlice<T: 'static> {
    /// The sender's own elements if they are plain, otherwise held elements in one of the two arenas.
    first: NonNull<T>,
    len: usize,
    /// The receiver's arena.
    _arena: Arena,
}

impl<T> Deref for HeldSlice<T> {
    type Target = [T];
    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: `hold_ref` has set both fields, to the sender's elements or to held ones in the arenas. By its
        // `# Safety`, the sender's borrow and arena outlive `self`, and the receiver's arena is a part of `self`.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }
}

// SAFETY: plain elements cross as address and length. Others are lent in the slot.
#[diagnostic::do_not_recommend]
unsafe impl<T: PluginType> PluginRef for [T] {
    type RefRepr = SliceRepr;
    type Slot = Arena;
    type Held = HeldSlice<T>;
    const REF_NODE: &'static Node = {
        assert_sized::<T>();
        &Node::Of { head: &Tag::Ref.head(), parts: &[&Node::Of { head: &Tag::Slice.head(), parts: &[T::NODE] }] }
    };

    #[inline(always)]
    fn lend_ref(&self, slot: &mut Arena) -> SliceRepr {
        if is_plain::<T>() { SliceRepr::new(self) } else { lend_all(T::DEEP, self.iter(), slot, T::lend).as_whole() }
    }
    #[inline(always)]
    unsafe fn hold_ref(repr: SliceRepr, origin: &Origin) -> HeldSlice<T> {
        let mut arena = Arena::new();
        // SAFETY: `lend_ref` lent the elements themselves if they are plain, otherwise their `Repr`s. By `# Safety` of
        // `PluginRef::hold_ref`, the loan outlives the result, and is held once. A `HeldSlice` shows its elements
        // behind `&` only, and drops none.
        let (first, len) = unsafe {
            if is_plain::<T>() {
                let elements: &[T] = repr.as_slice();
                (NonNull::from(elements).cast(), elements.len())
            } else {
                // A sender whose elements are not plain has put the `Repr`s into its arena, for this loan.
                let (reprs, len) = repr.parts();
                (held::elements::<T>((reprs, len), true, origin, &mut arena), len)
            }
        };
        HeldSlice { first, len, _arena: arena }
    }
}

/// The sender's part of a loan behind `&T`.
pub struct LoanRef<T: PluginType> {
    /// Only written and used if `T` is not plain.
    repr: MaybeUninit<T::Repr>,
    arena: Arena,
}

impl<T: PluginType> Default for LoanRef<T> {
    #[inline(always)]
    fn default() -> Self {
        LoanRef { repr: MaybeUninit::uninit(), arena: Arena::new() }
    }
}

/// A `&T` as its receiver holds it.
pub struct HeldRef<T: PluginType> {
    /// The sender's own value if `T` is plain.
    plain: *const T,
    /// The held value if `T` is not plain. Nobody drops it.
    value: MaybeUninit<T>,
    /// The receiver's arena.
    _arena: Arena,
}

impl<T: PluginType> Deref for HeldRef<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: `hold_ref` has set the field that is read. By its `# Safety`, the loan that this field refers to
        // outlives `self`, and the receiver's arena is a part of `self`.
        unsafe { if is_plain::<T>() { &*self.plain } else { self.value.assume_init_ref() } }
    }
}

// SAFETY: a plain value crosses as its address. Any other is lent in the slot.
unsafe impl<T: PluginType> PluginRef for T {
    type RefRepr = *const T::Repr;
    type Slot = LoanRef<T>;
    type Held = HeldRef<T>;
    const REF_NODE: &'static Node = &Node::Of { head: &Tag::Ref.head(), parts: &[T::NODE] };

    #[inline(always)]
    fn lend_ref(&self, slot: &mut LoanRef<T>) -> *const T::Repr {
        if is_plain::<T>() { std::ptr::from_ref(self).cast() } else { slot.repr.write(self.lend(&mut slot.arena)) }
    }
    #[inline(always)]
    unsafe fn hold_ref(repr: *const T::Repr, origin: &Origin) -> HeldRef<T> {
        let mut arena = Arena::new();
        if is_plain::<T>() {
            // A plain value is its own `Repr`.
            return HeldRef { plain: repr.cast(), value: MaybeUninit::uninit(), _arena: arena };
        }
        // SAFETY: `repr` is the address of the `Repr` in the sender's slot, or of a value that is plain for the sender.
        // By `# Safety` of `PluginRef::hold_ref`, the loan outlives the result, and is held once. A `HeldRef` shows the
        // value behind `&` only, and does not drop it.
        let value = ManuallyDrop::into_inner(unsafe { T::hold(&*repr, origin, &mut arena) });
        HeldRef { plain: std::ptr::null(), value: MaybeUninit::new(value), _arena: arena }
    }
}

/// Moves the value at `from` through `f` to `to`. The process ends if `f` unwinds.
///
/// # Safety
///
/// The value at `from` is not used there afterwards. `to` may be written, and has no value that would have to be
/// dropped.
#[inline(always)]
unsafe fn replace_with<T, U>(from: *const T, to: *mut U, f: impl FnOnce(T) -> U) {
    let guard = NoUnwind;
    // SAFETY: by `# Safety`, the value at `from` is read once, and `to` may be written. If `f` unwinds, the guard ends
    // the process, so the value is not used twice.
    unsafe { to.write(f(from.read())) };
    std::mem::forget(guard);
}

/// The sender's side of a `&mut T`.
pub struct LoanMut<'a, T: PluginType> {
    place: *mut T,
    repr: MaybeUninit<T::Repr>,
    origin: &'a Origin,
    borrow: PhantomData<&'a mut T>,
}

impl<T: PluginType> Drop for LoanMut<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        if !is_plain::<T>() {
            // SAFETY: `lend_mut` emptied the place and filled `repr`. A receiver that lifted the value has put one
            // back, because it drops its `HeldMut` before the loan ends (`# Safety` of `hold_mut`). If the call was not
            // made, because a later argument unwound first, the value is still the one that was lent.
            unsafe { replace_with(self.repr.as_ptr(), self.place, |repr| T::lift(repr, self.origin)) }
        }
    }
}

/// A `&mut T` as its receiver holds it.
pub struct HeldMut<T: PluginType> {
    sender: *mut T::Repr,
    /// The value that was behind `sender`, if it is not plain.
    value: MaybeUninit<T>,
}

impl<T: PluginType> HeldMut<T> {
    fn place(&self) -> *const T {
        if is_plain::<T>() { self.sender.cast() } else { self.value.as_ptr() }
    }
}

impl<T: PluginType> Deref for HeldMut<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the place has the sender's plain value, or the value that `hold_mut` has lifted. By `# Safety` of
        // `hold_mut`, the loan outlives `self`. The loan borrows the sender's value mutably, so only `self` uses it.
        unsafe { &*self.place() }
    }
}

impl<T: PluginType> DerefMut for HeldMut<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        if is_plain::<T>() {
            // SAFETY: the sender's plain value is at this address, and by `# Safety` of `hold_mut`, the loan outlives
            // `self`. The loan borrows the value mutably, so only `self` uses it.
            unsafe { &mut *self.sender.cast::<T>() }
        } else {
            // SAFETY: the type is not plain, so `hold_mut` has lifted the value.
            unsafe { self.value.assume_init_mut() }
        }
    }
}

impl<T: PluginType> Drop for HeldMut<T> {
    #[inline(always)]
    fn drop(&mut self) {
        if !is_plain::<T>() {
            // SAFETY: the type is not plain, so `hold_mut` moved the value here and left the sender's `Repr` free to be
            // overwritten. By `# Safety` of `hold_mut`, that `Repr` still exists. This is the drop, so the value is not
            // used afterwards.
            unsafe { replace_with(self.value.as_ptr(), self.sender, T::lower) }
        }
    }
}

// SAFETY: a plain value is changed in place. Any other moves across and back.
unsafe impl<T: PluginType> PluginMut for T {
    type MutRepr = *mut T::Repr;
    type Loan<'a> = LoanMut<'a, T>;
    type HeldMut = HeldMut<T>;
    const MUT_NODE: &'static Node = &Node::Of { head: &Tag::Mut.head(), parts: &[T::NODE] };

    #[inline(always)]
    unsafe fn lend_mut<'a>(&'a mut self, origin: &'a Origin) -> LoanMut<'a, T> {
        let mut loan = LoanMut { place: self, repr: MaybeUninit::uninit(), origin, borrow: PhantomData };
        if !is_plain::<T>() {
            // SAFETY: `place` is borrowed for as long as the loan lives, and `repr` is the loan's own. The place is
            // empty until the loan is dropped, which refills the place. By `# Safety`, the loan is dropped.
            unsafe { replace_with(loan.place, loan.repr.as_mut_ptr(), T::lower) }
        }
        loan
    }
    #[inline(always)]
    fn mut_repr(loan: &mut LoanMut<'_, T>) -> *mut T::Repr {
        if is_plain::<T>() { loan.place.cast() } else { loan.repr.as_mut_ptr() }
    }
    #[inline(always)]
    unsafe fn hold_mut(repr: *mut T::Repr, origin: &Origin) -> HeldMut<T> {
        let mut held = HeldMut { sender: repr, value: MaybeUninit::uninit() };
        if !is_plain::<T>() {
            // SAFETY: `lend_mut` filled `repr`, and by `# Safety` of `hold_mut`, `repr` is held once, so it is lifted
            // once. The result is dropped before the loan, and fills `repr` again.
            unsafe { replace_with(repr, held.value.as_mut_ptr(), |repr| T::lift(repr, origin)) }
        }
        held
    }
}

/// The sender's side of a `&mut [T]`.
pub struct LoanSliceMut<'a, T: PluginType> {
    place: &'a mut [MaybeUninit<T>],
    /// The `Repr`s of the elements that were in `place`, if they are not plain.
    reprs: Vec<T::Repr>,
    origin: &'a Origin,
}

impl<T: PluginType> Drop for LoanSliceMut<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        if !is_plain::<T>() {
            for (repr, place) in self.reprs.iter().zip(&mut *self.place) {
                // SAFETY: `lend_mut` emptied every place and made the `Repr`s. A receiver that lifted them has put
                // others back, because it drops its `HeldSliceMut` before the loan ends (`# Safety` of `hold_mut`). If
                // the call was not made, they are still those that were lent.
                unsafe { replace_with(repr, place.as_mut_ptr(), |repr| T::lift(repr, self.origin)) }
            }
        }
    }
}

/// A `&mut [T]` as its receiver holds it.
pub struct HeldSliceMut<T: PluginType> {
    /// The sender's elements if plain, else their `Repr`s.
    sender: SliceRepr,
    /// The value that was behind `sender`, if it is not plain.
    values: ManuallyDrop<Vec<T>>,
}

impl<T: PluginType> Deref for HeldSliceMut<T> {
    type Target = [T];
    #[inline(always)]
    fn deref(&self) -> &[T] {
        if is_plain::<T>() {
            // SAFETY: `mut_repr` has passed the sender's plain elements, and by `# Safety` of `hold_mut`, the loan
            // outlives `self`. The loan borrows the elements mutably, so only `self` uses them.
            unsafe { self.sender.as_slice() }
        } else {
            &self.values
        }
    }
}

impl<T: PluginType> DerefMut for HeldSliceMut<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        if is_plain::<T>() {
            // SAFETY: `mut_repr` has passed the sender's plain elements, and by `# Safety` of `hold_mut`, the loan
            // outlives `self`. The loan borrows the elements mutably, and `self` is borrowed mutably here.
            unsafe { self.sender.as_slice_mut() }
        } else {
            &mut self.values
        }
    }
}

impl<T: PluginType> Drop for HeldSliceMut<T> {
    #[inline(always)]
    fn drop(&mut self) {
        if !is_plain::<T>() {
            // SAFETY: `mut_repr` has passed the loan's `Repr`s, and by `# Safety` of `hold_mut`, the loan outlives
            // `self`. `hold_mut` has lifted them and left them free to be overwritten.
            let reprs: &mut [T::Repr] = unsafe { self.sender.as_slice_mut() };
            // SAFETY: this is the drop, so the values are taken once and not used afterwards.
            let values = unsafe { ManuallyDrop::take(&mut self.values) };
            let guard = NoUnwind;
            for (value, repr) in values.into_iter().zip(reprs) {
                *repr = value.lower();
            }
            std::mem::forget(guard);
        }
    }
}

// SAFETY: plain elements are changed in place. Others move across and back, each to its own place.
#[diagnostic::do_not_recommend]
unsafe impl<T: PluginType> PluginMut for [T] {
    type MutRepr = SliceRepr;
    type Loan<'a> = LoanSliceMut<'a, T>;
    type HeldMut = HeldSliceMut<T>;
    const MUT_NODE: &'static Node = {
        assert_sized::<T>();
        &Node::Of { head: &Tag::Mut.head(), parts: &[&Node::Of { head: &Tag::Slice.head(), parts: &[T::NODE] }] }
    };

    #[inline(always)]
    unsafe fn lend_mut<'a>(&'a mut self, origin: &'a Origin) -> LoanSliceMut<'a, T> {
        // SAFETY: `MaybeUninit<T>` has the layout of `T`, and `self` is borrowed for `'a`. By `# Safety`, the loan is
        // dropped. It then puts elements back into the places that are emptied below.
        let place = unsafe { &mut *(std::ptr::from_mut(self) as *mut [MaybeUninit<T>]) };
        let mut reprs = Vec::new();
        if !is_plain::<T>() {
            let guard = NoUnwind;
            // SAFETY: `self` was a slice of `T`s, so each element is initialised. Each is read once, and its place
            // counts as empty afterwards.
            reprs.extend(place.iter().map(|value| unsafe { value.assume_init_read() }.lower()));
            std::mem::forget(guard);
        }
        LoanSliceMut { place, reprs, origin }
    }
    #[inline(always)]
    fn mut_repr(loan: &mut LoanSliceMut<'_, T>) -> SliceRepr {
        if is_plain::<T>() { SliceRepr::new_mut(loan.place) } else { SliceRepr::new_mut(&mut loan.reprs) }
    }
    #[inline(always)]
    unsafe fn hold_mut(repr: SliceRepr, origin: &Origin) -> HeldSliceMut<T> {
        let mut values = Vec::new();
        if !is_plain::<T>() {
            let guard = NoUnwind;
            // SAFETY: `lend_mut` made the `Repr`s, and by `# Safety` of `hold_mut`, they are held once, so each is
            // lifted once. The result is dropped before the loan, and fills them again.
            unsafe {
                let reprs: &[T::Repr] = repr.as_slice();
                values.extend(reprs.iter().map(|&element| T::lift(element, origin)));
            }
            std::mem::forget(guard);
        }
        HeldSliceMut { sender: repr, values: ManuallyDrop::new(values) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lent_slice_has_the_texts_of_the_sender() {
        let (names, mut slot) = (vec!["ann".to_owned()], Default::default());
        let repr = names[..].lend_ref(&mut slot);
        // SAFETY: `repr` was lent in the line above, and is held once. `names` and `slot` are dropped after `held`.
        let held = unsafe { <[String] as PluginRef>::hold_ref(repr, &Origin::HOST) };
        assert_eq!(&*held, names);
        assert_eq!(held[0].as_ptr(), names[0].as_ptr());
    }

    #[test]
    fn a_value_behind_mut_moves_back() {
        let mut names = vec!["ann".to_owned()];
        // SAFETY: the loan is dropped below.
        let mut loan = unsafe { names.lend_mut(&Origin::HOST) };
        // SAFETY: the loan is held once, and the held value is dropped before the loan.
        let mut held =
            unsafe { <Vec<String> as PluginMut>::hold_mut(<Vec<String>>::mut_repr(&mut loan), &Origin::HOST) };
        held.push("bob".to_owned());
        drop(held);
        drop(loan);
        assert_eq!(names, ["ann", "bob"]);
    }
}
