//! Maps and sets.
//!
//! Each side has its own hasher, and builds a map of its own. A key's `Hash` or `Ord` is the author's code and may
//! panic while a map is lifted. The values lifted so far are then dropped. The others leak, because they are only
//! `Repr`s.
//!
//! # Maps that are held
//!
//! **Problem.** A held map needs a table on the receiver's heap, made by std. The keys and values in the table refer to
//! the sender's memory and must never be dropped. But std drops a pair if `Hash` panics during the insertion, and drops
//! a key if `Eq` finds an equal key in the table. `Hash` and `Eq` are the author's safe code and may do anything.
//!
//! **Idea.** The arena keeps the complete table. When the arena ends, the table is emptied, the pairs are forgotten,
//! and the memory of the table is freed. The same happens if a panic ends the insertion. All this is before the memory
//! ends that the pairs refer to: the pairs are moved meanwhile, and a `Box` that is moved must be valid. Each pair is
//! inserted in such a way that std cannot drop a held part:
//!
//! - A *key* is a copy that the receiver owns, so std may drop it. Two kinds of keys need no copy: those without drop
//!   glue, and text with a hasher of std. std's `Hash` and `Eq` of text neither panic nor change their answers, so a
//!   look-up finds out beforehand whether the key is in the table already.
//! - A *value* goes into a vacant entry, or replaces the value of an occupied entry. Both happen after the last call of
//!   the author's code. If std panicked there all the same, the process would end before a value is dropped.
//!
//! A hash table calls `Hash` for the keys in it when it makes room. If it does so in place and `Hash` panics, it drops
//! pairs. But it makes room in place only if keys were removed, and no key is removed here. Nor does it make room
//! otherwise, because it is made with room for all pairs.
//!
//! **Proof.** Until the table is complete, only this module uses it. Afterwards the held value contains a copy of the
//! bytes of the collection itself, for the receiver to read, and the arena empties the original in the end. The bytes
//! of the two remain equal, because std's collections have no interior mutability; the compiler checks this below. A
//! hasher may have interior mutability. The compiler then checks that the hasher has no drop glue, so stale bytes of it
//! do no harm.

use std::any::TypeId;
use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, btree_map, hash_map};
use std::ffi::OsString;
use std::hash::{BuildHasher, Hash};
use std::mem::{ManuallyDrop, forget, needs_drop, replace};
use std::path::PathBuf;
use std::sync::Arc;

use super::sequence::lend_all;
use super::tuple::Tuple2Repr;
use super::{PluginType, held, with_room};
use crate::abi::BufferRepr;
use crate::describe::{Node, Tag};
use crate::fault::unwind::NoUnwind;
use crate::memory::Arena;
use crate::origin::Origin;

/// Collects elements into a buffer.
#[inline]
pub(super) fn gather<R: Copy>(deep: bool, elements: impl Iterator<Item = R>) -> BufferRepr {
    with_room(deep, || BufferRepr::own(elements.collect::<Vec<R>>()))
}

/// Lifts the elements of a buffer into a collection.
///
/// # Safety
///
/// The buffer contains `T::Repr`s. It is lent, or was not taken before. Each `Repr` may be lifted once, by `# Safety`
/// of [`PluginType::lift`].
#[inline]
pub(super) unsafe fn collect<T: PluginType, C: FromIterator<T>>(repr: BufferRepr, origin: &Origin) -> C {
    with_room(T::DEEP, || {
        // SAFETY: `take` asks for a buffer of `T::Repr`s that is lent or was not taken before, as each of them may
        // still be lifted (`# Safety`).
        let elements = unsafe { repr.take::<T::Repr>() };
        // SAFETY: `take` has given each `Repr` once, and each may be lifted once (`# Safety`).
        elements.into_iter().map(|element| unsafe { T::lift(element, origin) }).collect()
    })
}

/// Lends a pair whose halves are apart.
#[inline]
pub(super) fn lend_pair<K: PluginType, V: PluginType>(
    (key, value): (&K, &V),
    arena: &mut Arena,
) -> Tuple2Repr<K::Repr, V::Repr> {
    Tuple2Repr(key.lend(arena), value.lend(arena))
}

/// Fails to compile if a type has interior mutability in its own bytes: a constant may not refer to such a value.
macro_rules! assert_no_interior_mutability {
    ($($ty:ty),*) => { $(const _: &std::mem::MaybeUninit<$ty> = &std::mem::MaybeUninit::uninit();)* };
}
#[cfg(feature = "serde_json")]
pub(super) use assert_no_interior_mutability;

