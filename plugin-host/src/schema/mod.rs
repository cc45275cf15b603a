//! A decoded descriptor: an export's type, and the definitions of the named types in it.
//!
//! A *named type* is a struct or enum with `#[plugin_type]`.

pub(crate) mod difference;
mod leaving;
pub(crate) mod signature;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod text;

use std::collections::HashSet;

use plugin_core::host::descriptor::{Class, Shape, Tag, form, style};

/// The most levels of types inside one another, from one named type to the next. That is twice the compiler's default
/// limit, and few enough for the stack of any thread. Named types do not count: they are in a list of their own, and no
/// recursion follows them.
const MAX_DEPTH: usize = 256;

/// The most named types in one descriptor. The side that writes descriptors has the same limit. The comparison of two
/// descriptors looks at pairs of named types, so the limit also bounds its time.
const MAX_NAMED: usize = 256;

/// A decoded descriptor.
///
/// A type can be as short as one byte in a descriptor. So a type takes few bytes here too, and has no heap block of its
/// own.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pub(crate) root: Type,
    /// The definitions of the named types, in the order of their first appearance. They may refer to themselves and
    /// each other.
    pub(crate) definitions: Vec<Definition>,
    /// The parts of all types. Those of one type are next to each other.
    parts: Vec<Type>,
    /// See [`Schema::by_name`].
    by_name: Vec<usize>,
}

/// A type. Its parts are in the schema: see [`Schema::parts`]. The order of the fields makes the struct as small as
/// possible.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Type {
    /// The type's tag. A named type always has [`Tag::Named`].
    pub(crate) tag: Tag,
    /// The index of its first part in the schema's list of parts.
    first: u32,
    /// For an array, its length. For a named type, its index in the definitions. For any other type, the number in its
    /// head, or the number of its parts.
    pub(crate) count: u64,
}

const _: () = assert!(size_of::<Type>() == 16 && size_of::<Argument>() == 16);

/// The definition of a named type.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) body: Body,
}

/// An argument of a generic type.
#[derive(Clone, Debug)]
pub(crate) enum Argument {
    Type(Type),
    /// Boxed, so that the other arguments take less memory.
    Constant(Box<i128>),
}

/// The body of a definition: a struct's fields, or an enum's variants.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Struct {
        form: u8,
        fields: Fields,
    },
    /// An enum. An enum that may grow has a fallback variant, which is not in `variants`.
    Enum {
        variants: Vec<Variant>,
        fallback: Option<String>,
    },
}

/// The fields of a struct or of a variant.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    /// See [`style`].
    pub(crate) style: u8,
    pub(crate) fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// The field's name. In a tuple, it is the field's index.
    pub(crate) name: String,
    /// Whether a side without this field uses a default.
    pub(crate) defaulted: bool,
    pub(crate) ty: Type,
}

#[derive(Clone, Debug)]
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) discriminant: i128,
    pub(crate) fields: Fields,
}

impl Type {
    fn named(index: usize) -> Type {
        Type { tag: Tag::Named, first: 0, count: index as u64 }
    }

    /// Returns the type with another tag. It has the same parts, or no parts if types with that tag have none.
    #[cfg(feature = "serde")]
    pub(crate) fn with_tag(self, tag: Tag) -> Type {
        Type { tag, count: if tag.shape() == Shape::Parts(0) { 0 } else { self.count }, ..self }
    }
}

impl Body {
    /// Returns true if the type may grow. The values of such a struct or enum cross in a box of their own.
    pub(crate) fn grows(&self) -> bool {
        match self {
            Body::Struct { form, .. } => matches!(*form, form::GROWS | form::INTERFACE),
            Body::Enum { fallback, .. } => fallback.is_some(),
        }
    }

    /// Returns all fields of a struct, or of all variants of an enum.
    fn fields(&self) -> impl Iterator<Item = &Field> {
        let (fields, variants) = match self {
            Body::Struct { fields, .. } => (Some(fields), [].as_slice()),
            Body::Enum { variants, .. } => (None, variants.as_slice()),
        };
        fields.into_iter().chain(variants.iter().map(|variant| &variant.fields)).flat_map(|fields| &fields.fields)
    }

