//! A plugin that uses rand.

use plugin_core::plugin_export;
use rand::RngExt as _;

plugin_core::use_host_allocator!();

/// Takes numbers from the thread's generator, which is kept in a thread-local.
#[plugin_export]
fn numbers() -> Result<(), String> {
    let number = rand::rng().random_range(0..6);
    if number < 6 { Ok(()) } else { Err(format!("{number}")) }
}
