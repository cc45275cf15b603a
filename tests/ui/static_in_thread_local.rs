use std::cell::Cell;

use plugin_core::plugin_export;

thread_local! {
    #[plugin_export]
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}
