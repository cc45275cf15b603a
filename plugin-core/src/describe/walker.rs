//! A type as data: the bytes by which two separately compiled sides compare what they mean.
//!
//! A descriptor is a prefix code. Every type is one [`Tag`], perhaps a count, and then the descriptors of the types it
//! is made of, so that `fn(&str) -> Option<u32>` is `Fn 1 Ref Str Option U32`. Two types are the same exactly when
//! their bytes are. Nothing else is ever compared: no `TypeId`, no hash, no compiler version.
//!
//! A descriptor says nothing of size, alignment or offsets, because it need not: each [`Repr`](crate::PluginType::Repr)
//! is a `#[repr(C)]` composition of the parts in order, so its layout follows from the structure.
//!
//! On the producing side a descriptor is a tree of [`Node`]s in constants, which generic code can build; on the
//! consuming side it is the flat bytes. [`Node::matches`] compares the two without building either.
//!
//! # Types with a name
//!
//! A type of the author's is written out where it is first met and numbered, from 0 in the order of appearance; after
//! that, also inside itself, it is its number. So recursive types are finite, and each descriptor says all there is to say
//! of the types in it. A generic type is written out once for each choice of its arguments, with these in place.
//!
//! ```text
//! named    = Named name count(u32) argument* body
//! again    = Again number(u32)
//! argument = type | Constant value(i128)
//! body     = Struct form(u8) style(u8) count(u32) field*
//!          | Enum form(u8) count(u32) variant* [name]      the name: of the fallback, if the form is GROWS
//! field    = name defaulted(u8) type
//! variant  = name discriminant(i128) style(u8) count(u32) field*
//! name     = length(u32) bytes
//! ```
//!
//! Numbers are little-endian. A field of a tuple is named by its index. For the forms see [`form`], for the styles
//! [`style`].
//!
//! It is public for `plugin-host`, which reads what this crate writes. Nobody else needs it, so there are no examples.

use std::mem::MaybeUninit;

use crate::describe::record::put;

/// What a descriptor's node is; its number is part of the ABI, so numbers are only ever added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Tag {
    /// `()`.
    Unit = 1,
    /// `bool`.
    Bool = 2,
    /// `char`.
    Char = 3,
    /// `u8`.
    U8 = 4,
    /// `u16`.
    U16 = 5,
    /// `u32`.
    U32 = 6,
    /// `u64`.
    U64 = 7,
    /// `u128`.
    U128 = 8,
    /// `usize`.
    Usize = 9,
    /// `i8`.
    I8 = 10,
    /// `i16`.
    I16 = 11,
    /// `i32`.
    I32 = 12,
    /// `i64`.
    I64 = 13,
    /// `i128`.
    I128 = 14,
    /// `isize`.
    Isize = 15,
    /// `f32`.
    F32 = 16,
    /// `f64`.
    F64 = 17,
    /// `String`.
    String = 18,
    /// `str`, which stands only behind [`Tag::Ref`].
    Str = 19,
    /// `Vec<T>`: the element follows.
    Vec = 32,
    /// `[T]`, which stands only behind [`Tag::Ref`] or [`Tag::Mut`]: the element follows.
    Slice = 33,
    /// `[T; N]`: the count (N), then the element.
    Array = 34,
    /// `Box<T>`.
    Box = 35,
    /// `Option<T>`.
    Option = 36,
    /// `Result<T, E>`: `T`, then `E`.
    Result = 37,
    /// A tuple: the count, then the fields in order.
    Tuple = 38,
    /// `HashMap<K, V>`: the key, then the value.
    HashMap = 39,
    /// `BTreeMap<K, V>`: the key, then the value.
    BTreeMap = 40,
    /// `HashSet<T>`.
    HashSet = 41,
    /// `BTreeSet<T>`.
    BTreeSet = 42,
    /// `VecDeque<T>`.
    VecDeque = 43,
    /// `Box<[T]>`: the element follows.
    BoxSlice = 44,
    /// `NonZero<T>`: the integer follows.
    NonZero = 45,
    /// `PhantomData<T>`.
    PhantomData = 46,
    /// `&T`.
    Ref = 48,
    /// `&mut T`.
    Mut = 49,
    /// A function: the count of its arguments, the arguments in order, then what it returns.
    Fn = 64,
    /// A static that never changes: its type follows.
    Static = 65,
    /// A static atomic: the type it holds follows.
    Atomic = 66,
    /// A static `RwLock<T>`.
    RwLock = 67,
    /// A static `Mutex<T>`.
    Mutex = 68,
    /// A type of the author's, written out.
    Named = 80,
    /// A type of the author's that is written out before.
    Again = 81,
    /// The value of a generic type's constant parameter.
    Constant = 82,
    /// What a named type is: a struct.
    Struct = 83,
    /// What a named type is: an enum.
    Enum = 84,
    /// `Box<str>`.
    BoxStr = 96,
    /// `Arc<str>`.
    ArcStr = 97,
    /// `Cow<'static, str>`.
    CowStr = 98,
    /// `PathBuf`.
    PathBuf = 99,
    /// `Path`, which stands only behind [`Tag::Ref`].
    Path = 100,
    /// `OsString`.
    OsString = 101,
    /// `OsStr`, which stands only behind [`Tag::Ref`].
    OsStr = 102,
    /// `Duration`.
    Duration = 103,
    /// `SystemTime`.
    SystemTime = 104,
    /// `std::cmp::Ordering`.
    Ordering = 105,
    /// `Ipv4Addr`.
    Ipv4Addr = 106,
    /// `Ipv6Addr`.
    Ipv6Addr = 107,
    /// `IpAddr`.
    IpAddr = 108,
    /// `SocketAddrV4`.
    SocketAddrV4 = 109,
    /// `SocketAddrV6`.
    SocketAddrV6 = 110,
    /// `SocketAddr`.
    SocketAddr = 111,
    /// `Box<dyn Error>`, with or without `Send` and `Sync`.
    Error = 112,
    /// `bytes::Bytes`.
    Bytes = 113,
    /// `serde_json::Value`.
    Json = 114,
    /// `uuid::Uuid`.
    Uuid = 115,
    /// `..`.
    RangeFull = 116,
    /// `a..b`: the type of its ends follows, as with the other ranges.
    Range = 128,
    /// `a..=b`.
    RangeInclusive = 129,
    /// `a..`.
    RangeFrom = 130,
    /// `..b`.
    RangeTo = 131,
    /// `..=b`.
    RangeToInclusive = 132,
}

