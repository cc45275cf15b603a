//! The memory layout of each type's `Repr`, computed from the descriptor alone.
//!
//! Every `Repr` is a `#[repr(C)]` composition of its parts. So C's rules determine each size, alignment and offset.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use plugin_core::host::descriptor::{Class, Tag, style};
use plugin_core::repr::{BufferRepr, GrowsRepr};

use crate::schema::{self, Body, Schema};
use crate::untyped::leaves;
use crate::untyped::leaves::numbers::is_integer;

/// A type, as an index into [`Layouts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(usize);

/// The types of one signature.
#[derive(Debug)]
pub(crate) struct Layouts(Vec<Node>);

/// The layout of a type, and facts about its values.
#[derive(Debug)]
pub(crate) struct Node {
    /// The size of its `Repr`. It is at least 1.
    pub(crate) size: usize,
    /// The alignment of its `Repr`.
    pub(crate) align: usize,
    /// Whether its values may own memory.
    pub(crate) owns: bool,
    /// Whether its values have no data, so that a format may write no byte for them.
    pub(crate) is_empty: bool,
    pub(crate) kind: Kind,
}

/// The kind of a type. Two types have the same kind if their `Repr` and serde's data model treat them alike.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A type without parts, by its tag.
    Leaf(Tag),
    /// `NonZero` of the integer with this tag.
    NonZero(Tag),
    /// Any of the owned strings.
    Text,
    /// Any type whose `Repr` is a buffer of elements.
    Sequence(Id),
    /// A map: a buffer of pairs of this type.
    Map(Id),
    Box(Id),
    Array(Id, usize),
    /// The inner type, and the offset of its value.
    Option(Id, usize),
    /// The types of `Ok` and `Err`, and the offset of either value.
    Result([Id; 2], usize),
    Tuple(Record),
    Struct(Struct),
    Enum(Enum),
}

/// The fields of a tuple, a struct or a variant.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) fields: Vec<Field>,
    /// The names of the fields.
    pub(crate) names: &'static [&'static str],
    /// See [`style`].
    pub(crate) style: u8,
    /// The size of all fields. It is at least 1: a record without fields has one byte.
    pub(crate) size: usize,
    pub(crate) align: usize,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) ty: Id,
    pub(crate) offset: usize,
    /// Whether the field may be left out if all fields after it are left out.
    pub(crate) defaulted: bool,
}

/// A struct, or a type that serde treats as a struct.
#[derive(Debug)]
pub(crate) struct Struct {
    pub(crate) name: &'static str,
    pub(crate) record: Record,
    /// Whether it may grow. If so, it crosses in a box of its own.
    pub(crate) grows: bool,
}

#[derive(Debug)]
pub(crate) struct Enum {
    pub(crate) name: &'static str,
    /// The names of the variants, the fallback last.
    pub(crate) names: &'static [&'static str],
    /// The fields of each variant. The fallback is not among them.
    pub(crate) variants: Vec<Record>,
    /// The offset of the variant's fields if the enum may not grow.
    pub(crate) payload: usize,
    /// Whether it may grow. If so, it crosses in a box of its own, and has a fallback.
    pub(crate) grows: bool,
}

/// Returns an equal text that is never freed, because serde needs static names of types and fields. Equal texts share
/// one copy, so loading plugins again takes no more memory.
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

/// Does the same as [`intern`] for a list of texts.
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

/// Returns the first multiple of `align` that is at least `offset`.
fn align_up(offset: usize, align: usize) -> Option<usize> {
    offset.checked_next_multiple_of(align)
}

impl Layouts {
    /// Computes the layouts of `types`, which are types of `schema`. Returns `None` if one of them is not data, or is
    /// larger than memory.
    pub(crate) fn new(schema: &Schema, types: &[&schema::Type]) -> Option<(Layouts, Vec<Id>)> {
        let mut builder =
            Builder { schema, nodes: Vec::new(), named: vec![None; schema.definitions.len()], later: Vec::new() };
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

    pub(crate) fn get(&self, id: Id) -> &Node {
        &self.0[id.0]
    }
}

/// Makes a node for each type that `types` lead to. Sizes are computed later, because a type may lead back to itself
/// behind a pointer.
struct Builder<'a> {
    schema: &'a Schema,
    nodes: Vec<Node>,
    /// The node of each definition; `None` for a definition that was not met yet.
    named: Vec<Option<Id>>,
    /// The definitions whose nodes have no kind yet.
    later: Vec<(usize, Id)>,
}