    /// Returns true if a Rust type could have these names: no two are equal where Rust forbids it, and tuples use
    /// indices.
    fn has_valid_names(&self) -> bool {
        fn differ<'a>(names: impl Iterator<Item = &'a str>) -> bool {
            let mut seen = HashSet::new();
            names.into_iter().all(|name| seen.insert(name))
        }
        fn fit(Fields { style, fields }: &Fields) -> bool {
            match *style {
                style::UNIT => fields.is_empty(),
                style::TUPLE => fields.iter().enumerate().all(|(index, field)| field.name == index.to_string()),
                _ => differ(fields.iter().map(|field| field.name.as_str())),
            }
        }
        match self {
            Body::Struct { fields, .. } => fit(fields),
            Body::Enum { variants, fallback } => {
                let names = variants.iter().map(|variant| &variant.name).chain(fallback).map(String::as_str);
                differ(names) && variants.iter().all(|variant| fit(&variant.fields))
            }
        }
    }
}

impl Schema {
    /// Decodes the bytes of a descriptor. Returns `None` if the bytes are not a descriptor, or if a type in it would
    /// have no finite size or no finite name. For any bytes, the time and the memory grow no
    /// faster than the number of bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Schema> {
        let mut reader = Reader { rest: bytes, definitions: Vec::new(), parts: Vec::new(), pending: Vec::new() };
        let root = reader.read()?;
        if !reader.rest.is_empty() {
            return None;
        }
        // All definitions are complete: the reader returns only when no type is unfinished.
        let definitions: Vec<Definition> = reader.definitions.into_iter().collect::<Option<_>>()?;
        let mut schema = Schema { root, definitions, parts: reader.parts, by_name: Vec::new() };
        let has_valid_names = schema.definitions.iter().all(|definition| definition.body.has_valid_names());
        if !has_valid_names || !schema.has_finite_sizes() || !schema.has_valid_interfaces() {
            return None;
        }
        schema.by_name = schema.finite_names()?;
        Some(schema)
    }

    /// Returns the definition of a named type.
    pub(crate) fn definition(&self, ty: &Type) -> &Definition {
        &self.definitions[ty.count as usize]
    }

    /// Returns true if a closure or an iterator is in one of its types.
    pub(crate) fn has_objects(&self) -> bool {
        let fields = self.definitions.iter().flat_map(|definition| definition.body.fields()).map(|field| &field.ty);
        let is_object = |ty: &Type| {
            matches!(
                ty.tag,
                Tag::DynFn
                    | Tag::DynFnMut
                    | Tag::DynFnOnce
                    | Tag::DynIterator
                    | Tag::DynTrait
                    | Tag::BoxDyn
                    | Tag::ArcDyn
            )
        };
        self.parts.iter().chain(fields).any(is_object)
    }

    /// Returns the parts of a type.
    pub(crate) fn parts(&self, ty: &Type) -> &[Type] {
        let count = match ty.tag.shape() {
            Shape::Parts(count) => count,
            Shape::CountThenOne => 1,
            Shape::CountThenAll(more) => ty.count as usize + more,
            Shape::Special => 0,
        };
        if count == 0 { &[] } else { &self.parts[ty.first as usize..][..count] }
    }

    /// Returns the indices of the definitions, sorted so that each definition comes after those in its generic
    /// arguments.
    pub(crate) fn by_name(&self) -> &[usize] {
        &self.by_name
    }

    /// Adds the named types within a type to `found`. It looks into a type only if `enter` returns true for the type's
    /// tag.
    fn find_named(&self, ty: &Type, enter: fn(Tag) -> bool, found: &mut Vec<usize>) {
        if ty.tag == Tag::Named {
            found.push(ty.count as usize);
        } else if enter(ty.tag) {
            self.parts(ty).iter().for_each(|part| self.find_named(part, enter, found));
        }
    }

    /// Returns true if traits stand behind [`Tag::DynTrait`], and nothing else does.
    fn has_valid_interfaces(&self) -> bool {
        let is_interface = |ty: &Type| {
            ty.tag == Tag::Named && matches!(self.definition(ty).body, Body::Struct { form: form::INTERFACE, .. })
        };
        let of_definition = |definition: &'_ Definition| {
            let arguments = definition.arguments.iter().filter_map(|argument| match argument {
                Argument::Type(ty) => Some(*ty),
                Argument::Constant(_) => None,
            });
            definition.body.fields().map(|field| field.ty).chain(arguments).collect::<Vec<_>>()
        };
        let all = self.parts.iter().copied().chain([self.root]).chain(self.definitions.iter().flat_map(of_definition));
        let (mut objects, mut interfaces) = (0, 0);
        for ty in all {
            interfaces += usize::from(is_interface(&ty));
            if ty.tag == Tag::DynTrait {
                objects += 1;
                if !self.parts(&ty).iter().all(is_interface) {
                    return false;
                }
            }
        }
        objects == interfaces
    }

    /// Returns true if no type contains itself inline, without a pointer between.
    fn has_finite_sizes(&self) -> bool {
        let is_inline = |tag: Tag| match tag.class() {
            Class::Array | Class::Option | Class::Result | Class::Tuple => true,
            Class::Struct(_, fields) => !fields.is_empty(),
            Class::Leaf | Class::Text | Class::Sequence | Class::Map | Class::Box | Class::NonZero => false,
            Class::Unsized(_) | Class::Other(_) => false,
        };
        let order = self.order(|definition, found| {
            definition.body.fields().for_each(|field| self.find_named(&field.ty, is_inline, found));
        });
        order.is_some()
    }

    /// Computes [`by_name`](Self::by_name). Returns `None` if a generic type is among its own arguments.
    fn finite_names(&self) -> Option<Vec<usize>> {
        self.order(|definition, found| {
            for argument in &definition.arguments {
                if let Argument::Type(ty) = argument {
                    self.find_named(ty, |_| true, found);
                }
            }
        })
    }

    /// Sorts the indices of the definitions so that each comes after those that `next` finds in it. Returns `None` if
    /// definitions lead to each other in a circle, because then there is no such order.
    fn order(&self, next: impl Fn(&Definition, &mut Vec<usize>)) -> Option<Vec<usize>> {
        let mut to = vec![Vec::new(); self.definitions.len()];
        let mut from = vec![0_usize; self.definitions.len()];
        for (definition, to) in self.definitions.iter().zip(&mut to) {
            next(definition, to);
            to.iter().for_each(|&index| from[index] += 1);
        }
        // Removes a definition that no other definition leads to, again and again. In the end, none or only circles are
        // left.
        let mut free: Vec<usize> = (0..from.len()).filter(|&index| from[index] == 0).collect();
        let mut order = Vec::with_capacity(from.len());
        while let Some(index) = free.pop() {
            order.push(index);
            for &next in &to[index] {
                from[next] -= 1;
                if from[next] == 0 {
                    free.push(next);
                }
            }
        }
        order.reverse();
        (order.len() == from.len()).then_some(order)
    }
}

