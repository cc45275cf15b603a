//! `serde_json::Value`.

use std::fmt;
use std::mem::ManuallyDrop;

use plugin_core::host::decimal::{is_float, is_number};
use plugin_core::host::with_deep_room;
use plugin_core::repr::BufferRepr;
use serde::de::{DeserializeSeed, EnumAccess, Error, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor};
use serde::ser::Error as _;
use serde::{Deserializer, Serialize, Serializer};

use super::leaf::Leaf;
use crate::untyped::buffer::{lower_buffer, slice, text};
use crate::untyped::walk::{Form, Here, TOO_DEEP};

/// The `Repr` of a JSON value.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct JsonRepr {
    tag: u8,
    payload: JsonUnion,
}

/// The tags of a [`JsonRepr`].
mod tag {
    pub(super) const NULL: u8 = 0;
    pub(super) const BOOL: u8 = 1;
    pub(super) const U64: u8 = 2;
    pub(super) const I64: u8 = 3;
    pub(super) const F64: u8 = 4;
    pub(super) const STRING: u8 = 5;
    pub(super) const ARRAY: u8 = 6;
    pub(super) const OBJECT: u8 = 7;
    /// A number that none of the three types above can hold, as text.
    pub(super) const NUMBER: u8 = 8;
}

#[derive(Clone, Copy)]
#[repr(C, align(8))]
union JsonUnion {
    boolean: u8,
    unsigned: u64,
    signed: i64,
    float: f64,
    buffer: BufferRepr,
}

/// A field of a JSON object.
#[derive(Clone, Copy)]
#[repr(C)]
struct JsonField {
    key: BufferRepr,
    value: JsonRepr,
}

pub(crate) enum Json {}

// SAFETY: `JsonRepr` has the layout of the `Repr` of JSON values, and `into_inner` gives the value away.
unsafe impl Leaf for Json {
    type Repr = JsonRepr;
    const OWNS: bool = true;

    unsafe fn write<S: Serializer>(json: JsonRepr, here: Here, to: S) -> Result<S::Ok, S::Error> {
        Value { json: &json, here }.serialize(to)
    }

    fn read<'de, D: Deserializer<'de>>(from: D, here: Here) -> Result<JsonRepr, D::Error> {
        JsonSeed(here).deserialize(from).map(OwnedJson::into_inner)
    }

    unsafe fn free(mut json: JsonRepr) {
        // SAFETY: by `# Safety` of this function, there is a JSON value, which is not used afterwards.
        unsafe { free_json_value(&mut json) }
    }
}

/// A JSON value at an address.
#[derive(Clone, Copy)]
struct Value<'a> {
    json: &'a JsonRepr,
    here: Here,
}

/// The name of a JSON value, which is an enum on the wire. Its variants have their tags as numbers, and no names.
const NAME: &str = "Value";

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        with_deep_room(|| match self.here.form {
            // Postcard does not describe itself, so a reader needs the tag.
            Form::Wire => serializer.serialize_newtype_variant(NAME, self.json.tag.into(), "", &Payload(*self)),
            Form::Serde => Payload(*self).serialize(serializer),
        })
    }
}

