//! The walk through a descriptor's tree. It counts, writes or compares the bytes of the descriptor.

use std::mem::MaybeUninit;

use super::bytes::{are_equal, first_word, put};
use super::node::{Definition, Node};
use super::tag::{Tag, form};

/// The largest number of different named types in one signature.
const MAX_NAMED: usize = 256;

impl Node {
    /// Returns the number of bytes that [`Node::write`] writes.
    pub const fn len(&'static self) -> usize {
        let mut walk = Walk::new(Output::None);
        walk.all(self);
        walk.at
    }

    /// Returns the number of bytes that [`Node::write`] writes, and the number of those that [`Node::write_modules`]
    /// writes.
    pub(super) const fn lengths(&'static self) -> (usize, usize) {
        let mut walk = Walk::new(Output::None);
        walk.all(self);
        (walk.at, walk.modules(None, 0))
    }

    /// Returns false: a node has at least its tag.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes the bytes into `out` from `at` on, and returns the place after them.
    pub const fn write(&'static self, out: &mut [u8], at: usize) -> usize {
        let mut walk = Walk::new(Output::Write(out));
        walk.at = at;
        walk.all(self);
        walk.at
    }

    /// Returns true if `bytes` are exactly this descriptor. Neither may be a prefix of the other.
    pub fn matches(&'static self, bytes: &[u8]) -> bool {
        let mut walk = Walk::new(Output::Compare(bytes));
        walk.all(self);
        walk.same && walk.at == bytes.len()
    }

    /// Returns true if a value of the type may contain an object in a `Box`.
    pub const fn has_boxed_objects(&'static self) -> bool {
        self.values().has_boxed_objects
    }

    /// Returns true if a value of the type may contain an object.
    pub const fn has_objects(&'static self) -> bool {
        let values = self.values();
        values.has_boxed_objects || values.has_shared_objects
    }

