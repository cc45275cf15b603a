//! The C ABI, written by hand by an author who knows that both sides use the C library's allocator. A value that owns
//! memory is moved as pointer, length and capacity. Nothing is checked, and a panic ends the process.

use std::collections::HashMap;
use std::mem::{ManuallyDrop, MaybeUninit};

use crate::Record;

/// A `Vec` or `String` that is being moved.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Owned<T> {
    ptr: *mut T,
    len: usize,
    capacity: usize,
}

impl<T> Owned<T> {
    /// Gives a `Vec` away.
    #[inline(always)]
    pub fn new(values: Vec<T>) -> Self {
        let mut values = ManuallyDrop::new(values);
        Owned { ptr: values.as_mut_ptr(), len: values.len(), capacity: values.capacity() }
    }

    /// Takes it.
    ///
    /// # Safety
    ///
    /// [`new`](Self::new) made the value, here or on the other side. It is taken once, and both sides have the same allocator.
    #[inline(always)]
    pub unsafe fn take(self) -> Vec<T> {
        // SAFETY: these are the parts of a `Vec` that `new` has forgotten, from this side's allocator. They are taken once. All
        // three are demanded by this function.
        unsafe { Vec::from_raw_parts(self.ptr, self.len, self.capacity) }
    }
}

impl Owned<u8> {
    /// Gives a `String` away.
    #[inline(always)]
    pub fn text(text: String) -> Self {
        Owned::new(text.into_bytes())
    }

    /// Takes it.
    ///
    /// # Safety
    ///
    /// All that [`take`](Self::take) demands, and [`text`](Self::text) made the value.
    #[inline(always)]
    pub unsafe fn take_text(self) -> String {
        // SAFETY: this function demands the same as `take`. `text` has made the bytes of a `String`, so they are UTF-8.
        unsafe { String::from_utf8_unchecked(self.take()) }
    }
}

/// A `Record`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct RawRecord {
    id: u64,
    name: Owned<u8>,
    tags: Owned<Owned<u8>>,
    has_score: bool,
    score: f64,
}

impl RawRecord {
    /// Gives a record away.
    #[inline(always)]
    pub fn new(record: Record) -> Self {
        RawRecord {
            id: record.id,
            name: Owned::text(record.name),
            // In place: a `String` and an `Owned` are of one size.
            tags: Owned::new(record.tags.into_iter().map(Owned::text).collect()),
            has_score: record.score.is_some(),
            score: record.score.unwrap_or_default(),
        }
    }

    /// Takes it.
    ///
    /// # Safety
    ///
    /// All that [`Owned::take`] demands, for a record that [`new`](Self::new) made.
    #[inline(always)]
    pub unsafe fn take(self) -> Record {
        // SAFETY: `new` has made `name` and each of the tags with `Owned::text`, and `tags` with `Owned::new`. The record is
        // taken once, so each part is, and both sides have the same allocator, as this function demands.
        unsafe {
            Record {
                id: self.id,
                name: self.name.take_text(),
                tags: self.tags.take().into_iter().map(|tag| tag.take_text()).collect(),
                score: self.has_score.then_some(self.score),
            }
        }
    }
}

/// A `Result<u64, String>`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct RawResult {
    is_ok: bool,
    ok: u64,
    err: MaybeUninit<Owned<u8>>,
}

impl RawResult {
    /// Gives a result away.
    #[inline(always)]
    pub fn new(result: Result<u64, String>) -> Self {
        match result {
            Ok(ok) => RawResult { is_ok: true, ok, err: MaybeUninit::uninit() },
            Err(err) => RawResult { is_ok: false, ok: 0, err: MaybeUninit::new(Owned::text(err)) },
        }
    }

    /// Takes it.
    ///
    /// # Errors
    ///
    /// The result's own.
    ///
    /// # Safety
    ///
    /// All that [`Owned::take`] demands, for a result that [`new`](Self::new) made.
    #[inline(always)]
    pub unsafe fn take(self) -> Result<u64, String> {
        // SAFETY: if `is_ok` is not set, `new` has written `err` with `Owned::text`. It is taken once, and both sides have the
        // same allocator, as this function demands.
        if self.is_ok { Ok(self.ok) } else { Err(unsafe { self.err.assume_init().take_text() }) }
    }
}

/// The pairs of a `HashMap<String, u64>`, because the layout of a map is not documented.
pub type RawMap = Owned<RawPair>;

/// One pair of a map.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct RawPair {
    key: Owned<u8>,
    value: u64,
}

/// Gives a map away.
#[inline(always)]
pub fn give_map(map: HashMap<String, u64>) -> RawMap {
    Owned::new(map.into_iter().map(|(key, value)| RawPair { key: Owned::text(key), value }).collect())
}

/// Takes a map.
///
/// # Safety
///
/// All that [`Owned::take`] demands, for a map that [`give_map`] made.
#[inline(always)]
pub unsafe fn take_map(map: RawMap) -> HashMap<String, u64> {
    // SAFETY: `give_map` has made the map with `Owned::new`, and each key with `Owned::text`. The map is taken once, so each
    // key is, and both sides have the same allocator, as this function demands.
    unsafe { map.take().into_iter().map(|pair| (pair.key.take_text(), pair.value)).collect() }
}
