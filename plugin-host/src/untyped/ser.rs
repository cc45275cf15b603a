//! Serialises a value at an address.

use std::ffi::OsString;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use plugin_core::decimal::is_float;
use plugin_core::descriptor::{Tag, style};
use plugin_core::repr::{BufferRepr, GrowsRepr};
use serde::ser::{
    Error as _, SerializeMap as _, SerializeSeq as _, SerializeStruct as _, SerializeStructVariant as _,
    SerializeTuple as _, SerializeTupleStruct as _, SerializeTupleVariant as _,
};
use serde::{Serialize, Serializer};

use crate::untyped::layout::{Enum, Id, Kind, Layouts, Record, Struct};
use crate::untyped::reprs::{
    BytesRepr, DurationRepr, IpAddrRepr, JsonField, JsonRepr, SocketAddrRepr, SocketAddrV4Repr, SocketAddrV6Repr,
    SystemTimeRepr, json,
};
use crate::untyped::walk::{Depth, Path, TOO_DEEP, WalkState};

/// A value at an address, to be serialised.
///
/// The functions below rely on this: during `'a`, the `Repr` of a value of the type `id` is at `at`, and nothing changes
/// it. [`new`](Self::new) demands it. A part of a value is made only of the part's type and address, by `layout.rs`, and so
/// has the same property. A tag that means nothing is refused before a part is made.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a> {
    layouts: &'a Layouts,
    id: Id,
    at: *const u8,
    depth: Depth,
    path: &'a Path<'a>,
    state: &'a WalkState,
}

impl<'a> Value<'a> {
    /// Makes a `Value` for the value at `at`.
    ///
    /// # Safety
    ///
    /// During `'a`, the `Repr` of a value of the type is at `at`, and nothing changes it.
    pub(crate) unsafe fn new(layouts: &'a Layouts, id: Id, at: *const u8, state: &'a WalkState) -> Self {
        Value { layouts, id, at, depth: Depth::TOP, path: &Path::Top, state }
    }

    /// Reads the value's `Repr`, or its beginning.
    ///
    /// # Safety
    ///
    /// The value's `Repr` is a `T`, or begins with one.
    unsafe fn read<T: Copy>(&self) -> T {
        // SAFETY: the value's `Repr` is at `at`, by the rule of `Value`. It is a `T` or begins with one, as this function
        // demands, so it is large and aligned enough.
        unsafe { self.at.cast::<T>().read() }
    }

