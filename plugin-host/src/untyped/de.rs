//! Builds a value at an address from a deserializer.

pub(crate) mod target;

use std::fmt;

use plugin_core::host::descriptor::{Tag, style};
use plugin_core::host::with_deep_room;
use plugin_core::repr::GrowsRepr;
use serde::de::{DeserializeSeed, EnumAccess, Error, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::untyped::buffer::lower_buffer;
use crate::untyped::de::target::{Built, Target};
use crate::untyped::free::{Elements, NewBox, PartialRecord, free_elements};
use crate::untyped::layout::{Enum, Id, Kind, Layouts, Record, Struct};
use crate::untyped::leaves;
use crate::untyped::leaves::numbers::read_non_zero;
use crate::untyped::names::NameSeed;
use crate::untyped::ser::Value;
use crate::untyped::walk::{Form, Here, Path};

impl<'a> Target<'a> {
    /// Builds the value. The walk goes on with another stack where this one has no room.
    fn walk<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<Built<'a>, D::Error> {
        with_deep_room(|| self.walk_here(deserializer))
    }

    /// Builds the value. Each kind has a function of its own, so that the stack frame of this function stays small:
    /// there is one at each level of the value.
    fn walk_here<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<Built<'a>, D::Error> {
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
            Kind::Struct(of) => self.structure(of, deserializer),
            Kind::Enum(of) => self.enumeration(of, deserializer),
        }
    }

    fn leaf<'de, D: Deserializer<'de>>(self, tag: Tag, deserializer: D) -> Result<Built<'a>, D::Error> {
        let here = Here { depth: self.depth, form: self.state.form() };
        // SAFETY: by `new`'s promise, there is room for a `Repr` of the type, which has this tag.
        unsafe { leaves::read(tag, self.at, here, deserializer)? };
        Ok(self.built())
    }

    fn non_zero<'de, D: Deserializer<'de>>(self, tag: Tag, deserializer: D) -> Result<Built<'a>, D::Error> {
        // SAFETY: by `new`'s promise, there is room for a `Repr` of the type, which is that of the integer.
        unsafe { read_non_zero(tag, self.at, deserializer)? };
        Ok(self.built())
    }

    fn text<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<Built<'a>, D::Error> {
        self.write(lower_buffer(String::deserialize(deserializer)?.into_bytes()));
        Ok(self.built())
    }

    fn sequence<'de, D: Deserializer<'de>>(self, element: Id, deserializer: D) -> Result<Built<'a>, D::Error> {
        deserializer.deserialize_seq(SequenceVisitor { to: self.level()?, element })
    }

    fn map<'de, D: Deserializer<'de>>(self, pair: Id, deserializer: D) -> Result<Built<'a>, D::Error> {
        let Kind::Tuple(record) = &self.layouts.get(pair).kind else { unreachable!("the elements of a map are pairs") };
        deserializer.deserialize_map(MapVisitor { to: self.level()?, pair, record })
    }

    fn boxed<'de, D: Deserializer<'de>>(self, inner: Id, deserializer: D) -> Result<Built<'a>, D::Error> {
        let mut one = Elements::new(self.layouts, inner);
        one.grow(1).map_err(D::Error::custom)?;
        let at = one.next().map_err(D::Error::custom)?;
        self.step()?.part(inner, at, self.path).walk(deserializer)?.keep();
        // SAFETY: `walk` has built the element at `at`, the address from `next`, and `keep` has left it there.
        unsafe { one.mark_added() };
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
        let visitor = RecordVisitor { to: self.level()?, record, grows: false, kind: RecordKind::Tuple };
        deserializer.deserialize_tuple(record.fields.len(), visitor)?.0.finish();
        Ok(self.built())
    }

    fn enumeration<'de, D: Deserializer<'de>>(self, of: &'a Enum, deserializer: D) -> Result<Built<'a>, D::Error> {
        let Enum { name, names, .. } = of;
        let visitor = EnumVisitor { to: self.level()?, name, names, variants: Variants::Enum(of) };
        deserializer.deserialize_enum(name, names, visitor)
    }

    fn structure<'de, D: Deserializer<'de>>(self, of: &'a Struct, deserializer: D) -> Result<Built<'a>, D::Error> {
        let Struct { name, record, grows } = of;
        let new_box = grows.then(|| NewBox::new(self.layouts, self.id, record)).transpose();
        let new_box = new_box.map_err(D::Error::custom)?;
        let at = new_box.as_ref().map_or(self.at, NewBox::at);
        let to = Target { at, ..self.level()? };
        let visitor = RecordVisitor { to, record, grows: *grows, kind: RecordKind::Struct(name) };
        let (fields, number) = match record.style {
            // Their number comes before the fields.
            style::TUPLE | style::NAMED if *grows && self.state.form() == Form::Wire => {
                deserializer.deserialize_seq(visitor)
            }
            style::UNIT => deserializer.deserialize_unit_struct(name, visitor),
            style::TUPLE if record.is_newtype() => deserializer.deserialize_newtype_struct(name, visitor),
            style::TUPLE => deserializer.deserialize_tuple_struct(name, record.fields.len(), visitor),
            _ => deserializer.deserialize_struct(name, record.names, visitor),
        }?;
        fields.finish();
        if let Some(new_box) = new_box {
            // SAFETY: the visitor has built the first `number` fields of the struct, in the box. `finish` has left them there.
            self.write(unsafe { new_box.finish(number) });
        }
        Ok(self.built())
    }
}

impl<'de, 'a> DeserializeSeed<'de> for Target<'a> {
    type Value = Built<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Built<'a>, D::Error> {
        self.state.note(self.walk(deserializer), self.path)
    }
}

