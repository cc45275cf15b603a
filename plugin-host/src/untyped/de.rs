//! Builds at an address what a deserializer gives.

use std::ffi::{OsString, c_void};
use std::fmt;
use std::mem::ManuallyDrop;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use plugin_core::decimal::is_number;
use plugin_core::descriptor::{Tag, style};
use plugin_core::repr::{BufferRepr, GrowsRepr};
use serde::de::{DeserializeSeed, EnumAccess, Error, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::free::{Elements, Filling, NewBox, free, free_json_value};
use super::layout::{Enum, Id, Kind, Layouts, Record, Struct};
use super::reprs::{
    BytesRepr, DurationRepr, IpAddrRepr, JsonField, JsonRepr, JsonUnion, SocketAddrRepr, SocketAddrV4Repr,
    SocketAddrV6Repr, SystemTimeRepr, json,
};
use super::ser::Value;
use super::{Depth, MAX_EMPTY, Path, TOO_DEEP, Trouble};

/// Where a value is to be built. Nothing is there before, and nothing if it is an error or if what was built is dropped.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    layouts: &'a Arc<Layouts>,
    id: Id,
    at: *mut u8,
    depth: Depth,
    path: &'a Path<'a>,
    trouble: &'a Trouble,
}

/// A value that was built. A deserializer may still find something wrong when it is: what follows, for example. Then this
/// is dropped, and the value with it.
pub(crate) struct Built<'a> {
    layouts: &'a Layouts,
    id: Id,
    at: *mut u8,
}

impl Built<'_> {
    /// The value is its place's from now on.
    pub(crate) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Built<'_> {
    fn drop(&mut self) {
        // SAFETY: it is there, and nobody has been told of it.
        unsafe { free(self.layouts, self.id, self.at) }
    }
}

/// What the elements of a `Vec` are given away as.
fn give<T: Copy>(elements: Vec<T>) -> BufferRepr {
    let mut elements = ManuallyDrop::new(elements);
    // SAFETY: taken apart and forgotten.
    unsafe {
        let (ptr, len, capacity) = (elements.as_mut_ptr().cast(), elements.len(), elements.capacity());
        BufferRepr::from_raw_parts(ptr, len, capacity, size_of::<T>(), align_of::<T>())
    }
}

#[cfg(not(windows))]
fn os_units(text: OsString) -> Vec<u8> {
    use std::os::unix::ffi::OsStringExt;
    text.into_vec()
}

#[cfg(windows)]
fn os_units(text: OsString) -> Vec<u16> {
    use std::os::windows::ffi::OsStrExt;
    text.encode_wide().collect()
}

/// Writes the integer with this tag, which `$value!` gives for its type.
macro_rules! write_integer {
    ($to:expr, $tag:expr, $value:ident) => {
        match $tag {
            Tag::U8 => $to.write($value!(u8)),
            Tag::U16 => $to.write($value!(u16)),
            Tag::U32 => $to.write($value!(u32)),
            Tag::U64 => $to.write($value!(u64)),
            Tag::U128 => $to.write($value!(u128).to_ne_bytes()),
            Tag::Usize => $to.write($value!(usize)),
            Tag::I8 => $to.write($value!(i8)),
            Tag::I16 => $to.write($value!(i16)),
            Tag::I32 => $to.write($value!(i32)),
            Tag::I64 => $to.write($value!(i64)),
            Tag::I128 => $to.write($value!(i128).to_ne_bytes()),
            Tag::Isize => $to.write($value!(isize)),
            _ => unreachable!("`Layouts` has no such type"),
        }
    };
}

impl<'a> Target<'a> {
    /// # Safety
    ///
    /// At `at` is room for a `Repr` of the type.
    pub(crate) unsafe fn new(layouts: &'a Arc<Layouts>, id: Id, at: *mut u8, trouble: &'a Trouble) -> Self {
        Target { layouts, id, at, depth: Depth::TOP, path: &Path::Top, trouble }
    }

