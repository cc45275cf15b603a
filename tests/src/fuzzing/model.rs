//! A type as a fuzzer makes it, and its descriptor.

use plugin_core::host::descriptor::{Tag, form, style};

use super::Decisions;

/// A type, and the definitions of the types with a name in it.
pub(super) struct Model {
    pub(super) root: Type,
    pub(super) definitions: Vec<Definition>,
}

#[derive(Clone, Debug)]
pub(super) enum Type {
    /// A type with these parts, or without parts.
    Of(Tag, Vec<Type>),
    Array(usize, Box<Type>),
    Tuple(Vec<Type>),
    /// Returns the definition with this number.
    Named(usize),
}

pub(super) struct Definition {
    name: String,
    arguments: Vec<Type>,
    pub(super) body: Body,
}

pub(super) enum Body {
    Struct { form: u8, fields: Fields },
    Enum { variants: Vec<(String, Fields)>, fallback: Option<String> },
}

pub(super) struct Fields {
    pub(super) style: u8,
    pub(super) fields: Vec<(String, bool, Type)>,
}

const LEAVES: [Tag; 38] = [
    Tag::Unit,
    Tag::Bool,
    Tag::Char,
    Tag::U8,
    Tag::U16,
    Tag::U32,
    Tag::U64,
    Tag::U128,
    Tag::Usize,
    Tag::I8,
    Tag::I16,
    Tag::I32,
    Tag::I64,
    Tag::I128,
    Tag::Isize,
    Tag::F32,
    Tag::F64,
    Tag::String,
    Tag::BoxStr,
    Tag::ArcStr,
    Tag::CowStr,
    Tag::PathBuf,
    Tag::OsString,
    Tag::Duration,
    Tag::SystemTime,
    Tag::Ordering,
    Tag::Ipv4Addr,
    Tag::Ipv6Addr,
    Tag::IpAddr,
    Tag::SocketAddrV4,
    Tag::SocketAddrV6,
    Tag::SocketAddr,
    Tag::Error,
    Tag::Bytes,
    Tag::Json,
    Tag::Uuid,
    Tag::RangeFull,
    // This tag has parts. It stands here because its part is an integer.
    Tag::NonZero,
];

/// The tags of types with one part, and with two.
const ONE: [Tag; 14] = [
    Tag::Vec,
    Tag::Box,
    Tag::Option,
    Tag::HashSet,
    Tag::BTreeSet,
    Tag::VecDeque,
    Tag::BoxSlice,
    Tag::PhantomData,
    Tag::Range,
    Tag::RangeInclusive,
    Tag::RangeFrom,
    Tag::RangeTo,
    Tag::RangeToInclusive,
    Tag::Option,
];
const TWO: [Tag; 3] = [Tag::Result, Tag::HashMap, Tag::BTreeMap];

impl Model {
    /// Any type.
    pub(super) fn any(decisions: &mut Decisions<'_>) -> Self {
        let mut model = Model { root: Type::Of(Tag::Unit, Vec::new()), definitions: Vec::new() };
        model.root = model.make(decisions, 0);
        model
    }

    fn make(&mut self, decisions: &mut Decisions<'_>, depth: usize) -> Type {
        if depth > 4 {
            return Type::Of(Tag::U8, Vec::new());
        }
        let choice = decisions.byte() % 16;
        match choice {
            0..=5 => self.leaf(decisions),
            6..=9 => {
                let tag = *decisions.one_of(&ONE);
                Type::Of(tag, vec![self.make(decisions, depth + 1)])
            }
            10 => {
                let tag = *decisions.one_of(&TWO);
                Type::Of(tag, vec![self.make(decisions, depth + 1), self.make(decisions, depth + 1)])
            }
            11 => Type::Array(1 + decisions.below(3), Box::new(self.make(decisions, depth + 1))),
            12 => {
                let count = 1 + decisions.below(4);
                Type::Tuple((0..count).map(|_| self.make(decisions, depth + 1)).collect())
            }
            13 if !self.definitions.is_empty() => Type::Named(decisions.below(self.definitions.len())),
            _ => self.definition(decisions, depth),
        }
    }

