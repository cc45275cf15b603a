//! How each type's `Repr` is laid out in memory, worked out from its descriptor alone.
//!
//! Every `Repr` is a `#[repr(C)]` composition, so C's rules are all it takes.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use plugin_core::descriptor::{Tag, style};
use plugin_core::repr::{BufferRepr, GrowsRepr, WideRepr};

use crate::schema::{self, Body, Schema};
use crate::untyped::reprs::{
    BytesRepr, DurationRepr, IpAddrRepr, JsonRepr, SocketAddrRepr, SocketAddrV4Repr, SocketAddrV6Repr, SystemTimeRepr,
};

/// A type, as its place in [`Layouts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(usize);

/// The types of one signature.
#[derive(Debug)]
pub(crate) struct Layouts(Vec<Node>);

/// What is known of a type.
#[derive(Debug)]
pub(crate) struct Node {
    /// Of its `Repr`.
    pub(crate) size: usize,
    /// Of its `Repr`.
    pub(crate) align: usize,
    /// Whether its values may own memory.
    pub(crate) owns: bool,
    /// Whether its values have no data, so that a format may write them as nothing.
    pub(crate) is_empty: bool,
    pub(crate) kind: Kind,
}

/// What a type is, as far as its `Repr` and serde's data model distinguish.
#[derive(Debug)]
pub(crate) enum Kind {
    /// One of those without parts, by its tag.
    Leaf(Tag),
    /// `NonZero` of the integer with this tag.
    NonZero(Tag),
    /// Any of the owned strings.
    Text,
    /// Anything that is a buffer of elements.
    Sequence(Id),
    /// A buffer of pairs: these.
    Map(Id),
    Box(Id),
    Array(Id, usize),
    /// And where the value is.
    Option(Id, usize),
    /// And where either is.
    Result([Id; 2], usize),
    Tuple(Record),
    Struct(Struct),
    Enum(Enum),
}

/// Fields in a row.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) fields: Vec<Field>,
    /// The names of the fields.
    pub(crate) names: &'static [&'static str],
    /// See [`style`].
    pub(crate) style: u8,
    /// At least 1, as where there is no field there is a byte.
    pub(crate) size: usize,
    pub(crate) align: usize,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) ty: Id,
    pub(crate) offset: usize,
    /// Whether it may be left out, if all after it are.
    pub(crate) defaulted: bool,
}

/// A struct, or what serde sees as one.
#[derive(Debug)]
pub(crate) struct Struct {
    pub(crate) name: &'static str,
    pub(crate) record: Record,
    /// Whether it is in a box of its own.
    pub(crate) grows: bool,
}

#[derive(Debug)]
pub(crate) struct Enum {
    pub(crate) name: &'static str,
    /// The names of the variants, the fallback last.
    pub(crate) names: &'static [&'static str],
    /// Without the fallback.
    pub(crate) variants: Vec<Record>,
    /// If it does not grow: where the variant's fields are.
    pub(crate) payload: usize,
    /// Whether it is in a box of its own. One that does has a fallback.
    pub(crate) grows: bool,
}

/// A text that stays for good, as serde wants the names of types and fields. One is made of all that are equal, so that
/// loading plugins again takes no more memory.
pub(crate) fn intern(text: &str) -> &'static str {
    static TEXTS: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let texts = texts.get_or_insert_default();
    texts.get(text).copied().unwrap_or_else(|| {
        let text: &'static str = Box::leak(text.into());
        texts.insert(text);
        text
    })
}

/// As [`intern`], for a list.
fn intern_all<'a>(texts: impl Iterator<Item = &'a str>) -> &'static [&'static str] {
    static LISTS: Mutex<Option<HashSet<&'static [&'static str]>>> = Mutex::new(None);
    let list: Vec<&'static str> = texts.map(intern).collect();
    let mut lists = LISTS.lock().unwrap_or_else(PoisonError::into_inner);
    let lists = lists.get_or_insert_default();
    lists.get(list.as_slice()).copied().unwrap_or_else(|| {
        let list: &'static [&'static str] = Vec::leak(list);
        lists.insert(list);
        list
    })
}