/// How a named type crosses: the first byte of its body.
pub mod form {
    /// Its fields in order, or a number that says which variant, and that variant's fields.
    pub const FIXED: u8 = 0;
    /// A struct that is `#[repr(C)]`: as [`FIXED`], and plain if all its fields are.
    pub const C: u8 = 1;
    /// It may have more fields or variants on one side than on the other, so it crosses in a box of its own.
    pub const GROWS: u8 = 2;
}

/// How the fields of a struct or variant are written.
pub mod style {
    /// `Name`.
    pub const UNIT: u8 = 0;
    /// `Name(..)`.
    pub const TUPLE: u8 = 1;
    /// `Name { .. }`.
    pub const NAMED: u8 = 2;
}

/// How many parts follow a [`Tag`], and whether a count stands between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// This many parts, no count.
    Parts(usize),
    /// An array: a count, then one part.
    CountThenOne,
    /// A count *n*, then *n* parts and this many more.
    CountThenAll(usize),
    /// As the [module](self) says of types with a name.
    Special,
}

impl Tag {
    /// The tag with the number `byte`, if there is one.
    pub const fn from_byte(byte: u8) -> Option<Tag> {
        use Tag::*;
        Some(match byte {
            1 => Unit,
            2 => Bool,
            3 => Char,
            4 => U8,
            5 => U16,
            6 => U32,
            7 => U64,
            8 => U128,
            9 => Usize,
            10 => I8,
            11 => I16,
            12 => I32,
            13 => I64,
            14 => I128,
            15 => Isize,
            16 => F32,
            17 => F64,
            18 => String,
            19 => Str,
            32 => Vec,
            33 => Slice,
            34 => Array,
            35 => Box,
            36 => Option,
            37 => Result,
            38 => Tuple,
            39 => HashMap,
            40 => BTreeMap,
            41 => HashSet,
            42 => BTreeSet,
            43 => VecDeque,
            44 => BoxSlice,
            45 => NonZero,
            46 => PhantomData,
            48 => Ref,
            49 => Mut,
            64 => Fn,
            65 => Static,
            66 => Atomic,
            67 => RwLock,
            68 => Mutex,
            80 => Named,
            81 => Again,
            82 => Constant,
            83 => Struct,
            84 => Enum,
            96 => BoxStr,
            97 => ArcStr,
            98 => CowStr,
            99 => PathBuf,
            100 => Path,
            101 => OsString,
            102 => OsStr,
            103 => Duration,
            104 => SystemTime,
            105 => Ordering,
            106 => Ipv4Addr,
            107 => Ipv6Addr,
            108 => IpAddr,
            109 => SocketAddrV4,
            110 => SocketAddrV6,
            111 => SocketAddr,
            112 => Error,
            113 => Bytes,
            114 => Json,
            115 => Uuid,
            116 => RangeFull,
            128 => Range,
            129 => RangeInclusive,
            130 => RangeFrom,
            131 => RangeTo,
            132 => RangeToInclusive,
            _ => return None,
        })
    }