    /// A part of this value, whose place is within or behind this one.
    fn part<'b>(&self, id: Id, at: *mut u8, path: &'b Path<'b>) -> Target<'b>
    where
        'a: 'b,
    {
        Target { id, at, path, ..*self }
    }

    fn step<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.step().ok_or_else(|| E::custom(TOO_DEEP))?;
        Ok(Target { depth, ..self })
    }

    fn level<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.level().ok_or_else(|| E::custom(TOO_DEEP))?;
        Ok(Target { depth, ..self })
    }

    /// Counts an element of a sequence, map or array if it has no data: formats in which it takes no bytes could give any
    /// number of them.
    fn count_element<E: Error>(&self, element: Id) -> Result<(), E> {
        if self.layouts.get(element).is_empty && !self.trouble.count_empty() {
            return Err(E::custom(format_args!("more than {MAX_EMPTY} elements without data")));
        }
        Ok(())
    }

    fn write<T: Copy>(&self, value: T) {
        debug_assert!(size_of::<T>() <= self.layouts.get(self.id).size);
        // SAFETY: there is room for a `Repr` of the type, by `new`'s promise, and all that is written is such a `Repr` or
        // its beginning.
        unsafe { self.at.cast::<T>().write(value) }
    }

    /// What was written here is all of the value.
    fn built(self) -> Built<'a> {
        Built { layouts: self.layouts, id: self.id, at: self.at }
    }

    /// Each kind has a function of its own, because what this one needs of the stack it needs at each level.
    fn walk<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<Built<'a>, D::Error> {
        match &self.layouts.get(self.id).kind {
            Kind::Leaf(tag) => self.leaf(*tag, deserializer),
            Kind::NonZero(tag) => self.non_zero(*tag, deserializer),
            Kind::Text => self.text(deserializer),
            Kind::Sequence(element) => self.sequence(*element, deserializer),
            Kind::Map(pair) => self.map(*pair, deserializer),
            Kind::Box(inner) => self.boxed(*inner, deserializer),
            Kind::Array(element, count) => self.array(*element, *count, deserializer),
            Kind::Option(inner, offset) => self.option(*inner, *offset, deserializer),
            Kind::Result(parts, offset) => self.result(*parts, *offset, deserializer),
            Kind::Tuple(record) => self.tuple(record, deserializer),
            Kind::Struct(of) => self.strukt(of, deserializer),
            Kind::Enum(of) => self.enumeration(of, deserializer),
        }
    }

    fn text<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<Built<'a>, D::Error> {
        self.write(give(String::deserialize(deserializer)?.into_bytes()));
        Ok(self.built())
    }

    fn sequence<'de, D: Deserializer<'de>>(self, element: Id, deserializer: D) -> Result<Built<'a>, D::Error> {
        deserializer.deserialize_seq(SequenceVisitor { to: self.level()?, element })
    }

    fn map<'de, D: Deserializer<'de>>(self, pair: Id, deserializer: D) -> Result<Built<'a>, D::Error> {
        let Kind::Tuple(record) = &self.layouts.get(pair).kind else { unreachable!("a map is of pairs") };
        deserializer.deserialize_map(MapVisitor { to: self.level()?, pair, record })
    }

    fn boxed<'de, D: Deserializer<'de>>(self, inner: Id, deserializer: D) -> Result<Built<'a>, D::Error> {
        let mut one = Elements::new(self.layouts, inner);
        one.grow(1).map_err(D::Error::custom)?;
        let at = one.next().map_err(D::Error::custom)?;
        self.step()?.part(inner, at, self.path).walk(deserializer)?.keep();
        // SAFETY: just built.
        unsafe { one.added() };
        self.write(one.into_buffer());
        Ok(self.built())
    }

    fn array<'de, D: Deserializer<'de>>(
        self,
        element: Id,
        count: usize,
        deserializer: D,
    ) -> Result<Built<'a>, D::Error> {
        deserializer.deserialize_tuple(count, ArrayVisitor { to: self.level()?, element, count })
    }

    fn option<'de, D: Deserializer<'de>>(
        self,
        inner: Id,
        offset: usize,
        deserializer: D,
    ) -> Result<Built<'a>, D::Error> {
        deserializer.deserialize_option(OptionVisitor { to: self.step()?, inner, offset })
    }

    fn result<'de, D: Deserializer<'de>>(
        self,
        parts: [Id; 2],
        offset: usize,
        deserializer: D,
    ) -> Result<Built<'a>, D::Error> {
        const NAMES: &[&str] = &["Ok", "Err"];
        let variants = Variants::Result(parts, offset);
        let visitor = EnumVisitor { to: self.level()?, name: "Result", names: NAMES, variants };
        deserializer.deserialize_enum("Result", NAMES, visitor)
    }

    fn tuple<'de, D: Deserializer<'de>>(self, record: &'a Record, deserializer: D) -> Result<Built<'a>, D::Error> {
        let visitor = RecordVisitor { to: self.level()?, record, grows: false, what: What::Tuple };
        deserializer.deserialize_tuple(record.fields.len(), visitor)?.0.finish();
        Ok(self.built())
    }

    fn enumeration<'de, D: Deserializer<'de>>(self, of: &'a Enum, deserializer: D) -> Result<Built<'a>, D::Error> {
        let Enum { name, names, .. } = of;
        let visitor = EnumVisitor { to: self.level()?, name, names, variants: Variants::Enum(of) };
        deserializer.deserialize_enum(name, names, visitor)
    }

    fn strukt<'de, D: Deserializer<'de>>(self, of: &'a Struct, deserializer: D) -> Result<Built<'a>, D::Error> {
        let Struct { name, record, grows } = of;
        let new_box = grows.then(|| NewBox::new(self.layouts, self.id, record)).transpose();
        let new_box = new_box.map_err(D::Error::custom)?;
        let at = new_box.as_ref().map_or(self.at, NewBox::at);
        let to = Target { at, ..self.level()? };
        let visitor = RecordVisitor { to, record, grows: *grows, what: What::Struct(name) };
        let (fields, number) = match record.style {
            style::UNIT => deserializer.deserialize_unit_struct(name, visitor),
            style::TUPLE if record.is_newtype() => deserializer.deserialize_newtype_struct(name, visitor),
            style::TUPLE => deserializer.deserialize_tuple_struct(name, record.fields.len(), visitor),
            _ => deserializer.deserialize_struct(name, record.names, visitor),
        }?;
        fields.finish();
        if let Some(new_box) = new_box {
            // SAFETY: the visitor has put so many fields there.
            self.write(unsafe { new_box.finish(number) });
        }
        Ok(self.built())
    }

    fn leaf<'de, D: Deserializer<'de>>(self, tag: Tag, deserializer: D) -> Result<Built<'a>, D::Error> {
        macro_rules! value {
            ($ty:ty) => {
                <$ty>::deserialize(deserializer)?
            };
        }
        match tag {
            Tag::Unit => {
                value!(());
                self.write(0_u8);
            }
            Tag::Bool => self.write(u8::from(value!(bool))),
            Tag::Char => self.write(u32::from(value!(char))),
            Tag::F32 => self.write(value!(f32)),
            Tag::F64 => self.write(value!(f64)),
            Tag::PathBuf => self.write(give(os_units(value!(PathBuf).into_os_string()))),
            Tag::OsString => self.write(give(os_units(value!(OsString)))),
            Tag::Duration => {
                let duration = value!(Duration);
                self.write(DurationRepr { secs: duration.as_secs(), nanos: duration.subsec_nanos() });
            }
            Tag::SystemTime => {
                let since = value!(SystemTime).duration_since(SystemTime::UNIX_EPOCH).map_err(D::Error::custom)?;
                let secs = i64::try_from(since.as_secs()).map_err(D::Error::custom)?;
                self.write(SystemTimeRepr { secs, nanos: since.subsec_nanos() });
            }
            Tag::Ordering => {
                const NAMES: &[&str] = &["Less", "Equal", "Greater"];
                let visitor = EnumVisitor { to: self, name: "Ordering", names: NAMES, variants: Variants::Ordering };
                return deserializer.deserialize_enum("Ordering", NAMES, visitor);
            }
            Tag::Ipv4Addr => self.write(value!(Ipv4Addr).octets()),
            Tag::Ipv6Addr => self.write(value!(Ipv6Addr).octets()),
            Tag::IpAddr => self.write(IpAddrRepr::new(value!(IpAddr))),
            Tag::SocketAddrV4 => self.write(SocketAddrV4Repr::new(value!(SocketAddrV4))),
            Tag::SocketAddrV6 => self.write(SocketAddrV6Repr::new(value!(SocketAddrV6))),
            Tag::SocketAddr => self.write(SocketAddrRepr::new(value!(SocketAddr))),
            Tag::Error => {
                let messages = value!(Vec<String>);
                if messages.is_empty() {
                    return Err(D::Error::invalid_length(0, &"at least one message"));
                }
                let messages: Vec<BufferRepr> =
                    messages.into_iter().map(|message| give(message.into_bytes())).collect();
                self.write(give(messages));
            }
            Tag::Bytes => {
                let bytes = deserializer.deserialize_byte_buf(BytesVisitor)?;
                self.write(give_bytes(Arc::new(bytes)));
            }
            Tag::Json => {
                let json = JsonSeed(self.depth).deserialize(deserializer)?;
                self.write(json.into_inner());
            }
            Tag::Uuid => self.write(if deserializer.is_human_readable() {
                deserializer.deserialize_str(UuidVisitor)?
            } else {
                deserializer.deserialize_bytes(UuidVisitor)?
            }),
            tag => write_integer!(self, tag, value),
        }
        Ok(self.built())
    }

    fn non_zero<'de, D: Deserializer<'de>>(self, tag: Tag, deserializer: D) -> Result<Built<'a>, D::Error> {
        macro_rules! value {
            ($ty:ty) => {
                NonZero::<$ty>::deserialize(deserializer)?.get()
            };
        }
        write_integer!(self, tag, value);
        Ok(self.built())
    }
}