/// The next multiple of `align` that is not before `offset`.
fn align_up(offset: usize, align: usize) -> Option<usize> {
    offset.checked_next_multiple_of(align)
}

impl Layouts {
    /// A byte. It is there whatever the types are.
    pub(crate) const BYTE: Id = Id(0);
    /// A unit of the system's own text on Windows, as [`BYTE`](Self::BYTE) is elsewhere.
    pub(crate) const WIDE_UNIT: Id = Id(1);
    /// What the system's own text is made of.
    pub(crate) const OS_UNIT: Id = if cfg!(windows) { Self::WIDE_UNIT } else { Self::BYTE };

    /// Works out the layouts of `types`, which are of `schema`. `None` if one is not of data, or larger than memory.
    pub(crate) fn new(schema: &Schema, types: &[&schema::Type]) -> Option<(Layouts, Vec<Id>)> {
        let mut builder =
            Builder { schema, nodes: Vec::new(), named: vec![None; schema.definitions.len()], later: Vec::new() };
        builder.add(Kind::Leaf(Tag::U8));
        builder.add(Kind::Leaf(Tag::U16));
        let ids = types.iter().map(|ty| builder.node(ty)).collect::<Option<Vec<_>>>()?;
        builder.definitions()?;
        let Builder { mut nodes, .. } = builder;
        for index in 0..nodes.len() {
            place_with_parts(&mut nodes, Id(index))?;
        }
        for index in 0..nodes.len() {
            place_box(&mut nodes, Id(index))?;
        }
        find_empty(&mut nodes);
        Some((Layouts(nodes), ids))
    }

    /// Of no types.
    pub(crate) fn none() -> Self {
        Layouts(Vec::new())
    }

    pub(crate) fn get(&self, id: Id) -> &Node {
        &self.0[id.0]
    }
}

/// Makes a node of each type that can be reached, without sizes: a type may lead back to itself behind a pointer.
struct Builder<'a> {
    schema: &'a Schema,
    nodes: Vec<Node>,
    /// The nodes of the definitions that were met.
    named: Vec<Option<Id>>,
    /// Those of them that are still to be made.
    later: Vec<(usize, Id)>,
}

