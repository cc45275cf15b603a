use std::rc::Rc;

use plugin_core::plugin_type;

#[plugin_type]
struct Shared<T> {
    of: Rc<T>,
}
