//! A plugin whose global allocator is jemalloc.

use plugin_core::plugin_export;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Allocates and frees.
#[plugin_export]
fn global_allocator() -> Result<(), String> {
    let texts: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    if texts.concat().len() == 2890 { Ok(()) } else { Err("a text is too short".to_owned()) }
}