    /// Walks the types of the values in a value. The signatures of an object are not in it.
    const fn values(&'static self) -> Walk<'static> {
        let mut walk = Walk::new(Output::None);
        walk.only_values = true;
        walk.all(self);
        walk
    }

    /// Returns false if a type that fits this one is equal to it. Otherwise it may differ by growth.
    pub const fn may_grow(&'static self) -> bool {
        let mut walk = Walk::new(Output::None);
        walk.all(self);
        walk.may_grow
    }

    /// Writes the modules of the named types into `out` from `at` on, one a line, in the order of the types. Returns
    /// the place after them.
    pub const fn write_modules(&'static self, out: &mut [u8], at: usize) -> usize {
        let mut walk = Walk::new(Output::None);
        walk.all(self);
        walk.modules(Some(out), at)
    }

    /// Returns the modules of the named types, one a line.
    pub fn to_modules(&'static self) -> String {
        let mut bytes = vec![0; self.lengths().1];
        self.write_modules(&mut bytes, 0);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Returns the bytes.
    pub fn to_bytes(&'static self) -> Vec<u8> {
        let mut bytes = vec![0; self.len()];
        self.write(&mut bytes, 0);
        bytes
    }
}

/// Refuses a definition with stand-ins that does not describe the type for the arguments in `named`. `body` is the
/// type's real body for these arguments, without stand-ins.
#[doc(hidden)]
pub const fn assert_described(named: &'static Node, body: &'static Node) {
    let Node::Named { definition, arguments } = named else { panic!("a definition is of a named type") };
    let mut walk = Walk::new(Output::None);
    walk.met[0] = MaybeUninit::new(Met { definition: definition.get(), arguments, within: NOWHERE });
    walk.count = 1;
    assert!(
        walk.are_same(definition.get().body, 0, body, NOWHERE),
        "a generic type's fields are of other types for these arguments than for most: an implementation is specialized"
    );
}

/// Returns true for the head of a closure, an iterator or an interface. The head of a field begins with a length, and has so many bytes
/// more, so it does not look like one of these.
const fn is_object(head: &[u8]) -> bool {
    match head {
        [tag] => *tag == Tag::DynIterator as u8 || *tag == Tag::DynTrait as u8,
        [tag, _, _, _, _, _, _, _, _] => {
            *tag == Tag::DynFn as u8 || *tag == Tag::DynFnMut as u8 || *tag == Tag::DynFnOnce as u8
        }
        _ => false,
    }
}

/// The use that a walk makes of a descriptor's bytes.
enum Output<'a> {
    /// The walk only counts the bytes.
    None,
    Write(&'a mut [u8]),
    /// The walk compares the bytes with these.
    Compare(&'a [u8]),
}

/// A named type that the walk has met, with the arguments for its parameters.
#[derive(Clone, Copy)]
struct Met {
    definition: &'static Definition,
    arguments: &'static [&'static Node],
    /// The number of the named type around this one. The parameters in `arguments` are parameters of that type.
    within: usize,
}

/// The rest of a node that the walk has begun.
#[derive(Clone, Copy)]
struct Ahead {
    parts: &'static [&'static Node],
    within: usize,
    /// The body of a named type, which comes after the arguments, and the number of the type whose parameters are in
    /// the body.
    body: Option<(&'static Node, usize)>,
}

/// The number of nodes that may be begun at once.
const MAX_DEPTH: usize = 512;

/// The number that stands for no named type: no parameter is around the node.
const NOWHERE: usize = usize::MAX;

/// A walk through a descriptor.
struct Walk<'a> {
    output: Output<'a>,
    at: usize,
    same: bool,
    /// The named types that the walk has met. Only the first `count` are initialised, because each look-up makes such
    /// an array.
    met: [MaybeUninit<Met>; MAX_NAMED],
    count: usize,
    /// Whether the walk leaves out the signatures of objects.
    only_values: bool,
    /// Whether the walk has met a [`Tag::BoxDyn`].
    has_boxed_objects: bool,
    /// Whether the walk has met a [`Tag::ArcDyn`].
    has_shared_objects: bool,
    /// Whether the walk has met a type that may grow.
    may_grow: bool,
}

impl<'a> Walk<'a> {
    const fn new(output: Output<'a>) -> Self {
        Walk {
            output,
            at: 0,
            same: true,
            met: [MaybeUninit::uninit(); MAX_NAMED],
            count: 0,
            only_values: false,
            has_boxed_objects: false,
            has_shared_objects: false,
            may_grow: false,
        }
    }

    const fn met(&self, number: usize) -> Met {
        assert!(number < self.count);
        // SAFETY: the first `count` elements are initialised, and `number` is below `count`.
        unsafe { self.met[number].assume_init() }
    }

    const fn bytes(&mut self, bytes: &[u8]) {
        match &mut self.output {
            Output::None => {}
            Output::Write(out) => _ = put(out, self.at, bytes),
            Output::Compare(with) => {
                let mut i = 0;
                while i < bytes.len() && self.same {
                    self.same = self.at + i < with.len() && with[self.at + i] == bytes[i];
                    i += 1;
                }
            }
        }
        self.at += bytes.len();
    }

    /// Writes the modules of the named types that the walk has met into `out`, if `out` is given. Returns the place
    /// after them.
    const fn modules(&self, mut out: Option<&mut [u8]>, mut at: usize) -> usize {
        let mut number = 0;
        while number < self.count {
            let place = self.met(number).definition.place.as_bytes();
            let (line_feed, module): (&[u8], _) = (if number == 0 { b"" } else { b"\n" }, first_word(place));
            if let Some(out) = &mut out {
                put(out, at, line_feed);
                put(out, at + line_feed.len(), module);
            }
            at += line_feed.len() + module.len();
            number += 1;
        }
        at
    }

