//! The tags of descriptors: one table with the number of each tag, and the parts that follow it.

/// The forms in which a named type crosses. The form is the first byte of the type's body.
pub mod form {
    /// The fields in order. For an enum, the number of the variant and the fields of that variant.
    pub const FIXED: u8 = 0;
    /// A struct that is `#[repr(C)]`. It crosses as [`FIXED`] does, and is plain if all its fields are plain.
    pub const C: u8 = 1;
    /// A type that may have more fields or variants on one side than on the other. It crosses in a box of its own.
    pub const GROWS: u8 = 2;
    /// A trait with `#[plugin_interface]`. Its methods stand in the place of fields: the type of each is a function behind the
    /// reference or in the box that `self` is. A method with a default body counts as a field with a default.
    pub const INTERFACE: u8 = 3;
}

/// The styles of structs and variants in Rust's syntax.
pub mod style {
    /// `Name`.
    pub const UNIT: u8 = 0;
    /// `Name(..)`.
    pub const TUPLE: u8 = 1;
    /// `Name { .. }`.
    pub const NAMED: u8 = 2;
}

/// The shape of a node: the number of parts after its [`Tag`], and whether a count precedes the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// This many parts and no count.
    Parts(usize),
    /// An array: a count, then one part.
    CountThenOne,
    /// A count *n*, then *n* parts and this many more.
    CountThenAll(usize),
    /// Another shape, for types with a name: see the documentation of the module `describe`.
    Special,
}

/// The class of a type: how its values lie in memory, and their form in serde's data model. A host has code for each
/// class and for each leaf, so a type of another class than [`Leaf`](Class::Leaf) needs only its row in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A type without parts, with a layout and a form of its own.
    Leaf,
    /// An owned text: a buffer of UTF-8.
    Text,
    /// A buffer of elements.
    Sequence,
    /// A buffer of pairs: the key, then the value.
    Map,
    /// A buffer of one element.
    Box,
    /// Elements in a row.
    Array,
    /// A number that says whether there is a value, then the value.
    Option,
    /// A number that says which of two values follows, then that value.
    Result,
    /// Values of several types in a row.
    Tuple,
    /// The integer that follows.
    NonZero,
    /// A struct with fields of these names. Its node has this many parts: none, or one, which is the type of each field.
    Struct(usize, &'static [&'static str]),
    /// A type that appears only behind a reference. A type with this tag owns such a value.
    Unsized(Tag),
    /// A node of this shape that is not a value: a reference, a function, a static, or a part of a named type.
    Other(Shape),
}

impl Class {
    const fn shape(self) -> Shape {
        match self {
            Class::Leaf | Class::Text => Shape::Parts(0),
            Class::Sequence | Class::Box | Class::Option | Class::NonZero => Shape::Parts(1),
            Class::Map | Class::Result => Shape::Parts(2),
            Class::Array => Shape::CountThenOne,
            Class::Tuple => Shape::CountThenAll(0),
            Class::Struct(parts, _) => Shape::Parts(parts),
            Class::Unsized(owner) => owner.class().shape(),
            Class::Other(shape) => shape,
        }
    }
}