assert_no_interior_mutability!(HashMap<u8, u8, ()>, BTreeMap<u8, u8>, HashSet<u8, ()>, BTreeSet<u8>);

/// Returns true if a held key may be put into a table without a copy. A tree has no hasher, so its hasher counts as one
/// of std.
fn may_be_key<K: 'static>(hasher_is_std: bool) -> bool {
    macro_rules! is_one_of {
        ($($ty:ty),*) => { [$(TypeId::of::<$ty>()),*].contains(&TypeId::of::<K>()) };
    }
    let is_std = is_one_of!(String, Box<str>, Arc<str>, Cow<'static, str>, OsString, PathBuf, Vec<u8>);
    !needs_drop::<K>() || is_std && hasher_is_std
}

fn is_std<S: 'static>() -> bool {
    TypeId::of::<S>() == TypeId::of::<RandomState>()
}

const fn assert_owns_nothing<S>() {
    assert!(!needs_drop::<S>(), "a map or set whose hasher has to be dropped does not cross behind `&`");
}

/// The original of a held collection. Dropping it frees the table only.
pub(super) struct Table<C: IntoIterator> {
    collection: ManuallyDrop<C>,
    /// Receives the elements in the end.
    let_go: fn(C::Item),
}

impl<C: IntoIterator> Drop for Table<C> {
    fn drop(&mut self) {
        // SAFETY: this is the drop, so the collection is taken once and not used afterwards.
        let collection = unsafe { ManuallyDrop::take(&mut self.collection) };
        // If `let_go` unwinds, the remaining elements must not be dropped.
        let mut items = ManuallyDrop::new(collection.into_iter());
        items.by_ref().for_each(self.let_go);
        // SAFETY: `items` is not used afterwards. The iterator in it is empty, so this frees the table only.
        unsafe { ManuallyDrop::drop(&mut items) }
    }
}

/// Holds a collection.
///
/// # Safety
///
/// `add` adds elements that `let_go` may receive in the end. The caller uses the result as [`PluginType::hold`] demands. No
/// function that takes a `&C` changes the bytes of the `C` itself, except for those of a hasher without drop glue.
pub(super) unsafe fn hold_table<C: IntoIterator + 'static, R>(
    (empty, let_go): (C, fn(C::Item)),
    reprs: &[R],
    deep: bool,
    arena: &mut Arena,
    add: impl Fn(&mut C, &R, &mut Arena),
) -> ManuallyDrop<C> {
    let mut table = Table { collection: ManuallyDrop::new(empty), let_go };
    with_room(deep, || {
        for repr in reprs {
            add(&mut table.collection, repr, arena);
        }
    });
    // The arena gets the table only when the table is complete. An arena drops the newest value first, and the table
    // refers to values that `add` has put into the arena.
    let table = arena.keep(table);
    // SAFETY: `keep` has written the table. By `# Safety`, nothing changes the bytes of either collection from here on.
    // The arena drops the original, and no code drops the copy.
    unsafe { std::ptr::read(&table.as_ref().collection) }
}

/// Replaces a held value in a table by another one.
#[inline]
pub(super) fn exchange<V>(place: &mut V, value: ManuallyDrop<V>) {
    forget(replace(place, ManuallyDrop::into_inner(value)));
}

/// Moves held values into a table. The process ends if `insert` unwinds, because that would drop the values.
#[inline]
pub(super) fn insert_held<R>(insert: impl FnOnce() -> R) -> R {
    let no_unwind = NoUnwind;
    let inserted = insert();
    forget(no_unwind);
    inserted
}

