//! abi_stable's contender.

#![allow(missing_docs)] // Items that the macros emit have no docs.

use abi_stable::prefix_type::PrefixTypeTrait as _;
use abi_stable::std_types::{RResult, RSlice, RStr, RString, RVec};
use abi_stable::{export_root_module, sabi_extern_fn};
use interface::for_abi_stable::{Module, ModuleRef, StableMap, StableRecord, from_stable_map, to_stable_map};
use interface::work;

/// The exports of the library.
#[export_root_module]
pub fn module() -> ModuleRef {
    Module { add, greet, sum, scale, update, halve, count, remember }.leak_into_prefix()
}

#[sabi_extern_fn]
fn add(a: u64, b: u64) -> u64 {
    work::add(a, b)
}

#[sabi_extern_fn]
fn greet(name: RStr<'_>) -> RString {
    work::greet(name.as_str()).into()
}

#[sabi_extern_fn]
fn sum(numbers: RSlice<'_, f64>) -> f64 {
    work::sum(numbers.as_slice())
}

#[sabi_extern_fn]
fn scale(numbers: RVec<f64>, by: f64) -> RVec<f64> {
    work::scale(numbers.into(), by).into()
}

#[sabi_extern_fn]
fn update(record: StableRecord) -> StableRecord {
    work::update(record.into()).into()
}

#[sabi_extern_fn]
fn halve(n: u64) -> RResult<u64, RString> {
    work::halve(n).map_err(RString::from).into()
}

#[sabi_extern_fn]
fn count(map: StableMap) -> StableMap {
    to_stable_map(work::count(from_stable_map(map)))
}

#[sabi_extern_fn]
fn remember() -> u64 {
    work::remember()
}