impl<'de, 'a> DeserializeSeed<'de> for Target<'a> {
    type Value = Built<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Built<'a>, D::Error> {
        self.trouble.note(self.walk(deserializer), self.path)
    }
}

/// The elements of a buffer.
struct SequenceVisitor<'a> {
    to: Target<'a>,
    element: Id,
}

impl<'de, 'a> Visitor<'de> for SequenceVisitor<'a> {
    type Value = Built<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Built<'a>, A::Error> {
        /// How many bytes are made room for because of a number in the input alone.
        const MOST_AHEAD: usize = 1 << 20;
        let SequenceVisitor { to, element } = self;
        let mut elements = Elements::new(to.layouts, element);
        let most = MOST_AHEAD / to.layouts.get(element).size;
        if let Some(ahead) = sequence.size_hint().map(|hint| hint.min(most)).filter(|&ahead| ahead != 0) {
            elements.grow(ahead).map_err(A::Error::custom)?;
        }
        loop {
            let path = Path::Index(to.path, elements.len());
            let at = elements.next().map_err(A::Error::custom)?;
            let Some(built) = sequence.next_element_seed(to.part(element, at, &path))? else { break };
            built.keep();
            // SAFETY: just built.
            unsafe { elements.added() };
            to.count_element(element)?;
        }
        to.write(elements.into_buffer());
        Ok(to.built())
    }
}