/// Reads the bytes of a descriptor.
struct Reader<'a> {
    rest: &'a [u8],
    /// The definitions so far; `None` for a definition that is not complete yet.
    definitions: Vec<Option<Definition>>,
    /// The parts of finished types.
    parts: Vec<Type>,
    /// The parts of unfinished types. Those of the innermost type are at the end.
    pending: Vec<Type>,
}

/// A type or a definition whose parts are not all read yet.
enum Unfinished {
    /// A type, the index of its first part in `pending`, and the number of missing parts.
    Type {
        ty: Type,
        start: usize,
        left: u64,
        depth: usize,
    },
    Named(Box<UnfinishedNamed>),
}

/// The definition of a named type whose arguments or body are not all read yet.
struct UnfinishedNamed {
    index: usize,
    name: String,
    arguments: Vec<Argument>,
    arguments_left: u32,
    /// The body; `None` until all arguments are read.
    body: Option<UnfinishedBody>,
}

/// The body of a definition whose fields are not all read yet.
struct UnfinishedBody {
    tag: Tag,
    form: u8,
    variants: Vec<Variant>,
    variants_left: u32,
    fallback: Option<String>,
    /// The name and the discriminant of the variant whose fields are being read.
    variant: Option<(String, i128)>,
    fields: Fields,
    fields_left: u32,
    /// The name of the field whose type is read next, and whether the field has a default.
    field: Option<(String, bool)>,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*bytes)
    }

    /// Reads a byte. Returns `None` if it is more than `max`.
    fn byte(&mut self, max: u8) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte).filter(|&byte| byte <= max)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn long(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn value(&mut self) -> Option<i128> {
        self.take().map(i128::from_le_bytes)
    }

    fn name(&mut self) -> Option<String> {
        let length = self.number()? as usize;
        let (name, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        // A control character such as a line break could make one line of a message look like two.
        let name =
            std::str::from_utf8(name).ok().filter(|name| !name.is_empty() && !name.contains(char::is_control))?;
        Some(name.to_owned())
    }

    /// Reads a type with all its parts. It uses a loop and no recursion, because the bytes decide the depth. Each part
    /// takes at least one byte, so a count that is too large ends with the bytes and not with the memory.
    fn read(&mut self) -> Option<Type> {
        let mut unfinished: Vec<Unfinished> = Vec::new();
        loop {
            let mut whole = self.head(&mut unfinished)?;
            loop {
                let Some(inner) = unfinished.last_mut() else { return whole };
                if let Some(ty) = whole.take() {
                    inner.give(ty, &mut self.pending)?;
                }
                if inner.lacks_type(self)? {
                    break;
                }
                whole = Some(match unfinished.pop()? {
                    Unfinished::Type { ty, start, .. } => {
                        let first = u32::try_from(self.parts.len()).ok()?;
                        self.parts.extend(self.pending.drain(start..));
                        Type { first, ..ty }
                    }
                    Unfinished::Named(named) => {
                        let index = named.index;
                        self.definitions[index] = Some(named.finish()?);
                        Type::named(index)
                    }
                });
            }
        }
    }

    /// Reads the head of a type. Returns the type if it has no parts. Otherwise it becomes an unfinished type.
    fn head(&mut self, unfinished: &mut Vec<Unfinished>) -> Option<Option<Type>> {
        let tag = Tag::from_byte(self.byte(u8::MAX)?)?;
        let (count, parts) = match tag.shape() {
            Shape::Parts(parts) => (parts as u64, parts as u64),
            Shape::CountThenOne => (self.long()?, 1),
            Shape::CountThenAll(more) => {
                let count = self.long()?;
                (count, count.checked_add(more as u64)?)
            }
            Shape::Special => return self.special(tag, unfinished),
        };
        // A tuple without elements is always written as `Unit`.
        if tag == Tag::Tuple && count == 0 {
            return None;
        }
        let ty = Type { tag, first: 0, count };
        if parts == 0 {
            return Some(Some(ty));
        }
        let depth = match unfinished.last() {
            Some(Unfinished::Type { depth, .. }) => depth + 1,
            _ => 1,
        };
        if depth >= MAX_DEPTH {
            return None;
        }
        unfinished.push(Unfinished::Type { ty, start: self.pending.len(), left: parts, depth });
        Some(None)
    }

    fn special(&mut self, tag: Tag, unfinished: &mut Vec<Unfinished>) -> Option<Option<Type>> {
        match tag {
            Tag::Again => {
                let index = self.number()? as usize;
                (index < self.definitions.len()).then(|| Some(Type::named(index)))
            }
            Tag::Named => {
                let index = self.definitions.len();
                if index == MAX_NAMED {
                    return None;
                }
                self.definitions.push(None);
                let (name, arguments_left) = (self.name()?, self.number()?);
                let named = UnfinishedNamed { index, name, arguments: Vec::new(), arguments_left, body: None };
                unfinished.push(Unfinished::Named(Box::new(named)));
                Some(None)
            }
            _ => None,
        }
    }

    fn body(&mut self) -> Option<UnfinishedBody> {
        let tag = Tag::from_byte(self.byte(u8::MAX)?)?;
        let form = self.byte(form::INTERFACE)?;
        let mut body = UnfinishedBody {
            tag,
            form,
            variants: Vec::new(),
            variants_left: 0,
            fallback: None,
            variant: None,
            fields: Fields { style: style::UNIT, fields: Vec::new() },
            fields_left: 0,
            field: None,
        };
        match tag {
            Tag::Struct => body.begin_fields(self)?,
            Tag::Enum if !matches!(form, form::C | form::INTERFACE) => body.variants_left = self.number()?,
            _ => return None,
        }
        Some(body)
    }
}

impl Unfinished {
    /// Adds the type that was read next.
    fn give(&mut self, part: Type, pending: &mut Vec<Type>) -> Option<()> {
        match self {
            Unfinished::Type { .. } => pending.push(part),
            Unfinished::Named(named) => match &mut named.body {
                None => named.arguments.push(Argument::Type(part)),
                Some(body) => {
                    let (name, defaulted) = body.field.take()?;
                    body.fields.fields.push(Field { name, defaulted, ty: part });
                }
            },
        }
        Some(())
    }

    /// Reads on to the next missing type. Returns false if no type is missing.
    fn lacks_type(&mut self, reader: &mut Reader<'_>) -> Option<bool> {
        match self {
            Unfinished::Type { left, .. } => {
                let lacks = *left > 0;
                *left = left.saturating_sub(1);
                Some(lacks)
            }
            Unfinished::Named(named) => named.lacks_type(reader),
        }
    }
}

impl UnfinishedNamed {
    fn lacks_type(&mut self, reader: &mut Reader<'_>) -> Option<bool> {
        while self.arguments_left > 0 {
            self.arguments_left -= 1;
            if reader.rest.first() != Some(&(Tag::Constant as u8)) {
                return Some(true);
            }
            reader.byte(u8::MAX)?;
            self.arguments.push(Argument::Constant(Box::new(reader.value()?)));
        }
        match &mut self.body {
            Some(body) => body.lacks_type(reader),
            none => none.insert(reader.body()?).lacks_type(reader),
        }
    }

    fn finish(self) -> Option<Definition> {
        let UnfinishedBody { tag, form, variants, fallback, fields, .. } = self.body?;
        let body = if tag == Tag::Struct { Body::Struct { form, fields } } else { Body::Enum { variants, fallback } };
        Some(Definition { name: self.name, arguments: self.arguments, body })
    }
}

impl UnfinishedBody {
    fn begin_fields(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        self.fields = Fields { style: reader.byte(style::NAMED)?, fields: Vec::new() };
        self.fields_left = reader.number()?;
        Some(())
    }

    fn lacks_type(&mut self, reader: &mut Reader<'_>) -> Option<bool> {
        loop {
            if self.fields_left > 0 {
                self.fields_left -= 1;
                self.field = Some((reader.name()?, reader.byte(1)? != 0));
                return Some(true);
            }
            if let Some((name, discriminant)) = self.variant.take() {
                let none = Fields { style: style::UNIT, fields: Vec::new() };
                let fields = std::mem::replace(&mut self.fields, none);
                self.variants.push(Variant { name, discriminant, fields });
            }
            if self.variants_left == 0 {
                if self.tag == Tag::Enum && self.form == form::GROWS {
                    self.fallback = Some(reader.name()?);
                }
                return Some(false);
            }
            self.variants_left -= 1;
            self.variant = Some((reader.name()?, reader.value()?));
            self.begin_fields(reader)?;
        }
    }
}

#[cfg(test)]
mod tests;
