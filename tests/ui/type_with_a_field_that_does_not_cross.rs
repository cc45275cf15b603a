use std::rc::Rc;

use plugin_core::plugin_type;

struct Retry;

#[plugin_type]
struct Config {
    name: String,
    retry: Retry,
    shared: Vec<Rc<u8>>,
}

#[plugin_type]
enum Event {
    Opened { by: Rc<str> },
    Moved(u8, fn()),
}
