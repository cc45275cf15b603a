//! Signatures: an export's type as data, comparable and printable.

use std::fmt;

use plugin_core::descriptor::{Node, Shape, Tag};

/// Deeper than any type a person writes, shallow enough for every stack.
const DEEPEST: usize = 128;

/// The type of an export: what a function takes and returns, or what a static is.
///
/// Two signatures are equal if they have the same structure, whichever compilers made them.
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
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Signature(Option<Type>);

/// A type, as far as a descriptor tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Type {
    tag: Tag,
    /// An array's length; else how many parts there are.
    count: u64,
    parts: Vec<Type>,
}

impl Type {
    /// Reads one type and returns what follows it.
    fn read(bytes: &[u8], depth: usize) -> Option<(Type, &[u8])> {
        let (&tag, mut rest) = bytes.split_first()?;
        let tag = Tag::from_byte(tag)?;
        let depth = depth.checked_sub(1)?;
        let (count, parts) = match tag.shape() {
            Shape::Parts(parts) => (parts as u64, parts as u64),
            shape => {
                let (count, after) = rest.split_first_chunk::<8>()?;
                rest = after;
                let count = u64::from_le_bytes(*count);
                match shape {
                    Shape::CountThenAll(more) => (count, count.checked_add(more as u64)?),
                    _ => (count, 1),
                }
            }
        };
        // Each part is at least a byte, so a count that lies ends the loop early.
        let mut read = Vec::new();
        for _ in 0..parts {
            let (part, after) = Type::read(rest, depth)?;
            read.push(part);
            rest = after;
        }
        Some((Type { tag, count, parts: read }, rest))
    }
}

impl Signature {
    /// The signature that an export must have for `get::<F>` to find it.
    pub fn of<F: plugin_core::Lookup>() -> Self {
        Self::from_node(F::NODE)
    }

    pub(crate) fn from_node(node: &'static Node) -> Self {
        Self::decode(&node.to_bytes()).expect("a descriptor made by plugin-core has the form that it documents")
    }

    /// Reads the bytes of a descriptor; `None` if they are anything else.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (ty, rest) = Type::read(bytes, DEEPEST)?;
        rest.is_empty().then_some(Signature(Some(ty)))
    }

    /// The signature of an export whose type this host does not know, as a later SDK's may be.
    pub(crate) fn unknown() -> Self {
        Signature(None)
    }

    /// Whether it is a function's.
    pub fn is_function(&self) -> bool {
        self.0.as_ref().is_some_and(|ty| ty.tag == Tag::Fn)
    }

    /// The signature as one would write the item, with its name and the names of its arguments.
    pub(crate) fn declaration<'a>(&'a self, name: &'a str, arguments: &'a [String]) -> impl fmt::Display + 'a {
        Declaration { signature: self, name, arguments }
    }

    /// Says where an exported signature first differs from this one, which was asked for.
    pub(crate) fn difference(&self, exported: &Signature) -> String {
        match (&self.0, &exported.0) {
            (Some(asked), Some(exported)) => difference(asked, exported, ""),
            _ => "this host's version of the SDK does not know the exported type".to_owned(),
        }
    }
}

/// What a static is, said after the word `static`.
fn static_kind(tag: Tag) -> Option<&'static str> {
    match tag {
        Tag::Static => Some(""),
        Tag::Atomic => Some("Atomic"),
        Tag::RwLock => Some("RwLock"),
        Tag::Mutex => Some("Mutex"),
        _ => None,
    }
}

fn difference(asked: &Type, exported: &Type, place: &str) -> String {
    let at = if place.is_empty() { String::new() } else { format!("{place}: ") };
    match (asked.tag, exported.tag) {
        (a, b) if a != b => match (a, b) {
            (Tag::Fn, _) => format!("a function is asked for, a static (`{exported}`) is exported"),
            (_, Tag::Fn) => format!("a static (`{asked}`) is asked for, a function is exported"),
            _ => format!("{at}`{asked}` asked for, `{exported}` exported"),
        },
        (Tag::Fn, _) if asked.count != exported.count => {
            format!("{} asked for, {} exported", arguments(asked.count), arguments(exported.count))
        }
        (Tag::Tuple | Tag::Array, _) if asked.count != exported.count => {
            format!("{at}`{asked}` asked for, `{exported}` exported")
        }
        (tag, _) => {
            let differing = asked.parts.iter().zip(&exported.parts).enumerate().find(|(_, (a, b))| a != b);
            let Some((index, (a, b))) = differing else {
                return "none".to_owned();
            };
            let inside = match tag {
                Tag::Fn if index == asked.parts.len() - 1 => "what it returns".to_owned(),
                Tag::Fn => format!("argument {}", index + 1),
                Tag::Tuple => format!("{at}field {index} of `{asked}`"),
                _ if static_kind(tag).is_some() => place.to_owned(),
                Tag::Ref | Tag::Mut => {
                    return format!("{at}`{asked}` asked for, `{exported}` exported");
                }
                _ => format!("{at}inside `{asked}`"),
            };
            difference(a, b, &inside)
        }
    }
}

fn arguments(count: u64) -> String {
    if count == 1 { "1 argument".to_owned() } else { format!("{count} arguments") }
}