    /// Returns the elements of a buffer.
    ///
    /// # Safety
    ///
    /// The value's `Repr` is a buffer of `T`s.
    unsafe fn elements<T>(&self) -> &'a [T] {
        // SAFETY: the `Repr` is a buffer of `T`s, as this function demands. So it has `len` of them at its address. They are
        // a part of the value, so nothing changes them during `'a`, by the rule of `Value`.
        unsafe { slice(self.read::<BufferRepr>().raw_parts()) }
    }

    /// Returns a part of this value.
    fn part<'b>(&self, id: Id, at: *const u8, depth: Depth, path: &'b Path<'b>) -> Value<'b>
    where
        'a: 'b,
    {
        Value { id, at, depth, path, ..*self }
    }

    fn unknown_tag<S: Serializer>(&self, what: &str, number: impl std::fmt::Display) -> S::Error {
        S::Error::custom(format_args!("a lowered {what} has the tag {number}, which means nothing"))
    }

    fn step<S: Serializer>(&self) -> Result<Depth, S::Error> {
        self.depth.step().ok_or_else(|| S::Error::custom(TOO_DEEP))
    }

    fn level<S: Serializer>(&self) -> Result<Depth, S::Error> {
        self.depth.level().ok_or_else(|| S::Error::custom(TOO_DEEP))
    }

    /// Serialises the value. Each kind has a function of its own, so that the stack frame of this function stays small:
    /// there is one at each level of the value.
    fn walk<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.layouts.get(self.id).kind {
            Kind::Leaf(tag) | Kind::NonZero(tag) => self.leaf(*tag, serializer),
            // SAFETY: the `Repr` of each type of this kind is a buffer of UTF-8, which `lower` or `lend` has made of a `str`.
            // Nothing changes it during `'a`.
            Kind::Text => serializer.serialize_str(unsafe { text(self.read()) }),
            Kind::Sequence(element) => self.sequence(*element, serializer),
            Kind::Map(pair) => self.map(*pair, serializer),
            Kind::Box(inner) => self.boxed(*inner, serializer),
            Kind::Array(element, count) => self.array(*element, *count, serializer),
            Kind::Option(inner, offset) => self.option(*inner, *offset, serializer),
            Kind::Result(parts, offset) => self.result(*parts, *offset, serializer),
            Kind::Tuple(record) => self.tuple(record, serializer),
            Kind::Struct(of) => self.structure(of, serializer),
            Kind::Enum(of) => self.enumeration(of, serializer),
        }
    }

    fn boxed<S: Serializer>(&self, inner: Id, serializer: S) -> Result<S::Ok, S::Error> {
        // SAFETY: the value has the kind `Box`, whose `Repr` is a buffer (`layout::facts`).
        let (at, len) = unsafe { self.read::<BufferRepr>() }.raw_parts();
        if len != 1 {
            return Err(S::Error::custom(format_args!("a lowered `Box` holds {len} values, not one")));
        }
        self.part(inner, at, self.step::<S>()?, self.path).walk(serializer)
    }

    fn array<S: Serializer>(&self, element: Id, count: usize, serializer: S) -> Result<S::Ok, S::Error> {
        let depth = self.level::<S>()?;
        let size = self.layouts.get(element).size;
        let mut tuple = serializer.serialize_tuple(count)?;
        for index in 0..count {
            let at = self.at.wrapping_add(index * size);
            tuple.serialize_element(&self.part(element, at, depth, &Path::Index(self.path, index)))?;
        }
        tuple.end()
    }

    fn option<S: Serializer>(&self, inner: Id, offset: usize, serializer: S) -> Result<S::Ok, S::Error> {
        // SAFETY: the value has the kind `Option`, whose `Repr` begins with its tag, a byte.
        match unsafe { self.read::<u8>() } {
            0 => serializer.serialize_none(),
            1 => {
                let inner = self.part(inner, self.at.wrapping_add(offset), self.step::<S>()?, self.path);
                serializer.serialize_some(&inner)
            }
            tag => Err(self.unknown_tag::<S>("`Option`", tag)),
        }
    }

    fn result<S: Serializer>(&self, parts: [Id; 2], offset: usize, serializer: S) -> Result<S::Ok, S::Error> {
        // SAFETY: the value has the kind `Result`, whose `Repr` begins with its tag, a byte.
        let tag = unsafe { self.read::<u8>() };
        let name = match tag {
            0 => "Ok",
            1 => "Err",
            tag => return Err(self.unknown_tag::<S>("`Result`", tag)),
        };
        let path = Path::Field(self.path, name);
        let part = self.part(parts[usize::from(tag)], self.at.wrapping_add(offset), self.level::<S>()?, &path);
        serializer.serialize_newtype_variant("Result", tag.into(), name, &part)
    }

    fn tuple<S: Serializer>(&self, record: &Record, serializer: S) -> Result<S::Ok, S::Error> {
        let depth = self.level::<S>()?;
        let mut tuple = serializer.serialize_tuple(record.fields.len())?;
        for (index, field) in record.fields.iter().enumerate() {
            let at = self.at.wrapping_add(field.offset);
            tuple.serialize_element(&self.part(field.ty, at, depth, &Path::Index(self.path, index)))?;
        }
        tuple.end()
    }

    fn leaf<S: Serializer>(&self, tag: Tag, serializer: S) -> Result<S::Ok, S::Error> {
        macro_rules! read {
            ($ty:ty) => {
                // SAFETY: the value has the kind `Leaf(tag)` or `NonZero(tag)`. Each arm below passes the `Repr` that
                // `layout::leaf` has for its tag, or an array of as many bytes.
                unsafe { self.read::<$ty>() }
            };
        }
        match tag {
            Tag::Unit => serializer.serialize_unit(),
            Tag::Bool => match read!(u8) {
                0 => serializer.serialize_bool(false),
                1 => serializer.serialize_bool(true),
                other => Err(self.unknown_tag::<S>("`bool`", other)),
            },
            Tag::Char => match char::from_u32(read!(u32)) {
                Some(letter) => serializer.serialize_char(letter),
                None => Err(self.unknown_tag::<S>("`char`", read!(u32))),
            },
            Tag::U8 => serializer.serialize_u8(read!(u8)),
            Tag::U16 => serializer.serialize_u16(read!(u16)),
            Tag::U32 => serializer.serialize_u32(read!(u32)),
            Tag::U64 => serializer.serialize_u64(read!(u64)),
            Tag::Usize => read!(usize).serialize(serializer),
            Tag::I8 => serializer.serialize_i8(read!(i8)),
            Tag::I16 => serializer.serialize_i16(read!(i16)),
            Tag::I32 => serializer.serialize_i32(read!(i32)),
            Tag::I64 => serializer.serialize_i64(read!(i64)),
            Tag::Isize => read!(isize).serialize(serializer),
            // Read as bytes, because the `Repr` of a 128-bit integer may have a smaller alignment than the integer.
            Tag::U128 => serializer.serialize_u128(u128::from_ne_bytes(read!([u8; 16]))),
            Tag::I128 => serializer.serialize_i128(i128::from_ne_bytes(read!([u8; 16]))),
            Tag::F32 => serializer.serialize_f32(read!(f32)),
            Tag::F64 => serializer.serialize_f64(read!(f64)),
            Tag::PathBuf => PathBuf::from(self.os_string()).serialize(serializer),
            Tag::OsString => self.os_string().serialize(serializer),
            Tag::Duration => {
                let DurationRepr { secs, nanos } = read!(DurationRepr);
                if nanos > 999_999_999 {
                    return Err(self.unknown_tag::<S>("`Duration`", nanos));
                }
                Duration::new(secs, nanos).serialize(serializer)
            }
            Tag::SystemTime => {
                let SystemTimeRepr { secs, nanos } = read!(SystemTimeRepr);
                let whole = Duration::from_secs(secs.unsigned_abs());
                let second = if secs < 0 {
                    SystemTime::UNIX_EPOCH.checked_sub(whole)
                } else {
                    SystemTime::UNIX_EPOCH.checked_add(whole)
                };
                match second.and_then(|second| second.checked_add(Duration::from_nanos(nanos.into()))) {
                    Some(time) => time.serialize(serializer),
                    None => Err(S::Error::custom("the time is out of what this system can represent")),
                }
            }
            Tag::Ordering => {
                let (index, name) = match read!(i8) {
                    -1 => (0, "Less"),
                    0 => (1, "Equal"),
                    1 => (2, "Greater"),
                    other => return Err(self.unknown_tag::<S>("`Ordering`", other)),
                };
                serializer.serialize_unit_variant("Ordering", index, name)
            }
            Tag::Ipv4Addr => Ipv4Addr::from(read!([u8; 4])).serialize(serializer),
            Tag::Ipv6Addr => Ipv6Addr::from(read!([u8; 16])).serialize(serializer),
            Tag::IpAddr => match read!(IpAddrRepr).get() {
                Ok(address) => address.serialize(serializer),
                Err(tag) => Err(self.unknown_tag::<S>("`IpAddr`", tag)),
            },
            Tag::SocketAddrV4 => read!(SocketAddrV4Repr).get().serialize(serializer),
            Tag::SocketAddrV6 => read!(SocketAddrV6Repr).get().serialize(serializer),
            Tag::SocketAddr => match read!(SocketAddrRepr).get() {
                Ok(address) => address.serialize(serializer),
                Err(tag) => Err(self.unknown_tag::<S>("`SocketAddr`", tag)),
            },
            Tag::Error => {
                // SAFETY: the value has the tag `Error`, whose `Repr` is a buffer of messages, each a buffer.
                let messages = unsafe { self.elements::<BufferRepr>() };
                // SAFETY: each message of an error is a buffer of UTF-8, made of a `str`. It is a part of the value, so nothing
                // changes it during `'a`.
                serializer.collect_seq(messages.iter().map(|message| unsafe { text(*message) }))
            }
            Tag::Bytes => {
                let BytesRepr { ptr, len, .. } = read!(BytesRepr);
                // SAFETY: a `BytesRepr` has `len` bytes at `ptr`. The value has a share in them, which keeps them, and nothing
                // changes bytes that are shared.
                let bytes = unsafe { slice((ptr.cast_mut(), len)) };
                serializer.serialize_bytes(bytes)
            }
            Tag::Json => {
                // SAFETY: the value has the tag `Json`, whose `Repr` is a `JsonRepr` (`layout::leaf`). Nothing changes it during
                // `'a`, by the rule of `Value`.
                let json = unsafe { &*self.at.cast::<JsonRepr>() };
                Json { json, depth: self.depth }.serialize(serializer)
            }
            Tag::Uuid => {
                let bytes = read!([u8; 16]);
                if serializer.is_human_readable() {
                    serializer.collect_str(&Hyphenated(bytes))
                } else {
                    serializer.serialize_bytes(&bytes)
                }
            }
            _ => unreachable!("`Layouts` has no such type"),
        }
    }

    #[cfg(not(windows))]
    fn os_string(&self) -> OsString {
        use std::os::unix::ffi::OsStringExt;
        // SAFETY: `leaf` calls this only for an `OsString` or a `PathBuf`, whose `Repr` is a buffer of bytes here.
        OsString::from_vec(unsafe { self.elements::<u8>() }.to_vec())
    }

    #[cfg(windows)]
    fn os_string(&self) -> OsString {
        use std::os::windows::ffi::OsStringExt;
        // SAFETY: `leaf` calls this only for an `OsString` or a `PathBuf`, whose `Repr` is a buffer of `u16`s on Windows.
        OsString::from_wide(unsafe { self.elements::<u16>() })
    }

    fn sequence<S: Serializer>(&self, element: Id, serializer: S) -> Result<S::Ok, S::Error> {
        let depth = self.level::<S>()?;
        // SAFETY: the value has the kind `Sequence`, whose `Repr` is a buffer (`layout::facts`).
        let (first, len) = unsafe { self.read::<BufferRepr>() }.raw_parts();
        let size = self.layouts.get(element).size;
        let mut sequence = serializer.serialize_seq(Some(len))?;
        for index in 0..len {
            let at = first.wrapping_add(index * size);
            sequence.serialize_element(&self.part(element, at, depth, &Path::Index(self.path, index)))?;
        }
        sequence.end()
    }

    fn map<S: Serializer>(&self, pair: Id, serializer: S) -> Result<S::Ok, S::Error> {
        let depth = self.level::<S>()?;
        let node = self.layouts.get(pair);
        let Kind::Tuple(Record { fields, .. }) = &node.kind else { unreachable!("the elements of a map are pairs") };
        // SAFETY: the value has the kind `Map`, whose `Repr` is a buffer of pairs (`layout::facts`).
        let (first, len) = unsafe { self.read::<BufferRepr>() }.raw_parts();
        let mut map = serializer.serialize_map(Some(len))?;
        for index in 0..len {
            let at = first.wrapping_add(index * node.size);
            let path = Path::Index(self.path, index);
            let key = self.part(fields[0].ty, at.wrapping_add(fields[0].offset), depth, &path);
            map.serialize_key(&key)?;
            let named = key.as_text().map(|key| Path::Key(self.path, key));
            let value = at.wrapping_add(fields[1].offset);
            map.serialize_value(&self.part(fields[1].ty, value, depth, named.as_ref().unwrap_or(&path)))?;
        }
        map.end()
    }

    /// Returns the text if this value is a text.
    pub(super) fn as_text(&self) -> Option<&'a str> {
        // SAFETY: this reads only a value of the kind `Text`, whose `Repr` is a buffer of UTF-8, as in `walk`.
        matches!(self.layouts.get(self.id).kind, Kind::Text).then(|| unsafe { text(self.read()) })
    }

    /// Returns the box of a value whose type may grow.
    ///
    /// # Safety
    ///
    /// The value's type may grow.
    unsafe fn grown(&self) -> GrowsRepr {
        // SAFETY: the value's type may grow, as this function demands, and the `Repr` of such a type is a `GrowsRepr`.
        unsafe { self.read() }
    }

    fn structure<S: Serializer>(&self, of: &Struct, serializer: S) -> Result<S::Ok, S::Error> {
        let depth = self.level::<S>()?;
        let Struct { name, record, grows } = of;
        let count = record.fields.len();
        let mut at = self.at;
        if *grows {
            // SAFETY: `grows` is set, so the value's type is a struct that may grow.
            let grown = unsafe { self.grown() };
            if grown.number() as usize != count {
                let number = grown.number();
                return Err(S::Error::custom(format_args!("a lowered `{name}` has {number} fields, not {count}")));
            }
            at = grown.fields();
        }
        match record.style {
            style::UNIT => serializer.serialize_unit_struct(name),
            style::TUPLE if record.is_newtype() => {
                let field = &record.fields[0];
                let path = Path::Field(self.path, record.names[0]);
                let inner = self.part(field.ty, at.wrapping_add(field.offset), depth, &path);
                serializer.serialize_newtype_struct(name, &inner)
            }
            style::TUPLE => {
                let mut tuple = serializer.serialize_tuple_struct(name, count)?;
                self.fields(record, at, depth, self.path, |_, value| tuple.serialize_field(&value))?;
                tuple.end()
            }
            _ => {
                let mut fields = serializer.serialize_struct(name, count)?;
                self.fields(record, at, depth, self.path, |name, value| fields.serialize_field(name, &value))?;
                fields.end()
            }
        }
    }

    /// Calls `serialize` for each of the fields at `at`, with its name.
    fn fields<E>(
        &self,
        record: &Record,
        at: *const u8,
        depth: Depth,
        path: &Path<'_>,
        mut serialize: impl FnMut(&'static str, Value<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for (field, name) in record.fields.iter().zip(record.names) {
            let path = Path::Field(path, name);
            let at = at.wrapping_add(field.offset);
            serialize(name, Value { id: field.ty, at, depth, path: &path, ..*self })?;
        }
        Ok(())
    }

    fn enumeration<S: Serializer>(&self, of: &Enum, serializer: S) -> Result<S::Ok, S::Error> {
        let depth = self.level::<S>()?;
        let Enum { name, names, variants, payload, grows } = of;
        let (number, at) = if *grows {
            // SAFETY: `grows` is set, so the value's type is an enum that may grow.
            let grown = unsafe { self.grown() };
            if grown.number() == GrowsRepr::FALLBACK {
                return serializer.serialize_unit_variant(name, variants.len() as u32, names[variants.len()]);
            }
            (grown.number(), grown.fields())
        } else {
            // SAFETY: the value's type is an enum that may not grow. Its `Repr` begins with the number of its variant, a `u32`.
            (unsafe { self.read::<u32>() }, self.at.wrapping_add(*payload))
        };
        let Some(record) = variants.get(number as usize) else {
            return Err(self.unknown_tag::<S>(&format!("`{name}`"), number));
        };
        let variant = names[number as usize];
        let count = record.fields.len();
        let outer = Path::Field(self.path, variant);
        match record.style {
            style::UNIT => serializer.serialize_unit_variant(name, number, variant),
            style::TUPLE if record.is_newtype() => {
                let field = &record.fields[0];
                let inner = self.part(field.ty, at.wrapping_add(field.offset), depth, &outer);
                serializer.serialize_newtype_variant(name, number, variant, &inner)
            }
            style::TUPLE => {
                let mut tuple = serializer.serialize_tuple_variant(name, number, variant, count)?;
                for (index, field) in record.fields.iter().enumerate() {
                    let path = Path::Index(&outer, index);
                    tuple.serialize_field(&self.part(field.ty, at.wrapping_add(field.offset), depth, &path))?;
                }
                tuple.end()
            }
            _ => {
                let mut fields = serializer.serialize_struct_variant(name, number, variant, count)?;
                self.fields(record, at, depth, &outer, |name, value| fields.serialize_field(name, &value))?;
                fields.end()
            }
        }
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.state.note(self.walk(serializer), self.path)
    }
}

