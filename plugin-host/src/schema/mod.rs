//! A descriptor, decoded: an export's type and the definitions of the types with a name in it.

pub(crate) mod difference;
pub(crate) mod signature;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod text;

use std::collections::HashSet;

use plugin_core::descriptor::{Shape, Tag, form, style};

/// How deeply types may stand in one another, between one type with a name and the next: twice as deep as the compiler
/// goes unless it is told to, and shallow enough for every stack. Types with a name may be first met in one another
/// however deeply: they are kept apart, and no recursion follows them.
const MAX_DEPTH: usize = 256;

/// How many types with a name one descriptor may have: as many as the writing side writes. Two descriptors are compared
/// by pairs of these.
const MAX_NAMED: usize = 256;

/// A decoded descriptor.
///
/// In a descriptor one byte can be a type. So a type takes few bytes here, and no type has a heap block of its own.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pub(crate) root: Type,
    /// The types with a name, in the order in which they first appear. They may refer to themselves and each other.
    pub(crate) definitions: Vec<Definition>,
    /// The parts of all types. Those of one type are next to each other.
    parts: Vec<Type>,
    /// See [`Schema::by_name`].
    by_name: Vec<usize>,
}

/// A type. Its parts are in the schema: see [`Schema::parts`]. The fields are in the order in which they take the
/// fewest bytes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Type {
    /// Of a type with a name always [`Tag::Named`].
    pub(crate) tag: Tag,
    /// The place of its first part.
    first: u32,
    /// An array's length; of a type with a name, its place in the definitions; else how many parts there are.
    pub(crate) count: u64,
}

const _: () = assert!(size_of::<Type>() == 16 && size_of::<Argument>() == 16);

/// A type with a name.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) body: Body,
}

/// What a generic type is applied to.
#[derive(Clone, Debug)]
pub(crate) enum Argument {
    Type(Type),
    /// Boxed, so that the other arguments take less memory.
    Constant(Box<i128>),
}

/// What a type with a name is made of.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Struct {
        form: u8,
        fields: Fields,
    },
    /// One that may grow has a fallback variant, which is not among the others.
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
    /// In a tuple its index.
    pub(crate) name: String,
    /// Whether a side without it gets a default.
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

    /// Returns the type with another tag and the same parts, or with none if types of that tag have none.
    #[cfg(feature = "serde")]
    pub(crate) fn with_tag(self, tag: Tag) -> Type {
        Type { tag, count: if tag.shape() == Shape::Parts(0) { 0 } else { self.count }, ..self }
    }
}

impl Body {
    /// Whether its values cross in a box of their own.
    pub(crate) fn grows(&self) -> bool {
        match self {
            Body::Struct { form, .. } => *form == form::GROWS,
            Body::Enum { fallback, .. } => fallback.is_some(),
        }
    }

    /// All fields, of a struct or of an enum's variants.
    fn fields(&self) -> impl Iterator<Item = &Field> {
        let (fields, variants) = match self {
            Body::Struct { fields, .. } => (Some(fields), [].as_slice()),
            Body::Enum { variants, .. } => (None, variants.as_slice()),
        };
        fields.into_iter().chain(variants.iter().map(|variant| &variant.fields)).flat_map(|fields| &fields.fields)
    }

    /// Whether the names in it are those that a Rust type can have.
    fn is_named_well(&self) -> bool {
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
    /// Reads the bytes of a descriptor; `None` if they are anything else. Whatever the bytes, the time and memory this
    /// takes grow only with their number, and a type that would have no finite size or name is refused.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Schema> {
        let mut reader = Reader { rest: bytes, definitions: Vec::new(), parts: Vec::new(), pending: Vec::new() };
        let root = reader.read()?;
        if !reader.rest.is_empty() {
            return None;
        }
        // All are there by now: what was begun is finished before its end is reached.
        let definitions: Vec<Definition> = reader.definitions.into_iter().collect::<Option<_>>()?;
        let mut schema = Schema { root, definitions, parts: reader.parts, by_name: Vec::new() };
        if !schema.definitions.iter().all(|definition| definition.body.is_named_well()) || !schema.has_finite_sizes() {
            return None;
        }
        schema.by_name = schema.finite_names()?;
        Some(schema)
    }

