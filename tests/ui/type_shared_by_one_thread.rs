use std::rc::{Rc, Weak};

use plugin_core::plugin_export;

#[plugin_export]
fn by_value(count: Rc<u64>) -> u64 {
    *count
}

#[plugin_export]
fn by_ref(names: &Rc<str>) -> usize {
    names.len()
}

#[plugin_export]
fn nested(all: Vec<Option<Rc<String>>>) -> usize {
    all.len()
}

#[plugin_export]
fn returned() -> Rc<u64> {
    Rc::new(1)
}

#[plugin_export]
fn weak(parent: Weak<u64>) -> usize {
    parent.strong_count()
}