/// A JSON value without its tag.
struct Payload<'a>(Value<'a>);

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value { json: JsonRepr { tag, payload }, here } = self.0;
        let inner = || Ok(Here { depth: here.depth.level().ok_or_else(|| S::Error::custom(TOO_DEEP))?, ..here });
        match *tag {
            tag::NULL => serializer.serialize_unit(),
            // SAFETY: the tag says that `boolean` was written.
            tag::BOOL => serializer.serialize_bool(unsafe { payload.boolean } != 0),
            // SAFETY: the tag says that `unsigned` was written.
            tag::U64 => serializer.serialize_u64(unsafe { payload.unsigned }),
            // SAFETY: the tag says that `signed` was written.
            tag::I64 => serializer.serialize_i64(unsafe { payload.signed }),
            // SAFETY: the tag says that `float` was written.
            tag::F64 => serializer.serialize_f64(unsafe { payload.float }),
            // SAFETY: the tag says that `buffer` was written, and that it is text.
            tag::STRING => serializer.serialize_str(unsafe { text(payload.buffer) }),
            tag::ARRAY => {
                let here = inner()?;
                // SAFETY: the tag says that `buffer` was written, and that its elements are JSON values.
                let elements = unsafe { slice::<JsonRepr>(payload.buffer.raw_parts()) };
                serializer.collect_seq(elements.iter().map(|json| Value { json, here }))
            }
            tag::OBJECT => {
                let here = inner()?;
                // SAFETY: the tag says that `buffer` was written, and that its elements are fields.
                let fields = unsafe { slice::<JsonField>(payload.buffer.raw_parts()) };
                // SAFETY: the key of a field is text.
                let key = |field: &'_ JsonField| unsafe { text::<'_>(field.key) };
                serializer.collect_map(fields.iter().map(|field| (key(field), Value { json: &field.value, here })))
            }
            tag::NUMBER => {
                // SAFETY: the tag says that `buffer` was written, and that it is text.
                let number = unsafe { text(payload.buffer) };
                match here.form {
                    Form::Wire => serializer.serialize_str(number),
                    Form::Serde => write_number(number, serializer),
                }
            }
            tag => Err(S::Error::custom(format_args!("a lowered JSON value has the tag {tag}, which means nothing"))),
        }
    }
}

/// Serialises a number that no number type of Rust can hold. This needs serde_json with its feature
/// `arbitrary_precision`. Without it, the number is serialised as an `f64` if that is exact.
fn write_number<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    #[cfg(feature = "json")]
    if NUMBERS_ARE_TEXTS {
        return text.parse::<serde_json::Number>().map_err(S::Error::custom)?.serialize(serializer);
    }
    match as_float(text) {
        Some(float) => serializer.serialize_f64(float),
        None => Err(S::Error::custom(cannot_keep(text))),
    }
}

/// Whether serde_json has its feature `arbitrary_precision` in this program, as far as this crate knows. A number is a text then.
const NUMBERS_ARE_TEXTS: bool = {
    #[cfg(feature = "json")]
    let are_texts = std::mem::needs_drop::<serde_json::Number>();
    #[cfg(not(feature = "json"))]
    let are_texts = false;
    are_texts
};

/// Returns the number as a float, if that is exact.
fn as_float(text: &str) -> Option<f64> {
    text.parse().ok().filter(|&float| is_float(text, float))
}

fn cannot_keep(number: &str) -> String {
    format!(
        "this program cannot keep the JSON number {number} exactly; enable the feature `arbitrary_precision` of serde_json \
         in it"
    )
}

/// A piece of work that is left to do to drop JSON values. The pieces are on a stack, so the depth of the call stack does
/// not grow with the depth of the values.
enum Work {
    /// Drop this many values in a row.
    Values(*mut JsonRepr, usize),
    /// Drop this many fields of an object, in a row.
    Fields(*mut JsonField, usize),
    /// Free the memory of a buffer of elements of this size and alignment.
    Buffer(BufferRepr, usize, usize),
}

/// Drops a JSON value.
///
/// # Safety
///
/// There is a JSON value at `at`, which is not used afterwards.
unsafe fn free_json_value(at: *mut JsonRepr) {
    let mut work = Vec::new();
    // SAFETY: by `# Safety` of this function, there is such a value.
    unsafe { free_one(at, &mut work) };
    while let Some(next) = work.pop() {
        match next {
            Work::Values(at, count) => {
                if count != 0 {
                    // SAFETY: there are `count` values in a row and `count` is not 0, so this is the next value or
                    // their end.
                    work.push(Work::Values(unsafe { at.add(1) }, count - 1));
                    // SAFETY: `at` is the address of a JSON value, because `count` is not 0.
                    unsafe { free_one(at, &mut work) };
                }
            }
            Work::Fields(at, count) => {
                if count != 0 {
                    // SAFETY: there are `count` fields in a row and `count` is not 0, so this is the next field or
                    // their end.
                    work.push(Work::Fields(unsafe { at.add(1) }, count - 1));
                    // SAFETY: `at` is the address of a field, because `count` is not 0. Its key owns only a buffer of
                    // bytes.
                    unsafe {
                        free_one(&raw mut (*at).value, &mut work);
                        (*at).key.free_raw(1, 1);
                    }
                }
            }
            // SAFETY: the elements were added after the buffer, so they are already dropped.
            Work::Buffer(buffer, size, align) => unsafe { buffer.free_raw(size, align) },
        }
    }
}

