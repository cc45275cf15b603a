//! The limit: `extern "C"`, written by hand.

// These functions are called only by `Bare` in `benches/src/contenders.rs`.
#![allow(clippy::missing_safety_doc)]

use interface::for_bare::{Owned, RawMap, RawRecord, RawResult, give_map, take_map};
use interface::work;

/// Adds.
#[unsafe(no_mangle)]
pub extern "C" fn add(a: u64, b: u64) -> u64 {
    work::add(a, b)
}

/// Makes a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greet(name: *const u8, len: usize) -> Owned<u8> {
    // SAFETY: `Bare::greet` passes the address and the length of a `str`, which is borrowed during the call.
    Owned::text(work::greet(unsafe { str::from_utf8_unchecked(std::slice::from_raw_parts(name, len)) }))
}

/// Reads a slice.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sum(numbers: *const f64, len: usize) -> f64 {
    // SAFETY: `Bare::sum` passes the address and the length of a slice, which is borrowed during the call.
    work::sum(unsafe { std::slice::from_raw_parts(numbers, len) })
}

/// Changes a vector.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scale(numbers: Owned<f64>, by: f64) -> Owned<f64> {
    // SAFETY: `Bare::scale` has made the value with `Owned::new` and gives it away. Both sides allocate with the C library.
    Owned::new(work::scale(unsafe { numbers.take() }, by))
}

/// Changes a record.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn update(record: RawRecord) -> RawRecord {
    // SAFETY: `Bare::update` has made the record with `RawRecord::new` and gives it away. Both sides allocate with the C
    // library.
    RawRecord::new(work::update(unsafe { record.take() }))
}

/// Succeeds for even numbers.
#[unsafe(no_mangle)]
pub extern "C" fn halve(n: u64) -> RawResult {
    RawResult::new(work::halve(n))
}

/// Changes a map's values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn count(map: RawMap) -> RawMap {
    // SAFETY: `Bare::count` has made the map with `give_map` and gives it away. Both sides allocate with the C library.
    give_map(work::count(unsafe { take_map(map) }))
}

/// Uses a thread-local that has a destructor.
#[unsafe(no_mangle)]
pub extern "C" fn remember() -> u64 {
    work::remember()
}
