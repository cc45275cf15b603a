//! Signatures: an export's type as data, comparable and printable.

use std::fmt;
use std::hash::{Hash, Hasher};

use plugin_core::descriptor::{Node, Tag};

use crate::difference;
use crate::schema::Schema;

/// The type of an export: what a function takes and returns, or what a static is.
///
/// Two signatures are equal if they have the same structure, whichever compilers made them. Of a type with
/// `#[plugin_type]`, all that is written in its definition belongs to that.
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
pub struct Signature(Known);

#[derive(Clone)]
enum Known {
    Yes(Schema),
    /// The bytes of a descriptor that this SDK cannot read, as a later one's may be.
    No(Vec<u8>),
}

impl Signature {
    /// The signature that an export must have for `get::<F>` to find it; except that types which may grow may differ in
    /// what they have gained.
    pub fn of<F: plugin_core::Lookup>() -> Self {
        Self::from_node(F::NODE)
    }

    pub(crate) fn from_node(node: &'static Node) -> Self {
        Self::read(&node.to_bytes())
    }

    /// Reads the bytes of a descriptor, if this SDK can.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        Signature(Schema::decode(bytes).map_or_else(|| Known::No(bytes.to_vec()), Known::Yes))
    }

    fn schema(&self) -> Option<&Schema> {
        match &self.0 {
            Known::Yes(schema) => Some(schema),
            Known::No(_) => None,
        }
    }

    /// Whether it is a function's.
    pub fn is_function(&self) -> bool {
        self.schema().is_some_and(|schema| schema.root.tag == Tag::Fn)
    }

    /// The definitions of the types with `#[plugin_type]` in it, each on one line, in the order in which they first
    /// appear.
    ///
    /// They are written as in Rust, generic ones with the arguments in place, and enums with their discriminants unless
    /// these count from 0:
    ///
    /// ```text
    /// struct Retry { max: u32, wait: Duration }
    /// struct Unit;
    /// struct Page<u32> { items: Vec<u32>, next: Option<Box<Page<u32>>> }
    /// #[repr(C)] struct Point(f32, f32);
    /// enum Level { Low = 1, High = 4 }
    /// ```
    ///
    /// Those that may grow say so. What stands in for a field that the other side lacks is not part of a signature, only
    /// that there is something:
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
        let mut texts = Vec::new();
        for text in schema.definitions.iter().map(|definition| schema.definition_text(definition)) {
            // A program may have several copies of one crate, and so of a type.
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        texts
    }

    /// Whether a host that asks for this signature may use an export of the other: they are equal, or differ only in what
    /// types that may grow have gained.
    pub(crate) fn accepts(&self, exported: &Signature) -> bool {
        match (self.schema(), exported.schema()) {
            (Some(asked), Some(exported)) => difference::accepts(asked, exported),
            _ => false,
        }
    }

    /// Says where an exported signature differs from this one, which was asked for; several differences are a line each.
    pub(crate) fn difference(&self, exported: &Signature) -> String {
        match (self.schema(), exported.schema()) {
            (Some(asked), Some(exported)) => difference::difference(asked, exported),
            (_, None) => "this host's version of the SDK does not know the exported type".to_owned(),
            (None, _) => "this host's version of the SDK cannot tell what the host asks for".to_owned(),
        }
    }

    /// The signature as one would write the item, with its name and the names of its arguments.
    pub(crate) fn declaration(&self, name: &str, arguments: &[String]) -> String {
        match self.schema() {
            Some(schema) => schema.declaration_text(name, arguments),
            None => format!("{name}: {self}"),
        }
    }
}

impl PartialEq for Signature {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Known::Yes(a), Known::Yes(b)) => difference::are_equal(a, b),
            (Known::No(a), Known::No(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Signature {}

/// Equal signatures read alike.
impl Hash for Signature {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_string().hash(state);
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.schema() {
            Some(schema) => f.write_str(&schema.type_text(&schema.root)),
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
