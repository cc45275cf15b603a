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

/// Makes an iterator.
#[unsafe(no_mangle)]
pub extern "C" fn numbers(to: u64) -> *mut std::ffi::c_void {
    let numbers: Numbers = Box::new(0..to);
    Box::into_raw(Box::new(numbers)).cast()
}

/// Pulls an item. Returns false at the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn next_number(numbers: *mut std::ffi::c_void, to: *mut u64) -> bool {
    // SAFETY: `Chain` passes an iterator that `numbers` has made and `end_numbers` has not ended, and room for a number.
    unsafe { (*numbers.cast::<Numbers>()).next().map(|number| to.write(number)).is_some() }
}

/// Drops an iterator.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn end_numbers(numbers: *mut std::ffi::c_void) {
    // SAFETY: as above. `Chain` ends each iterator once.
    drop(unsafe { Box::from_raw(numbers.cast::<Numbers>()) });
}

/// An iterator, in a box that is passed as an address.
type Numbers = Box<dyn Iterator<Item = u64>>;
/// A closure, in a box that is passed as an address.
type Adder = Box<dyn Fn(u64) -> u64>;

/// Makes a closure.
#[unsafe(no_mangle)]
pub extern "C" fn adder(n: u64) -> *mut std::ffi::c_void {
    let adder: Adder = Box::new(move |number| number.wrapping_add(n));
    Box::into_raw(Box::new(adder)).cast()
}

/// Calls a closure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn call_adder(adder: *mut std::ffi::c_void, number: u64) -> u64 {
    // SAFETY: `Chain` passes a closure that `adder` has made and `end_adder` has not ended.
    unsafe { (*adder.cast::<Adder>())(number) }
}

/// Drops a closure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn end_adder(adder: *mut std::ffi::c_void) {
    // SAFETY: as above. `Chain` ends each closure once.
    drop(unsafe { Box::from_raw(adder.cast::<Adder>()) });
}
