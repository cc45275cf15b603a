//! `std::cmp::Ordering`.

use std::cmp::Ordering;
use std::fmt;

use serde::de::{EnumAccess, VariantAccess, Visitor};
use serde::{Deserializer, Serializer};

use super::leaf::Leaf;
use crate::untyped::names::NameSeed;
use crate::untyped::walk::{Here, unknown_tag};

const NAMES: &[&str] = &["Less", "Equal", "Greater"];

// SAFETY: the `Repr` is -1, 0 or 1.
unsafe impl Leaf for Ordering {
    type Repr = i8;

    unsafe fn write<S: Serializer>(repr: i8, _: Here, to: S) -> Result<S::Ok, S::Error> {
        match repr {
            -1..=1 => {
                let index = (repr + 1) as u32;
                to.serialize_unit_variant("Ordering", index, NAMES[index as usize])
            }
            other => Err(unknown_tag("`Ordering`", other)),
        }
    }

    fn read<'de, D: Deserializer<'de>>(from: D, _: Here) -> Result<i8, D::Error> {
        from.deserialize_enum("Ordering", NAMES, OrderingVisitor)
    }
}

struct OrderingVisitor;

impl<'de> Visitor<'de> for OrderingVisitor {
    type Value = i8;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("enum Ordering")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<i8, A::Error> {
        let (index, access) = data.variant_seed(NameSeed { names: NAMES, variants: true })?;
        access.unit_variant()?;
        Ok(index as i8 - 1)
    }
}
