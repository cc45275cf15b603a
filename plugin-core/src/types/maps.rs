//! Maps and sets.
//!
//! Each side has its own hasher, and builds a map of its own. What is the author's in that, a key's `Hash` or `Ord`,
//! may panic: what is lifted by then is dropped, and the rest, which is only `Repr`s, leaks.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};

use super::tuple::Tuple2Repr;
use super::{PluginType, with_room, with_room_to_lower};
use crate::buffer::BufferRepr;
use crate::descriptor::{Node, Tag};
use crate::origin::Origin;

/// A buffer of what `elements` gives.
#[inline]
pub(super) fn gather<R: Copy>(deep: bool, elements: impl Iterator<Item = R>) -> BufferRepr {
    with_room_to_lower(deep, || BufferRepr::own(elements.collect::<Vec<R>>()))
}

/// Lifts the elements of a buffer into a collection.
///
/// # Safety
///
/// The buffer holds `T::Repr`s, for which the caller promises what [`PluginType::lift`] asks for.
#[inline]
pub(super) unsafe fn collect<T: PluginType, C: FromIterator<T>>(repr: BufferRepr, origin: &Origin) -> C {
    with_room(T::DEEP, || {
        // SAFETY: the caller's promise.
        let elements = unsafe { repr.take::<T::Repr>() };
        // SAFETY: as above; each is lifted once.
        elements.into_iter().map(|element| unsafe { T::lift(element, origin) }).collect()
    })
}

/// Lends a pair whose halves are apart.
#[inline]
pub(super) fn lend_pair<K: PluginType, V: PluginType>((key, value): (&K, &V)) -> Tuple2Repr<K::Repr, V::Repr> {
    Tuple2Repr(key.lend(), value.lend())
}

macro_rules! map {
    ($map:ident [$($hasher:ident)?] $($bound:tt)*) => {
        // SAFETY: crosses as its pairs, one by one. A hasher is new on the other side: it has to be `Send` because
        // `with_room` may make it, and drop it, on another thread.
        unsafe impl<K: PluginType + $($bound)*, V: PluginType $(, $hasher: BuildHasher + Default + Send + 'static)?>
            PluginType for $map<K, V $(, $hasher)?>
        {
            type Repr = BufferRepr;
            const NODE: &'static Node = &Node::Of { head: &Tag::$map.head(), parts: &[K::NODE, V::NODE] };
            const DEEP: bool = K::DEEP || V::DEEP;

            #[inline]
            fn lower(self) -> BufferRepr {
                gather(Self::DEEP, self.into_iter().map(<(K, V)>::lower))
            }
            #[inline]
            fn lend(&self) -> BufferRepr {
                gather(Self::DEEP, self.iter().map(lend_pair))
            }
            #[inline]
            unsafe fn lift(repr: BufferRepr, origin: &Origin) -> Self {
                // SAFETY: the caller promises a lowered or lent map, which is a buffer of pairs.
                unsafe { collect::<(K, V), Self>(repr, origin) }
            }
        }
    };
}

map!(HashMap [S] Eq + Hash);
map!(BTreeMap [] Ord);

macro_rules! set {
    ($set:ident [$($hasher:ident)?] $($bound:tt)*) => {
        // SAFETY: crosses as its elements, one by one. For the hasher see the maps.
        unsafe impl<T: PluginType + $($bound)* $(, $hasher: BuildHasher + Default + Send + 'static)?> PluginType
            for $set<T $(, $hasher)?>
        {
            type Repr = BufferRepr;
            const NODE: &'static Node = &Node::Of { head: &Tag::$set.head(), parts: &[T::NODE] };
            const DEEP: bool = T::DEEP;

            #[inline]
            fn lower(self) -> BufferRepr {
                gather(Self::DEEP, self.into_iter().map(T::lower))
            }
            #[inline]
            fn lend(&self) -> BufferRepr {
                gather(Self::DEEP, self.iter().map(T::lend))
            }
            #[inline]
            unsafe fn lift(repr: BufferRepr, origin: &Origin) -> Self {
                // SAFETY: the caller promises a lowered or lent set, which is a buffer of its elements.
                unsafe { collect::<T, Self>(repr, origin) }
            }
        }
    };
}

set!(HashSet [S] Eq + Hash);
set!(BTreeSet [] Ord);

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    /// A key that cannot be hashed or compared if it is empty.
    #[derive(PartialEq, Eq)]
    struct Key(String);

    impl Key {
        fn checked(&self) -> &str {
            assert!(!self.0.is_empty(), "an empty key");
            &self.0
        }
    }

    impl Hash for Key {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            self.checked().hash(state);
        }
    }

    impl PartialOrd for Key {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }

    impl Ord for Key {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            self.checked().cmp(other.checked())
        }
    }

    // SAFETY: crosses as the text it has.
    unsafe impl PluginType for Key {
        type Repr = BufferRepr;
        const NODE: &'static Node = String::NODE;

        fn lower(self) -> BufferRepr {
            self.0.lower()
        }
        fn lend(&self) -> BufferRepr {
            self.0.lend()
        }
        unsafe fn lift(repr: BufferRepr, origin: &Origin) -> Self {
            // SAFETY: the caller's promise.
            Key(unsafe { String::lift(repr, origin) })
        }
    }

    /// The interest is in what a sanitizer sees: everything is freed once. The bad key is the last, so nothing leaks.
    #[test]
    fn a_panicking_key_is_dropped_once() {
        let texts = || [("one", vec![1]), ("two", vec![2]), ("", vec![3])].map(|(key, value)| (key.to_owned(), value));
        let lifted = catch_unwind(|| {
            // SAFETY: pairs, lowered just here, and lifted once.
            unsafe { HashMap::<Key, Vec<u8>>::lift(Vec::from(texts()).lower(), &Origin::HOST) }
        });
        assert!(lifted.is_err());
        let lifted = catch_unwind(|| {
            // SAFETY: as above.
            unsafe { BTreeMap::<Key, Vec<u8>>::lift(Vec::from(texts()).lower(), &Origin::HOST) }
        });
        assert!(lifted.is_err());
    }
}
