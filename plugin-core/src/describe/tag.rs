//! The tags of descriptors: one table with the number of each tag, and the parts that follow it.

/// The forms in which a named type crosses. The form is the first byte of the type's body.
pub mod form {
    /// The fields in order. For an enum, the number of the variant and the fields of that variant.
    pub const FIXED: u8 = 0;
    /// A struct that is `#[repr(C)]`. It crosses as [`FIXED`] does, and is plain if all its fields are plain.
    pub const C: u8 = 1;
    /// A type that may have more fields or variants on one side than on the other. It crosses in a box of its own.
    pub const GROWS: u8 = 2;
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

/// Makes [`Tag`] from a table with a row for each tag: its number, its name, and the [`Shape`] of its node.
macro_rules! tags {
    ($($(#[doc = $docs:literal])* $number:literal $name:ident: $shape:expr;)*) => {
        /// The kind of a descriptor's node. Its number is part of the ABI, so numbers are only ever added.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Tag {
            $($(#[doc = $docs])* $name = $number,)*
        }

        impl Tag {
            /// The tag with the number `byte`, if that is the number of a tag.
            pub const fn from_byte(byte: u8) -> Option<Tag> {
                Some(match byte {
                    $($number => Tag::$name,)*
                    _ => return None,
                })
            }

            /// The shape of a node with this tag.
            pub const fn shape(self) -> Shape {
                use Shape::*;
                match self {
                    $(Tag::$name => $shape,)*
                }
            }
        }
    };
}

tags! {
    /// `()`.
    1 Unit: Parts(0);
    /// `bool`.
    2 Bool: Parts(0);
    /// `char`.
    3 Char: Parts(0);
    /// `u8`.
    4 U8: Parts(0);
    /// `u16`.
    5 U16: Parts(0);
    /// `u32`.
    6 U32: Parts(0);
    /// `u64`.
    7 U64: Parts(0);
    /// `u128`.
    8 U128: Parts(0);
    /// `usize`.
    9 Usize: Parts(0);
    /// `i8`.
    10 I8: Parts(0);
    /// `i16`.
    11 I16: Parts(0);
    /// `i32`.
    12 I32: Parts(0);
    /// `i64`.
    13 I64: Parts(0);
    /// `i128`.
    14 I128: Parts(0);
    /// `isize`.
    15 Isize: Parts(0);
    /// `f32`.
    16 F32: Parts(0);
    /// `f64`.
    17 F64: Parts(0);
    /// `String`.
    18 String: Parts(0);
    /// `str`, which appears only behind [`Tag::Ref`].
    19 Str: Parts(0);
    /// `Vec<T>`: the element follows.
    32 Vec: Parts(1);
    /// `[T]`, which appears only behind [`Tag::Ref`] or [`Tag::Mut`]: the element follows.
    33 Slice: Parts(1);
    /// `[T; N]`: the count (N), then the element.
    34 Array: CountThenOne;
    /// `Box<T>`.
    35 Box: Parts(1);
    /// `Option<T>`.
    36 Option: Parts(1);
    /// `Result<T, E>`: `T`, then `E`.
    37 Result: Parts(2);
    /// A tuple: the count, then the fields in order.
    38 Tuple: CountThenAll(0);
    /// `HashMap<K, V>`: the key, then the value.
    39 HashMap: Parts(2);
    /// `BTreeMap<K, V>`: the key, then the value.
    40 BTreeMap: Parts(2);
    /// `HashSet<T>`.
    41 HashSet: Parts(1);
    /// `BTreeSet<T>`.
    42 BTreeSet: Parts(1);
    /// `VecDeque<T>`.
    43 VecDeque: Parts(1);
    /// `Box<[T]>`: the element follows.
    44 BoxSlice: Parts(1);
    /// `NonZero<T>`: the integer follows.
    45 NonZero: Parts(1);
    /// `PhantomData<T>`.
    46 PhantomData: Parts(1);
    /// `&T`.
    48 Ref: Parts(1);
    /// `&mut T`.
    49 Mut: Parts(1);
    /// A function: the count of its arguments, the arguments in order, then what it returns.
    64 Fn: CountThenAll(1);
    /// A static that never changes: its type follows.
    65 Static: Parts(1);
    /// A static atomic: the type of its value follows.
    66 Atomic: Parts(1);
    /// A static `RwLock<T>`.
    67 RwLock: Parts(1);
    /// A static `Mutex<T>`.
    68 Mutex: Parts(1);
    /// A user type, written out.
    80 Named: Special;
    /// A user type that was written out before: its number follows.
    81 Again: Special;
    /// The value of a generic type's constant parameter.
    82 Constant: Special;
    /// The body of a named type that is a struct.
    83 Struct: Special;
    /// The body of a named type that is an enum.
    84 Enum: Special;
    /// `Box<str>`.
    96 BoxStr: Parts(0);
    /// `Arc<str>`.
    97 ArcStr: Parts(0);
    /// `Cow<'static, str>`.
    98 CowStr: Parts(0);
    /// `PathBuf`.
    99 PathBuf: Parts(0);
    /// `Path`, which appears only behind [`Tag::Ref`].
    100 Path: Parts(0);
    /// `OsString`.
    101 OsString: Parts(0);
    /// `OsStr`, which appears only behind [`Tag::Ref`].
    102 OsStr: Parts(0);
    /// `Duration`.
    103 Duration: Parts(0);
    /// `SystemTime`.
    104 SystemTime: Parts(0);
    /// `std::cmp::Ordering`.
    105 Ordering: Parts(0);
    /// `Ipv4Addr`.
    106 Ipv4Addr: Parts(0);
    /// `Ipv6Addr`.
    107 Ipv6Addr: Parts(0);
    /// `IpAddr`.
    108 IpAddr: Parts(0);
    /// `SocketAddrV4`.
    109 SocketAddrV4: Parts(0);
    /// `SocketAddrV6`.
    110 SocketAddrV6: Parts(0);
    /// `SocketAddr`.
    111 SocketAddr: Parts(0);
    /// `Box<dyn Error>`, with or without `Send` and `Sync`.
    112 Error: Parts(0);
    /// `bytes::Bytes`.
    113 Bytes: Parts(0);
    /// `serde_json::Value`.
    114 Json: Parts(0);
    /// `uuid::Uuid`.
    115 Uuid: Parts(0);
    /// `..`.
    116 RangeFull: Parts(0);
    /// `a..b`: the type of its ends follows, as with the other ranges.
    128 Range: Parts(1);
    /// `a..=b`.
    129 RangeInclusive: Parts(1);
    /// `a..`.
    130 RangeFrom: Parts(1);
    /// `..b`.
    131 RangeTo: Parts(1);
    /// `..=b`.
    132 RangeToInclusive: Parts(1);
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