/// Frees the text of a JSON value, or adds its buffer and the values in it to the work.
///
/// # Safety
///
/// As for [`free_json_value`].
unsafe fn free_one(at: *mut JsonRepr, work: &mut Vec<Work>) {
    // SAFETY: by `# Safety` of this function, there is a JSON value. `buffer` is only used for tags with a buffer.
    let buffer = || unsafe { (*at).payload.buffer };
    // SAFETY: by `# Safety` of this function, there is a JSON value.
    match unsafe { (*at).tag } {
        // SAFETY: the buffer has bytes only, and nothing uses it afterwards.
        tag::STRING | tag::NUMBER => unsafe { buffer().free_raw(1, 1) },
        tag::ARRAY => {
            let (elements, len) = buffer().raw_parts();
            work.push(Work::Buffer(buffer(), size_of::<JsonRepr>(), align_of::<JsonRepr>()));
            work.push(Work::Values(elements.cast(), len));
        }
        tag::OBJECT => {
            let (fields, len) = buffer().raw_parts();
            work.push(Work::Buffer(buffer(), size_of::<JsonField>(), align_of::<JsonField>()));
            work.push(Work::Fields(fields.cast(), len));
        }
        _ => {}
    }
}

/// A JSON value that this owns and drops.
struct OwnedJson(JsonRepr);

impl OwnedJson {
    fn into_inner(self) -> JsonRepr {
        ManuallyDrop::new(self).0
    }

    fn number(float: f64) -> Self {
        // JSON has no infinite numbers and no NaN. As in serde_json, they become null.
        if float.is_finite() {
            OwnedJson(JsonRepr { tag: tag::F64, payload: JsonUnion { float } })
        } else {
            OwnedJson(JsonRepr { tag: tag::NULL, payload: JsonUnion { unsigned: 0 } })
        }
    }

    fn unsigned(unsigned: u64) -> Self {
        OwnedJson(JsonRepr { tag: tag::U64, payload: JsonUnion { unsigned } })
    }

    /// Makes a number that is less than 0.
    fn signed(signed: i64) -> Self {
        OwnedJson(JsonRepr { tag: tag::I64, payload: JsonUnion { signed } })
    }

    fn text(text: String) -> Self {
        OwnedJson(JsonRepr { tag: tag::STRING, payload: JsonUnion { buffer: lower_buffer(text.into_bytes()) } })
    }