/// Builds the elements of a buffer.
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
        /// The most bytes that are allocated because of a number in the input, before there are elements.
        const MAX_BYTES_AHEAD: usize = 1 << 20;
        let SequenceVisitor { to, element } = self;
        let mut elements = Elements::new(to.layouts, element);
        let max_ahead = MAX_BYTES_AHEAD / to.layouts.get(element).size;
        if let Some(ahead) = sequence.size_hint().map(|hint| hint.min(max_ahead)).filter(|&ahead| ahead != 0) {
            elements.grow(ahead).map_err(A::Error::custom)?;
        }
        loop {
            let path = Path::Index(to.path, elements.len());
            if sequence
                .next_element_seed(NextElement { to: &to, elements: &mut elements, element, path: &path })?
                .is_none()
            {
                break;
            }
            to.count_element(element)?;
        }
        to.write(elements.into_buffer());
        Ok(to.built())
    }
}

/// Adds an element to a list. The list gets room for the element when the input has one. So a list without elements takes no memory.
struct NextElement<'a, 'b> {
    to: &'b Target<'a>,
    elements: &'b mut Elements<'a>,
    element: Id,
    path: &'b Path<'b>,
}

impl<'de> DeserializeSeed<'de> for NextElement<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let at = self.elements.next().map_err(D::Error::custom)?;
        self.to.part(self.element, at, self.path).deserialize(deserializer)?.keep();
        // SAFETY: the target has built the element at `at`, the address from `next`, and `keep` has left it there.
        unsafe { self.elements.mark_added() };
        Ok(())
    }
}

/// Builds the pairs of a map.
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
            let path = Path::Index(to.path, pairs.len());
            let next = NextKey { to: &to, pairs: &mut pairs, record, path: &path };
            let Some(fields) = map.next_key_seed(next)? else { break };
            let (key, value) = (record.fields[0].ty, record.fields[1].ty);
            // SAFETY: `NextKey` has built the key. Nothing changes the key while `key` is used: that is before `fields` is finished or
            // dropped.
            let key = unsafe { Value::new(to.layouts, key, fields.at(0), to.state).as_text() };
            let named = key.map(|key| Path::Key(to.path, key));
            map.next_value_seed(to.part(value, fields.at(1), named.as_ref().unwrap_or(&path)))?.keep();
            fields.finish();
            // SAFETY: a pair consists of its key and its value. Both were built at the address from `next`, and `finish` has left them
            // there.
            unsafe { pairs.mark_added() };
            to.count_element(pair)?;
        }
        to.write(pairs.into_buffer());
        Ok(to.built())
    }
}

