//! Serialises a value at an address.

use plugin_core::host::descriptor::{Tag, style};
use plugin_core::host::with_deep_room;
use plugin_core::repr::{BufferRepr, GrowsRepr};
use serde::ser::{
    Error as _, SerializeMap as _, SerializeSeq as _, SerializeStruct as _, SerializeStructVariant as _,
    SerializeTuple as _, SerializeTupleStruct as _, SerializeTupleVariant as _,
};
use serde::{Serialize, Serializer};

use crate::untyped::buffer::text;
use crate::untyped::layout::{Enum, Id, Kind, Layouts, Record, Struct};
use crate::untyped::leaves;
use crate::untyped::walk::{Depth, Form, Here, Path, TOO_DEEP, WalkState, unknown_tag};

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

    /// Returns a part of this value.
    fn part<'b>(&self, id: Id, at: *const u8, depth: Depth, path: &'b Path<'b>) -> Value<'b>
    where
        'a: 'b,
    {
        Value { id, at, depth, path, ..*self }
    }

    fn step<S: Serializer>(&self) -> Result<Depth, S::Error> {
        self.depth.step().ok_or_else(|| S::Error::custom(self.state.because(TOO_DEEP)))
    }

    fn level<S: Serializer>(&self) -> Result<Depth, S::Error> {
        self.depth.level().ok_or_else(|| S::Error::custom(self.state.because(TOO_DEEP)))
    }

    /// Serialises the value. The walk goes on with another stack where this one has no room.
    fn walk<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        with_deep_room(|| self.walk_here(serializer))
    }

    /// Serialises the value. Each kind has a function of its own, so that the stack frame of this function stays small:
    /// there is one at each level of the value.
    fn walk_here<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
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
            tag => Err(unknown_tag("`Option`", tag)),
        }
    }

    fn result<S: Serializer>(&self, parts: [Id; 2], offset: usize, serializer: S) -> Result<S::Ok, S::Error> {
        // SAFETY: the value has the kind `Result`, whose `Repr` begins with its tag, a byte.
        let tag = unsafe { self.read::<u8>() };
        let name = match tag {
            0 => "Ok",
            1 => "Err",
            tag => return Err(unknown_tag("`Result`", tag)),
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
        let here = Here { depth: self.depth, form: self.state.form() };
        // SAFETY: the value has the type with this tag, and nothing changes it during `'a`, by the rule of `Value`.
        unsafe { leaves::write(tag, self.at, here, serializer) }
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
            at = grown.fields();
            let number = grown.number() as usize;
            let may_differ = self.state.form() == Form::Wire && (number >= count || !self.state.is_reply());
            if may_differ && record.style != style::UNIT {
                return self.first_fields(record, number.min(count), at, depth, serializer);
            }
            if number != count {
                let reason = format_args!("a lowered `{name}` has {number} fields, not {count}");
                return Err(S::Error::custom(self.state.because(reason)));
            }
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

    /// Serialises the first fields of a struct that may grow, and their number. A value of a newer version of the type has more
    /// fields than the export's type, and one of an older version has fewer.
    fn first_fields<S: Serializer>(
        &self,
        record: &Record,
        count: usize,
        at: *const u8,
        depth: Depth,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(count))?;
        for (field, name) in record.fields.iter().zip(record.names).take(count) {
            let path = Path::Field(self.path, name);
            sequence.serialize_element(&self.part(field.ty, at.wrapping_add(field.offset), depth, &path))?;
        }
        sequence.end()
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
            let has_fallback = names.len() > variants.len();
            // A receiver in this process takes a variant that only a newer sender knows for the fallback, too.
            let is_newer = self.state.form() == Form::Wire && grown.number() as usize >= variants.len();
            if grown.number() == GrowsRepr::FALLBACK || (is_newer && has_fallback) {
                return serializer.serialize_unit_variant(name, variants.len() as u32, names[variants.len()]);
            }
            (grown.number(), grown.fields())
        } else {
            // SAFETY: the value's type is an enum that may not grow. Its `Repr` begins with the number of its variant, a `u32`.
            (unsafe { self.read::<u32>() }, self.at.wrapping_add(*payload))
        };
        let Some(record) = variants.get(number as usize) else {
            return Err(unknown_tag(&format!("`{name}`"), number));
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