    /// What follows this tag.
    pub const fn shape(self) -> Shape {
        use Tag::*;
        match self {
            Vec | Slice | Box | Option | Ref | Mut | Static | Atomic | RwLock | Mutex => Shape::Parts(1),
            HashSet | BTreeSet | VecDeque | BoxSlice | NonZero | PhantomData => Shape::Parts(1),
            Range | RangeInclusive | RangeFrom | RangeTo | RangeToInclusive => Shape::Parts(1),
            Result | HashMap | BTreeMap => Shape::Parts(2),
            Named | Again | Constant | Struct | Enum => Shape::Special,
            Array => Shape::CountThenOne,
            Tuple => Shape::CountThenAll(0),
            Fn => Shape::CountThenAll(1),
            _ => Shape::Parts(0),
        }
    }

    /// The head of a node that has no count.
    pub const fn head(self) -> [u8; 1] {
        [self as u8]
    }

    /// The head of a node with a count: the tag, then the count as eight bytes, least significant first.
    pub const fn head_with(self, count: usize) -> [u8; 9] {
        let n = (count as u64).to_le_bytes();
        [self as u8, n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]]
    }
}

/// A descriptor as constants.
#[derive(Debug)]
pub enum Node {
    /// These bytes, then these parts in order.
    Of {
        /// The tag, and what else stands before the parts.
        head: &'static [u8],
        /// What follows.
        parts: &'static [&'static Node],
    },
    /// A type of the author's.
    Named {
        /// Its definition.
        definition: DefinitionRef,
        /// What its parameters are.
        arguments: &'static [&'static Node],
    },
    /// In the definition of a generic type: the parameter with this index.
    Parameter(usize),
}

/// Refers to a definition. It holds a pointer, because a recursive definition leads back to itself, and the compiler
/// evaluates what a reference in a constant leads to.
#[derive(Clone, Copy, Debug)]
pub struct DefinitionRef(*const Definition);

// SAFETY: made of a shared reference to what may be shared.
unsafe impl Sync for DefinitionRef {}
// SAFETY: as above.
unsafe impl Send for DefinitionRef {}

impl DefinitionRef {
    /// Refers to `definition`.
    pub const fn new(definition: &'static Definition) -> Self {
        DefinitionRef(definition)
    }

    const fn get(self) -> &'static Definition {
        // SAFETY: made of a `&'static`.
        unsafe { &*self.0 }
    }
}

/// What a type of the author's is.
#[derive(Debug)]
pub struct Definition {
    /// A number that is different for each definition in a crate. It is not written.
    pub number: u64,
    /// The definition's place, which begins with the crate's name and ends with the crate's metadata: together these are
    /// different for each crate in a program, or else the compiler refuses the program. Only the place's first word, the
    /// module, is written, and not in the descriptor, which says nothing of where a type is from.
    pub place: &'static str,
    /// The type's name.
    pub name: &'static str,
    /// Whether `body` has [`Node::Parameter`]s for the arguments; else they are in their places already.
    pub generic: bool,
    /// [`Tag::Struct`] or [`Tag::Enum`] and what belongs to it.
    pub body: &'static Node,
}

/// The number of different named types that one signature may have.
const MOST_NAMED: usize = 256;

impl Node {
    /// How many bytes [`Node::write`] writes.
    pub const fn len(&'static self) -> usize {
        let mut walk = Walk::new(Output::None);
        walk.all(self);
        walk.at
    }

