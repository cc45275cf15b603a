//! Types that are awkward to cross, and cross.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use plugin_core::{plugin_export, plugin_type};

// Names that the expansion might take for its own.
#[allow(non_upper_case_globals, dead_code)]
mod constants {
    pub const origin: u8 = 0;
    pub const lowered: u8 = 0;
    pub const fields: u8 = 0;
    pub const at: u8 = 0;
    pub const number: u8 = 0;
    pub const taken: u8 = 0;
    pub const payload: u8 = 0;
    pub const f0: u8 = 0;
}
use constants::*;

#[plugin_type]
struct Node {
    r#type: String,
    children: Vec<Self>,
}

/// Its fields are called like modules, functions and types.
#[plugin_type]
#[allow(non_snake_case)]
struct Names {
    std: std::collections::HashMap<String, u8>,
    core: u8,
    Self_: u8,
    lower: u8,
    number: u8,
    parameters: u8,
    T: u8,
}

#[plugin_type]
#[derive(Default)]
pub(crate) struct Generic<T: Ord + Clone, U = u8, const N: usize = 3>
where
    U: Default,
    [u8; N]: Default,
{
    of: BTreeMap<T, U>,
    bytes: [u8; N],
}

#[derive(Clone)]
#[plugin_type]
enum r#Enum<T> {
    r#Self_(T),
    B { b: PhantomData<T>, more: Option<Box<Enum<T>>> },
}

#[plugin_type]
#[repr(i16)]
enum Discriminants {
    A = i16::MIN,
    B,
    C = -{ 1 + 1 },
    D = constants::at as i16,
    E = b'e' as i16,
}

#[plugin_type]
#[repr(u8)]
enum WithFields {
    A(u8) = 200,
    B { x: u8 },
    C = 7,
}

const VALUE: isize = 7;
const __PLUGIN: isize = 8;

#[plugin_type]
enum Attribute {
    Derive = VALUE,
    Repr = __PLUGIN,
    PluginType,
}

const fn size() -> usize {
    3
}

#[plugin_type]
struct Sized3 {
    size: [u8; size()],
    field_size: [u8; size()],
}

mod other {
    #[plugin_core::plugin_type]
    pub struct Config(pub u8);
}

/// It is not in itself: another of that name is, and something is called so in a path.
#[plugin_type]
struct Config<const N: usize> {
    inner: other::Config,
    of: [u8; N],
}

#[plugin_type]
struct Error<const N: usize> {
    inner: Box<dyn std::error::Error + Send + Sync>,
    of: [u8; N],
}

/// Bounds that a stand-in for the parameter would not meet.
#[plugin_type]
struct Compared<T: PartialEq<str>> {
    with: Vec<T>,
}

#[plugin_type]
struct Chain<T: std::marker::Sized + std::clone::Clone> {
    next: Option<Box<Chain<T>>>,
    of: T,
}

#[plugin_type]
#[repr(C, align(64))]
struct Aligned(u8);

#[plugin_type]
#[repr(transparent)]
struct Transparent(u64, ());

#[plugin_type]
#[non_exhaustive]
struct Empty {}

#[plugin_type]
#[non_exhaustive]
struct Growing<T> {
    first: T,
    #[plugin_type(default = at + 1)]
    second: u8,
    #[plugin_type(default)]
    third: Vec<Growing<T>>,
}

#[plugin_type]
#[non_exhaustive]
enum MayGrow<T> {
    A(T, T),
    #[plugin_type(fallback)]
    Other {},
    B,
}

#[plugin_type]
#[deprecated]
struct Old;

#[cfg(any())]
#[plugin_type]
struct ConfiguredOut {
    of: Unknown,
}

macro_rules! types {
    ($($name:ident { $field:ident: $ty:ty })*) => {$(
        #[plugin_type]
        struct $name {
            $field: $ty,
        }
    )*};
}

types! {
    One { a: Vec<u8> }
    Two { b: Option<One> }
}

fn inside() {
    #[plugin_type]
    struct Local {
        local: u8,
    }
    assert!(<Local as plugin_core::PluginType>::NODE.len() > 0);
    _ = Local { local: 1 }.local;
}

/// Names that mean something else where the author writes them than anywhere else.
mod shadowed {
    #![allow(non_camel_case_types, dead_code)]

    mod core {}
    mod std {}
    mod plugin_core {}

    pub type u8 = ::std::string::String;
    pub type Option<T> = ::std::vec::Vec<T>;
    pub struct Vec;
    pub struct Parameter;
    pub trait PluginType {}
    pub trait Sized {}

    #[::plugin_core::plugin_type]
    #[non_exhaustive]
    pub struct Shadowed<T: Clone, Node> {
        pub a: u8,
        pub b: Option<T>,
        pub c: Node,
        #[plugin_type(default = Self::NODE + Self::lower() + u16::from(lift()))]
        pub d: u16,
    }

    // A name that the expansion uses for something of its own.
    impl<T: Clone, Node> Shadowed<T, Node> {
        const NODE: u16 = 1;
        const PLAIN: &'static str = "no";
        pub fn lower() -> u16 {
            2
        }
        pub fn lift(self) -> u16 {
            3
        }
        pub fn __exact() {}
    }

    fn lift() -> bool {
        true
    }

    #[::plugin_core::plugin_type]
    pub struct Bare {
        pub a: u8,
        pub b: Option<Option<bool>>,
    }
}

/// As those in `shadowed` are, by the names that all know.
mod unshadowed {
    #[plugin_core::plugin_type]
    #[non_exhaustive]
    pub struct Shadowed<A, B> {
        pub a: String,
        pub b: Vec<A>,
        pub c: B,
        #[plugin_type(default)]
        pub d: u16,
    }

    #[plugin_core::plugin_type]
    pub struct Bare {
        pub a: String,
        pub b: Vec<Vec<bool>>,
    }
}

mod two {
    // Of the same name as another, in one signature with it.
    #[plugin_core::plugin_type]
    pub struct Node(pub u8);
}

#[plugin_export]
fn more(more: (Attribute, Sized3, Config<2>, Error<2>, Compared<String>, Chain<u8>)) {
    _ = (more.1.size, more.1.field_size, more.2.inner.0, more.2.of, more.3.inner, more.3.of);
    _ = (more.4.with, more.5.next, more.5.of);
}

#[plugin_export]
fn all(
    names: Names,
    generic: &Generic<String>,
    other: &Generic<u8, u16, 5>,
    numbers: Enum<Enum<u8>>,
    rest: (Discriminants, WithFields, Aligned, Transparent, Empty, Growing<MayGrow<u8>>),
    nodes: (Node, two::Node, Two),
) -> u8 {
    _ = (names.std, names.core, names.Self_, names.lower, names.number, names.parameters, names.T);
    _ = (&generic.of, &generic.bytes, &other.of, &other.bytes);
    _ = (rest.2.0, rest.3.0, rest.5.first, rest.5.second, rest.5.third);
    _ = (nodes.0.r#type, nodes.0.children, nodes.1.0, nodes.2.b.map(|one| one.a));
    match numbers {
        Enum::Self_(_) => 0,
        Enum::B { b: PhantomData, more } => more.is_some() as u8,
    }
}

fn main() {
    inside();
    fn bytes<T: plugin_core::PluginType>() -> Vec<u8> {
        T::NODE.to_bytes()
    }
    assert_eq!(bytes::<shadowed::Shadowed<bool, char>>(), bytes::<unshadowed::Shadowed<bool, char>>());
    assert_eq!(bytes::<shadowed::Bare>(), bytes::<unshadowed::Bare>());
}