impl Builder<'_> {
    fn add(&mut self, kind: Kind) -> Id {
        self.nodes.push(Node { size: 0, align: 0, owns: false, is_empty: false, kind });
        Id(self.nodes.len() - 1)
    }

    /// The node of a type. What it is made of goes first; as deep as types are nested, and not through definitions.
    fn node(&mut self, ty: &schema::Type) -> Option<Id> {
        if ty.tag == Tag::Named {
            return Some(self.named(ty.count as usize));
        }
        // Whatever it is of, none of that is in it.
        let inside = if ty.tag == Tag::PhantomData { &[][..] } else { self.schema.parts(ty) };
        let mut parts = Vec::with_capacity(inside.len());
        for part in inside {
            parts.push(self.node(part)?);
        }
        self.made_of(ty, &parts)
    }

    /// The node of a type that has no name and is made of `parts`.
    fn made_of(&mut self, ty: &schema::Type, parts: &[Id]) -> Option<Id> {
        use Tag::*;
        // With all its fields of the one type that there may be.
        let like_a_struct = |name, style, names: &[&str]| {
            let fields = names.iter().map(|_| (parts[0], false));
            let record = Record::new(style, intern_all(names.iter().copied()), fields);
            Kind::Struct(self::Struct { name, record, grows: false })
        };
        let tuple = || Kind::Tuple(Record::new(style::TUPLE, &[], parts.iter().map(|&ty| (ty, false))));
        let kind = match (ty.tag, parts) {
            (String | BoxStr | ArcStr | CowStr, []) => Kind::Text,
            (Vec | VecDeque | BoxSlice | HashSet | BTreeSet, &[element]) => Kind::Sequence(element),
            (HashMap | BTreeMap, [_, _]) => Kind::Map(self.add(tuple())),
            (Box, &[inner]) => Kind::Box(inner),
            // An array without elements has no `Repr`.
            (Array, &[element]) if ty.count != 0 => Kind::Array(element, usize::try_from(ty.count).ok()?),
            (Option, &[inner]) => Kind::Option(inner, 0),
            (Result, &[ok, error]) => Kind::Result([ok, error], 0),
            (Tuple, [_, ..]) => tuple(),
            (NonZero, [_]) if is_integer(self.schema.parts(ty)[0].tag) => Kind::NonZero(self.schema.parts(ty)[0].tag),
            (PhantomData, _) => like_a_struct("PhantomData", style::UNIT, &[]),
            (RangeFull, []) => like_a_struct("RangeFull", style::UNIT, &[]),
            (Range, [_]) => like_a_struct("Range", style::NAMED, &["start", "end"]),
            (RangeInclusive, [_]) => like_a_struct("RangeInclusive", style::NAMED, &["start", "end"]),
            (RangeFrom, [_]) => like_a_struct("RangeFrom", style::NAMED, &["start"]),
            (RangeTo, [_]) => like_a_struct("RangeTo", style::NAMED, &["end"]),
            (RangeToInclusive, [_]) => like_a_struct("RangeToInclusive", style::NAMED, &["end"]),
            (tag, []) if is_leaf(tag) => Kind::Leaf(tag),
            _ => return None,
        };
        Some(self.add(kind))
    }

    /// The node of a definition, which is one of those that are made later.
    fn named(&mut self, definition: usize) -> Id {
        if let Some(id) = self.named[definition] {
            return id;
        }
        let id = self.add(Kind::Leaf(Tag::Unit));
        self.named[definition] = Some(id);
        self.later.push((definition, id));
        id
    }

    /// Makes what was left for later.
    fn definitions(&mut self) -> Option<()> {
        while let Some((definition, id)) = self.later.pop() {
            let definition = &self.schema.definitions[definition];
            let (name, grows) = (intern(&definition.name), definition.body.grows());
            self.nodes[id.0].kind = match &definition.body {
                Body::Struct { fields, .. } => Kind::Struct(Struct { name, record: self.fields(fields)?, grows }),
                Body::Enum { variants, fallback } => {
                    let names = variants.iter().map(|variant| variant.name.as_str()).chain(fallback.as_deref());
                    let names = intern_all(names);
                    let variants =
                        variants.iter().map(|variant| self.fields(&variant.fields)).collect::<Option<_>>()?;
                    Kind::Enum(Enum { name, names, variants, payload: 0, grows })
                }
            };
        }
        Some(())
    }

    fn fields(&mut self, fields: &schema::Fields) -> Option<Record> {
        let types = fields.fields.iter().map(|field| Some((self.node(&field.ty)?, field.defaulted)));
        let types = types.collect::<Option<Vec<_>>>()?;
        Some(Record::new(fields.style, intern_all(fields.fields.iter().map(|field| field.name.as_str())), types))
    }
}

impl Record {
    /// Without sizes and offsets.
    fn new(style: u8, names: &'static [&'static str], types: impl IntoIterator<Item = (Id, bool)>) -> Self {
        let fields = types.into_iter().map(|(ty, defaulted)| Field { ty, offset: 0, defaulted }).collect();
        Record { fields, names, style, size: 0, align: 0 }
    }

    /// Finds the place of each field, and says whether one may own memory.
    fn place(&mut self, nodes: &[Node]) -> Option<bool> {
        let (mut end, mut align, mut owns) = (0_usize, 1, false);
        for field in &mut self.fields {
            let node = &nodes[field.ty.0];
            field.offset = align_up(end, node.align)?;
            end = field.offset.checked_add(node.size)?;
            align = align.max(node.align);
            owns |= node.owns;
        }
        self.size = whole(end.max(1), align)?;
        self.align = align;
        Some(owns)
    }

    /// Whether it stands for its one field, as serde has it.
    pub(crate) fn is_newtype(&self) -> bool {
        self.style == style::TUPLE && self.fields.len() == 1
    }
}

