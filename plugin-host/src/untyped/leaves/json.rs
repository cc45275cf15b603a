//! Builds a JSON value, before it has a place in memory.

use std::fmt;
use std::mem::ManuallyDrop;

use plugin_core::decimal::is_number;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Unexpected, Visitor};

use crate::untyped::buffer::lower_buffer;
use crate::untyped::free::free_json_value;
use crate::untyped::reprs::{JsonField, JsonRepr, JsonUnion, json};
use crate::untyped::walk::{Depth, TOO_DEEP};

/// A JSON value that this owns and drops.
pub(crate) struct OwnedJson(JsonRepr);

impl OwnedJson {
    pub(crate) fn into_inner(self) -> JsonRepr {
        ManuallyDrop::new(self).0
    }

    fn number(float: f64) -> Self {
        // JSON has no infinite numbers and no NaN. As in serde_json, they become null.
        if float.is_finite() {
            OwnedJson(JsonRepr { tag: json::F64, payload: JsonUnion { float } })
        } else {
            OwnedJson(JsonRepr { tag: json::NULL, payload: JsonUnion { unsigned: 0 } })
        }
    }

    fn unsigned(unsigned: u64) -> Self {
        OwnedJson(JsonRepr { tag: json::U64, payload: JsonUnion { unsigned } })
    }

    /// Makes a number that is less than 0.
    fn signed(signed: i64) -> Self {
        OwnedJson(JsonRepr { tag: json::I64, payload: JsonUnion { signed } })
    }

    fn text(text: String) -> Self {
        OwnedJson(JsonRepr { tag: json::STRING, payload: JsonUnion { buffer: lower_buffer(text.into_bytes()) } })
    }

    /// Returns the text if the value is a string.
    fn as_text(&self) -> Option<&str> {
        if self.0.tag != json::STRING {
            return None;
        }
        // SAFETY: the tag says that `buffer` was written.
        let (bytes, len) = unsafe { self.0.payload.buffer }.raw_parts();
        // SAFETY: the buffer has `len` bytes, and it is not freed before `self` is dropped.
        let bytes = unsafe { std::slice::from_raw_parts(bytes, len) };
        std::str::from_utf8(bytes).ok()
    }
}

impl Drop for OwnedJson {
    fn drop(&mut self) {
        // SAFETY: `self` is the only owner of the value, which is not used afterwards.
        unsafe { free_json_value(&mut self.0) }
    }
}

/// The key that `serde_json` uses for a number if any crate of the program enables its feature `arbitrary_precision`.
/// It may then give a number as a map with this key and the number as a string.
const NUMBER: &str = "$serde_json::private::Number";

/// Parses a JSON number. The number crosses as a text if no number type of Rust can hold it exactly.
fn json_number<E: Error>(text: &str) -> Result<OwnedJson, E> {
    if !is_number(text) {
        return Err(E::invalid_value(Unexpected::Str(text), &"a JSON number"));
    }
    if let Ok(unsigned) = text.parse() {
        return Ok(OwnedJson::unsigned(unsigned));
    }
    // A 0 here was written as -0: plain 0 is an unsigned number. Only a float can hold -0.
    if let Some(signed) = text.parse().ok().filter(|&signed| signed != 0) {
        return Ok(OwnedJson::signed(signed));
    }
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() && format!("{float:?}") == text => Ok(OwnedJson::number(float)),
        _ => {
            let buffer = lower_buffer(text.as_bytes().to_vec());
            Ok(OwnedJson(JsonRepr { tag: json::NUMBER, payload: JsonUnion { buffer } }))
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct JsonSeed(pub(crate) Depth);

impl JsonSeed {
    fn inner<E: Error>(self) -> Result<Self, E> {
        self.0.level().map(JsonSeed).ok_or_else(|| E::custom(TOO_DEEP))
    }
}

impl<'de> DeserializeSeed<'de> for JsonSeed {
    type Value = OwnedJson;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<OwnedJson, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonSeed {
    type Value = OwnedJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<OwnedJson, E> {
        Ok(OwnedJson(JsonRepr { tag: json::NULL, payload: JsonUnion { unsigned: 0 } }))
    }

    fn visit_none<E: Error>(self) -> Result<OwnedJson, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<OwnedJson, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<OwnedJson, E> {
        Ok(OwnedJson(JsonRepr { tag: json::BOOL, payload: JsonUnion { boolean: value.into() } }))
    }

    fn visit_u64<E: Error>(self, unsigned: u64) -> Result<OwnedJson, E> {
        Ok(OwnedJson::unsigned(unsigned))
    }

    fn visit_i64<E: Error>(self, signed: i64) -> Result<OwnedJson, E> {
        Ok(u64::try_from(signed).map_or_else(|_| OwnedJson::signed(signed), OwnedJson::unsigned))
    }

    fn visit_u128<E: Error>(self, wide: u128) -> Result<OwnedJson, E> {
        json_number(&wide.to_string())
    }

    fn visit_i128<E: Error>(self, wide: i128) -> Result<OwnedJson, E> {
        json_number(&wide.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<OwnedJson, E> {
        Ok(OwnedJson::number(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<OwnedJson, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<OwnedJson, E> {
        Ok(OwnedJson::text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<OwnedJson, A::Error> {
        let inner = self.inner()?;
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element_seed(inner)? {
            elements.push(element);
        }
        let elements: Vec<JsonRepr> = elements.into_iter().map(OwnedJson::into_inner).collect();
        Ok(OwnedJson(JsonRepr { tag: json::ARRAY, payload: JsonUnion { buffer: lower_buffer(elements) } }))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OwnedJson, A::Error> {
        let inner = self.inner::<A::Error>();
        let mut fields = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = match &inner {
                Ok(inner) => map.next_value_seed(*inner)?,
                // A number in this form is not one more level of the value.
                Err(_) if key == NUMBER => OwnedJson::text(map.next_value()?),
                Err(_) => return Err(A::Error::custom(TOO_DEEP)),
            };
            fields.push((key, value));
        }
        if let [(key, value)] = fields.as_slice()
            && key == NUMBER
            && let Some(digits) = value.as_text()
        {
            return json_number(digits);
        }
        inner?;
        let fields = fields.into_iter();
        let fields =
            fields.map(|(key, value)| JsonField { key: lower_buffer(key.into_bytes()), value: value.into_inner() });
        let buffer = lower_buffer(fields.collect());
        Ok(OwnedJson(JsonRepr { tag: json::OBJECT, payload: JsonUnion { buffer } }))
    }
}