macro_rules! map {
    ($map:ident $entries:ident [$($hasher:ident)?] |$len:ident| $empty:expr; $($bound:tt)*) => {
        // SAFETY: a map crosses as its pairs, one by one. The receiver's map has a new hasher.
        #[diagnostic::do_not_recommend]
        unsafe impl<K: PluginType + $($bound)*, V: PluginType $(, $hasher: BuildHasher + Default + 'static)?>
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
            fn lend(&self, arena: &mut Arena) -> BufferRepr {
                lend_all(Self::DEEP, self.iter(), arena, lend_pair)
            }
            #[inline]
            unsafe fn lift(repr: BufferRepr, origin: &Origin) -> Self {
                // SAFETY: `lower` and `lend` make a buffer with the `Repr`s of the pairs. By `# Safety` of
                // `PluginType::lift`, it is lifted once, or lent, and so is each pair.
                unsafe { collect::<(K, V), Self>(repr, origin) }
            }
            unsafe fn hold(repr: &BufferRepr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
                $(const { assert_owns_nothing::<$hasher>() })?
                let may_be_key = may_be_key::<K>(true $(&& is_std::<$hasher>())?);
                // SAFETY: by `# Safety` of `PluginType::hold`, `repr` came from `lend` or `lower`, which make a buffer
                // with the `Repr`s of the pairs. The buffer exists during this call.
                let pairs: &[Tuple2Repr<K::Repr, V::Repr>] = unsafe { repr.as_slice() };
                let $len = pairs.len();
                let let_go: fn((K, V)) = if may_be_key {
                    |(key, value)| forget((key, value))
                } else {
                    |(key, value)| {
                        forget(value);
                        drop(key);
                    }
                };
                let add = |map: &mut Self, pair: &Tuple2Repr<K::Repr, V::Repr>, arena: &mut Arena| {
                    // SAFETY: the map may be held (`# Safety` of `PluginType::hold`), and so may each key and each
                    // value. `hold_table` calls `add` once for each pair.
                    let (key, value) = unsafe { (K::hold(&pair.0, origin, arena), V::hold(&pair.1, origin, arena)) };
                    if needs_drop::<K>() && may_be_key {
                        // The key's type and the hasher are std's: a key that is in the table is found.
                        match map.get_mut(&*key) {
                            Some(place) => exchange(place, value),
                            None => _ = insert_held(|| {
                                map.insert(ManuallyDrop::into_inner(key), ManuallyDrop::into_inner(value))
                            }),
                        }
                        return;
                    }
                    let key = if may_be_key { ManuallyDrop::into_inner(key) } else { held::copied(&*key, arena) };
                    match map.entry(key) {
                        $entries::Entry::Occupied(mut entry) => exchange(entry.get_mut(), value),
                        $entries::Entry::Vacant(entry) => {
                            insert_held(|| _ = entry.insert(ManuallyDrop::into_inner(value)));
                        }
                    }
                };
                // SAFETY: `let_go` forgets held keys and values, and drops a key only if `add` has copied it. The
                // collection has no interior mutability, and its hasher no drop glue: the compiler checks both above.
                // The caller uses the result as `# Safety` of `PluginType::hold` asks.
                unsafe { hold_table(($empty, let_go), pairs, Self::DEEP, arena, add) }
            }
        }
    };
}
map!(HashMap hash_map [S] |len| HashMap::with_capacity_and_hasher(len, S::default()); Eq + Hash);
map!(BTreeMap btree_map [] |_len| BTreeMap::new(); Ord);

macro_rules! set {
    ($set:ident [$($hasher:ident)?] |$len:ident| $empty:expr; $($bound:tt)*) => {
        // SAFETY: a set crosses as its elements, one by one. The receiver's set has a new hasher.
        #[diagnostic::do_not_recommend]
        unsafe impl<T: PluginType + $($bound)* $(, $hasher: BuildHasher + Default + 'static)?> PluginType
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
            fn lend(&self, arena: &mut Arena) -> BufferRepr {
                lend_all(Self::DEEP, self.iter(), arena, T::lend)
            }
            #[inline]
            unsafe fn lift(repr: BufferRepr, origin: &Origin) -> Self {
                // SAFETY: `lower` and `lend` make a buffer with the `Repr`s of the elements. By `# Safety` of
                // `PluginType::lift`, it is lifted once, or lent, and so is each element.
                unsafe { collect::<T, Self>(repr, origin) }
            }
            unsafe fn hold(repr: &BufferRepr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
                $(const { assert_owns_nothing::<$hasher>() })?
                let may_be_key = may_be_key::<T>(true $(&& is_std::<$hasher>())?);
                // SAFETY: by `# Safety` of `PluginType::hold`, `repr` came from `lend` or `lower`, which make a buffer
                // with the `Repr`s of the elements. The buffer exists during this call.
                let reprs: &[T::Repr] = unsafe { repr.as_slice() };
                let $len = reprs.len();
                let let_go = if may_be_key { forget::<T> } else { drop::<T> };
                let add = |set: &mut Self, repr: &T::Repr, arena: &mut Arena| {
                    // SAFETY: the set may be held (`# Safety` of `PluginType::hold`), and so may each element.
                    // `hold_table` calls `add` once for each.
                    let element = unsafe { T::hold(repr, origin, arena) };
                    if !may_be_key {
                        set.insert(held::copied(&*element, arena));
                    } else if !needs_drop::<T>() {
                        set.insert(ManuallyDrop::into_inner(element));
                    } else if !set.contains(&*element) {
                        // As for the keys of a map: it is not in the set.
                        insert_held(|| set.insert(ManuallyDrop::into_inner(element)));
                    }
                };
                // SAFETY: `let_go` forgets held elements, and drops an element only if `add` has copied it. The
                // collection has no interior mutability, and its hasher no drop glue: the compiler checks both above.
                // The caller uses the result as `# Safety` of `PluginType::hold` asks.
                unsafe { hold_table(($empty, let_go), reprs, Self::DEEP, arena, add) }
            }
        }
    };
}