    /// Never: a node has at least its tag.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes the flat bytes into `out` from `at` on and returns where they end.
    pub const fn write(&'static self, out: &mut [u8], at: usize) -> usize {
        let mut walk = Walk::new(Output::Write(out));
        walk.at = at;
        walk.all(self);
        walk.at
    }

    /// Whether `bytes` are exactly this descriptor: not a prefix of it, and it not a prefix of them.
    pub fn matches(&'static self, bytes: &[u8]) -> bool {
        let mut walk = Walk::new(Output::Compare(bytes));
        walk.all(self);
        walk.same && walk.at == bytes.len()
    }

    /// The number of bytes that [`Node::write_modules`] writes.
    pub const fn modules_len(&'static self) -> usize {
        let mut walk = Walk::new(Output::None);
        walk.all(self);
        walk.modules(None, 0)
    }

    /// Writes the modules of the named types into `out` from `at` on, one a line, in the order in which the types are written.
    /// Returns where they end.
    pub const fn write_modules(&'static self, out: &mut [u8], at: usize) -> usize {
        let mut walk = Walk::new(Output::None);
        walk.all(self);
        walk.modules(Some(out), at)
    }

    /// The modules of the named types, one a line.
    pub fn to_modules(&'static self) -> String {
        let mut bytes = vec![0; self.modules_len()];
        self.write_modules(&mut bytes, 0);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The flat bytes.
    pub fn to_bytes(&'static self) -> Vec<u8> {
        let mut bytes = vec![0; self.len()];
        self.write(&mut bytes, 0);
        bytes
    }
}

/// Refuses a definition with stand-ins that does not describe the type for the arguments in `named`: `body` is the type's body
/// for these arguments, without stand-ins.
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

/// A descriptor's flat bytes, if they are few: written by the compiler, so that a look-up compares them at once. What is
/// longer is walked.
#[derive(Debug)]
pub struct Flat {
    node: &'static Node,
    bytes: [u8; Flat::MOST],
    /// How many there are, or more than there is room for.
    len: usize,
}

impl Flat {
    /// Enough for a function that takes and returns a type of the author's with a dozen fields.
    const MOST: usize = 256;

    /// The bytes of `node`.
    pub const fn of(node: &'static Node) -> Self {
        let mut bytes = [0; Flat::MOST];
        let len = node.len();
        if len <= Flat::MOST {
            node.write(&mut bytes, 0);
        }
        Flat { node, bytes, len }
    }

    /// Whether `bytes` are exactly this descriptor.
    #[inline]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        match self.bytes.get(..self.len) {
            Some(own) => own == bytes,
            None => self.node.matches(bytes),
        }
    }
}

const fn are_equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// What stands before the first space.
const fn first_word(text: &[u8]) -> &[u8] {
    let mut end = 0;
    while end < text.len() && text[end] != b' ' {
        end += 1;
    }
    text.split_at(end).0
}

/// What becomes of the bytes of a descriptor.
enum Output<'a> {
    /// They are counted.
    None,
    Write(&'a mut [u8]),
    /// They are compared with these.
    Compare(&'a [u8]),
}

/// A named type that was met, and what its parameters are.
#[derive(Clone, Copy)]
struct Met {
    definition: &'static Definition,
    arguments: &'static [&'static Node],
    /// What the parameters in `arguments` are of: the named type with this number, in which it was met.
    within: usize,
}

/// What is still to be walked of a node that was begun.
#[derive(Clone, Copy)]
struct Ahead {
    parts: &'static [&'static Node],
    within: usize,
    /// What comes after the arguments of a named type, and what its parameters are of.
    body: Option<(&'static Node, usize)>,
}

/// How many nodes may be begun at once.
const DEEPEST: usize = 512;

/// The place of a node that is in no named type.
const NOWHERE: usize = usize::MAX;

/// The way through a descriptor that gives its bytes.
struct Walk<'a> {
    output: Output<'a>,
    at: usize,
    same: bool,
    /// The first `count` are there. Not all are, because this is on the way of each look-up.
    met: [MaybeUninit<Met>; MOST_NAMED],
    count: usize,
}

