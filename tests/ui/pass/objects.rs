//! Closures and iterators in every place where they may be.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use plugin_core::{Fault, plugin_export, plugin_type};

type Visit = dyn FnMut(&str);

#[plugin_export]
static HANDLERS: Mutex<Vec<Arc<dyn Fn(u32) -> u32 + Send + Sync>>> = Mutex::new(Vec::new());

#[plugin_type]
pub struct Handler {
    pub name: String,
    pub call: Box<dyn FnMut(&mut Vec<u8>) -> Result<u8, String> + Send>,
}

#[plugin_export]
fn lent(a: &dyn Fn(&str, u8) -> u8, b: &(dyn Fn() + Send + Sync), c: &mut dyn FnMut(&mut u8), d: &mut Visit) {
    let _ = (a, b, c, d);
}

#[plugin_export]
fn behind_references(a: &Vec<Box<dyn Fn()>>, b: &mut Option<Box<dyn FnOnce()>>, c: &[Arc<dyn Fn()>]) {
    let _ = (a, b, c);
}

#[plugin_export]
fn moved(a: Box<dyn FnOnce(u8, u8, u8) -> u8>, b: HashMap<String, Box<dyn Fn()>>, c: Result<Arc<dyn Fn()>, Handler>) {
    let _ = (a, b, c);
}

#[plugin_export]
fn faults(a: &dyn Fn() -> Result<u8, Fault>) -> Box<dyn Fn(u8) -> Result<String, Fault> + Send + Sync> {
    _ = a();
    Box::new(|number| Ok(number.to_string()))
}

#[plugin_export]
fn iterators(a: Box<dyn Iterator<Item = (u8, String)> + Send>) -> BTreeMap<u8, Box<dyn Iterator<Item = Handler>>> {
    drop(a);
    BTreeMap::new()
}

/// Of closures, with closures.
#[plugin_export]
fn nested(a: Box<dyn Fn(Box<dyn FnOnce(u8) -> u8 + Send>) -> Box<dyn Iterator<Item = Arc<dyn Fn()>>>>) {
    drop(a);
}

fn main() {}
