//! stabby's contender.

#![allow(missing_docs)] // Items that the macros emit have no docs.

use interface::for_stabby::{StableMap, StableRecord, from_stable_map, to_stable_map};
use interface::work;
use stabby::slice::Slice;
use stabby::str::Str;
use stabby::string::String as StableString;
use stabby::vec::Vec as StableVec;

/// Adds.
#[stabby::export]
pub extern "C" fn add(a: u64, b: u64) -> u64 {
    work::add(a, b)
}

/// Makes a text.
#[stabby::export]
pub extern "C" fn greet(name: Str<'static>) -> StableString {
    work::greet(name.as_str()).as_str().into()
}

/// Reads a slice.
#[stabby::export]
pub extern "C" fn sum(numbers: Slice<'static, f64>) -> f64 {
    work::sum(numbers.as_slice())
}

/// Changes a vector.
#[stabby::export]
pub extern "C" fn scale(numbers: StableVec<f64>, by: f64) -> StableVec<f64> {
    work::scale(numbers.as_slice().to_vec(), by).as_slice().into()
}

/// Changes a record.
#[stabby::export]
pub extern "C" fn update(record: StableRecord) -> StableRecord {
    work::update(record.into()).into()
}

/// Succeeds for even numbers.
#[stabby::export]
pub extern "C" fn halve(n: u64) -> stabby::result::Result<u64, StableString> {
    work::halve(n).map_err(|error| StableString::from(error.as_str())).into()
}

/// Changes a map's values.
#[stabby::export]
pub extern "C" fn count(map: StableMap) -> StableMap {
    to_stable_map(work::count(from_stable_map(map)))
}

/// Uses a thread-local that has a destructor.
#[stabby::export]
pub extern "C" fn remember() -> u64 {
    work::remember()
}
