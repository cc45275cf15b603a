//! The exports.

use std::collections::HashMap;

use interface::{Named, Record, work};
use plugin_core::plugin_export;

#[plugin_export]
fn add(a: u64, b: u64) -> u64 {
    work::add(a, b)
}

#[plugin_export]
fn greet(name: &str) -> String {
    work::greet(name)
}

#[plugin_export]
fn sum(numbers: &[f64]) -> f64 {
    work::sum(numbers)
}

#[plugin_export]
fn scale(numbers: Vec<f64>, by: f64) -> Vec<f64> {
    work::scale(numbers, by)
}

#[plugin_export]
fn update(record: Record) -> Record {
    work::update(record)
}

#[plugin_export]
fn halve(n: u64) -> Result<u64, String> {
    work::halve(n)
}

#[plugin_export]
fn count(map: HashMap<String, u64>) -> HashMap<String, u64> {
    work::count(map)
}

#[plugin_export]
fn letters(all: &[Named]) -> usize {
    work::letters(all)
}

// This function is measured as it is.
#[allow(clippy::ptr_arg)]
#[plugin_export]
fn letters_of_own(all: &mut Vec<Named>) -> usize {
    work::letters(all)
}

#[plugin_export]
fn remember() -> u64 {
    work::remember()
}

#[plugin_export]
fn adder(n: u64) -> Box<dyn Fn(u64) -> u64 + Send + Sync> {
    Box::new(move |number| number.wrapping_add(n))
}

#[plugin_export]
fn numbers(to: u64) -> Box<dyn Iterator<Item = u64> + Send> {
    Box::new(0..to)
}

#[plugin_export]
fn call_back(f: &dyn Fn(u64) -> u64, count: u64) -> u64 {
    (0..count).fold(0, |sum, number| sum ^ f(number))
}