impl Builder<'_> {
    fn add(&mut self, kind: Kind) -> Id {
        self.nodes.push(Node { size: 0, align: 0, owns: false, is_empty: false, kind });
        Id(self.nodes.len() - 1)
    }

    /// Returns the node of a type. The nodes of its parts are made first, by recursion. The recursion is as deep as the
    /// type is nested, which the schema limits. It does not follow definitions.
    fn node(&mut self, ty: &schema::Type) -> Option<Id> {
        if ty.tag == Tag::Named {
            return Some(self.named(ty.count as usize));
        }
        // A `PhantomData` contains no value of its part, which need not be data.
        let inside = if let Class::Struct(_, []) = ty.tag.class() { &[][..] } else { self.schema.parts(ty) };
        let mut parts = Vec::with_capacity(inside.len());
        for part in inside {
            parts.push(self.node(part)?);
        }
        self.made_of(ty, &parts)
    }

    /// Makes the node of a type without a name, whose parts have the nodes `parts`.
    fn made_of(&mut self, ty: &schema::Type, parts: &[Id]) -> Option<Id> {
        let tuple = || Kind::Tuple(Record::new(style::TUPLE, &[], parts.iter().map(|&ty| (ty, false))));
        let kind = match ty.tag.class() {
            Class::Leaf => Kind::Leaf(ty.tag),
            Class::Text => Kind::Text,
            Class::Sequence => Kind::Sequence(parts[0]),
            Class::Map => Kind::Map(self.add(tuple())),
            Class::Box => Kind::Box(parts[0]),
            // An array without elements has no `Repr`.
            Class::Array if ty.count == 0 => return None,
            Class::Array => Kind::Array(parts[0], usize::try_from(ty.count).ok()?),
            Class::Option => Kind::Option(parts[0], 0),
            Class::Result => Kind::Result([parts[0], parts[1]], 0),
            Class::Tuple => tuple(),
            Class::NonZero => Kind::NonZero(Some(self.schema.parts(ty)[0].tag).filter(|&tag| is_integer(tag))?),
            Class::Struct(_, names) => {
                let style = if names.is_empty() { style::UNIT } else { style::NAMED };
                let fields = names.iter().map(|_| (parts[0], false));
                let record = Record::new(style, intern_all(names.iter().copied()), fields);
                Kind::Struct(Struct { name: ty.tag.spelling(), record, grows: false })
            }
            Class::Unsized(_) | Class::Other(_) => return None,
        };
        Some(self.add(kind))
    }

    /// Returns the node of a definition. A definition that is met for the first time gets its kind later.
    fn named(&mut self, definition: usize) -> Id {
        if let Some(id) = self.named[definition] {
            return id;
        }
        let id = self.add(Kind::Leaf(Tag::Unit));
        self.named[definition] = Some(id);
        self.later.push((definition, id));
        id
    }

    /// Fills in the nodes of all definitions that were met.
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
    /// Makes a record without sizes and offsets.
    fn new(style: u8, names: &'static [&'static str], types: impl IntoIterator<Item = (Id, bool)>) -> Self {
        let fields = types.into_iter().map(|(ty, defaulted)| Field { ty, offset: 0, defaulted }).collect();
        Record { fields, names, style, size: 0, align: 0 }
    }

    /// Computes the offset of each field and the record's size. Returns whether a field may own memory.
    fn place(&mut self, nodes: &[Node]) -> Option<bool> {
        let (mut end, mut align, mut owns) = (0_usize, 1, false);
        for field in &mut self.fields {
            let node = &nodes[field.ty.0];
            field.offset = align_up(end, node.align)?;
            end = field.offset.checked_add(node.size)?;
            align = align.max(node.align);
            owns |= node.owns;
        }
        self.size = padded_size(end.max(1), align)?;
        self.align = align;
        Some(owns)
    }

    /// Whether it stands for its one field, as serde has it.
    pub(crate) fn is_newtype(&self) -> bool {
        self.style == style::TUPLE && self.fields.len() == 1
    }
}

