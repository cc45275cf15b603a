//! The types and the module of abi_stable's contender.

use std::collections::HashMap;

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::package_version_strings;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RHashMap, ROption, RResult, RSlice, RStr, RString, RVec};

use crate::Record;

/// A `Record` of abi_stable's types.
#[repr(C)]
#[derive(StableAbi)]
pub struct StableRecord {
    id: u64,
    name: RString,
    tags: RVec<RString>,
    score: ROption<f64>,
}

impl From<Record> for StableRecord {
    #[inline]
    fn from(record: Record) -> Self {
        StableRecord {
            id: record.id,
            name: record.name.into(),
            tags: record.tags.into_iter().map(RString::from).collect(),
            score: record.score.into(),
        }
    }
}

impl From<StableRecord> for Record {
    #[inline]
    fn from(record: StableRecord) -> Self {
        Record {
            id: record.id,
            name: record.name.into(),
            tags: record.tags.into_iter().map(String::from).collect(),
            score: record.score.into(),
        }
    }
}

/// A map of abi_stable's.
pub type StableMap = RHashMap<RString, u64>;

/// Converts a map.
#[inline]
pub fn to_stable_map(map: HashMap<String, u64>) -> StableMap {
    map.into_iter().map(|(key, value)| (RString::from(key), value)).collect()
}

/// Converts a map back.
#[inline]
pub fn from_stable_map(map: StableMap) -> HashMap<String, u64> {
    map.into_iter().map(|pair| (String::from(pair.0), pair.1)).collect()
}

/// The exports of the library.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = ModuleRef)))]
#[sabi(missing_field(panic))]
#[allow(missing_docs)]
pub struct Module {
    pub add: extern "C" fn(u64, u64) -> u64,
    pub greet: extern "C" fn(RStr<'_>) -> RString,
    pub sum: extern "C" fn(RSlice<'_, f64>) -> f64,
    pub scale: extern "C" fn(RVec<f64>, f64) -> RVec<f64>,
    pub update: extern "C" fn(StableRecord) -> StableRecord,
    pub halve: extern "C" fn(u64) -> RResult<u64, RString>,
    pub count: extern "C" fn(StableMap) -> StableMap,
    #[sabi(last_prefix_field)]
    pub remember: extern "C" fn() -> u64,
}

impl RootModule for ModuleRef {
    abi_stable::declare_root_module_statics! { ModuleRef }
    const BASE_NAME: &'static str = "abi_stable_plugin";
    const NAME: &'static str = "abi_stable_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}
