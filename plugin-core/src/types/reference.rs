//! `&T`, `&str`, `&[T]`, `&mut T` and `&mut [T]` as whole arguments.
//!
//! A plain value is reached through its address. Any other is *lent*: the receiver lifts a copy of its own to refer
//! to. Behind `&mut` it is moved across instead, and back when the receiver is done, panicking or not.

use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ops::{Deref, DerefMut};

use super::sequence::assert_sized;
use super::{PluginType, with_room};
use crate::buffer::SliceRepr;
use crate::descriptor::{Node, Tag};
use crate::origin::Origin;

/// A type that crosses behind `&`: `str`, slices, `Path`, `OsStr`, and every [`PluginType`].
///
/// # Safety
///
/// `hold` gives a value equal to the one passed to `lend_ref`, on any two sides whose `REF_NODE`s fit each
/// other, for as long as the sender's borrow and slot live.
///
/// # Example
///
/// ```
/// use plugin_core::PluginRef;
///
/// let mut slot = None;
/// let repr = "hello".lend_ref(&mut slot);
/// // SAFETY: `repr` was lent just above, and the text lives on.
/// let held = unsafe { <str as PluginRef>::hold(repr) };
/// assert_eq!(&*held, "hello");
/// ```
#[diagnostic::on_unimplemented(
    message = "`&{Self}` cannot cross between a plugin and its host",
    label = "a reference to this type does not cross",
    note = "what crosses behind `&`: `str`, slices, `Path`, `OsStr`, and every type that crosses by value"
)]
pub unsafe trait PluginRef: 'static {
    /// The C-compatible form of the reference.
    type RefRepr: Copy;
    /// What the sender keeps in place for the length of the call, where the value is not its own `Repr`.
    type Slot;
    /// What the receiver refers to.
    type Held: Deref<Target = Self>;
    /// The descriptor of `&Self`.
    const REF_NODE: &'static Node;

    /// Lends `self`; `slot` must stay where it is until the call is over.
    fn lend_ref(&self, slot: &mut Option<Self::Slot>) -> Self::RefRepr;

    /// Receives what was lent.
    ///
    /// # Safety
    ///
    /// `repr` is from a `lend_ref` whose borrow and slot outlive what this returns, and is held once.
    unsafe fn hold(repr: Self::RefRepr) -> Self::Held;
}

/// A type that crosses behind `&mut`: slices, and every [`PluginType`].
///
/// # Safety
///
/// What the receiver leaves in what it holds is what the sender finds in its place afterwards.
///
/// # Example
///
/// ```
/// use plugin_core::{Origin, PluginMut};
///
/// let mut names = vec![String::from("ann")];
/// // SAFETY: dropped below.
/// let mut loan = unsafe { names.lend_mut(&Origin::HOST) };
/// // SAFETY: held once, and dropped before the loan is.
/// let mut held = unsafe { <Vec<String> as PluginMut>::hold_mut(<Vec<String>>::mut_repr(&mut loan)) };
/// held.push(String::from("bob"));
/// drop(held);
/// drop(loan);
/// assert_eq!(names, ["ann", "bob"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`&mut {Self}` cannot cross between a plugin and its host",
    label = "a reference to this type does not cross",
    note = "what crosses behind `&mut`: slices, and every type that crosses by value"
)]
pub unsafe trait PluginMut: 'static {
    /// The C-compatible form of the reference.
    type MutRepr: Copy;
    /// What the sender keeps for the length of the call; dropping it puts the value back.
    type Loan<'a>;
    /// What the receiver refers to; dropping it hands the value back.
    type HeldMut: DerefMut<Target = Self>;
    /// The descriptor of `&mut Self`.
    const MUT_NODE: &'static Node;

    /// Takes the value out of its place until the loan is dropped; what is put back then comes from `origin`.
    ///
    /// # Safety
    ///
    /// The loan is dropped, not forgotten: until then the place is empty.
    unsafe fn lend_mut<'a>(&'a mut self, origin: &'a Origin) -> Self::Loan<'a>;

    /// What to pass, while the loan stays where it is.
    fn mut_repr(loan: &mut Self::Loan<'_>) -> Self::MutRepr;

    /// Receives what was lent.
    ///
    /// # Safety
    ///
    /// `repr` is from a loan that outlives what this returns, and is held once.
    unsafe fn hold_mut(repr: Self::MutRepr) -> Self::HeldMut;
}