/// The size of what ends at `end` before that is filled up, if it is no larger than memory may be.
fn whole(end: usize, align: usize) -> Option<usize> {
    align_up(end, align).filter(|&size| size <= isize::MAX as usize)
}

/// What [`Node`] says beside the kind.
type Facts = (usize, usize, bool);

fn of<R>(owns: bool) -> Facts {
    (size_of::<R>(), align_of::<R>(), owns)
}

/// Finds the size of a type, and before it those of all that it has inside itself. That ends: the schema is finite.
fn place_with_parts(nodes: &mut [Node], id: Id) -> Option<()> {
    let mut waiting = vec![id];
    while let Some(&id) = waiting.last() {
        if nodes[id.0].size == 0 {
            if let Some(part) = unplaced_part(nodes, id) {
                waiting.push(part);
                continue;
            }
            // Out of its place meanwhile, so that the others can be looked at.
            let mut kind = std::mem::replace(&mut nodes[id.0].kind, Kind::Text);
            let facts = facts(nodes, &mut kind);
            let node = &mut nodes[id.0];
            node.kind = kind;
            (node.size, node.align, node.owns) = facts?;
        }
        waiting.pop();
    }
    Some(())
}

/// A type that this one has inside itself and whose size is not known yet.
fn unplaced_part(nodes: &[Node], id: Id) -> Option<Id> {
    let unplaced = |id: &Id| nodes[id.0].size == 0;
    let in_record = |record: &Record| record.fields.iter().map(|field| field.ty).find(unplaced);
    match &nodes[id.0].kind {
        Kind::Array(part, _) | Kind::Option(part, _) => Some(*part).filter(unplaced),
        Kind::Result(parts, _) => parts.iter().copied().find(unplaced),
        Kind::Tuple(record) | Kind::Struct(Struct { record, grows: false, .. }) => in_record(record),
        Kind::Enum(Enum { variants, grows: false, .. }) => variants.iter().find_map(in_record),
        _ => None,
    }
}

/// What there is to say of a type when the sizes of all that it has inside itself are known.
fn facts(nodes: &[Node], kind: &mut Kind) -> Option<Facts> {
    Some(match kind {
        Kind::Leaf(tag) | Kind::NonZero(tag) => leaf(*tag)?,
        Kind::Text | Kind::Sequence(_) | Kind::Map(_) | Kind::Box(_) => of::<BufferRepr>(true),
        Kind::Array(element, count) => {
            let node = &nodes[element.0];
            (whole(node.size.checked_mul(*count)?, 1)?, node.align, node.owns)
        }
        Kind::Option(inner, offset) => {
            let node = &nodes[inner.0];
            *offset = node.align;
            (whole(node.align.checked_add(node.size)?, node.align)?, node.align, node.owns)
        }
        Kind::Result(parts, offset) => {
            let (mut size, mut align, mut owns) = (0, 1, false);
            for part in parts {
                let node = &nodes[part.0];
                (size, align, owns) = (node.size.max(size), node.align.max(align), node.owns | owns);
            }
            *offset = align;
            (whole(align.checked_add(size)?, align)?, align, owns)
        }
        Kind::Tuple(record) => {
            let owns = record.place(nodes)?;
            (record.size, record.align, owns)
        }
        // What is in the box may be the type itself again. It is placed when all sizes are known.
        Kind::Struct(Struct { grows: true, .. }) | Kind::Enum(Enum { grows: true, .. }) => of::<GrowsRepr>(true),
        Kind::Struct(Struct { record, .. }) => {
            let owns = record.place(nodes)?;
            (record.size, record.align, owns)
        }
        Kind::Enum(Enum { variants, payload, .. }) => {
            let (mut size, mut align, mut owns) = (0, 1, false);
            for record in variants {
                owns |= record.place(nodes)?;
                // One without fields has no place in the union.
                if !record.fields.is_empty() {
                    (size, align) = (record.size.max(size), record.align.max(align));
                }
            }
            *payload = align_up(size_of::<u32>(), align)?;
            let align = align.max(align_of::<u32>());
            (whole(payload.checked_add(size)?, align)?, align, owns)
        }
    })
}