    fn leaf(&mut self, decisions: &mut Decisions<'_>) -> Type {
        match *decisions.one_of(&LEAVES) {
            Tag::NonZero => Type::Of(Tag::NonZero, vec![Type::Of(LEAVES[3 + decisions.below(12)], Vec::new())]),
            tag => Type::Of(tag, Vec::new()),
        }
    }

    /// A struct or enum, which may contain itself.
    fn definition(&mut self, decisions: &mut Decisions<'_>, depth: usize) -> Type {
        let number = self.definitions.len();
        // The definition exists from the start, so that a part may refer to it.
        let fields = Fields { style: style::UNIT, fields: Vec::new() };
        let name = format!("Type{}", decisions.below(4));
        self.definitions.push(Definition { name, arguments: Vec::new(), body: Body::Struct { form: 0, fields } });
        if decisions.once_in(4) {
            self.definitions[number].arguments = vec![self.make(decisions, depth + 1)];
        }
        let body = if decisions.byte().is_multiple_of(2) {
            let form = decisions.byte() % 3;
            Body::Struct { form, fields: self.fields(decisions, depth, form == form::GROWS) }
        } else {
            let count = 1 + decisions.below(3);
            let variants =
                (0..count).map(|place| (format!("V{place}"), self.fields(decisions, depth, false))).collect();
            Body::Enum { variants, fallback: decisions.once_in(3).then(|| "Other".to_owned()) }
        };
        self.definitions[number].body = body;
        Type::Named(number)
    }

    fn fields(&mut self, decisions: &mut Decisions<'_>, depth: usize, grows: bool) -> Fields {
        let style = decisions.byte() % 3;
        let count = if style == style::UNIT { 0 } else { decisions.below(4) };
        let mut fields = Vec::new();
        for place in 0..count {
            let name = if style == style::TUPLE { place.to_string() } else { format!("f{place}") };
            let defaulted = grows && (fields.last().is_some_and(|(_, last, _)| *last) || decisions.once_in(2));
            fields.push((name, defaulted, self.make(decisions, depth + 1)));
        }
        Fields { style, fields }
    }

    /// The descriptor.
    pub(super) fn encoded(&self) -> Vec<u8> {
        let mut encoder = Encoder { model: self, met: Vec::new(), bytes: Vec::new() };
        encoder.write(&self.root);
        encoder.bytes
    }

    /// The type of a function's only argument, which is not behind a reference.
    pub(super) fn of_argument(function: &[u8]) -> Self {
        let mut decoder = Decoder { rest: &function[1..], definitions: Vec::new() };
        assert_eq!(decoder.long(), 1, "one argument");
        let root = decoder.read();
        let definitions = decoder.definitions.into_iter().map(|definition| definition.expect("it is read")).collect();
        Model { root, definitions }
    }
}

struct Encoder<'a> {
    model: &'a Model,
    /// The definitions in the order of their first use.
    met: Vec<usize>,
    bytes: Vec<u8>,
}