/// Returns the size of a type whose last part ends at `end`, with the padding that `align` needs. Returns `None` if the
/// size is more than an allocation may have.
fn padded_size(end: usize, align: usize) -> Option<usize> {
    align_up(end, align).filter(|&size| size <= isize::MAX as usize)
}

/// The size, the alignment, and whether values may own memory, as in [`Node`].
type Facts = (usize, usize, bool);

fn facts_of<R>(owns: bool) -> Facts {
    (size_of::<R>(), align_of::<R>(), owns)
}

/// Computes the size of a type, and before that the sizes of the types that it contains inline. This ends because
/// [`Schema::decode`] refuses a type that contains itself inline.
fn place_with_parts(nodes: &mut [Node], id: Id) -> Option<()> {
    let mut waiting = vec![id];
    while let Some(&id) = waiting.last() {
        if nodes[id.0].size == 0 {
            if let Some(part) = unplaced_part(nodes, id) {
                waiting.push(part);
                continue;
            }
            // The kind is taken out while it changes, because the change reads other nodes.
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

/// Returns a type that this type contains inline and whose size is not known yet.
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

/// Computes the facts about a type from those about the types that it contains inline, and the offsets of its parts.
fn facts(nodes: &[Node], kind: &mut Kind) -> Option<Facts> {
    Some(match kind {
        Kind::Leaf(tag) | Kind::NonZero(tag) => {
            let leaf = leaves::facts(*tag);
            (leaf.size, leaf.align, leaf.owns)
        }
        Kind::Text | Kind::Sequence(_) | Kind::Map(_) | Kind::Box(_) => facts_of::<BufferRepr>(true),
        Kind::Array(element, count) => {
            let node = &nodes[element.0];
            (padded_size(node.size.checked_mul(*count)?, 1)?, node.align, node.owns)
        }
        Kind::Option(inner, offset) => {
            let node = &nodes[inner.0];
            *offset = node.align;
            (padded_size(node.align.checked_add(node.size)?, node.align)?, node.align, node.owns)
        }
        Kind::Result(parts, offset) => {
            let (mut size, mut align, mut owns) = (0, 1, false);
            for part in parts {
                let node = &nodes[part.0];
                (size, align, owns) = (node.size.max(size), node.align.max(align), node.owns | owns);
            }
            *offset = align;
            (padded_size(align.checked_add(size)?, align)?, align, owns)
        }
        Kind::Tuple(record) => {
            let owns = record.place(nodes)?;
            (record.size, record.align, owns)
        }
        // The box may contain the same type again. So `place_box` computes the offsets when all sizes are known.
        Kind::Struct(Struct { grows: true, .. }) | Kind::Enum(Enum { grows: true, .. }) => facts_of::<GrowsRepr>(true),
        Kind::Struct(Struct { record, .. }) => {
            let owns = record.place(nodes)?;
            (record.size, record.align, owns)
        }
        Kind::Enum(Enum { variants, payload, .. }) => {
            let (mut size, mut align, mut owns) = (0, 1, false);
            for record in variants {
                owns |= record.place(nodes)?;
                // A variant without fields has no part in the union.
                if !record.fields.is_empty() {
                    (size, align) = (record.size.max(size), record.align.max(align));
                }
            }
            *payload = align_up(size_of::<u32>(), align)?;
            let align = align.max(align_of::<u32>());
            (padded_size(payload.checked_add(size)?, align)?, align, owns)
        }
    })
}

/// Computes the offsets of the fields in the box of a type that may grow.
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

/// Finds the types whose values have no data: units, and types that consist only of types without data. Each round
/// finds the types that consist of types from the rounds before. One walk would not do, because types may lead back to
/// themselves.
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
        Kind::Leaf(tag) => leaves::facts(*tag).is_empty,
        Kind::Box(inner) => is_empty(inner),
        Kind::Array(element, count) => *count == 0 || is_empty(element),
        Kind::Tuple(record) | Kind::Struct(Struct { record, .. }) => {
            record.fields.iter().all(|field| is_empty(&field.ty))
        }
        _ => false,
    }
}