/// Builds the key of a pair. The list gets room for the pair when the input has one, as in [`NextElement`].
struct NextKey<'a, 'b> {
    to: &'b Target<'a>,
    pairs: &'b mut Elements<'a>,
    record: &'a Record,
    path: &'b Path<'b>,
}

impl<'de, 'a> DeserializeSeed<'de> for NextKey<'a, '_> {
    type Value = PartialRecord<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<PartialRecord<'a>, D::Error> {
        let at = self.pairs.next().map_err(D::Error::custom)?;
        let mut fields = PartialRecord::new(self.to.layouts, self.record, at);
        self.to.part(self.record.fields[0].ty, fields.at(0), self.path).deserialize(deserializer)?.keep();
        // SAFETY: the target has built the key at its address, and `keep` has left it there.
        unsafe { fields.mark_built(0) };
        Ok(fields)
    }
}

/// Builds the elements of an array.
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
        // The elements that are built. They are dropped if a later element is an error.
        struct Done<'a>(&'a Layouts, Id, *mut u8, usize);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                // SAFETY: the loop below counts an element in `self.3` after it was built and kept. `Done` is forgotten when all
                // are built, so here they still belong to it and are dropped once.
                unsafe { free_elements(self.0, self.1, self.2, self.3) }
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

/// Builds an `Option`.
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

/// The kind of a record that a [`RecordVisitor`] builds, for its messages.
#[derive(Clone, Copy)]
enum RecordKind<'a> {
    Tuple,
    Struct(&'a str),
    Variant(&'a str, &'a str),
}

/// Builds the fields of a tuple, struct or variant. Returns the fields and their number.
struct RecordVisitor<'a> {
    to: Target<'a>,
    record: &'a Record,
    /// Whether the last fields may be left out if they have defaults.
    grows: bool,
    kind: RecordKind<'a>,
}

impl<'a> RecordVisitor<'a> {
    fn partial_record(&self) -> PartialRecord<'a> {
        PartialRecord::new(self.to.layouts, self.record, self.to.at)
    }

    fn path<'b>(&'b self, index: usize) -> Path<'b> {
        match self.record.names.get(index) {
            Some(name) if !matches!((self.kind, self.record.style), (RecordKind::Variant(..), style::TUPLE)) => {
                Path::Field(self.to.path, name)
            }
            _ => Path::Index(self.to.path, index),
        }
    }

    fn field<'b>(&'b self, fields: &PartialRecord<'_>, index: usize, path: &'b Path<'b>) -> Target<'b> {
        self.to.part(self.record.fields[index].ty, fields.at(index), path)
    }

    /// Returns true if the fields from `index` on may be left out.
    fn may_end(&self, index: usize) -> bool {
        self.grows && !self.to.state.is_reply() && self.record.fields[index..].iter().all(|field| field.defaulted)
    }
}

impl<'de, 'a> Visitor<'de> for RecordVisitor<'a> {
    type Value = (PartialRecord<'a>, u32);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.record.fields.len();
        let elements = if count == 1 { "element" } else { "elements" };
        match (self.kind, self.record.style) {
            (RecordKind::Tuple, _) => write!(f, "a tuple of size {count}"),
            (RecordKind::Struct(name), style::UNIT) => write!(f, "unit struct {name}"),
            (RecordKind::Struct(name), style::TUPLE) => write!(f, "tuple struct {name} with {count} {elements}"),
            (RecordKind::Struct(name), _) => write!(f, "struct {name} with {count} {elements}"),
            (RecordKind::Variant(name, variant), style::TUPLE) => {
                write!(f, "tuple variant {name}::{variant} with {count} {elements}")
            }
            (RecordKind::Variant(name, variant), _) => {
                write!(f, "struct variant {name}::{variant} with {count} {elements}")
            }
        }
    }