/// The pairs of a map.
struct MapVisitor<'a> {
    to: Target<'a>,
    pair: Id,
    record: &'a Record,
}

impl<'de, 'a> Visitor<'de> for MapVisitor<'a> {
    type Value = Built<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Built<'a>, A::Error> {
        let MapVisitor { to, pair, record } = self;
        let mut pairs = Elements::new(to.layouts, pair);
        loop {
            let at = pairs.next().map_err(A::Error::custom)?;
            let mut filling = Filling::new(to.layouts, record, at);
            let path = Path::Index(to.path, pairs.len());
            let (key, value) = (record.fields[0].ty, record.fields[1].ty);
            let Some(built) = map.next_key_seed(to.part(key, filling.at(0), &path))? else { break };
            built.keep();
            // SAFETY: just built; it stays as it is while it is read.
            let key = unsafe {
                filling.did(0);
                Value::new(to.layouts, key, filling.at(0), to.trouble).as_text()
            };
            let named = key.map(|key| Path::Key(to.path, key));
            map.next_value_seed(to.part(value, filling.at(1), named.as_ref().unwrap_or(&path)))?.keep();
            filling.finish();
            // SAFETY: both were built.
            unsafe { pairs.added() };
            to.count_element(pair)?;
        }
        to.write(pairs.into_buffer());
        Ok(to.built())
    }
}

