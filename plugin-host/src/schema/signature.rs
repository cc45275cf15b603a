//! Signatures: an export's type as data, which can be compared and displayed.

use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use plugin_core::host::descriptor::{Node, Tag};

use crate::schema::Schema;
use crate::schema::difference::{self, Sides};

/// The most bytes of text that the definitions of a signature may have for each byte of the descriptor. The definitions
/// of real programs have one or two.
const MAX_TEXT_PER_BYTE: usize = 8;

/// The length of text that the definitions of even the shortest descriptor may have.
const MIN_TEXT_LIMIT: usize = 1 << 14;

/// The type of an export: the arguments and the result of a function, or the type of a static.
///
/// Two signatures are equal if they have the same structure, even if different compilers made them. The structure
/// includes the whole definition of each type with `#[plugin_type]`.
///
/// # Example
///
/// ```
/// use plugin_host::Signature;
///
/// let signature = Signature::of::<fn(&str, Option<u32>) -> Vec<String>>();
/// assert_eq!(signature.to_string(), "fn(&str, Option<u32>) -> Vec<String>");
/// assert_eq!(Signature::of::<&str>().to_string(), "static &str");
/// ```
#[derive(Clone)]
pub struct Signature(
    /// The bytes of a descriptor. Another version of the SDK may have written one that this SDK cannot read. Each method
    /// decodes the bytes anew, because the decoded form takes many times their memory.
    Arc<[u8]>,
);

impl Signature {
    /// Returns the signature of `F`. `get::<F>` accepts an export with this signature. It also accepts an export whose
    /// signature differs only by the growth of types that may grow.
    pub fn of<F: plugin_core::Lookup>() -> Self {
        Self::from_node(F::NODE)
    }

    pub(crate) fn from_node(node: &'static Node) -> Self {
        Self::read(&node.to_bytes())
    }

    /// Returns the signature with this descriptor.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        Signature(bytes.into())
    }

    /// Decodes the descriptor, if this SDK can read it.
    pub(super) fn schema(&self) -> Option<Schema> {
        Schema::decode(&self.0)
    }

    /// Returns true if this is the signature of a function.
    pub fn is_function(&self) -> bool {
        self.schema().is_some_and(|schema| schema.root.tag == Tag::Fn)
    }

    /// Returns the definitions of the types with `#[plugin_type]` in this signature, in the order of their first
    /// appearance. Each definition is one line.
    ///
    /// Definitions are written as in Rust. Generic types have their arguments in place of their parameters. Enums have
    /// their discriminants unless these count from 0:
    ///
    /// ```text
    /// struct Retry { max: u32, wait: Duration }
    /// struct Unit;
    /// struct Page<u32> { items: Vec<u32>, next: Option<Box<Page<u32>>> }
    /// #[repr(C)] struct Point(f32, f32);
    /// enum Level { Low = 1, High = 4 }
    /// ```
    ///
    /// The definition of a type that may grow begins with `#[non_exhaustive]`. A signature says that a field has a
    /// default, but not which default:
    ///
    /// ```text
    /// #[non_exhaustive] struct Config { path: PathBuf, retries: u32 = .. }
    /// #[non_exhaustive] enum Event { Open { path: PathBuf }, Close(u32), Unknown /* fallback */ }
    /// ```
    ///
    /// # Example
    ///
    /// ```
    /// use plugin_host::Signature;
    ///
    /// assert!(Signature::of::<fn(&str) -> String>().definitions().is_empty());
    /// ```
    pub fn definitions(&self) -> Vec<String> {
        let Some(schema) = self.schema() else { return Vec::new() };
        // Limits the text: a short descriptor can repeat a long name many times.
        let mut left = MIN_TEXT_LIMIT + MAX_TEXT_PER_BYTE * self.0.len();
        let mut known = HashSet::new();
        let texts = schema.definitions.iter().map(|definition| {
            let text = schema.definition_text(definition, left);
            left = left.saturating_sub(text.len());
            text
        });
        // A program may contain several copies of one crate, and so of one type.
        texts.filter(|text| known.insert(text.clone())).collect()
    }

    /// Returns true if a host that asks for this signature may use an export with the signature `exported`: the two are
    /// equal, or differ only by the growth of types that may grow.
    pub(crate) fn accepts(&self, exported: &Signature) -> bool {
        match (self.schema(), exported.schema()) {
            (Some(asked), Some(exported)) => difference::accepts(&asked, &exported),
            _ => false,
        }
    }

    /// Describes the differences between this signature, which was asked for, and an exported one. Each difference is
    /// one line.
    pub(crate) fn difference(&self, exported: &Signature, sides: Sides) -> String {
        match (self.schema(), exported.schema()) {
            (Some(asked), Some(exported)) => difference::difference(&asked, &exported, sides),
            (_, None) => "this host's version of the SDK does not know the exported type".to_owned(),
            (None, _) => "this host's version of the SDK cannot tell what the host asks for".to_owned(),
        }
    }

    /// Names the modules of the types that differ inside. `modules` has the modules of each signature's types, one on
    /// each line, as far as they are known.
    pub(crate) fn origins(&self, exported: &Signature, sides: Sides, modules: [&str; 2]) -> String {
        match (self.schema(), exported.schema()) {
            (Some(asked), Some(exported)) => difference::origins(&asked, &exported, sides, modules),
            _ => String::new(),
        }
    }

    /// Returns the signature as a declaration in Rust, with the export's name and the names of its arguments.
    pub(crate) fn declaration(&self, name: &str, arguments: &[String]) -> String {
        match self.schema() {
            Some(schema) => schema.declaration_text(name, arguments),
            None => format!("{name}: {self}"),
        }
    }
}