    fn visit_unit<E: Error>(self) -> Result<(PartialRecord<'a>, u32), E> {
        if self.record.style != style::UNIT {
            return Err(E::invalid_type(Unexpected::Unit, &self));
        }
        Ok((self.partial_record(), 0))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<(PartialRecord<'a>, u32), D::Error> {
        if !self.record.is_newtype() {
            return Err(D::Error::invalid_type(Unexpected::NewtypeStruct, &self));
        }
        let mut fields = self.partial_record();
        let path = self.path(0);
        self.field(&fields, 0, &path).deserialize(deserializer)?.keep();
        // SAFETY: `deserialize` has built the field at its address, and `keep` has left it there.
        unsafe { fields.mark_built(0) };
        Ok((fields, 1))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(PartialRecord<'a>, u32), A::Error> {
        if self.record.style == style::UNIT {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        let mut fields = self.partial_record();
        let count = self.record.fields.len();
        for index in 0..count {
            let path = self.path(index);
            match sequence.next_element_seed(self.field(&fields, index, &path))? {
                Some(built) => built.keep(),
                None if self.may_end(index) => return Ok((fields, index as u32)),
                None => return Err(A::Error::invalid_length(index, &self)),
            }
            // SAFETY: the seed has built the field at its address, and `keep` has left it there.
            unsafe { fields.mark_built(index) };
        }
        // A sender on the wire leaves out the fields that only a newer sender knows.
        if let Some(more) = sequence.size_hint().filter(|&more| more != 0 && self.to.state.form() == Form::Wire) {
            return Err(A::Error::invalid_length(count + more, &self));
        }
        Ok((fields, count as u32))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(PartialRecord<'a>, u32), A::Error> {
        if self.record.style != style::NAMED {
            return Err(A::Error::invalid_type(Unexpected::Map, &self));
        }
        let names = self.record.names;
        let mut fields = self.partial_record();
        while let Some(index) = map.next_key_seed(NameSeed { names, variants: false })? {
            if fields.is_built(index) {
                return Err(A::Error::duplicate_field(names[index]));
            }
            let path = self.path(index);
            map.next_value_seed(self.field(&fields, index, &path))?.keep();
            // SAFETY: the seed has built the field at its address, and `keep` has left it there.
            unsafe { fields.mark_built(index) };
        }
        let count = names.len();
        for (index, field) in self.record.fields.iter().enumerate() {
            if fields.is_built(index) {
                continue;
            }
            let rest_is_missing = (index..count).all(|index| !fields.is_built(index));
            if self.may_end(index) && rest_is_missing {
                return Ok((fields, index as u32));
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
            // SAFETY: the field is an `Option`, as was just checked, and its place has room for its `Repr`, which begins with
            // the tag. With the tag 0 it is `None`, a whole value.
            unsafe {
                fields.at(index).write(0);
                fields.mark_built(index);
            }
        }
        Ok((fields, count as u32))
    }
}

/// The variants of an enum, or of a type that serde treats as an enum.
#[derive(Clone, Copy)]
enum Variants<'a> {
    /// The types of `Ok` and `Err`, and the offset of either value.
    Result([Id; 2], usize),
    Enum(&'a Enum),
}

/// Builds an enum.
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
            Variants::Result(parts, offset) => {
                access.newtype_variant_seed(to.part(parts[index], to.at.wrapping_add(offset), &path))?.keep();
                to.write(index as u8);
                Ok(to.built())
            }
            Variants::Enum(of) => {
                let result = variant(to, of, index, &path, access);
                to.state.note(result, &path)
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
    let kind = RecordKind::Variant(of.name, of.names[index]);
    let visitor = RecordVisitor { to: Target { at, path, ..to }, record, grows: false, kind };
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
        // SAFETY: each arm above has built all fields of the variant, in the box, or has returned an error. `number` is the
        // variant's.
        Some(new_box) => to.write(unsafe { new_box.finish(number) }),
        None => to.write(number),
    }
    Ok(to.built())
}