/// Makes a slice of the parts of a buffer.
///
/// # Safety
///
/// During `'a`, there are `len` `T`s at `ptr`, and nothing changes them.
unsafe fn slice<'a, T>((ptr, len): (*mut u8, usize)) -> &'a [T] {
    // SAFETY: there are `len` `T`s at `ptr` during `'a`, as this function demands. The address of an empty buffer may be any,
    // so it is not used.
    if len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(ptr.cast(), len) } }
}

/// Returns the text of a buffer.
///
/// # Safety
///
/// As for [`slice`](fn@slice), and the bytes are UTF-8.
unsafe fn text<'a>(buffer: BufferRepr) -> &'a str {
    // SAFETY: the buffer has bytes that do not change and are UTF-8, as this function demands.
    unsafe { std::str::from_utf8_unchecked(slice(buffer.raw_parts())) }
}

/// A JSON value at an address.
///
/// `json` is the `Repr` of a JSON value that [`Value`] has found, or a part of one. So its sender has written the field of
/// `payload` that the tag stands for, and nothing changes it during `'a`.
struct Json<'a> {
    json: &'a JsonRepr,
    depth: Depth,
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let JsonRepr { tag, payload } = self.json;
        let inner = || self.depth.level().ok_or_else(|| S::Error::custom(TOO_DEEP));
        match *tag {
            json::NULL => serializer.serialize_unit(),
            // SAFETY: for this tag, the sender has written `boolean`.
            json::BOOL => serializer.serialize_bool(unsafe { payload.boolean } != 0),
            // SAFETY: for this tag, the sender has written `unsigned`.
            json::U64 => serializer.serialize_u64(unsafe { payload.unsigned }),
            // SAFETY: for this tag, the sender has written `signed`.
            json::I64 => serializer.serialize_i64(unsafe { payload.signed }),
            // SAFETY: for this tag, the sender has written `float`.
            json::F64 => serializer.serialize_f64(unsafe { payload.float }),
            // SAFETY: for this tag, the sender has written `buffer`, from a `str`.
            json::STRING => serializer.serialize_str(unsafe { text(payload.buffer) }),
            json::ARRAY => {
                let depth = inner()?;
                // SAFETY: for this tag, the sender has written `buffer`, and its elements are JSON values.
                let elements = unsafe { slice::<JsonRepr>(payload.buffer.raw_parts()) };
                serializer.collect_seq(elements.iter().map(|json| Json { json, depth }))
            }
            json::OBJECT => {
                let depth = inner()?;
                // SAFETY: for this tag, the sender has written `buffer`, and its elements are fields.
                let fields = unsafe { slice::<JsonField>(payload.buffer.raw_parts()) };
                // SAFETY: the sender has written the key of each field from a `str`.
                let key = |field: &'_ JsonField| unsafe { text::<'_>(field.key) };
                serializer.collect_map(fields.iter().map(|field| (key(field), Json { json: &field.value, depth })))
            }
            // SAFETY: for this tag, the sender has written `buffer`, from the number's text.
            json::NUMBER => json_number(unsafe { text(payload.buffer) }, serializer),
            tag => Err(S::Error::custom(format_args!("a lowered JSON value has the tag {tag}, which means nothing"))),
        }
    }
}

/// Serialises a number that no number type of Rust can hold. This needs serde_json with its feature
/// `arbitrary_precision`. Without it, the number is serialised as an `f64` if that is exact.
fn json_number<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    #[cfg(feature = "json")]
    if std::mem::needs_drop::<serde_json::Number>() {
        return text.parse::<serde_json::Number>().map_err(S::Error::custom)?.serialize(serializer);
    }
    match text.parse::<f64>() {
        Ok(float) if is_float(text, float) => serializer.serialize_f64(float),
        _ => Err(S::Error::custom(format_args!(
            "this program cannot keep the JSON number {text} exactly; enable the feature `arbitrary_precision` of \
             serde_json in it"
        ))),
    }
}

/// A UUID, displayed with hyphens.
struct Hyphenated([u8; 16]);

impl std::fmt::Display for Hyphenated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().enumerate().try_for_each(|(index, byte)| {
            let hyphen = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{hyphen}{byte:02x}")
        })
    }
}
