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
    /// The value is taken once, and both sides have the same allocator.
    #[inline(always)]
    pub unsafe fn take(self) -> Vec<T> {
        // SAFETY: the caller's promise.
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
    /// As for [`take`](Self::take), and the value was a `String`.
    #[inline(always)]
    pub unsafe fn take_text(self) -> String {
        // SAFETY: the caller's promise.
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
    /// As for [`Owned::take`].
    #[inline(always)]
    pub unsafe fn take(self) -> Record {
        // SAFETY: the caller's promise, here and for each of the tags.
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
    /// As for [`Owned::take`].
    #[inline(always)]
    pub unsafe fn take(self) -> Result<u64, String> {
        // SAFETY: the caller's promise. A result that is not `Ok` has an error.
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
/// As for [`Owned::take`].
#[inline(always)]
pub unsafe fn take_map(map: RawMap) -> HashMap<String, u64> {
    // SAFETY: the caller's promise.
    unsafe { map.take().into_iter().map(|pair| (pair.key.take_text(), pair.value)).collect() }
}
