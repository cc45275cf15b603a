//! A descriptor, decoded: an export's type and the definitions of the types with a name in it.

use plugin_core::descriptor::{Shape, Tag, form, style};

/// As deep as a descriptor may be (where one type after the other is first met within the last), and shallow enough for
/// every stack.
const DEEPEST: usize = 1024;

/// What the bytes of a descriptor say.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pub(crate) root: Type,
    /// The types with a name, in the order in which they first appear. They may refer to themselves and each other.
    pub(crate) definitions: Vec<Definition>,
}

/// A type.
#[derive(Clone, Debug)]
pub(crate) struct Type {
    /// Of a type with a name always [`Tag::Named`].
    pub(crate) tag: Tag,
    /// An array's length; of a type with a name, its place in the definitions; else how many parts there are.
    pub(crate) count: u64,
    pub(crate) parts: Vec<Type>,
}

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
    Constant(i128),
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

impl Body {
    /// Whether its values cross in a box of their own.
    pub(crate) fn grows(&self) -> bool {
        match self {
            Body::Struct { form, .. } => *form == form::GROWS,
            Body::Enum { fallback, .. } => fallback.is_some(),
        }
    }
}

impl Schema {
    /// Reads the bytes of a descriptor; `None` if they are anything else. Whatever the bytes, the time and memory this
    /// takes grow only with their number, and a type that would have no finite size is refused.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Schema> {
        let mut reader = Reader { rest: bytes, definitions: Vec::new() };
        let root = reader.read_type(DEEPEST)?;
        if !reader.rest.is_empty() {
            return None;
        }
        // All are there by now: what was begun is finished before its end is reached.
        let definitions: Vec<Definition> = reader.definitions.into_iter().collect::<Option<_>>()?;
        let schema = Schema { root, definitions };
        schema.is_finite().then_some(schema)
    }

    /// The definition of a type with a name.
    pub(crate) fn definition(&self, ty: &Type) -> &Definition {
        &self.definitions[ty.count as usize]
    }

    /// Whether no type contains itself otherwise than behind a pointer.
    fn is_finite(&self) -> bool {
        /// Not looked at, being looked at, done.
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            New,
            Begun,
            Done,
        }
        fn inline(schema: &Schema, ty: &Type, states: &mut [State], depth: usize) -> bool {
            let Some(depth) = depth.checked_sub(1) else { return false };
            match ty.tag {
                Tag::Named => {
                    let index = ty.count as usize;
                    match states[index] {
                        State::Done => return true,
                        State::Begun => return false,
                        State::New => states[index] = State::Begun,
                    }
                    let body = &schema.definitions[index].body;
                    let mut all = |fields: &Fields| fields.fields.iter().all(|f| inline(schema, &f.ty, states, depth));
                    let finite = body.grows()
                        || match body {
                            Body::Struct { fields, .. } => all(fields),
                            Body::Enum { variants, .. } => variants.iter().all(|variant| all(&variant.fields)),
                        };
                    states[index] = State::Done;
                    finite
                }
                Tag::Array | Tag::Option | Tag::Result | Tag::Tuple => {
                    ty.parts.iter().all(|part| inline(schema, part, states, depth))
                }
                Tag::Range | Tag::RangeInclusive | Tag::RangeFrom | Tag::RangeTo | Tag::RangeToInclusive => {
                    ty.parts.iter().all(|part| inline(schema, part, states, depth))
                }
                _ => true,
            }
        }
        let mut states = vec![State::New; self.definitions.len()];
        // Each definition, and so each type that is inline in one, is looked at once.
        (0..self.definitions.len()).all(|index| {
            let ty = Type { tag: Tag::Named, count: index as u64, parts: Vec::new() };
            inline(self, &ty, &mut states, DEEPEST * 4)
        })
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    /// `None` while one is being read.
    definitions: Vec<Option<Definition>>,
}

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn name(&mut self) -> Option<String> {
        let length = self.number()? as usize;
        let (name, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        String::from_utf8(name.to_vec()).ok()
    }

    /// Reads `count` of what is at least a byte each, so that a count that lies ends early.
    fn several<T>(&mut self, count: u64, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(read(self)?);
        }
        Some(all)
    }

    fn read_type(&mut self, depth: usize) -> Option<Type> {
        let depth = depth.checked_sub(1)?;
        let tag = Tag::from_byte(self.byte()?)?;
        let (count, parts) = match tag.shape() {
            Shape::Parts(parts) => (parts as u64, parts as u64),
            Shape::CountThenOne => (self.take().map(u64::from_le_bytes)?, 1),
            Shape::CountThenAll(more) => {
                let count = self.take().map(u64::from_le_bytes)?;
                (count, count.checked_add(more as u64)?)
            }
            Shape::Special => return self.read_special(tag, depth),
        };
        Some(Type { tag, count, parts: self.several(parts, |reader| reader.read_type(depth))? })
    }

    fn read_special(&mut self, tag: Tag, depth: usize) -> Option<Type> {
        let named = |index: usize| Some(Type { tag: Tag::Named, count: index as u64, parts: Vec::new() });
        match tag {
            Tag::Again => {
                let index = self.number()? as usize;
                (index < self.definitions.len()).then(|| named(index))?
            }
            Tag::Named => {
                let index = self.definitions.len();
                self.definitions.push(None);
                let name = self.name()?;
                let count = self.number()?;
                let arguments = self.several(count.into(), |reader| reader.read_argument(depth))?;
                let body = self.read_body(depth)?;
                self.definitions[index] = Some(Definition { name, arguments, body });
                named(index)
            }
            _ => None,
        }
    }

    fn read_argument(&mut self, depth: usize) -> Option<Argument> {
        if self.rest.first() == Some(&(Tag::Constant as u8)) {
            self.byte()?;
            return Some(Argument::Constant(self.take().map(i128::from_le_bytes)?));
        }
        self.read_type(depth).map(Argument::Type)
    }

    fn read_body(&mut self, depth: usize) -> Option<Body> {
        let tag = Tag::from_byte(self.byte()?)?;
        let form = self.byte().filter(|&form| form <= form::GROWS)?;
        match tag {
            Tag::Struct => Some(Body::Struct { form, fields: self.read_fields(depth)? }),
            Tag::Enum => {
                let count = self.number()?;
                let variants = self.several(count.into(), |reader| {
                    let name = reader.name()?;
                    let discriminant = reader.take().map(i128::from_le_bytes)?;
                    Some(Variant { name, discriminant, fields: reader.read_fields(depth)? })
                })?;
                let fallback = if form == form::GROWS { Some(self.name()?) } else { None };
                Some(Body::Enum { variants, fallback })
            }
            _ => None,
        }
    }

    fn read_fields(&mut self, depth: usize) -> Option<Fields> {
        let style = self.byte().filter(|&style| style <= style::NAMED)?;
        let count = self.number()?;
        let fields = self.several(count.into(), |reader| {
            let name = reader.name()?;
            let defaulted = reader.byte()? != 0;
            Some(Field { name, defaulted, ty: reader.read_type(depth)? })
        })?;
        Some(Fields { style, fields })
    }
}