    /// The definition of a type with a name.
    pub(crate) fn definition(&self, ty: &Type) -> &Definition {
        &self.definitions[ty.count as usize]
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

    /// The places of the definitions, sorted so that each comes after the definitions in its name: its generic
    /// arguments.
    pub(crate) fn by_name(&self) -> &[usize] {
        &self.by_name
    }

    /// Adds the named types within a type to `found`. Looks into types for whose tag `enter` returns true.
    fn find_named(&self, ty: &Type, enter: fn(Tag) -> bool, found: &mut Vec<usize>) {
        if ty.tag == Tag::Named {
            found.push(ty.count as usize);
        } else if enter(ty.tag) {
            self.parts(ty).iter().for_each(|part| self.find_named(part, enter, found));
        }
    }

    /// Whether no type contains itself otherwise than behind a pointer.
    fn has_finite_sizes(&self) -> bool {
        let is_inline = |tag| {
            matches!(tag, Tag::Array | Tag::Option | Tag::Result | Tag::Tuple | Tag::Range | Tag::RangeInclusive)
                || matches!(tag, Tag::RangeFrom | Tag::RangeTo | Tag::RangeToInclusive)
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

    /// Sorts the places of the definitions so that each comes after those that `next` finds in it. Returns `None` if
    /// that is impossible, because definitions lead to each other in a circle.
    fn order(&self, next: impl Fn(&Definition, &mut Vec<usize>)) -> Option<Vec<usize>> {
        let mut to = vec![Vec::new(); self.definitions.len()];
        let mut from = vec![0_usize; self.definitions.len()];
        for (definition, to) in self.definitions.iter().zip(&mut to) {
            next(definition, to);
            to.iter().for_each(|&index| from[index] += 1);
        }
        // Takes away what nothing leads to until nothing is left, or only circles.
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

struct Reader<'a> {
    rest: &'a [u8],
    /// `None` while one is being read.
    definitions: Vec<Option<Definition>>,
    /// The parts of finished types.
    parts: Vec<Type>,
    /// The parts of unfinished types. Those of the innermost type are the last.
    pending: Vec<Type>,
}

/// What was begun and lacks types that follow.
enum Unfinished {
    /// A type, the place of its first part among the pending ones, and the number of missing parts.
    Type {
        ty: Type,
        start: usize,
        left: u64,
        depth: usize,
    },
    Named(Box<UnfinishedNamed>),
}

struct UnfinishedNamed {
    index: usize,
    name: String,
    arguments: Vec<Argument>,
    arguments_left: u32,
    /// Once the arguments are there.
    body: Option<UnfinishedBody>,
}

struct UnfinishedBody {
    tag: Tag,
    form: u8,
    variants: Vec<Variant>,
    variants_left: u32,
    fallback: Option<String>,
    /// The variant that the fields are of.
    variant: Option<(String, i128)>,
    fields: Fields,
    fields_left: u32,
    /// The field whose type follows.
    field: Option<(String, bool)>,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*bytes)
    }

    /// A byte that is at most `most`.
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
        // Nothing that would make a line of a message look like two.
        let name =
            std::str::from_utf8(name).ok().filter(|name| !name.is_empty() && !name.contains(char::is_control))?;
        Some(name.to_owned())
    }

    /// Reads a type with all that is in it. In a loop: the bytes decide how deep it goes. Whatever a count says follows
    /// is at least a byte each, so one that lies ends early.
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

    /// Reads a type that nothing follows, or else begins one.
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
        // An empty tuple is written `Unit`.
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
        let form = self.byte(form::GROWS)?;
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
            Tag::Enum if form != form::C => body.variants_left = self.number()?,
            _ => return None,
        }
        Some(body)
    }
}

impl Unfinished {
    /// Takes the type that it lacked.
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

    /// Reads on up to a type that it lacks, if there is one.
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
