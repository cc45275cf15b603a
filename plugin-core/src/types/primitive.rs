//! Numbers, `bool`, `char` and arrays.

use std::mem::ManuallyDrop;

use super::PluginType;
use crate::describe::{Node, Tag};
use crate::memory::Arena;
use crate::origin::Origin;

macro_rules! plain {
    ($($ty:ident $tag:ident),*) => {$(
        // SAFETY: the type is its own `Repr`, and C has a type with the same layout.
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

// SAFETY: a `char` is laid out as a `u32`. It is only lifted from a `u32` that was lowered from a `char`.
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
        // SAFETY: by `# Safety` of `PluginType::lift`, `repr` came from `lower` or `lend` of a `char`.
        unsafe { char::from_u32_unchecked(repr) }
    }
    #[inline(always)]
    unsafe fn hold(repr: &u32, origin: &Origin, _: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: by `# Safety` of `PluginType::hold`, `repr` came from `lower` or `lend` above. The type owns nothing,
        // so each copy of its `Repr` may be lifted.
        ManuallyDrop::new(unsafe { Self::lift(*repr, origin) })
    }
}

/// The `Repr` of a 128-bit integer: its bytes in memory order.
///
/// Compilers pass C's 128-bit integers in different ways, also different versions of one compiler. They all pass a
/// struct in the same way.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub struct WideRepr([u64; 2]);

const _: () = assert!(size_of::<WideRepr>() == 16 && align_of::<WideRepr>() == 16);

macro_rules! wide {
    ($($ty:ident $tag:ident),*) => {$(
        // SAFETY: the bytes cross unchanged. The type is plain only if its alignment is that of the `Repr`.
        #[diagnostic::do_not_recommend]
        unsafe impl PluginType for $ty {
            type Repr = WideRepr;
            const NODE: &'static Node = &Node::Of { head: &Tag::$tag.head(), parts: &[] };
            const PLAIN: bool = align_of::<$ty>() == align_of::<WideRepr>();
            const DEEP: bool = false;

            #[inline]
            fn lower(self) -> WideRepr {
                // SAFETY: both types are 16 bytes without padding, and every bit pattern is valid.
                WideRepr(unsafe { std::mem::transmute::<$ty, [u64; 2]>(self) })
            }
            #[inline]
            fn lend(&self, _: &mut Arena) -> WideRepr { self.lower() }
            #[inline]
            unsafe fn lift(repr: WideRepr, _: &Origin) -> Self {
                // SAFETY: both types are 16 bytes without padding, and every bit pattern is a valid integer.
                unsafe { std::mem::transmute::<[u64; 2], $ty>(repr.0) }
            }
            #[inline]
            unsafe fn hold(repr: &WideRepr, origin: &Origin, _: &mut Arena) -> ManuallyDrop<Self> {
                // SAFETY: by `# Safety` of `PluginType::hold`, `repr` came from `lower` or `lend` above. The type owns
                // nothing, so each copy of its `Repr` may be lifted.
                ManuallyDrop::new(unsafe { Self::lift(*repr, origin) })
            }
        }
    )*};
}

wide! { u128 U128, i128 I128 }

/// The `Repr` of an array. It is a struct, because C passes a bare array by pointer.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ArrayRepr<R, const N: usize>([R; N]);

// SAFETY: an array crosses element by element. A `#[repr(C)]` struct with one array has the array's layout, so the
// array is plain if its elements are.
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
        // SAFETY: `lower` and `lend` make the `Repr`s of the elements. Each may be lifted as the array may (`# Safety`
        // of `PluginType::lift`), and is lifted once.
        repr.0.map(|element| unsafe { T::lift(element, origin) })
    }
    #[inline]
    unsafe fn hold(repr: &Self::Repr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: `lend` and `lower` make the `Repr`s of the elements. Each may be held as the array may (`# Safety` of
        // `PluginType::hold`), and is held once. If one conversion unwinds, the earlier elements are not dropped,
        // because they are in `ManuallyDrop`s.
        let elements = repr.0.each_ref().map(|element| unsafe { T::hold(element, origin, arena) });
        // SAFETY: a `ManuallyDrop` has the layout of its value, so both array types have the same layout. The elements
        // move to the result, and `elements` does not drop them.
        unsafe { std::mem::transmute_copy::<[ManuallyDrop<T>; N], ManuallyDrop<[T; N]>>(&elements) }
    }
}