struct ArrayVisitor<'a> {
    to: Target<'a>,
    element: Id,
    count: usize,
}

impl<'de, 'a> Visitor<'de> for ArrayVisitor<'a> {
    type Value = Built<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of length {}", self.count)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Built<'a>, A::Error> {
        let ArrayVisitor { to, element, count } = self;
        // Dropped if one of them is an error.
        struct Done<'a>(&'a Layouts, Id, *mut u8, usize);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                // SAFETY: so many were built.
                unsafe { super::free::free_elements(self.0, self.1, self.2, self.3) }
            }
        }
        let size = to.layouts.get(element).size;
        let mut done = Done(to.layouts, element, to.at, 0);
        while done.3 < count {
            let path = Path::Index(to.path, done.3);
            let place = to.part(element, to.at.wrapping_add(done.3 * size), &path);
            match sequence.next_element_seed(place)? {
                Some(built) => built.keep(),
                None => return Err(A::Error::invalid_length(done.3, &self)),
            }
            done.3 += 1;
            to.count_element(element)?;
        }
        std::mem::forget(done);
        Ok(to.built())
    }
}

struct OptionVisitor<'a> {
    to: Target<'a>,
    inner: Id,
    offset: usize,
}

impl<'de, 'a> Visitor<'de> for OptionVisitor<'a> {
    type Value = Built<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("option")
    }

    fn visit_none<E: Error>(self) -> Result<Built<'a>, E> {
        self.to.write(0_u8);
        Ok(self.to.built())
    }

    fn visit_unit<E: Error>(self) -> Result<Built<'a>, E> {
        self.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Built<'a>, D::Error> {
        let to = self.to;
        to.part(self.inner, to.at.wrapping_add(self.offset), to.path).deserialize(deserializer)?.keep();
        to.write(1_u8);
        Ok(to.built())
    }
}

/// What a [`RecordVisitor`] builds, for its messages.
#[derive(Clone, Copy)]
enum What<'a> {
    Tuple,
    Struct(&'a str),
    Variant(&'a str, &'a str),
}

/// The fields of a tuple, struct or variant. Gives them and how many there are.
struct RecordVisitor<'a> {
    to: Target<'a>,
    record: &'a Record,
    /// Whether the last fields may be left out if they have defaults.
    grows: bool,
    what: What<'a>,
}

impl<'a> RecordVisitor<'a> {
    fn filling(&self) -> Filling<'a> {
        Filling::new(self.to.layouts, self.record, self.to.at)
    }

    fn path<'b>(&'b self, index: usize) -> Path<'b> {
        match self.record.names.get(index) {
            Some(name) if !matches!((self.what, self.record.style), (What::Variant(..), style::TUPLE)) => {
                Path::Field(self.to.path, name)
            }
            _ => Path::Index(self.to.path, index),
        }
    }

    fn field<'b>(&'b self, filling: &Filling<'_>, index: usize, path: &'b Path<'b>) -> Target<'b> {
        self.to.part(self.record.fields[index].ty, filling.at(index), path)
    }

    /// Whether the fields from this one on may be left out.
    fn may_end(&self, index: usize) -> bool {
        self.grows && self.record.fields[index..].iter().all(|field| field.defaulted)
    }
}

