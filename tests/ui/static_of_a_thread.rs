use std::cell::Cell;
use std::thread::LocalKey;

use plugin_core::plugin_export;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

#[plugin_export]
static KEY: &LocalKey<Cell<u32>> = &DEPTH;