set!(HashSet [S] |len| HashSet::with_capacity_and_hasher(len, S::default()); Eq + Hash);
set!(BTreeSet [] |_len| BTreeSet::new(); Ord);

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
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

    // SAFETY: a `Key` crosses as its text, with the conversions of `String`.
    unsafe impl PluginType for Key {
        type Repr = BufferRepr;
        const NODE: &'static Node = String::NODE;

        fn lower(self) -> BufferRepr {
            self.0.lower()
        }
        fn lend(&self, arena: &mut Arena) -> BufferRepr {
            self.0.lend(arena)
        }
        unsafe fn lift(repr: BufferRepr, origin: &Origin) -> Self {
            // SAFETY: `lower` and `lend` above make the `Repr` of a `String`, which may be lifted as the `Key` may.
            Key(unsafe { String::lift(repr, origin) })
        }
        unsafe fn hold(repr: &BufferRepr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
            // SAFETY: `lower` and `lend` above make the `Repr` of a `String`, which may be held as the `Key` may.
            ManuallyDrop::new(Key(ManuallyDrop::into_inner(unsafe { String::hold(repr, origin, arena) })))
        }
    }

    thread_local!(static ENDED: Cell<u32> = const { Cell::new(0) });

    /// A part that an element of a table refers to.
    struct Part;

    impl Drop for Part {
        fn drop(&mut self) {
            ENDED.set(ENDED.get() + 1);
        }
    }

    /// The elements are moved when a table lets them go, and a box must not dangle then.
    #[test]
    fn a_table_lets_its_elements_go_before_their_parts_end() {
        thread_local!(static LET_GO: RefCell<Vec<(u32, u32)>> = const { RefCell::new(Vec::new()) });
        let let_go: fn(u32) = |number| LET_GO.with_borrow_mut(|all| all.push((number, ENDED.get())));
        let add = |table: &mut Vec<u32>, number: &u32, arena: &mut Arena| {
            assert_ne!(*number, 3, "on purpose");
            arena.keep(Part);
            table.push(*number);
        };
        let hold = |numbers: &[u32]| {
            let mut arena = Arena::new();
            // SAFETY: `let_go` may receive each element. The result is not used after the arena ends.
            let table = unsafe { hold_table((Vec::new(), let_go), numbers, false, &mut arena, add) };
            assert_eq!(*table, numbers);
        };
        hold(&[1, 2]);
        assert_eq!((LET_GO.take(), ENDED.take()), (vec![(1, 0), (2, 0)], 2));
        catch_unwind(|| hold(&[1, 2, 3])).unwrap_err();
        assert_eq!((LET_GO.take(), ENDED.take()), (vec![(1, 0), (2, 0)], 2));
    }

    /// A sanitizer checks that everything is freed once. The bad key is the last, so nothing leaks.
    #[test]
    fn a_panicking_key_is_dropped_once() {
        let texts = || [("one", vec![1]), ("two", vec![2]), ("", vec![3])].map(|(key, value)| (key.to_owned(), value));
        let lifted = catch_unwind(|| {
            // SAFETY: pairs, lowered just here, and lifted once.
            unsafe { HashMap::<Key, Vec<u8>>::lift(Vec::from(texts()).lower(), &Origin::HOST) }
        });
        assert!(lifted.is_err());
        let lifted = catch_unwind(|| {
            // SAFETY: pairs, lowered just here, and lifted once.
            unsafe { BTreeMap::<Key, Vec<u8>>::lift(Vec::from(texts()).lower(), &Origin::HOST) }
        });
        assert!(lifted.is_err());
    }
}