/// Places the fields of what is in a box of its own.
fn place_box(nodes: &mut [Node], id: Id) -> Option<()> {
    let mut kind = std::mem::replace(&mut nodes[id.0].kind, Kind::Text);
    let placed = match &mut kind {
        Kind::Struct(Struct { record, grows: true, .. }) => record.place(nodes).map(|_| ()),
        Kind::Enum(Enum { variants, grows: true, .. }) => {
            variants.iter_mut().try_for_each(|record| record.place(nodes).map(|_| ()))
        }
        _ => Some(()),
    };
    nodes[id.0].kind = kind;
    placed
}

/// Finds the types whose values have no data: units, and all that is made of nothing else. As types may lead back to
/// themselves, each round finds those that are made of what was found before.
fn find_empty(nodes: &mut [Node]) {
    loop {
        let mut found = false;
        for index in 0..nodes.len() {
            if !nodes[index].is_empty && is_made_of_empty(nodes, &nodes[index].kind) {
                nodes[index].is_empty = true;
                found = true;
            }
        }
        if !found {
            return;
        }
    }
}

fn is_made_of_empty(nodes: &[Node], kind: &Kind) -> bool {
    let is_empty = |id: &Id| nodes[id.0].is_empty;
    match kind {
        Kind::Leaf(tag) => *tag == Tag::Unit,
        Kind::Box(inner) => is_empty(inner),
        Kind::Array(element, count) => *count == 0 || is_empty(element),
        Kind::Tuple(record) | Kind::Struct(Struct { record, .. }) => {
            record.fields.iter().all(|field| is_empty(&field.ty))
        }
        _ => false,
    }
}

fn is_integer(tag: Tag) -> bool {
    use Tag::*;
    matches!(tag, U8 | U16 | U32 | U64 | U128 | Usize | I8 | I16 | I32 | I64 | I128 | Isize)
}

fn is_leaf(tag: Tag) -> bool {
    leaf(tag).is_some()
}

fn leaf(tag: Tag) -> Option<Facts> {
    Some(match tag {
        Tag::Unit | Tag::Bool | Tag::U8 | Tag::I8 | Tag::Ordering => of::<u8>(false),
        Tag::U16 | Tag::I16 => of::<u16>(false),
        Tag::Char | Tag::U32 | Tag::I32 => of::<u32>(false),
        Tag::U64 | Tag::I64 => of::<u64>(false),
        Tag::U128 | Tag::I128 => of::<WideRepr>(false),
        Tag::Usize | Tag::Isize => of::<usize>(false),
        Tag::F32 => of::<f32>(false),
        Tag::F64 => of::<f64>(false),
        Tag::PathBuf | Tag::OsString | Tag::Error => of::<BufferRepr>(true),
        Tag::Duration => of::<DurationRepr>(false),
        Tag::SystemTime => of::<SystemTimeRepr>(false),
        Tag::Ipv4Addr => of::<[u8; 4]>(false),
        Tag::Ipv6Addr | Tag::Uuid => of::<[u8; 16]>(false),
        Tag::IpAddr => of::<IpAddrRepr>(false),
        Tag::SocketAddrV4 => of::<SocketAddrV4Repr>(false),
        Tag::SocketAddrV6 => of::<SocketAddrV6Repr>(false),
        Tag::SocketAddr => of::<SocketAddrRepr>(false),
        Tag::Bytes => of::<BytesRepr>(true),
        Tag::Json => of::<JsonRepr>(true),
        _ => return None,
    })
}
