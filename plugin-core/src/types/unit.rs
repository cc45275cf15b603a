//! Types with one value: `()`, `PhantomData` and `..`.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::RangeFull;

use super::PluginType;
use crate::describe::{Node, Tag};
use crate::memory::Arena;
use crate::origin::Origin;

macro_rules! unit {
    ($([$($T:ident)?] $ty:ty, $tag:ident, $value:expr;)*) => {$(
        // SAFETY: every value is equal to every other. The byte gives the `Repr` a size.
        #[diagnostic::do_not_recommend]
        unsafe impl$(<$T: PluginType>)? PluginType for $ty {
            type Repr = u8;
            const NODE: &'static Node = &Node::Of { head: &Tag::$tag.head(), parts: &[$($T::NODE)?] };
            const DEEP: bool = false;

            #[inline(always)]
            fn lower(self) -> u8 { 0 }
            #[inline(always)]
            fn lend(&self, _: &mut Arena) -> u8 { 0 }
            #[inline(always)]
            unsafe fn lift(_: u8, _: &Origin) -> Self { $value }
            #[inline(always)]
            unsafe fn hold(_: &u8, _: &Origin, _: &mut Arena) -> ManuallyDrop<Self> { ManuallyDrop::new($value) }
        }
    )*};
}

unit! {
    [] (), Unit, ();
    [T] PhantomData<T>, PhantomData, PhantomData;
    [] RangeFull, RangeFull, ..;
}
