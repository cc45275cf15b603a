use std::rc::Rc;

use plugin_core::{plugin_export, plugin_type};

#[plugin_type]
struct Page<T> {
    items: Vec<T>,
}

#[plugin_export]
fn first(page: Page<Rc<u8>>) -> u8 {
    *page.items[0]
}