impl<'de, 'a> Visitor<'de> for RecordVisitor<'a> {
    type Value = (Filling<'a>, u32);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.record.fields.len();
        let elements = if count == 1 { "element" } else { "elements" };
        match (self.what, self.record.style) {
            (What::Tuple, _) => write!(f, "a tuple of size {count}"),
            (What::Struct(name), style::UNIT) => write!(f, "unit struct {name}"),
            (What::Struct(name), style::TUPLE) => write!(f, "tuple struct {name} with {count} {elements}"),
            (What::Struct(name), _) => write!(f, "struct {name} with {count} {elements}"),
            (What::Variant(name, variant), style::TUPLE) => {
                write!(f, "tuple variant {name}::{variant} with {count} {elements}")
            }
            (What::Variant(name, variant), _) => {
                write!(f, "struct variant {name}::{variant} with {count} {elements}")
            }
        }
    }

    fn visit_unit<E: Error>(self) -> Result<(Filling<'a>, u32), E> {
        if self.record.style != style::UNIT {
            return Err(E::invalid_type(Unexpected::Unit, &self));
        }
        Ok((self.filling(), 0))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<(Filling<'a>, u32), D::Error> {
        if !self.record.is_newtype() {
            return Err(D::Error::invalid_type(Unexpected::NewtypeStruct, &self));
        }
        let mut filling = self.filling();
        let path = self.path(0);
        self.field(&filling, 0, &path).deserialize(deserializer)?.keep();
        // SAFETY: just built.
        unsafe { filling.did(0) };
        Ok((filling, 1))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(Filling<'a>, u32), A::Error> {
        if self.record.style == style::UNIT {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        let mut filling = self.filling();
        let count = self.record.fields.len();
        for index in 0..count {
            let path = self.path(index);
            match sequence.next_element_seed(self.field(&filling, index, &path))? {
                Some(built) => built.keep(),
                None if self.may_end(index) => return Ok((filling, index as u32)),
                None => return Err(A::Error::invalid_length(index, &self)),
            }
            // SAFETY: just built.
            unsafe { filling.did(index) };
        }
        Ok((filling, count as u32))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(Filling<'a>, u32), A::Error> {
        if self.record.style != style::NAMED {
            return Err(A::Error::invalid_type(Unexpected::Map, &self));
        }
        let names = self.record.names;
        let mut filling = self.filling();
        while let Some(index) = map.next_key_seed(NameSeed { names, variants: false })? {
            if filling.is_done(index) {
                return Err(A::Error::duplicate_field(names[index]));
            }
            let path = self.path(index);
            map.next_value_seed(self.field(&filling, index, &path))?.keep();
            // SAFETY: just built.
            unsafe { filling.did(index) };
        }
        let count = names.len();
        for (index, field) in self.record.fields.iter().enumerate() {
            if filling.is_done(index) {
                continue;
            }
            let rest_is_missing = (index..count).all(|index| !filling.is_done(index));
            if self.may_end(index) && rest_is_missing {
                return Ok((filling, index as u32));
            }
            if self.grows && field.defaulted {
                return Err(A::Error::custom(format_args!(
                    "missing field `{}`: it can only be left out with all that follow it",
                    names[index]
                )));
            }
            if !matches!(self.to.layouts.get(field.ty).kind, Kind::Option(..)) {
                return Err(A::Error::missing_field(names[index]));
            }
            // SAFETY: an `Option` with the tag 0 is `None`.
            unsafe {
                filling.at(index).write(0);
                filling.did(index);
            }
        }
        Ok((filling, count as u32))
    }
}

/// Finds the field or variant of that name.
struct NameSeed {
    names: &'static [&'static str],
    variants: bool,
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

#[derive(Clone, Copy)]
enum Variants<'a> {
    Ordering,
    /// And where either is.
    Result([Id; 2], usize),
    Enum(&'a Enum),
}

struct EnumVisitor<'a> {
    to: Target<'a>,
    name: &'static str,
    names: &'static [&'static str],
    variants: Variants<'a>,
}

impl<'de, 'a> Visitor<'de> for EnumVisitor<'a> {
    type Value = Built<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "enum {}", self.name)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Built<'a>, A::Error> {
        let EnumVisitor { to, names, variants, .. } = self;
        let (index, access) = data.variant_seed(NameSeed { names, variants: true })?;
        let path = Path::Field(to.path, names[index]);
        match variants {
            Variants::Ordering => {
                access.unit_variant()?;
                to.write(index as i8 - 1);
                Ok(to.built())
            }
            Variants::Result(parts, offset) => {
                access.newtype_variant_seed(to.part(parts[index], to.at.wrapping_add(offset), &path))?.keep();
                to.write(index as u8);
                Ok(to.built())
            }
            Variants::Enum(of) => {
                let result = variant(to, of, index, &path, access);
                to.trouble.note(result, &path)
            }
        }
    }
}