/// Makes [`Tag`] from a table with a row for each tag: its number, its name, its spelling if this is another one than
/// the name, and its [`Class`]. The first argument is a `$`, for the macro that this macro makes.
macro_rules! tags {
    (@spelling $name:ident) => { stringify!($name) };
    (@spelling $name:ident $spelling:literal) => { $spelling };
    (
        $dollar:tt
        leaves { $($(#[doc = $leaf_docs:literal])* $leaf_number:literal $leaf:ident $($leaf_spelling:literal)?;)* }
        others { $($(#[doc = $docs:literal])* $number:literal $name:ident $($spelling:literal)?: $class:expr;)* }
    ) => {
        /// The kind of a descriptor's node. Its number is part of the ABI, so numbers are only ever added.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Tag {
            $($(#[doc = $leaf_docs])* $leaf = $leaf_number,)*
            $($(#[doc = $docs])* $name = $number,)*
        }

        impl Tag {
            /// The tag with the number `byte`, if that is the number of a tag.
            pub const fn from_byte(byte: u8) -> Option<Tag> {
                Some(match byte {
                    $($leaf_number => Tag::$leaf,)*
                    $($number => Tag::$name,)*
                    _ => return None,
                })
            }

            /// The shape of a node with this tag.
            pub const fn shape(self) -> Shape {
                match self {
                    $(Tag::$leaf)|* => const { Class::Leaf.shape() },
                    $(Tag::$name => const { Tag::$name.class().shape() },)*
                }
            }

            /// The class of types with this tag.
            pub const fn class(self) -> Class {
                use Class::*;
                use Shape::*;
                match self {
                    $(Tag::$leaf)|* => Leaf,
                    $(Tag::$name => $class,)*
                }
            }

            /// The type as Rust programs write it. Its part is in the place of `{}`, or else its parts follow in angle
            /// brackets. A tuple, an array, and a node of [`Class::Other`] may have another form.
            pub const fn spelling(self) -> &'static str {
                match self {
                    $(Tag::$leaf => tags!(@spelling $leaf $($leaf_spelling)?),)*
                    $(Tag::$name => tags!(@spelling $name $($spelling)?),)*
                }
            }
        }

        /// Calls a macro with the names of the tags of all leaves. So a host does not compile if it lacks one.
        #[doc(hidden)]
        #[macro_export]
        macro_rules! __leaves {
            ($dollar callback:ident) => { $dollar callback! { $($leaf)* } };
        }
    };
}

tags! {
    $
    leaves {
        /// `()`.
        1 Unit "()";
        /// `bool`.
        2 Bool "bool";
        /// `char`.
        3 Char "char";
        /// `u8`.
        4 U8 "u8";
        /// `u16`.
        5 U16 "u16";
        /// `u32`.
        6 U32 "u32";
        /// `u64`.
        7 U64 "u64";
        /// `u128`.
        8 U128 "u128";
        /// `usize`.
        9 Usize "usize";
        /// `i8`.
        10 I8 "i8";
        /// `i16`.
        11 I16 "i16";
        /// `i32`.
        12 I32 "i32";
        /// `i64`.
        13 I64 "i64";
        /// `i128`.
        14 I128 "i128";
        /// `isize`.
        15 Isize "isize";
        /// `f32`.
        16 F32 "f32";
        /// `f64`.
        17 F64 "f64";
        /// `PathBuf`.
        99 PathBuf;
        /// `OsString`.
        101 OsString;
        /// `Duration`.
        103 Duration;
        /// `SystemTime`.
        104 SystemTime;
        /// `std::cmp::Ordering`.
        105 Ordering;
        /// `Ipv4Addr`.
        106 Ipv4Addr;
        /// `Ipv6Addr`.
        107 Ipv6Addr;
        /// `IpAddr`.
        108 IpAddr;
        /// `SocketAddrV4`.
        109 SocketAddrV4;
        /// `SocketAddrV6`.
        110 SocketAddrV6;
        /// `SocketAddr`.
        111 SocketAddr;
        /// `Box<dyn Error>`, with or without `Send` and `Sync`.
        112 Error "Box<dyn Error>";
        /// `bytes::Bytes`.
        113 Bytes;
        /// `serde_json::Value`.
        114 Json "serde_json::Value";
        /// `uuid::Uuid`.
        115 Uuid;
    }
    others {
        /// `String`.
        18 String: Text;
        /// `str`, which appears only behind [`Tag::Ref`].
        19 Str "str": Unsized(Tag::String);
        /// `Vec<T>`: the element follows.
        32 Vec: Sequence;
        /// `[T]`, which appears only behind [`Tag::Ref`] or [`Tag::Mut`]: the element follows.
        33 Slice "[{}]": Unsized(Tag::Vec);
        /// `[T; N]`: the count (N), then the element.
        34 Array: Array;
        /// `Box<T>`.
        35 Box: Box;
        /// `Option<T>`.
        36 Option: Option;
        /// `Result<T, E>`: `T`, then `E`.
        37 Result: Result;
        /// A tuple: the count, then the fields in order.
        38 Tuple: Tuple;
        /// `HashMap<K, V>`: the key, then the value.
        39 HashMap: Map;
        /// `BTreeMap<K, V>`: the key, then the value.
        40 BTreeMap: Map;
        /// `HashSet<T>`.
        41 HashSet: Sequence;
        /// `BTreeSet<T>`.
        42 BTreeSet: Sequence;
        /// `VecDeque<T>`.
        43 VecDeque: Sequence;
        /// `Box<[T]>`: the element follows.
        44 BoxSlice "Box<[{}]>": Sequence;
        /// `NonZero<T>`: the integer follows.
        45 NonZero: NonZero;
        /// `PhantomData<T>`.
        46 PhantomData: Struct(1, &[]);
        /// `&T`.
        48 Ref "&{}": Other(Parts(1));
        /// `&mut T`.
        49 Mut "&mut {}": Other(Parts(1));
        /// A function: the count of its arguments, the arguments in order, then what it returns.
        64 Fn: Other(CountThenAll(1));
        /// A static that never changes: its type follows.
        65 Static: Other(Parts(1));
        /// A static atomic: the type of its value follows.
        66 Atomic: Other(Parts(1));
        // 67 and 68 were locks whose functions crossed by value, so there could be no more functions. No tag uses these two
        // numbers again.
        /// A static `RwLock<T>`.
        69 RwLock: Other(Parts(1));
        /// A static `Mutex<T>`.
        70 Mutex: Other(Parts(1));
        /// A user type, written out.
        80 Named: Other(Special);
        /// A user type that was written out before: its number follows.
        81 Again: Other(Special);
        /// The value of a generic type's constant parameter.
        82 Constant: Other(Special);
        /// The body of a named type that is a struct.
        83 Struct: Other(Special);
        /// The body of a named type that is an enum.
        84 Enum: Other(Special);
        /// `dyn Fn(A) -> R`: as for [`Tag::Fn`]. A closure appears only behind a reference, in a [`Tag::BoxDyn`] or in a
        /// [`Tag::ArcDyn`].
        86 DynFn "dyn Fn": Other(CountThenAll(1));
        /// `dyn FnMut(A) -> R`.
        87 DynFnMut "dyn FnMut": Other(CountThenAll(1));
        /// `dyn FnOnce(A) -> R`.
        88 DynFnOnce "dyn FnOnce": Other(CountThenAll(1));
        /// `dyn Iterator<Item = T>`, which appears only in a [`Tag::BoxDyn`]: the item follows.
        93 DynIterator "dyn Iterator<Item = {}>": Other(Parts(1));
        /// `dyn Trait`: the named type of [`form::INTERFACE`] follows.
        94 DynTrait "dyn {}": Other(Parts(1));
        /// The closure or iterator that follows, with `Send`.
        89 WithSend "{} + Send": Other(Parts(1));
        /// The closure that follows, with `Sync`.
        90 WithSync "{} + Sync": Other(Parts(1));
        /// `Box<T>` of the closure or iterator that follows.
        91 BoxDyn "Box<{}>": Other(Parts(1));
        /// `Arc<T>` of the closure that follows.
        92 ArcDyn "Arc<{}>": Other(Parts(1));
        /// `Box<str>`.
        96 BoxStr "Box<str>": Text;
        /// `Arc<str>`.
        97 ArcStr "Arc<str>": Text;
        /// `Cow<'static, str>`.
        98 CowStr "Cow<str>": Text;
        /// `Path`, which appears only behind [`Tag::Ref`].
        100 Path: Unsized(Tag::PathBuf);
        /// `OsStr`, which appears only behind [`Tag::Ref`].
        102 OsStr: Unsized(Tag::OsString);
        /// `..`.
        116 RangeFull: Struct(0, &[]);
        /// `a..b`: the type of its ends follows, as with the other ranges.
        128 Range: Struct(1, &["start", "end"]);
        /// `a..=b`.
        129 RangeInclusive: Struct(1, &["start", "end"]);
        /// `a..`.
        130 RangeFrom: Struct(1, &["start"]);
        /// `..b`.
        131 RangeTo: Struct(1, &["end"]);
        /// `..=b`.
        132 RangeToInclusive: Struct(1, &["end"]);
    }
}

impl Tag {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_its_number() {
        for byte in 0..=255 {
            if let Some(tag) = Tag::from_byte(byte) {
                assert_eq!(tag as u8, byte);
            }
        }
    }
}