    /// Returns the text if the value is a string.
    fn as_text(&self) -> Option<&str> {
        if self.0.tag != tag::STRING {
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
fn read_number<E: Error>(text: &str) -> Result<OwnedJson, E> {
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
            Ok(OwnedJson(JsonRepr { tag: tag::NUMBER, payload: JsonUnion { buffer } }))
        }
    }
}

#[derive(Clone, Copy)]
struct JsonSeed(Here);

impl JsonSeed {
    fn inner<E: Error>(self) -> Result<Self, E> {
        let depth = self.0.depth.level().ok_or_else(|| E::custom(TOO_DEEP))?;
        Ok(JsonSeed(Here { depth, ..self.0 }))
    }
}

/// Reads the elements of an array on the wire.
struct Elements(JsonSeed);

impl<'de> DeserializeSeed<'de> for Elements {
    type Value = OwnedJson;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<OwnedJson, D::Error> {
        deserializer.deserialize_seq(self.0)
    }
}

/// Reads the fields of an object on the wire.
struct Fields(JsonSeed);

impl<'de> DeserializeSeed<'de> for Fields {
    type Value = OwnedJson;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<OwnedJson, D::Error> {
        deserializer.deserialize_map(self.0)
    }
}

impl<'de> DeserializeSeed<'de> for JsonSeed {
    type Value = OwnedJson;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<OwnedJson, D::Error> {
        with_deep_room(|| match self.0.form {
            Form::Wire => deserializer.deserialize_enum(NAME, &[], self),
            Form::Serde => deserializer.deserialize_any(self),
        })
    }
}

impl<'de> Visitor<'de> for JsonSeed {
    type Value = OwnedJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    /// Reads the form of the wire.
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<OwnedJson, A::Error> {
        let (tag, access) = data.variant::<u32>()?;
        match u8::try_from(tag) {
            Ok(tag::NULL) => access.newtype_variant().and_then(|()| self.visit_unit()),
            Ok(tag::BOOL) => access.newtype_variant().and_then(|value| self.visit_bool(value)),
            Ok(tag::U64) => access.newtype_variant().and_then(|value| self.visit_u64(value)),
            Ok(tag::I64) => access.newtype_variant().and_then(|value| self.visit_i64(value)),
            Ok(tag::F64) => access.newtype_variant().and_then(|value| self.visit_f64(value)),
            Ok(tag::STRING) => access.newtype_variant().and_then(|value| self.visit_string(value)),
            Ok(tag::ARRAY) => access.newtype_variant_seed(Elements(self)),
            Ok(tag::OBJECT) => access.newtype_variant_seed(Fields(self)),
            Ok(tag::NUMBER) => {
                let number = access.newtype_variant::<String>()?;
                // The receiver would panic.
                if is_number(&number) && !NUMBERS_ARE_TEXTS && as_float(&number).is_none() {
                    return Err(A::Error::custom(cannot_keep(&number)));
                }
                read_number(&number)
            }
            _ => Err(A::Error::custom(format_args!("a JSON value has the tag {tag}, which means nothing"))),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<OwnedJson, E> {
        Ok(OwnedJson(JsonRepr { tag: tag::NULL, payload: JsonUnion { unsigned: 0 } }))
    }

    fn visit_none<E: Error>(self) -> Result<OwnedJson, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<OwnedJson, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<OwnedJson, E> {
        Ok(OwnedJson(JsonRepr { tag: tag::BOOL, payload: JsonUnion { boolean: value.into() } }))
    }

    fn visit_u64<E: Error>(self, unsigned: u64) -> Result<OwnedJson, E> {
        Ok(OwnedJson::unsigned(unsigned))
    }

    fn visit_i64<E: Error>(self, signed: i64) -> Result<OwnedJson, E> {
        Ok(u64::try_from(signed).map_or_else(|_| OwnedJson::signed(signed), OwnedJson::unsigned))
    }

    fn visit_u128<E: Error>(self, wide: u128) -> Result<OwnedJson, E> {
        read_number(&wide.to_string())
    }

    fn visit_i128<E: Error>(self, wide: i128) -> Result<OwnedJson, E> {
        read_number(&wide.to_string())
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
        Ok(OwnedJson(JsonRepr { tag: tag::ARRAY, payload: JsonUnion { buffer: lower_buffer(elements) } }))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OwnedJson, A::Error> {
        let inner = self.inner::<A::Error>();
        let mut fields = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = match &inner {
                Ok(inner) => map.next_value_seed(*inner)?,
                // A number in this form is not one more level of the value.
                Err(_) if key == NUMBER && self.0.form == Form::Serde => OwnedJson::text(map.next_value()?),
                Err(_) => return Err(A::Error::custom(TOO_DEEP)),
            };
            fields.push((key, value));
        }
        if self.0.form == Form::Serde
            && let [(key, value)] = fields.as_slice()
            && key == NUMBER
            && let Some(digits) = value.as_text()
        {
            return read_number(digits);
        }
        inner?;
        let fields = fields.into_iter();
        let fields =
            fields.map(|(key, value)| JsonField { key: lower_buffer(key.into_bytes()), value: value.into_inner() });
        let buffer = lower_buffer(fields.collect());
        Ok(OwnedJson(JsonRepr { tag: tag::OBJECT, payload: JsonUnion { buffer } }))
    }
}