    /// Walks all of `root`. It is a loop and not a recursion, because the depth of calls is limited in constants.
    const fn all(&mut self, root: &'static Node) {
        let mut ahead = [MaybeUninit::<Ahead>::uninit(); MAX_DEPTH];
        let (mut depth, mut node, mut within) = (0, root, NOWHERE);
        while self.same {
            let mut more = Ahead { parts: &[], within, body: None };
            match node {
                Node::Parameter(index) => {
                    let of = self.met(within);
                    (node, within) = (of.arguments[*index], of.within);
                    continue;
                }
                Node::Of { head, parts } => {
                    self.bytes(head);
                    // Heads of fields and variants are longer.
                    if let [tag] = *head {
                        self.has_boxed_objects |= *tag == Tag::BoxDyn as u8;
                        self.has_shared_objects |= *tag == Tag::ArcDyn as u8;
                    }
                    // The beginning of a body. Another head may look alike, which does no harm.
                    if let [tag, form, ..] = *head {
                        self.may_grow |= (*tag == Tag::Struct as u8 || *tag == Tag::Enum as u8) && *form >= form::GROWS;
                    }
                    more.parts = match self.only_values && is_object(head) {
                        true => &[],
                        false => parts,
                    };
                }
                Node::Named { definition, arguments } => {
                    let definition = definition.get();
                    if let Some(number) = self.named(definition, arguments, within) {
                        more.parts = arguments;
                        more.body = Some((definition.body, if definition.generic { number } else { within }));
                    }
                }
            }
            // The next node is the next part of this node, or of the innermost node around it that has parts left.
            loop {
                if let [part, rest @ ..] = more.parts {
                    more.parts = rest;
                    (node, within) = (part, more.within);
                } else if let Some(body) = more.body {
                    more.body = None;
                    (node, within) = body;
                } else if depth > 0 {
                    depth -= 1;
                    // SAFETY: `depth` was increased only after the element at its old value was written, so the
                    // elements before `depth` are initialised.
                    more = unsafe { ahead[depth].assume_init() };
                    continue;
                } else {
                    return;
                }
                if !more.parts.is_empty() || more.body.is_some() {
                    assert!(depth < MAX_DEPTH, "types are nested too deeply in one signature");
                    ahead[depth] = MaybeUninit::new(more);
                    depth += 1;
                }
                break;
            }
        }
    }

    /// Writes the beginning of a named type. At the first meeting, this writes all bytes before the arguments, and
    /// returns the type's number. Later, this writes the reference to the number, and returns `None`.
    const fn named(
        &mut self,
        definition: &'static Definition,
        arguments: &'static [&'static Node],
        within: usize,
    ) -> Option<usize> {
        let named = Met { definition, arguments, within };
        let mut number = 0;
        while number < self.count {
            if self.is_same(named, self.met(number)) {
                self.bytes(&[Tag::Again as u8]);
                self.bytes(&(number as u32).to_le_bytes());
                return None;
            }
            number += 1;
        }
        assert!(self.count < MAX_NAMED, "one signature has more than 256 different types with `#[plugin_type]`");
        self.met[self.count] = MaybeUninit::new(named);
        self.count += 1;
        self.bytes(&[Tag::Named as u8]);
        self.bytes(&(definition.name.len() as u32).to_le_bytes());
        self.bytes(definition.name.as_bytes());
        self.bytes(&(arguments.len() as u32).to_le_bytes());
        Some(number)
    }

    /// Returns true if two named types are the same type.
    ///
    /// If a definition contains its arguments, equal arguments are not enough. Different types may have the same
    /// descriptor, as maps with different hashers do, and may still give a field another type. So the bodies are
    /// compared in this case. Such a body does not contain itself, because the compiler could not have evaluated it.
    const fn is_same(&self, a: Met, b: Met) -> bool {
        let (x, y) = (a.definition, b.definition);
        if x.number != y.number
            || !are_equal(x.name.as_bytes(), y.name.as_bytes())
            || !are_equal(x.place.as_bytes(), y.place.as_bytes())
            || x.generic != y.generic
            || a.arguments.len() != b.arguments.len()
        {
            return false;
        }
        let mut i = 0;
        while i < a.arguments.len() {
            if !self.are_same(a.arguments[i], a.within, b.arguments[i], b.within) {
                return false;
            }
            i += 1;
        }
        x.generic || a.arguments.is_empty() || self.are_same(x.body, a.within, y.body, b.within)
    }

