//! hot-lib-reloader's contender: the same compiler builds both sides, and nothing is converted.

use std::collections::HashMap;

use interface::{Record, work};

/// Adds.
#[unsafe(no_mangle)]
pub fn add(a: u64, b: u64) -> u64 {
    work::add(a, b)
}

/// Makes a text.
#[unsafe(no_mangle)]
pub fn greet(name: &str) -> String {
    work::greet(name)
}

/// Reads a slice.
#[unsafe(no_mangle)]
pub fn sum(numbers: &[f64]) -> f64 {
    work::sum(numbers)
}

/// Changes a vector.
#[unsafe(no_mangle)]
pub fn scale(numbers: Vec<f64>, by: f64) -> Vec<f64> {
    work::scale(numbers, by)
}

/// Changes a record.
#[unsafe(no_mangle)]
pub fn update(record: Record) -> Record {
    work::update(record)
}

/// Succeeds for even numbers.
#[unsafe(no_mangle)]
pub fn halve(n: u64) -> Result<u64, String> {
    work::halve(n)
}

/// Changes a map's values.
#[unsafe(no_mangle)]
pub fn count(map: HashMap<String, u64>) -> HashMap<String, u64> {
    work::count(map)
}

/// Uses a thread-local that has a destructor.
#[unsafe(no_mangle)]
pub fn remember() -> u64 {
    work::remember()
}