/// A `&str` as its receiver holds it.
///
/// Not a `&'static str`, though it has one inside: what it gives out lives no longer than it does itself, so a plugin
/// cannot keep it.
pub struct HeldStr(&'static str);

impl Deref for HeldStr {
    type Target = str;
    #[inline(always)]
    fn deref(&self) -> &str {
        self.0
    }
}

// SAFETY: address and length, and UTF-8 on both sides.
unsafe impl PluginRef for str {
    type RefRepr = SliceRepr;
    type Slot = ();
    type Held = HeldStr;
    const REF_NODE: &'static Node =
        &Node::Of { head: &Tag::Ref.head(), parts: &[&Node::Of { head: &Tag::Str.head(), parts: &[] }] };

    #[inline(always)]
    fn lend_ref(&self, _: &mut Option<()>) -> SliceRepr {
        SliceRepr::new(self.as_bytes())
    }
    #[inline(always)]
    unsafe fn hold(repr: SliceRepr) -> HeldStr {
        // SAFETY: the caller keeps the result within the borrow; the bytes came from a `str`.
        HeldStr(unsafe { std::str::from_utf8_unchecked(repr.as_slice()) })
    }
}

/// A `&[T]` as its receiver holds it.
pub enum HeldSlice<T: 'static> {
    /// The sender's own elements.
    Direct(&'static [T]),
    /// Copies of them.
    Copied(Vec<T>),
}

impl<T> Deref for HeldSlice<T> {
    type Target = [T];
    #[inline(always)]
    fn deref(&self) -> &[T] {
        match self {
            HeldSlice::Direct(slice) => slice,
            HeldSlice::Copied(elements) => elements,
        }
    }
}

// SAFETY: plain elements by address and length, others lent in the slot.
unsafe impl<T: PluginType> PluginRef for [T] {
    type RefRepr = SliceRepr;
    type Slot = Vec<T::Repr>;
    type Held = HeldSlice<T>;
    const REF_NODE: &'static Node = {
        assert_sized::<T>();
        &Node::Of { head: &Tag::Ref.head(), parts: &[&Node::Of { head: &Tag::Slice.head(), parts: &[T::NODE] }] }
    };

    #[inline(always)]
    fn lend_ref(&self, slot: &mut Option<Vec<T::Repr>>) -> SliceRepr {
        if T::PLAIN {
            SliceRepr::new(self)
        } else {
            SliceRepr::new(slot.insert(with_room(T::DEEP, || self.iter().map(T::lend).collect())))
        }
    }
    #[inline(always)]
    unsafe fn hold(repr: SliceRepr) -> HeldSlice<T> {
        if T::PLAIN {
            // SAFETY: the caller keeps the result within the borrow.
            HeldSlice::Direct(unsafe { repr.as_slice() })
        } else {
            // SAFETY: lent in the sender's slot, held (so lifted) once.
            HeldSlice::Copied(unsafe {
                let reprs: &[T::Repr] = repr.as_slice();
                with_room(T::DEEP, || reprs.iter().map(|&element| T::lift(element, &Origin::HOST)).collect())
            })
        }
    }
}

/// A `&T` as its receiver holds it.
pub enum HeldRef<T: 'static> {
    /// The sender's own value.
    Direct(&'static T),
    /// A copy of it.
    Copied(T),
}

impl<T> Deref for HeldRef<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        match self {
            HeldRef::Direct(value) => value,
            HeldRef::Copied(value) => value,
        }
    }
}

// SAFETY: a plain value by its address, any other lent in the slot.
unsafe impl<T: PluginType> PluginRef for T {
    type RefRepr = *const T::Repr;
    type Slot = T::Repr;
    type Held = HeldRef<T>;
    const REF_NODE: &'static Node = &Node::Of { head: &Tag::Ref.head(), parts: &[T::NODE] };

