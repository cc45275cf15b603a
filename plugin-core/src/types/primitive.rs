//! Numbers, `bool`, `char` and arrays.

use std::mem::ManuallyDrop;

use super::PluginType;
use crate::describe::{Node, Tag};
use crate::memory::Arena;
use crate::origin::Origin;

macro_rules! plain {
    ($($ty:ident $tag:ident),*) => {$(
        // SAFETY: the type is its own `Repr`, and C has the same one.
        #[diagnostic::do_not_recommend]
        unsafe impl PluginType for $ty {
            type Repr = $ty;
            const NODE: &'static Node = &Node::Of { head: &Tag::$tag.head(), parts: &[] };
            const PLAIN: bool = true;
            const DEEP: bool = false;

            #[inline(always)]
            fn lower(self) -> Self { self }
            #[inline(always)]
            fn lend(&self, _: &mut Arena) -> Self { *self }
            #[inline(always)]
            unsafe fn lift(repr: Self, _: &Origin) -> Self { repr }
            #[inline(always)]
            unsafe fn hold(repr: &Self, _: &Origin, _: &mut Arena) -> ManuallyDrop<Self> { ManuallyDrop::new(*repr) }
        }
    )*};
}

plain! {
    bool Bool, f32 F32, f64 F64,
    u8 U8, u16 U16, u32 U32, u64 U64, usize Usize,
    i8 I8, i16 I16, i32 I32, i64 I64, isize Isize
}

// SAFETY: a `char` is laid out as the `u32` that C has for it, and only ever lifted from one that was lowered.
#[diagnostic::do_not_recommend]
unsafe impl PluginType for char {
    type Repr = u32;
    const NODE: &'static Node = &Node::Of { head: &Tag::Char.head(), parts: &[] };
    const PLAIN: bool = true;
    const DEEP: bool = false;

    #[inline(always)]
    fn lower(self) -> u32 {
        self.into()
    }
    #[inline(always)]
    fn lend(&self, _: &mut Arena) -> u32 {
        (*self).into()
    }
    #[inline(always)]
    unsafe fn lift(repr: u32, _: &Origin) -> Self {
        // SAFETY: the caller promises a lowered `char`.
        unsafe { char::from_u32_unchecked(repr) }
    }
    #[inline(always)]
    unsafe fn hold(repr: &u32, origin: &Origin, _: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: the caller's promise; it owns nothing.
        ManuallyDrop::new(unsafe { Self::lift(*repr, origin) })
    }
}

/// The `Repr` of a 128-bit integer: its bytes in memory order.
///
/// C's 128-bit integers are passed differently by different compilers and versions; a struct is not.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub struct WideRepr([u64; 2]);

const _: () = assert!(size_of::<WideRepr>() == 16 && align_of::<WideRepr>() == 16);

macro_rules! wide {
    ($($ty:ident $tag:ident),*) => {$(
        // SAFETY: the bytes are carried over as they are. Plain only where the alignments agree too.
        #[diagnostic::do_not_recommend]
        unsafe impl PluginType for $ty {
            type Repr = WideRepr;
            const NODE: &'static Node = &Node::Of { head: &Tag::$tag.head(), parts: &[] };
            const PLAIN: bool = align_of::<$ty>() == align_of::<WideRepr>();
            const DEEP: bool = false;

            #[inline]
            fn lower(self) -> WideRepr {
                // SAFETY: both are 16 bytes without padding, valid in every bit pattern.
                WideRepr(unsafe { std::mem::transmute::<$ty, [u64; 2]>(self) })
            }
            #[inline]
            fn lend(&self, _: &mut Arena) -> WideRepr { self.lower() }
            #[inline]
            unsafe fn lift(repr: WideRepr, _: &Origin) -> Self {
                // SAFETY: as in `lower`.
                unsafe { std::mem::transmute::<[u64; 2], $ty>(repr.0) }
            }
            #[inline]
            unsafe fn hold(repr: &WideRepr, origin: &Origin, _: &mut Arena) -> ManuallyDrop<Self> {
                // SAFETY: the caller's promise; it owns nothing.
                ManuallyDrop::new(unsafe { Self::lift(*repr, origin) })
            }
        }
    )*};
}

wide! { u128 U128, i128 I128 }

/// The `Repr` of an array. A struct, because C passes a bare array by pointer.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ArrayRepr<R, const N: usize>([R; N]);

// SAFETY: lowered and lifted element by element; a struct of one array has the array's layout, so it is plain when the
// elements are.
#[diagnostic::do_not_recommend]
unsafe impl<T: PluginType, const N: usize> PluginType for [T; N] {
    type Repr = ArrayRepr<T::Repr, N>;
    const NODE: &'static Node = {
        assert!(N != 0, "an array of no elements does not cross: C has none");
        &Node::Of { head: &Tag::Array.head_with(N), parts: &[T::NODE] }
    };
    const PLAIN: bool = T::PLAIN;
    const DEEP: bool = T::DEEP;

    #[inline]
    fn lower(self) -> Self::Repr {
        ArrayRepr(self.map(T::lower))
    }
    #[inline]
    fn lend(&self, arena: &mut Arena) -> Self::Repr {
        ArrayRepr(self.each_ref().map(|element| element.lend(arena)))
    }
    #[inline]
    unsafe fn lift(repr: Self::Repr, origin: &Origin) -> Self {
        // SAFETY: the caller's promise for the array is one for each element.
        repr.0.map(|element| unsafe { T::lift(element, origin) })
    }
    #[inline]
    unsafe fn hold(repr: &Self::Repr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: as above. If one unwinds, those before it are not dropped, because they are not elements yet.
        let elements = repr.0.each_ref().map(|element| unsafe { T::hold(element, origin, arena) });
        // SAFETY: a `ManuallyDrop` is laid out as what is in it, so an array of them is as one of these. They are moved:
        // what is left of them is not dropped.
        unsafe { std::mem::transmute_copy::<[ManuallyDrop<T>; N], ManuallyDrop<[T; N]>>(&elements) }
    }
}
