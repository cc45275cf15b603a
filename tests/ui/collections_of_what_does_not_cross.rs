use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet, LinkedList};

use plugin_core::plugin_export;

#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
struct NotOurs;

#[plugin_export]
fn keys(of: HashMap<NotOurs, u8>) -> usize {
    of.len()
}

#[plugin_export]
fn values(of: BTreeMap<u8, NotOurs>) -> usize {
    of.len()
}

#[plugin_export]
fn set(of: HashSet<NotOurs>) -> usize {
    of.len()
}

#[plugin_export]
fn array(of: [NotOurs; 4]) -> usize {
    of.len()
}

#[plugin_export]
fn tuple(of: (u8, NotOurs)) -> u8 {
    of.0
}

#[plugin_export]
fn list(of: LinkedList<u8>) -> usize {
    of.len()
}

#[plugin_export]
fn heap(of: BinaryHeap<NotOurs>) -> usize {
    of.len()
}

#[plugin_export]
fn keys_without_order(of: HashMap<f64, u8>) -> usize {
    of.len()
}
