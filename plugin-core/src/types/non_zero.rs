//! `NonZero`, `PhantomData` and `Ordering`.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::num::NonZero;

use super::{PluginType, unknown_tag};
use crate::describe::walker::{Node, Tag};
use crate::memory::arena::Arena;
use crate::origin::Origin;

macro_rules! non_zero {
    ($($ty:ty),*) => {$(
        // SAFETY: crosses as the integer does. std promises the integer's layout, so it is plain where that is.
        #[diagnostic::do_not_recommend]
        unsafe impl PluginType for NonZero<$ty> {
            type Repr = <$ty as PluginType>::Repr;
            const NODE: &'static Node = &Node::Of { head: &Tag::NonZero.head(), parts: &[<$ty>::NODE] };
            const PLAIN: bool = <$ty>::PLAIN;

            #[inline(always)]
            fn lower(self) -> Self::Repr { self.get().lower() }
            #[inline(always)]
            fn lend(&self, _: &mut Arena) -> Self::Repr { self.get().lower() }
            #[inline(always)]
            unsafe fn lift(repr: Self::Repr, origin: &Origin) -> Self {
                // SAFETY: the caller promises a lowered `NonZero`.
                unsafe { NonZero::new_unchecked(<$ty>::lift(repr, origin)) }
            }
            #[inline(always)]
            unsafe fn hold(repr: &Self::Repr, origin: &Origin, _: &mut Arena) -> ManuallyDrop<Self> {
                // SAFETY: the caller's promise; it owns nothing.
                ManuallyDrop::new(unsafe { Self::lift(*repr, origin) })
            }
        }
    )*};
}

non_zero!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

// SAFETY: every value is equal to every other, and the byte gives the `Repr` a size.
#[diagnostic::do_not_recommend]
unsafe impl<T: PluginType> PluginType for PhantomData<T> {
    type Repr = u8;
    const NODE: &'static Node = &Node::Of { head: &Tag::PhantomData.head(), parts: &[T::NODE] };

    #[inline(always)]
    fn lower(self) -> u8 {
        0
    }
    #[inline(always)]
    fn lend(&self, _: &mut Arena) -> u8 {
        0
    }
    #[inline(always)]
    unsafe fn lift(_: u8, _: &Origin) -> Self {
        PhantomData
    }
    #[inline(always)]
    unsafe fn hold(_: &u8, _: &Origin, _: &mut Arena) -> ManuallyDrop<Self> {
        ManuallyDrop::new(PhantomData)
    }
}

// SAFETY: one number for each of the three.
#[diagnostic::do_not_recommend]
unsafe impl PluginType for Ordering {
    type Repr = i8;
    const NODE: &'static Node = &Node::Of { head: &Tag::Ordering.head(), parts: &[] };

    #[inline]
    fn lower(self) -> i8 {
        self as i8
    }
    #[inline]
    fn lend(&self, _: &mut Arena) -> i8 {
        *self as i8
    }
    #[inline]
    unsafe fn lift(repr: i8, _: &Origin) -> Self {
        match repr {
            -1 => Ordering::Less,
            0 => Ordering::Equal,
            1 => Ordering::Greater,
            other => unknown_tag("Ordering", other as u8),
        }
    }
    #[inline]
    unsafe fn hold(repr: &i8, origin: &Origin, _: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: the caller's promise; it owns nothing.
        ManuallyDrop::new(unsafe { Self::lift(*repr, origin) })
    }
}