    const fn are_same(&self, a: &'static Node, a_within: usize, b: &'static Node, b_within: usize) -> bool {
        match (a, b) {
            (Node::Parameter(index), _) => {
                let of = self.met(a_within);
                self.are_same(of.arguments[*index], of.within, b, b_within)
            }
            (_, Node::Parameter(index)) => {
                let of = self.met(b_within);
                self.are_same(a, a_within, of.arguments[*index], of.within)
            }
            (Node::Of { head: a_head, parts: a_parts }, Node::Of { head: b_head, parts: b_parts }) => {
                if !are_equal(a_head, b_head) || a_parts.len() != b_parts.len() {
                    return false;
                }
                let mut i = 0;
                while i < a_parts.len() {
                    if !self.are_same(a_parts[i], a_within, b_parts[i], b_within) {
                        return false;
                    }
                    i += 1;
                }
                true
            }
            (
                Node::Named { definition: a, arguments: a_arguments },
                Node::Named { definition: b, arguments: b_arguments },
            ) => self.is_same(
                Met { definition: a.get(), arguments: a_arguments, within: a_within },
                Met { definition: b.get(), arguments: b_arguments, within: b_within },
            ),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::node::DefinitionRef;
    use super::*;
    use crate::PluginType;

    #[test]
    fn bytes_are_the_prefix_code() {
        let bytes = <Result<Option<u32>, String>>::NODE.to_bytes();
        assert_eq!(bytes, [37, 36, 6, 18]);
        let bytes = <(bool, [u8; 2])>::NODE.to_bytes();
        assert_eq!(bytes, [38, 2, 0, 0, 0, 0, 0, 0, 0, 2, 34, 2, 0, 0, 0, 0, 0, 0, 0, 4]);
    }

    #[test]
    fn the_signature_of_an_object_is_not_in_its_value() {
        type Takes = dyn Fn(Box<dyn Fn(u8)>) -> Box<dyn Iterator<Item = u8>> + Send + Sync;
        let shared = <std::sync::Arc<Takes> as PluginType>::NODE;
        assert!(shared.has_objects() && !shared.has_boxed_objects());
        let boxed = <Vec<Option<Box<Takes>>> as PluginType>::NODE;
        assert!(boxed.has_objects() && boxed.has_boxed_objects());
        let data = <Vec<(String, Option<u8>)> as PluginType>::NODE;
        assert!(!data.has_objects());
    }

    /// Makes a named type with a definition that has stand-ins, and with arguments for it.
    fn named(body: &'static Node, arguments: &'static [&'static Node]) -> &'static Node {
        let definition = Definition { number: 1, place: "here", name: "Pair", generic: true, body };
        let definition = DefinitionRef::new(Box::leak(Box::new(definition)));
        Box::leak(Box::new(Node::Named { definition, arguments }))
    }

    const STAND_INS: &Node = &Node::Of {
        head: &[Tag::Tuple as u8],
        parts: &[&Node::Parameter(1), &Node::Of { head: &Tag::Vec.head(), parts: &[&Node::Parameter(0)] }],
    };

    #[test]
    fn a_definition_describes_a_body() {
        let arguments = vec![<u8>::NODE, <Option<u8>>::NODE].leak();
        let body = Node::Of { head: &[Tag::Tuple as u8], parts: &[<Option<u8>>::NODE, <Vec<u8>>::NODE] };
        assert_described(named(STAND_INS, arguments), Box::leak(Box::new(body)));
    }

    #[test]
    #[should_panic(expected = "an implementation is specialized")]
    fn a_definition_does_not_describe_another_body() {
        let arguments = vec![<u8>::NODE, <Option<u8>>::NODE].leak();
        let body = Node::Of { head: &[Tag::Tuple as u8], parts: &[<Option<u8>>::NODE, <Vec<u16>>::NODE] };
        assert_described(named(STAND_INS, arguments), Box::leak(Box::new(body)));
    }
}
