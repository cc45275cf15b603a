use std::cell::{Cell, OnceCell, RefCell};

use plugin_core::{plugin_export, plugin_type};

#[plugin_export]
fn cell(count: Cell<u64>) -> u64 {
    count.get()
}

#[plugin_export]
fn ref_cell(names: &RefCell<Vec<String>>) {
    names.borrow_mut().clear();
}

#[plugin_type]
struct Once {
    name: OnceCell<String>,
}
