//! `()`, `bool`, `char`, and numbers.

use std::num::NonZero;

use plugin_core::host::descriptor::Tag;
use plugin_core::repr::WideRepr;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::leaf::Leaf;
use crate::untyped::walk::{Here, unknown_tag};

pub(crate) type Unit = ();
pub(crate) type Bool = bool;
pub(crate) type Char = char;

// SAFETY: the `Repr` of `()` is a byte.
unsafe impl Leaf for () {
    type Repr = u8;
    const IS_EMPTY: bool = true;

    unsafe fn write<S: Serializer>(_: u8, _: Here, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_unit()
    }

    fn read<'de, D: Deserializer<'de>>(from: D, _: Here) -> Result<u8, D::Error> {
        <()>::deserialize(from)?;
        Ok(0)
    }
}

// SAFETY: the `Repr` of `bool` is a byte, 0 or 1.
unsafe impl Leaf for bool {
    type Repr = u8;

    unsafe fn write<S: Serializer>(repr: u8, _: Here, to: S) -> Result<S::Ok, S::Error> {
        match repr {
            0 => to.serialize_bool(false),
            1 => to.serialize_bool(true),
            other => Err(unknown_tag("`bool`", other)),
        }
    }

    fn read<'de, D: Deserializer<'de>>(from: D, _: Here) -> Result<u8, D::Error> {
        bool::deserialize(from).map(u8::from)
    }
}

// SAFETY: the `Repr` of `char` is its number.
unsafe impl Leaf for char {
    type Repr = u32;

    unsafe fn write<S: Serializer>(repr: u32, _: Here, to: S) -> Result<S::Ok, S::Error> {
        match char::from_u32(repr) {
            Some(letter) => to.serialize_char(letter),
            None => Err(unknown_tag("`char`", repr)),
        }
    }

    fn read<'de, D: Deserializer<'de>>(from: D, _: Here) -> Result<u32, D::Error> {
        char::deserialize(from).map(u32::from)
    }
}

/// Numbers that cross unchanged.
macro_rules! plain {
    ($($name:ident $ty:ident,)*) => {$(
        pub(crate) type $name = $ty;

        // SAFETY: the type is its own `Repr`.
        unsafe impl Leaf for $ty {
            type Repr = $ty;

            unsafe fn write<S: Serializer>(repr: $ty, _: Here, to: S) -> Result<S::Ok, S::Error> {
                repr.serialize(to)
            }

            fn read<'de, D: Deserializer<'de>>(from: D, _: Here) -> Result<$ty, D::Error> {
                $ty::deserialize(from)
            }
        }
    )*};
}

plain! {
    U8 u8, U16 u16, U32 u32, U64 u64, Usize usize,
    I8 i8, I16 i16, I32 i32, I64 i64, Isize isize,
    F32 f32, F64 f64,
}

/// The bytes of a 128-bit integer, with the layout of [`WideRepr`]. Not the integer itself, because on some targets the
/// integer has a smaller alignment.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
pub(crate) struct Wide([u8; 16]);

const _: () = assert!(size_of::<Wide>() == size_of::<WideRepr>() && align_of::<Wide>() == align_of::<WideRepr>());

macro_rules! wide {
    ($($name:ident $ty:ident,)*) => {$(
        pub(crate) type $name = $ty;

        // SAFETY: the `Repr` has the bytes of the integer.
        unsafe impl Leaf for $ty {
            type Repr = Wide;

            unsafe fn write<S: Serializer>(repr: Wide, _: Here, to: S) -> Result<S::Ok, S::Error> {
                $ty::from_ne_bytes(repr.0).serialize(to)
            }

            fn read<'de, D: Deserializer<'de>>(from: D, _: Here) -> Result<Wide, D::Error> {
                $ty::deserialize(from).map(|value| Wide(value.to_ne_bytes()))
            }
        }
    )*};
}

wide! { U128 u128, I128 i128, }

macro_rules! integers {
    ($($name:ident)*) => {
        /// Returns true if the tag is that of an integer.
        pub(crate) fn is_integer(tag: Tag) -> bool {
            matches!(tag, $(Tag::$name)|*)
        }

        /// Builds a `NonZero` of the integer with this tag at `at`.
        ///
        /// # Safety
        ///
        /// There is room for a `Repr` of the integer at `at`.
        pub(crate) unsafe fn read_non_zero<'de, D: Deserializer<'de>>(
            tag: Tag,
            at: *mut u8,
            from: D,
        ) -> Result<(), D::Error> {
            match tag {
                $(Tag::$name => {
                    let value = NonZero::<$name>::deserialize(from)?.get().to_ne_bytes();
                    // SAFETY: by `# Safety` of this function, there is room for the integer's `Repr`, which has the bytes of the integer.
                    unsafe { at.cast::<[u8; size_of::<$name>()]>().write(value) }
                })*
                _ => unreachable!("only an integer is not zero"),
            }
            Ok(())
        }
    };
}

integers! { U8 U16 U32 U64 U128 Usize I8 I16 I32 I64 I128 Isize }
