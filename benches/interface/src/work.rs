//! The work behind each call. It is inlined into each contender's function, and that function does the work of
//! crossing.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::{Named, Record};

/// Adds.
#[inline(always)]
pub fn add(a: u64, b: u64) -> u64 {
    a.wrapping_add(b)
}

/// Makes a text.
#[inline(always)]
pub fn greet(name: &str) -> String {
    format!("Hello, {name}!")
}

/// Reads a slice.
#[inline(always)]
pub fn sum(numbers: &[f64]) -> f64 {
    numbers.iter().sum()
}

/// Changes a vector in place.
#[inline(always)]
pub fn scale(mut numbers: Vec<f64>, by: f64) -> Vec<f64> {
    numbers.iter_mut().for_each(|number| *number *= by);
    numbers
}

/// Changes a record.
#[inline(always)]
pub fn update(mut record: Record) -> Record {
    record.id += 1;
    record.tags.reverse();
    record.score = record.score.map(|score| -score);
    record
}

/// Succeeds for even numbers.
#[inline(always)]
pub fn halve(n: u64) -> Result<u64, String> {
    if n.is_multiple_of(2) { Ok(n / 2) } else { Err("an odd number has no half".to_owned()) }
}

/// Changes a map's values.
#[inline(always)]
pub fn count(mut map: HashMap<String, u64>) -> HashMap<String, u64> {
    map.values_mut().for_each(|value| *value += 1);
    map
}

/// Reads a slice of elements that have parts on the heap.
#[inline(always)]
pub fn letters(all: &[Named]) -> usize {
    all.iter().map(|named| named.name.len()).sum()
}

/// Uses a thread-local that has a destructor.
#[inline(always)]
pub fn remember() -> u64 {
    thread_local! {
        static KEPT: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    }
    KEPT.with_borrow_mut(|kept| {
        kept.push(1);
        kept.len() as u64
    })
}