/// Builds one variant of an enum.
fn variant<'de, 'a, A: VariantAccess<'de>>(
    to: Target<'a>,
    of: &Enum,
    index: usize,
    path: &Path<'_>,
    access: A,
) -> Result<Built<'a>, A::Error> {
    const NONE: &Record = &Record { fields: Vec::new(), names: &[], style: style::UNIT, size: 1, align: 1 };
    let (record, number) = match of.variants.get(index) {
        Some(record) => (record, index as u32),
        None => (NONE, GrowsRepr::FALLBACK),
    };
    let new_box = of.grows.then(|| NewBox::new(to.layouts, to.id, record)).transpose().map_err(A::Error::custom)?;
    let at = new_box.as_ref().map_or(to.at.wrapping_add(of.payload), NewBox::at);
    let what = What::Variant(of.name, of.names[index]);
    let visitor = RecordVisitor { to: Target { at, path, ..to }, record, grows: false, what };
    match record.style {
        style::UNIT => access.unit_variant()?,
        style::TUPLE if record.is_newtype() => {
            let field = &record.fields[0];
            access.newtype_variant_seed(to.part(field.ty, at.wrapping_add(field.offset), path))?.keep();
        }
        style::TUPLE => access.tuple_variant(record.fields.len(), visitor)?.0.finish(),
        _ => access.struct_variant(record.names, visitor)?.0.finish(),
    }
    match new_box {
        // SAFETY: its fields are there.
        Some(new_box) => to.write(unsafe { new_box.finish(number) }),
        None => to.write(number),
    }
    Ok(to.built())
}

/// Bytes, as any format may have them.
struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("byte array")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
        Ok(text.as_bytes().to_vec())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = sequence.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

/// Gives away a share in bytes of the host's.
fn give_bytes(bytes: Arc<Vec<u8>>) -> BytesRepr {
    let (ptr, len) = (bytes.as_ptr(), bytes.len());
    let owner = Arc::into_raw(bytes).cast_mut().cast();
    BytesRepr { ptr, len, owner, free: Some(free_bytes), share: share_bytes }
}

/// Gives up a share.
unsafe extern "C" fn free_bytes(owner: *mut c_void) {
    // It is a `Vec` of bytes, so no code of an author's runs here, and nothing can panic.
    // SAFETY: given away by `give_bytes`, and given up once.
    drop(unsafe { Arc::from_raw(owner.cast::<Vec<u8>>()) });
}

