//! `NonZero` integers.

use std::mem::ManuallyDrop;
use std::num::NonZero;

use super::PluginType;
use crate::describe::{Node, Tag};
use crate::memory::Arena;
use crate::origin::Origin;

macro_rules! non_zero {
    ($($ty:ty),*) => {$(
        // SAFETY: a `NonZero` crosses as its integer. std promises that both have the same layout, so it is plain if
        // the integer is.
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
                // SAFETY: by `# Safety` of `PluginType::lift`, `repr` came from `lower` or `lend` of a `NonZero`. So
                // the integer may be lifted, and is not 0.
                unsafe { NonZero::new_unchecked(<$ty>::lift(repr, origin)) }
            }
            #[inline(always)]
            unsafe fn hold(repr: &Self::Repr, origin: &Origin, _: &mut Arena) -> ManuallyDrop<Self> {
                // SAFETY: by `# Safety` of `PluginType::hold`, `repr` came from `lower` or `lend` above. The type owns
                // nothing, so each copy of its `Repr` may be lifted.
                ManuallyDrop::new(unsafe { Self::lift(*repr, origin) })
            }
        }
    )*};
}

non_zero!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
