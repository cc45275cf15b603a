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
//! It is public for `plugin-host`, which reads what this crate writes. Nobody else needs it, so there are no examples.

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
            48 => Ref,
            49 => Mut,
            64 => Fn,
            65 => Static,
            66 => Atomic,
            67 => RwLock,
            68 => Mutex,
            _ => return None,
        })
    }

    /// What follows this tag.
    pub const fn shape(self) -> Shape {
        use Tag::*;
        match self {
            Vec | Slice | Box | Option | Ref | Mut | Static | Atomic | RwLock | Mutex => Shape::Parts(1),
            Result => Shape::Parts(2),
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

/// A descriptor as constants: the bytes of this node, then its parts in order.
#[derive(Debug)]
pub struct Node {
    /// The tag, and the count where the tag has one.
    pub head: &'static [u8],
    /// What follows the head.
    pub parts: &'static [&'static Node],
}

impl Node {
    /// How many bytes [`Node::write`] writes.
    pub const fn len(&self) -> usize {
        let mut len = self.head.len();
        let mut i = 0;
        while i < self.parts.len() {
            len += self.parts[i].len();
            i += 1;
        }
        len
    }

    /// Never: a node has at least its tag.
    pub const fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    /// Writes the flat bytes into `out` from `at` on and returns where they end.
    pub const fn write(&self, out: &mut [u8], mut at: usize) -> usize {
        let mut i = 0;
        while i < self.head.len() {
            out[at] = self.head[i];
            at += 1;
            i += 1;
        }
        let mut i = 0;
        while i < self.parts.len() {
            at = self.parts[i].write(out, at);
            i += 1;
        }
        at
    }

    /// Whether `bytes` are exactly this descriptor: not a prefix of it, and it not a prefix of them.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        self.strip(bytes).is_some_and(<[u8]>::is_empty)
    }

    fn strip<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let rest = bytes.strip_prefix(self.head)?;
        self.parts.iter().try_fold(rest, |rest, part| part.strip(rest))
    }

    /// The flat bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len()];
        self.write(&mut bytes, 0);
        bytes
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
    }
}
