//! Reads the name of a field or a variant from any format.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, Unexpected, Visitor};

/// Reads the name or the index of a field or variant, and returns the index.
pub(crate) struct NameSeed {
    pub(crate) names: &'static [&'static str],
    pub(crate) variants: bool,
}

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.variants { "variant identifier" } else { "field identifier" })
    }

    fn visit_u64<E: Error>(self, index: u64) -> Result<usize, E> {
        let found = usize::try_from(index).ok().filter(|&index| index < self.names.len());
        let what = if self.variants { "variant" } else { "field" };
        let expected = format!("{what} index 0 <= i < {}", self.names.len());
        found.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(index), &expected.as_str()))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        self.names.iter().position(|known| *known == name).ok_or_else(|| {
            if self.variants { E::unknown_variant(name, self.names) } else { E::unknown_field(name, self.names) }
        })
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<usize, E> {
        self.visit_str(&String::from_utf8_lossy(name))
    }
}