impl PartialEq for Signature {
    fn eq(&self, other: &Self) -> bool {
        if self.0 == other.0 {
            return true;
        }
        match (self.schema(), other.schema()) {
            (Some(a), Some(b)) => difference::are_equal(&a, &b),
            _ => false,
        }
    }
}

impl Eq for Signature {}

/// Hashes the displayed text: equal signatures have equal texts.
impl Hash for Signature {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_string().hash(state);
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.schema() {
            Some(schema) => f.write_str(&schema.type_text(&schema.root)),
            None => f.write_str("(a type of another version of the SDK)"),
        }
    }
}

/// The same text as `Display`, because the bytes of the descriptor tell a reader nothing more.
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::RwLock;
    use std::sync::atomic::{AtomicBool, AtomicUsize};

    use plugin_core::host::descriptor::{Node, Shape, form, style};
    use plugin_core::{Lookup, PluginMut, PluginRef, PluginType};

    use super::*;
    use crate::schema::testing::*;

    fn text<F: Lookup>() -> String {
        Signature::of::<F>().to_string()
    }

    #[test]
    fn signatures_read_like_rust() {
        assert_eq!(text::<fn()>(), "fn()");
        assert_eq!(text::<fn(&str) -> String>(), "fn(&str) -> String");
        assert_eq!(text::<fn(&mut [f32], (u8,), [i64; 3])>(), "fn(&mut [f32], (u8,), [i64; 3])");
        assert_eq!(
            text::<fn(Box<Option<char>>) -> Result<(bool, u128), Vec<isize>>>(),
            "fn(Box<Option<char>>) -> Result<(bool, u128), Vec<isize>>"
        );
        assert_eq!(text::<fn(u8) -> Result<u8, plugin_core::Fault>>(), "fn(u8) -> u8");
        assert_eq!(text::<AtomicUsize>(), "static AtomicUsize");
        assert_eq!(text::<AtomicBool>(), "static AtomicBool");
        assert_eq!(text::<RwLock<Vec<String>>>(), "static RwLock<Vec<String>>");
    }

    fn between<A: Lookup, B: Lookup>() -> String {
        Signature::of::<A>().difference(&Signature::of::<B>(), Sides::LOOK_UP)
    }

    #[test]
    fn differences_name_the_place() {
        assert_eq!(between::<fn(u8), fn()>(), "1 argument in the host, 0 arguments in the plugin");
        assert_eq!(between::<fn(u8, u32), fn(u8, u64)>(), "argument 2: u32 in the host, u64 in the plugin");
        assert_eq!(
            between::<fn() -> u8, fn() -> Option<u8>>(),
            "what it returns: u8 in the host, Option<u8> in the plugin"
        );
        assert_eq!(
            between::<fn(Vec<(u8, Option<u16>)>), fn(Vec<(u8, Option<i16>)>)>(),
            "argument 1: Vec<(u8, Option<u16>)>[..].1<Some>: u16 in the host, i16 in the plugin"
        );
        assert_eq!(between::<fn(&str), fn(String)>(), "argument 1: &str in the host, String in the plugin");
        assert_eq!(between::<fn(&u8), fn(&u16)>(), "argument 1: &u8 in the host, &u16 in the plugin");
        assert_eq!(between::<fn((u8,)), fn((u8, u8))>(), "argument 1: (u8,) in the host, (u8, u8) in the plugin");
        assert_eq!(between::<u8, fn()>(), "a static (`static u8`) in the host, a function in the plugin");
        assert_eq!(between::<u8, u16>(), "u8 in the host, u16 in the plugin");
        assert_eq!(between::<fn(u8), fn(u8)>(), "none");
    }

    #[test]
    fn every_type_reads_like_rust() {
        let one = |tag| signature(&of(tag, &[leaf(Tag::U32)])).to_string();
        let two = |tag| signature(&of(tag, &[leaf(Tag::String), leaf(Tag::U32)])).to_string();
        let text = |tag| signature(&leaf(tag)).to_string();
        let check = |texts: &[(Tag, &str)], show: &dyn Fn(Tag) -> String| {
            texts.iter().for_each(|(tag, text)| assert_eq!(show(*tag), *text));
        };
        let leaves = [
            "Unit ()",
            "Bool bool",
            "Char char",
            "U8 u8",
            "U16 u16",
            "U32 u32",
            "U64 u64",
            "U128 u128",
            "Usize usize",
            "I8 i8",
            "I16 i16",
            "I32 i32",
            "I64 i64",
            "I128 i128",
            "Isize isize",
            "F32 f32",
            "F64 f64",
            "String String",
            "Str str",
            "BoxStr Box<str>",
            "ArcStr Arc<str>",
            "CowStr Cow<str>",
            "PathBuf PathBuf",
            "Path Path",
            "OsString OsString",
            "OsStr OsStr",
            "Duration Duration",
            "SystemTime SystemTime",
            "Ordering Ordering",
            "Ipv4Addr Ipv4Addr",
            "Ipv6Addr Ipv6Addr",
            "IpAddr IpAddr",
            "SocketAddrV4 SocketAddrV4",
            "SocketAddrV6 SocketAddrV6",
            "SocketAddr SocketAddr",
            "Error Box<dyn Error>",
            "Bytes Bytes",
            "Json serde_json::Value",
            "Uuid Uuid",
            "RangeFull RangeFull",
        ];
        let mut seen = 0;
        for tag in (0..=255).filter_map(Tag::from_byte).filter(|tag| tag.shape() == Shape::Parts(0)) {
            let line = format!("{tag:?} {}", text(tag));
            assert!(leaves.contains(&line.as_str()), "{line}");
            seen += 1;
        }
        assert_eq!(seen, leaves.len());
        let wraps = [
            (Tag::Vec, "Vec<u32>"),
            (Tag::Slice, "[u32]"),
            (Tag::Box, "Box<u32>"),
            (Tag::Option, "Option<u32>"),
            (Tag::HashSet, "HashSet<u32>"),
            (Tag::BTreeSet, "BTreeSet<u32>"),
            (Tag::VecDeque, "VecDeque<u32>"),
            (Tag::BoxSlice, "Box<[u32]>"),
            (Tag::NonZero, "NonZero<u32>"),
            (Tag::PhantomData, "PhantomData<u32>"),
            (Tag::Ref, "&u32"),
            (Tag::Mut, "&mut u32"),
            (Tag::Range, "Range<u32>"),
            (Tag::RangeInclusive, "RangeInclusive<u32>"),
            (Tag::RangeFrom, "RangeFrom<u32>"),
            (Tag::RangeTo, "RangeTo<u32>"),
            (Tag::RangeToInclusive, "RangeToInclusive<u32>"),
            (Tag::Static, "static u32"),
            (Tag::Atomic, "static AtomicU32"),
            (Tag::RwLock, "static RwLock<u32>"),
            (Tag::Mutex, "static Mutex<u32>"),
            (Tag::DynIterator, "dyn Iterator<Item = u32>"),
            // Around a closure or an iterator.
            (Tag::WithSend, "u32 + Send"),
            (Tag::WithSync, "u32 + Sync"),
            (Tag::BoxDyn, "Box<u32>"),
            (Tag::ArcDyn, "Arc<u32>"),
        ];
        let all = (0..=255).filter_map(Tag::from_byte).filter(|tag| tag.shape() == Shape::Parts(1)).count();
        // A `Tag::DynTrait` has a trait.
        assert_eq!(all, wraps.len() + 1);
        check(&wraps, &one);
        let pairs = [
            (Tag::Result, "Result<String, u32>"),
            (Tag::HashMap, "HashMap<String, u32>"),
            (Tag::BTreeMap, "BTreeMap<String, u32>"),
        ];
        check(&pairs, &two);
        assert_eq!(signature(&array(3, leaf(Tag::U8))).to_string(), "[u8; 3]");
        assert_eq!(signature(&of(Tag::Ref, &[leaf(Tag::Path)])).to_string(), "&Path");
        let node = |node: &'static Node| signature(&node.to_bytes()).to_string();
        let closure = <Box<dyn FnMut(&str, u8) -> Option<u8> + Send> as PluginType>::NODE;
        assert_eq!(node(closure), "Box<dyn FnMut(&str, u8) -> Option<u8> + Send>");
        assert_eq!(node(<dyn Fn() + Send + Sync as PluginRef>::REF_NODE), "&(dyn Fn() + Send + Sync)");
        assert_eq!(node(<dyn FnMut(u8) as PluginMut>::MUT_NODE), "&mut dyn FnMut(u8)");
        assert_eq!(node(<Box<dyn FnOnce()> as PluginType>::NODE), "Box<dyn FnOnce()>");
    }

    #[test]
    fn definitions_read_like_rust() {
        let definition = |bytes: Bytes| signature(&takes(bytes)).definitions().remove(0);
        let u8 = || leaf(Tag::U8);
        let cases = [
            (
                named("Retry", fields(&[field("max", leaf(Tag::U32)), field("wait", leaf(Tag::Duration))])),
                "struct Retry { max: u32, wait: Duration }",
            ),
            (named("Unit", body(form::FIXED, style::UNIT, &[])), "struct Unit;"),
            (named("Empty", fields(&[])), "struct Empty {}"),
            (named("Pair", tuple(&[u8(), leaf(Tag::U16)])), "struct Pair(u8, u16);"),
            (named("Level", variants(&[unit("Low", 1), unit("High", 4)])), "enum Level { Low = 1, High = 4 }"),
            (named("Level", variants(&[unit("Low", 0), unit("High", 1)])), "enum Level { Low, High }"),
            (named("Never", variants(&[])), "enum Never {}"),
            (
                named(
                    "E",
                    variants(&[
                        unit("A", 0),
                        variant("B", 1, style::TUPLE, &[field("0", leaf(Tag::U32))]),
                        variant("C", 2, style::NAMED, &[field("x", u8())]),
                        variant("D", 3, style::TUPLE, &[]),
                    ]),
                ),
                "enum E { A, B(u32), C { x: u8 }, D() }",
            ),
            (named("P", body(form::C, style::NAMED, &[field("x", u8())])), "#[repr(C)] struct P { x: u8 }"),
            (
                named("Config", growing(&[field("path", leaf(Tag::PathBuf)), default("retries", leaf(Tag::U32))])),
                "#[non_exhaustive] struct Config { path: PathBuf, retries: u32 = .. }",
            ),
            (
                named("Event", growing_variants(&[unit("Open", 0)], "Unknown")),
                "#[non_exhaustive] enum Event { Open, Unknown /* fallback */ }",
            ),
            (
                named("Event", growing_variants(&[], "Unknown")),
                "#[non_exhaustive] enum Event { Unknown /* fallback */ }",
            ),
            (
                generic("Page", &[leaf(Tag::U32)], fields(&[field("next", of(Tag::Box, &[again(0)]))])),
                "struct Page<u32> { next: Box<Page<u32>> }",
            ),
            (generic("Grid", &[u8(), constant(3)], tuple(&[array(3, u8())])), "struct Grid<u8, 3>([u8; 3]);"),
        ];
        for (bytes, text) in cases {
            assert_eq!(definition(bytes), text);
        }
        let nested =
            signature(&takes(named("A", fields(&[field("b", named("B", fields(&[]))), field("c", again(1))]))));
        assert_eq!(nested.to_string(), "fn(A)");
        assert_eq!(nested.definitions(), ["struct A { b: B, c: B }", "struct B {}"]);
        assert_eq!(nested.declaration("run", &["a".to_owned()]), "fn run(a: A)");
    }
}