impl<'a> Walk<'a> {
    const fn new(output: Output<'a>) -> Self {
        Walk { output, at: 0, same: true, met: [MaybeUninit::uninit(); MOST_NAMED], count: 0 }
    }

    const fn met(&self, number: usize) -> Met {
        assert!(number < self.count);
        // SAFETY: the first `count` are there.
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

    /// Writes the modules of the named types that were met into `out`, if it is there. Returns where they would end.
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

    /// Walks all of `root`. In a loop: constants may call functions only so deep.
    const fn all(&mut self, root: &'static Node) {
        let mut ahead = [MaybeUninit::<Ahead>::uninit(); DEEPEST];
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
                    more.parts = parts;
                }
                Node::Named { definition, arguments } => {
                    let definition = definition.get();
                    if let Some(number) = self.named(definition, arguments, within) {
                        more.parts = arguments;
                        more.body = Some((definition.body, if definition.generic { number } else { within }));
                    }
                }
            }
            // On to the next: a part of this node, or of the innermost one around it that has any left.
            loop {
                if let [part, rest @ ..] = more.parts {
                    more.parts = rest;
                    (node, within) = (part, more.within);
                } else if let Some(body) = more.body {
                    more.body = None;
                    (node, within) = body;
                } else if depth > 0 {
                    depth -= 1;
                    // SAFETY: those before `depth` are there.
                    more = unsafe { ahead[depth].assume_init() };
                    continue;
                } else {
                    return;
                }
                if !more.parts.is_empty() || more.body.is_some() {
                    assert!(depth < DEEPEST, "types are nested too deeply in one signature");
                    ahead[depth] = MaybeUninit::new(more);
                    depth += 1;
                }
                break;
            }
        }
    }

    /// Walks what stands before the arguments of a named type, if it is met for the first time, and says which it is. If
    /// not, that is all of it.
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
        assert!(self.count < MOST_NAMED, "one signature has more than 256 different types with `#[plugin_type]`");
        self.met[self.count] = MaybeUninit::new(named);
        self.count += 1;
        self.bytes(&[Tag::Named as u8]);
        self.bytes(&(definition.name.len() as u32).to_le_bytes());
        self.bytes(definition.name.as_bytes());
        self.bytes(&(arguments.len() as u32).to_le_bytes());
        Some(number)
    }

    /// Whether two named types are the same one.
    ///
    /// For a definition that is written out with its arguments in place, these do not tell: different types may have the
    /// same descriptor (maps do, whatever their hashers are), and yet make a field of another type. So there, the bodies are
    /// compared. They do not lead back to themselves: the compiler would not have ended.
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
    use super::*;
    use crate::PluginType;

    #[test]
    fn a_tag_is_its_number() {
        for byte in 0..=255 {
            if let Some(tag) = Tag::from_byte(byte) {
                assert_eq!(tag as u8, byte);
            }
        }
    }

    #[test]
    fn bytes_are_the_prefix_code() {
        let bytes = <Result<Option<u32>, String>>::NODE.to_bytes();
        assert_eq!(bytes, [37, 36, 6, 18]);
        let bytes = <(bool, [u8; 2])>::NODE.to_bytes();
        assert_eq!(bytes, [38, 2, 0, 0, 0, 0, 0, 0, 0, 2, 34, 2, 0, 0, 0, 0, 0, 0, 0, 4]);
    }

    #[test]
    fn a_prefix_does_not_match() {
        let node = <Option<u32>>::NODE;
        assert!(node.matches(&[36, 6]));
        assert!(!node.matches(&[36]));
        assert!(!node.matches(&[36, 6, 6]));
        assert!(!node.matches(&[6]));
        let flat = Flat::of(node);
        assert!(flat.matches(&[36, 6]));
        assert!(!flat.matches(&[36]));
        assert!(!flat.matches(&[36, 6, 0]));
    }

    #[test]
    fn a_descriptor_that_is_too_long_to_be_flat_is_walked() {
        type Eight<T> = (T, T, T, T, T, T, T, T);
        let node = <Eight<Eight<Eight<u8>>>>::NODE;
        let (flat, bytes) = (Flat::of(node), node.to_bytes());
        assert!(bytes.len() > Flat::MOST);
        assert!(flat.matches(&bytes));
        assert!(!flat.matches(&bytes[..Flat::MOST]));
    }

    /// A definition with stand-ins, and arguments for it.
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