    #[inline(always)]
    fn lend_ref(&self, slot: &mut Option<T::Repr>) -> *const T::Repr {
        if T::PLAIN { std::ptr::from_ref(self).cast() } else { slot.insert(self.lend()) }
    }
    #[inline(always)]
    unsafe fn hold(repr: *const T::Repr) -> HeldRef<T> {
        if T::PLAIN {
            // SAFETY: the address of a plain value, whose `Repr` is itself; the caller keeps to the borrow.
            HeldRef::Direct(unsafe { &*repr.cast::<T>() })
        } else {
            // SAFETY: lent in the sender's slot, held (so lifted) once.
            HeldRef::Copied(unsafe { T::lift(repr.read(), &Origin::HOST) })
        }
    }
}

/// Ends the process if dropped: between taking a value out of its place and putting one back, nothing may unwind.
pub(crate) struct NoUnwind;

impl Drop for NoUnwind {
    fn drop(&mut self) {
        std::process::abort()
    }
}

/// Replaces the value in `place` by what `f` makes of it.
#[inline(always)]
unsafe fn replace_with<T, U>(from: *const T, to: *mut U, f: impl FnOnce(T) -> U) {
    let guard = NoUnwind;
    // SAFETY: the caller owns what is at `from`, and `to` is where it goes; an unwinding `f` ends the process.
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
        if !T::PLAIN {
            // SAFETY: `lend_mut` emptied the place and filled `repr`; the receiver has handed back a `Repr`.
            unsafe { replace_with(self.repr.as_ptr(), self.place, |repr| T::lift(repr, self.origin)) }
        }
    }
}

/// A `&mut T` as its receiver holds it.
pub struct HeldMut<T: PluginType> {
    sender: *mut T::Repr,
    /// What `sender` held, unless plain.
    value: MaybeUninit<T>,
}

impl<T: PluginType> HeldMut<T> {
    fn place(&self) -> *const T {
        if T::PLAIN { self.sender.cast() } else { self.value.as_ptr() }
    }
}

impl<T: PluginType> Deref for HeldMut<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the sender's plain value, or the one lifted by `hold_mut`; both live and are this side's alone.
        unsafe { &*self.place() }
    }
}

impl<T: PluginType> DerefMut for HeldMut<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        if T::PLAIN {
            // SAFETY: the sender's plain value, which is this side's alone for the call.
            unsafe { &mut *self.sender.cast::<T>() }
        } else {
            // SAFETY: `hold_mut` lifted it.
            unsafe { self.value.assume_init_mut() }
        }
    }
}

impl<T: PluginType> Drop for HeldMut<T> {
    #[inline(always)]
    fn drop(&mut self) {
        if !T::PLAIN {
            // SAFETY: `hold_mut` moved the value here and left the sender's `Repr` free to be overwritten.
            unsafe { replace_with(self.value.as_ptr(), self.sender, T::lower) }
        }
    }
}

// SAFETY: a plain value is changed in place; any other is moved across and back.
unsafe impl<T: PluginType> PluginMut for T {
    type MutRepr = *mut T::Repr;
    type Loan<'a> = LoanMut<'a, T>;
    type HeldMut = HeldMut<T>;
    const MUT_NODE: &'static Node = &Node::Of { head: &Tag::Mut.head(), parts: &[T::NODE] };

    #[inline(always)]
    unsafe fn lend_mut<'a>(&'a mut self, origin: &'a Origin) -> LoanMut<'a, T> {
        let mut loan = LoanMut { place: self, repr: MaybeUninit::uninit(), origin, borrow: PhantomData };
        if !T::PLAIN {
            // SAFETY: the value moves into `repr`; dropping the loan, as the caller will, refills the place.
            unsafe { replace_with(loan.place, loan.repr.as_mut_ptr(), T::lower) }
        }
        loan
    }
    #[inline(always)]
    fn mut_repr(loan: &mut LoanMut<'_, T>) -> *mut T::Repr {
        if T::PLAIN { loan.place.cast() } else { loan.repr.as_mut_ptr() }
    }
    #[inline(always)]
    unsafe fn hold_mut(repr: *mut T::Repr) -> HeldMut<T> {
        let mut held = HeldMut { sender: repr, value: MaybeUninit::uninit() };
        if !T::PLAIN {
            // SAFETY: the caller passes a loan's `Repr`, lifted once; dropping what is held fills it again.
            unsafe { replace_with(repr, held.value.as_mut_ptr(), |repr| T::lift(repr, &Origin::HOST)) }
        }
        held
    }
}

