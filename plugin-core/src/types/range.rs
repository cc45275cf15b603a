//! Ranges, which cross as their ends.

use std::mem::ManuallyDrop;
use std::ops::{Range, RangeFrom, RangeInclusive, RangeTo, RangeToInclusive};

use super::PluginType;
use super::tuple::Tuple2Repr;
use crate::describe::{Node, Tag};
use crate::memory::Arena;
use crate::origin::Origin;

// SAFETY: a range crosses as the pair of its ends.
#[diagnostic::do_not_recommend]
unsafe impl<T: PluginType> PluginType for Range<T> {
    type Repr = Tuple2Repr<T::Repr, T::Repr>;
    const NODE: &'static Node = &Node::Of { head: &Tag::Range.head(), parts: &[T::NODE] };

    #[inline]
    fn lower(self) -> Self::Repr {
        Tuple2Repr(self.start.lower(), self.end.lower())
    }
    #[inline]
    fn lend(&self, arena: &mut Arena) -> Self::Repr {
        Tuple2Repr(self.start.lend(arena), self.end.lend(arena))
    }
    #[inline]
    unsafe fn lift(repr: Self::Repr, origin: &Origin) -> Self {
        // SAFETY: `lower` and `lend` make the `Repr`s of the two ends. Each may be lifted as the range may (`# Safety`
        // of `PluginType::lift`), and is lifted once.
        unsafe { T::lift(repr.0, origin)..T::lift(repr.1, origin) }
    }
    #[inline]
    unsafe fn hold(repr: &Self::Repr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: `lend` and `lower` make the `Repr`s of the two ends. Each may be held as the range may (`# Safety` of
        // `PluginType::hold`), and is held once.
        let (start, end) = unsafe { (T::hold(&repr.0, origin, arena), T::hold(&repr.1, origin, arena)) };
        ManuallyDrop::new(ManuallyDrop::into_inner(start)..ManuallyDrop::into_inner(end))
    }
}

// SAFETY: a range crosses as the pair of its ends. If a range was iterated to its end, std leaves its ends unspecified,
// and gives no way to find that out. The ends cross as they are then.
#[diagnostic::do_not_recommend]
unsafe impl<T: PluginType> PluginType for RangeInclusive<T> {
    type Repr = Tuple2Repr<T::Repr, T::Repr>;
    const NODE: &'static Node = &Node::Of { head: &Tag::RangeInclusive.head(), parts: &[T::NODE] };

    #[inline]
    fn lower(self) -> Self::Repr {
        self.into_inner().lower()
    }
    #[inline]
    fn lend(&self, arena: &mut Arena) -> Self::Repr {
        Tuple2Repr(self.start().lend(arena), self.end().lend(arena))
    }
    #[inline]
    unsafe fn lift(repr: Self::Repr, origin: &Origin) -> Self {
        // SAFETY: `lower` and `lend` make the `Repr`s of the two ends. Each may be lifted as the range may (`# Safety`
        // of `PluginType::lift`), and is lifted once.
        unsafe { T::lift(repr.0, origin)..=T::lift(repr.1, origin) }
    }
    #[inline]
    unsafe fn hold(repr: &Self::Repr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: `lend` and `lower` make the `Repr`s of the two ends. Each may be held as the range may (`# Safety` of
        // `PluginType::hold`), and is held once.
        let (start, end) = unsafe { (T::hold(&repr.0, origin, arena), T::hold(&repr.1, origin, arena)) };
        ManuallyDrop::new(ManuallyDrop::into_inner(start)..=ManuallyDrop::into_inner(end))
    }
}

macro_rules! one_end {
    ($($range:ident $end:ident),*) => {$(
        // SAFETY: such a range crosses as its one end.
        #[diagnostic::do_not_recommend]
        unsafe impl<T: PluginType> PluginType for $range<T> {
            type Repr = T::Repr;
            const NODE: &'static Node = &Node::Of { head: &Tag::$range.head(), parts: &[T::NODE] };

            #[inline]
            fn lower(self) -> T::Repr {
                self.$end.lower()
            }
            #[inline]
            fn lend(&self, arena: &mut Arena) -> T::Repr {
                self.$end.lend(arena)
            }
            #[inline]
            unsafe fn lift(repr: T::Repr, origin: &Origin) -> Self {
                // SAFETY: `lower` and `lend` make the `Repr` of the end, which may be lifted as the range may
                // (`# Safety` of `PluginType::lift`).
                $range { $end: unsafe { T::lift(repr, origin) } }
            }
            #[inline]
            unsafe fn hold(repr: &T::Repr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
                // SAFETY: `lend` and `lower` make the `Repr` of the end, which may be held as the range may (`# Safety`
                // of `PluginType::hold`).
                let end = unsafe { T::hold(repr, origin, arena) };
                ManuallyDrop::new($range { $end: ManuallyDrop::into_inner(end) })
            }
        }
    )*};
}

one_end!(RangeFrom start, RangeTo end, RangeToInclusive end);