impl Encoder<'_> {
    fn count(&mut self, count: usize) {
        self.bytes.extend((count as u32).to_le_bytes());
    }

    fn name(&mut self, name: &str) {
        self.count(name.len());
        self.bytes.extend(name.as_bytes());
    }

    fn write(&mut self, ty: &Type) {
        match ty {
            Type::Of(tag, parts) => {
                self.bytes.push(*tag as u8);
                parts.iter().for_each(|part| self.write(part));
            }
            Type::Array(count, element) => {
                self.bytes.push(Tag::Array as u8);
                self.bytes.extend((*count as u64).to_le_bytes());
                self.write(element);
            }
            Type::Tuple(parts) => {
                self.bytes.push(Tag::Tuple as u8);
                self.bytes.extend((parts.len() as u64).to_le_bytes());
                parts.iter().for_each(|part| self.write(part));
            }
            Type::Named(number) => match self.met.iter().position(|met| met == number) {
                Some(place) => {
                    self.bytes.push(Tag::Again as u8);
                    self.count(place);
                }
                None => {
                    self.met.push(*number);
                    self.definition(&self.model.definitions[*number]);
                }
            },
        }
    }

    fn definition(&mut self, Definition { name, arguments, body }: &Definition) {
        self.bytes.push(Tag::Named as u8);
        self.name(name);
        self.count(arguments.len());
        arguments.iter().for_each(|argument| self.write(argument));
        match body {
            Body::Struct { form, fields } => {
                self.bytes.extend([Tag::Struct as u8, *form]);
                self.fields(fields);
            }
            Body::Enum { variants, fallback } => {
                let form = if fallback.is_some() { form::GROWS } else { form::FIXED };
                self.bytes.extend([Tag::Enum as u8, form]);
                self.count(variants.len());
                for (place, (name, fields)) in variants.iter().enumerate() {
                    self.name(name);
                    self.bytes.extend((place as i128).to_le_bytes());
                    self.fields(fields);
                }
                fallback.iter().for_each(|name| self.name(name));
            }
        }
    }

    fn fields(&mut self, Fields { style, fields }: &Fields) {
        self.bytes.push(*style);
        self.count(fields.len());
        for (name, defaulted, ty) in fields {
            self.name(name);
            self.bytes.push((*defaulted).into());
            self.write(ty);
        }
    }
}

/// Reads a descriptor that a compiler made.
struct Decoder<'a> {
    rest: &'a [u8],
    definitions: Vec<Option<Definition>>,
}

impl Decoder<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (bytes, rest) = self.rest.split_first_chunk().expect("it is whole");
        self.rest = rest;
        *bytes
    }

    fn byte(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    fn count(&mut self) -> usize {
        u32::from_le_bytes(self.take()) as usize
    }

    fn long(&mut self) -> usize {
        u64::from_le_bytes(self.take()) as usize
    }

    fn name(&mut self) -> String {
        let length = self.count();
        let (name, rest) = self.rest.split_at(length);
        self.rest = rest;
        String::from_utf8(name.to_vec()).expect("a name")
    }

    fn read(&mut self) -> Type {
        use plugin_core::host::descriptor::Shape;
        let tag = Tag::from_byte(self.byte()).expect("a tag");
        match tag {
            Tag::Array => {
                let count = self.long();
                Type::Array(count, Box::new(self.read()))
            }
            Tag::Tuple => {
                let count = self.long();
                Type::Tuple((0..count).map(|_| self.read()).collect())
            }
            Tag::Again => Type::Named(self.count()),
            Tag::Named => {
                let number = self.definitions.len();
                self.definitions.push(None);
                let (name, count) = (self.name(), self.count());
                let mut arguments = Vec::new();
                for _ in 0..count {
                    if self.rest[0] == Tag::Constant as u8 {
                        self.take::<17>();
                    } else {
                        arguments.push(self.read());
                    }
                }
                let body = self.body();
                self.definitions[number] = Some(Definition { name, arguments, body });
                Type::Named(number)
            }
            tag => match tag.shape() {
                Shape::Parts(count) => Type::Of(tag, (0..count).map(|_| self.read()).collect()),
                shape => panic!("{tag:?} has the shape {shape:?}"),
            },
        }
    }

    fn body(&mut self) -> Body {
        let (tag, form) = (Tag::from_byte(self.byte()), self.byte());
        if tag == Some(Tag::Struct) {
            return Body::Struct { form, fields: self.fields() };
        }
        let count = self.count();
        let mut variants = Vec::new();
        for _ in 0..count {
            let name = self.name();
            self.take::<16>();
            variants.push((name, self.fields()));
        }
        Body::Enum { variants, fallback: (form == form::GROWS).then(|| self.name()) }
    }

    fn fields(&mut self) -> Fields {
        let (style, count) = (self.byte(), self.count());
        Fields { style, fields: (0..count).map(|_| (self.name(), self.byte() != 0, self.read())).collect() }
    }
}
