//! Tuples of one to eight.

use std::mem::ManuallyDrop;

use super::PluginType;
use crate::describe::{Node, Tag};
use crate::memory::Arena;
use crate::origin::Origin;

macro_rules! tuple {
    ($repr:ident, $count:literal, $($T:ident $index:tt),+) => {
        #[doc = concat!("The `Repr` of a tuple of ", stringify!($count), ": its fields in order.")]
        #[derive(Clone, Copy, Debug)]
        #[repr(C)]
        pub struct $repr<$($T),+>($(pub(super) $T),+);

        // SAFETY: a tuple crosses field by field.
        #[diagnostic::do_not_recommend]
        unsafe impl<$($T: PluginType),+> PluginType for ($($T,)+) {
            type Repr = $repr<$($T::Repr),+>;
            const NODE: &'static Node = &Node::Of { head: &Tag::Tuple.head_with($count), parts: &[$($T::NODE),+] };
            const DEEP: bool = $($T::DEEP)||+;

            #[inline]
            fn lower(self) -> Self::Repr {
                $repr($(self.$index.lower()),+)
            }
            #[inline]
            fn lend(&self, arena: &mut Arena) -> Self::Repr {
                $repr($(self.$index.lend(arena)),+)
            }
            #[inline]
            unsafe fn lift(repr: Self::Repr, origin: &Origin) -> Self {
                // SAFETY: `lower` and `lend` make the `Repr`s of the fields. Each may be lifted as the tuple may
                // (`# Safety` of `PluginType::lift`), and is lifted once.
                unsafe { ($($T::lift(repr.$index, origin),)+) }
            }
            #[inline]
            unsafe fn hold(repr: &Self::Repr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
                // SAFETY: `lend` and `lower` make the `Repr`s of the fields. Each may be held as the tuple may
                // (`# Safety` of `PluginType::hold`), and is held once. If one conversion unwinds, the earlier fields
                // are not dropped, because they are in `ManuallyDrop`s.
                let fields = unsafe { ($($T::hold(&repr.$index, origin, arena),)+) };
                ManuallyDrop::new(($(ManuallyDrop::into_inner(fields.$index),)+))
            }
        }
    };
}

tuple!(Tuple1Repr, 1, A 0);
tuple!(Tuple2Repr, 2, A 0, B 1);
tuple!(Tuple3Repr, 3, A 0, B 1, C 2);
tuple!(Tuple4Repr, 4, A 0, B 1, C 2, D 3);
tuple!(Tuple5Repr, 5, A 0, B 1, C 2, D 3, E 4);
tuple!(Tuple6Repr, 6, A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(Tuple7Repr, 7, A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple!(Tuple8Repr, 8, A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
