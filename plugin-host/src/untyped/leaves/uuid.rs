//! `uuid::Uuid`.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserializer, Serializer};

use super::leaf::Leaf;
use crate::untyped::walk::Here;

pub(crate) enum Uuid {}

// SAFETY: the `Repr` is the bytes of the UUID.
unsafe impl Leaf for Uuid {
    type Repr = [u8; 16];

    unsafe fn write<S: Serializer>(bytes: [u8; 16], _: Here, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() { to.collect_str(&Hyphenated(bytes)) } else { to.serialize_bytes(&bytes) }
    }

    fn read<'de, D: Deserializer<'de>>(from: D, _: Here) -> Result<[u8; 16], D::Error> {
        if from.is_human_readable() { from.deserialize_str(UuidVisitor) } else { from.deserialize_bytes(UuidVisitor) }
    }
}

/// A UUID, displayed with hyphens.
struct Hyphenated([u8; 16]);

impl fmt::Display for Hyphenated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(index, byte)| {
            let hyphen = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{hyphen}{byte:02x}")
        })
    }
}

/// Reads a UUID from a text or from its bytes.
struct UuidVisitor;

/// Parses a UUID with or without hyphens, in braces, or as a URN.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let text = text.strip_prefix("urn:uuid:").unwrap_or(text);
    let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let hyphenated = match text.len() {
        32 => false,
        36 => true,
        _ => return None,
    };
    let (mut bytes, mut digits) = ([0; 16], 0);
    for (index, letter) in text.chars().enumerate() {
        if hyphenated && matches!(index, 8 | 13 | 18 | 23) {
            if letter != '-' {
                return None;
            }
            continue;
        }
        let byte: &mut u8 = bytes.get_mut(digits / 2)?;
        *byte = *byte << 4 | letter.to_digit(16)? as u8;
        digits += 1;
    }
    (digits == 32).then_some(bytes)
}

impl<'de> Visitor<'de> for UuidVisitor {
    type Value = [u8; 16];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a UUID")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<[u8; 16], E> {
        parse_uuid(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<[u8; 16], E> {
        bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &"a UUID of 16 bytes"))
    }
}