/// The sender's side of a `&mut [T]`.
pub struct LoanSliceMut<'a, T: PluginType> {
    place: &'a mut [MaybeUninit<T>],
    /// What was in `place`, unless plain.
    reprs: Vec<T::Repr>,
    origin: &'a Origin,
}

impl<T: PluginType> Drop for LoanSliceMut<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        if !T::PLAIN {
            for (repr, place) in self.reprs.iter().zip(&mut *self.place) {
                // SAFETY: `lend_mut` emptied every place; the receiver has handed back every `Repr`.
                unsafe { replace_with(repr, place.as_mut_ptr(), |repr| T::lift(repr, self.origin)) }
            }
        }
    }
}

/// A `&mut [T]` as its receiver holds it.
pub struct HeldSliceMut<T: PluginType> {
    /// The sender's elements if plain, else their `Repr`s.
    sender: SliceRepr,
    /// What `sender` held, unless plain.
    values: ManuallyDrop<Vec<T>>,
}

impl<T: PluginType> Deref for HeldSliceMut<T> {
    type Target = [T];
    #[inline(always)]
    fn deref(&self) -> &[T] {
        if T::PLAIN {
            // SAFETY: the sender's plain elements, which are this side's alone for the call.
            unsafe { self.sender.as_slice() }
        } else {
            &self.values
        }
    }
}

impl<T: PluginType> DerefMut for HeldSliceMut<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        if T::PLAIN {
            // SAFETY: as in `deref`.
            unsafe { self.sender.as_slice_mut() }
        } else {
            &mut self.values
        }
    }
}

impl<T: PluginType> Drop for HeldSliceMut<T> {
    #[inline(always)]
    fn drop(&mut self) {
        if !T::PLAIN {
            // SAFETY: the sender's `Repr`s, which `hold_mut` lifted and left free to be overwritten.
            let reprs: &mut [T::Repr] = unsafe { self.sender.as_slice_mut() };
            // SAFETY: taken once; this is the drop.
            let values = unsafe { ManuallyDrop::take(&mut self.values) };
            let guard = NoUnwind;
            for (value, repr) in values.into_iter().zip(reprs) {
                *repr = value.lower();
            }
            std::mem::forget(guard);
        }
    }
}

// SAFETY: plain elements are changed in place; others are moved across and back, each to its own place.
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
        // SAFETY: same layout; what is moved out below is put back when the loan is dropped, as the caller will.
        let place = unsafe { &mut *(std::ptr::from_mut(self) as *mut [MaybeUninit<T>]) };
        let mut reprs = Vec::new();
        if !T::PLAIN {
            let guard = NoUnwind;
            // SAFETY: each is read once, and its place counts as empty from here on.
            reprs.extend(place.iter().map(|value| unsafe { value.assume_init_read() }.lower()));
            std::mem::forget(guard);
        }
        LoanSliceMut { place, reprs, origin }
    }
    #[inline(always)]
    fn mut_repr(loan: &mut LoanSliceMut<'_, T>) -> SliceRepr {
        if T::PLAIN { SliceRepr::new_mut(loan.place) } else { SliceRepr::new_mut(&mut loan.reprs) }
    }
    #[inline(always)]
    unsafe fn hold_mut(repr: SliceRepr) -> HeldSliceMut<T> {
        let mut values = Vec::new();
        if !T::PLAIN {
            let guard = NoUnwind;
            // SAFETY: the caller passes a loan's `Repr`s, each lifted once; dropping what is held fills them again.
            unsafe {
                let reprs: &[T::Repr] = repr.as_slice();
                values.extend(reprs.iter().map(|&element| T::lift(element, &Origin::HOST)));
            }
            std::mem::forget(guard);
        }
        HeldSliceMut { sender: repr, values: ManuallyDrop::new(values) }
    }
}
