//! The types of stabby's contender.

use std::collections::HashMap;

use stabby::option::Option as StableOption;
use stabby::string::String as StableString;
use stabby::vec::Vec as StableVec;

use crate::Record;

/// A `Record` of stabby's types.
#[stabby::stabby]
pub struct StableRecord {
    id: u64,
    name: StableString,
    tags: StableVec<StableString>,
    score: StableOption<f64>,
}

impl From<Record> for StableRecord {
    #[inline]
    fn from(record: Record) -> Self {
        StableRecord {
            id: record.id,
            name: record.name.as_str().into(),
            tags: record.tags.iter().map(|tag| StableString::from(tag.as_str())).collect(),
            score: record.score.into(),
        }
    }
}

impl From<StableRecord> for Record {
    #[inline]
    fn from(record: StableRecord) -> Self {
        Record {
            id: record.id,
            name: record.name.as_str().to_owned(),
            tags: record.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            score: record.score.into(),
        }
    }
}

/// One pair of a map; stabby has no maps.
#[stabby::stabby]
pub struct StablePair {
    key: StableString,
    value: u64,
}

/// A map's pairs.
pub type StableMap = StableVec<StablePair>;

/// Converts a map.
#[inline]
pub fn to_stable_map(map: HashMap<String, u64>) -> StableMap {
    map.iter().map(|(key, &value)| StablePair { key: key.as_str().into(), value }).collect()
}

/// Converts a map back.
#[inline]
pub fn from_stable_map(map: StableMap) -> HashMap<String, u64> {
    map.iter().map(|pair| (pair.key.as_str().to_owned(), pair.value)).collect()
}