/// Makes another share.
unsafe extern "C" fn share_bytes(owner: *const c_void) -> BytesRepr {
    // SAFETY: given away by `give_bytes`, and not given up yet: it is only borrowed here.
    let share = std::mem::ManuallyDrop::new(unsafe { Arc::from_raw(owner.cast::<Vec<u8>>()) });
    give_bytes(Arc::clone(&share))
}

struct UuidVisitor;

/// Reads a UUID with hyphens or without, also in braces or as a URN.
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

/// A JSON value that is nobody else's.
struct OwnedJson(JsonRepr);

impl OwnedJson {
    fn into_inner(self) -> JsonRepr {
        ManuallyDrop::new(self).0
    }

    fn number(float: f64) -> Self {
        // JSON has no others.
        if float.is_finite() {
            OwnedJson(JsonRepr { tag: json::F64, payload: JsonUnion { float } })
        } else {
            OwnedJson(JsonRepr { tag: json::NULL, payload: JsonUnion { unsigned: 0 } })
        }
    }

    fn unsigned(unsigned: u64) -> Self {
        OwnedJson(JsonRepr { tag: json::U64, payload: JsonUnion { unsigned } })
    }

    /// One that is less than 0.
    fn signed(signed: i64) -> Self {
        OwnedJson(JsonRepr { tag: json::I64, payload: JsonUnion { signed } })
    }

    fn text(text: String) -> Self {
        OwnedJson(JsonRepr { tag: json::STRING, payload: JsonUnion { buffer: give(text.into_bytes()) } })
    }

    /// What it says if it is a text.
    fn as_text(&self) -> Option<&str> {
        if self.0.tag != json::STRING {
            return None;
        }
        // SAFETY: the tag says that it is a buffer.
        let (bytes, len) = unsafe { self.0.payload.buffer }.raw_parts();
        // SAFETY: it is there, and is not freed before `self` is.
        let bytes = unsafe { std::slice::from_raw_parts(bytes, len) };
        std::str::from_utf8(bytes).ok()
    }
}

impl Drop for OwnedJson {
    fn drop(&mut self) {
        // SAFETY: it is nobody else's.
        unsafe { free_json_value(&mut self.0) }
    }
}

/// What `serde_json` gives as the key of a map of one string where it means the number in the string: it does so if
/// anything in the program has its feature `arbitrary_precision` enabled.
const NUMBER: &str = "$serde_json::private::Number";

/// The number that a text means. It crosses as it is written if it is none of Rust's.
fn json_number<E: Error>(text: &str) -> Result<OwnedJson, E> {
    if !is_number(text) {
        return Err(E::invalid_value(Unexpected::Str(text), &"a JSON number"));
    }
    if let Ok(unsigned) = text.parse() {
        return Ok(OwnedJson::unsigned(unsigned));
    }
    // What is left of 0 is -0, which only a float can be.
    if let Some(signed) = text.parse().ok().filter(|&signed| signed != 0) {
        return Ok(OwnedJson::signed(signed));
    }
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() && format!("{float:?}") == text => Ok(OwnedJson::number(float)),
        _ => {
            let buffer = give(text.as_bytes().to_vec());
            Ok(OwnedJson(JsonRepr { tag: json::NUMBER, payload: JsonUnion { buffer } }))
        }
    }
}

#[derive(Clone, Copy)]
struct JsonSeed(Depth);

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
        Ok(OwnedJson(JsonRepr { tag: json::ARRAY, payload: JsonUnion { buffer: give(elements) } }))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OwnedJson, A::Error> {
        let inner = self.inner::<A::Error>();
        let mut fields = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = match &inner {
                Ok(inner) => map.next_value_seed(*inner)?,
                // A number is no level of its own.
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
        let fields = fields.map(|(key, value)| JsonField { key: give(key.into_bytes()), value: value.into_inner() });
        let buffer = give(fields.collect());
        Ok(OwnedJson(JsonRepr { tag: json::OBJECT, payload: JsonUnion { buffer } }))
    }
}