fn write_list(f: &mut fmt::Formatter<'_>, types: &[Type]) -> fmt::Result {
    for (index, ty) in types.iter().enumerate() {
        if index != 0 {
            f.write_str(", ")?;
        }
        write!(f, "{ty}")?;
    }
    Ok(())
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leaf = match self.tag {
            Tag::Unit => "()",
            Tag::Bool => "bool",
            Tag::Char => "char",
            Tag::U8 => "u8",
            Tag::U16 => "u16",
            Tag::U32 => "u32",
            Tag::U64 => "u64",
            Tag::U128 => "u128",
            Tag::Usize => "usize",
            Tag::I8 => "i8",
            Tag::I16 => "i16",
            Tag::I32 => "i32",
            Tag::I64 => "i64",
            Tag::I128 => "i128",
            Tag::Isize => "isize",
            Tag::F32 => "f32",
            Tag::F64 => "f64",
            Tag::String => "String",
            Tag::Str => "str",
            _ => "",
        };
        match (self.tag, self.parts.as_slice()) {
            (Tag::Vec, [element]) => write!(f, "Vec<{element}>"),
            (Tag::Slice, [element]) => write!(f, "[{element}]"),
            (Tag::Array, [element]) => write!(f, "[{element}; {}]", self.count),
            (Tag::Box, [inner]) => write!(f, "Box<{inner}>"),
            (Tag::Option, [inner]) => write!(f, "Option<{inner}>"),
            (Tag::Result, [ok, error]) => write!(f, "Result<{ok}, {error}>"),
            (Tag::Tuple, [only]) => write!(f, "({only},)"),
            (Tag::Tuple, fields) => {
                f.write_str("(")?;
                write_list(f, fields)?;
                f.write_str(")")
            }
            (Tag::Ref, [inner]) => write!(f, "&{inner}"),
            (Tag::Mut, [inner]) => write!(f, "&mut {inner}"),
            (Tag::Fn, [arguments @ .., returns]) => {
                f.write_str("fn(")?;
                write_list(f, arguments)?;
                f.write_str(")")?;
                write_return(f, returns)
            }
            (Tag::Static, [inner]) => write!(f, "static {inner}"),
            (Tag::Atomic, [inner]) => write!(f, "static {}", atomic(inner)),
            (Tag::RwLock, [inner]) => write!(f, "static RwLock<{inner}>"),
            (Tag::Mutex, [inner]) => write!(f, "static Mutex<{inner}>"),
            _ => f.write_str(leaf),
        }
    }
}

fn write_return(f: &mut fmt::Formatter<'_>, returns: &Type) -> fmt::Result {
    if returns.tag == Tag::Unit { Ok(()) } else { write!(f, " -> {returns}") }
}

/// `AtomicU64` for `u64`.
fn atomic(inner: &Type) -> String {
    let name = inner.to_string();
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| format!("Atomic{}{}", first.to_ascii_uppercase(), letters.as_str()))
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(ty) => ty.fmt(f),
            None => f.write_str("(a type of a later SDK)"),
        }
    }
}

/// As it displays: what it is made of inside tells a reader no more.
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

struct Declaration<'a> {
    signature: &'a Signature,
    name: &'a str,
    arguments: &'a [String],
}

impl fmt::Display for Declaration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Declaration { signature: Signature(ty), name, arguments } = self;
        let Some(ty) = ty else { return write!(f, "{name}: {}", self.signature) };
        match (ty.tag, ty.parts.as_slice()) {
            (Tag::Fn, [types @ .., returns]) => {
                write!(f, "fn {name}(")?;
                for (index, ty) in types.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    let argument = arguments.get(index).map_or("_", String::as_str);
                    write!(f, "{comma}{argument}: {ty}")?;
                }
                f.write_str(")")?;
                write_return(f, returns)
            }
            _ => {
                let text = ty.to_string();
                write!(f, "static {name}: {}", text.strip_prefix("static ").unwrap_or(&text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::RwLock;
    use std::sync::atomic::{AtomicBool, AtomicUsize};

    use plugin_core::Lookup;

    use super::*;

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
        Signature::of::<A>().difference(&Signature::of::<B>())
    }

    #[test]
    fn differences_name_the_place() {
        assert_eq!(between::<fn(u8), fn()>(), "1 argument asked for, 0 arguments exported");
        assert_eq!(between::<fn(u8, u32), fn(u8, u64)>(), "argument 2: `u32` asked for, `u64` exported");
        assert_eq!(
            between::<fn() -> u8, fn() -> Option<u8>>(),
            "what it returns: `u8` asked for, `Option<u8>` exported"
        );
        assert_eq!(
            between::<fn(Vec<(u8, Option<u16>)>), fn(Vec<(u8, Option<i16>)>)>(),
            "argument 1: inside `Vec<(u8, Option<u16>)>`: field 1 of `(u8, Option<u16>)`: inside `Option<u16>`: `u16` \
             asked for, `i16` exported"
        );
        assert_eq!(between::<fn(&str), fn(String)>(), "argument 1: `&str` asked for, `String` exported");
        assert_eq!(between::<fn(&u8), fn(&u16)>(), "argument 1: `&u8` asked for, `&u16` exported");
        assert_eq!(between::<fn((u8,)), fn((u8, u8))>(), "argument 1: `(u8,)` asked for, `(u8, u8)` exported");
        assert_eq!(between::<u8, fn()>(), "a static (`static u8`) is asked for, a function is exported");
        assert_eq!(between::<u8, u16>(), "`u8` asked for, `u16` exported");
    }

    #[test]
    fn what_is_no_descriptor_is_refused() {
        assert_eq!(Signature::decode(&[]), None);
        assert_eq!(Signature::decode(&[0]), None);
        assert_eq!(Signature::decode(&[Tag::U8 as u8, Tag::U8 as u8]), None);
        assert_eq!(Signature::decode(&[Tag::Option as u8]), None);
        assert_eq!(Signature::decode(&[Tag::Option as u8; 100_000]), None);
        let mut lie = vec![Tag::Tuple as u8];
        lie.extend(u64::MAX.to_le_bytes());
        assert_eq!(Signature::decode(&lie), None);
    }
}
