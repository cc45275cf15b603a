//! The greeter plugin.

use plugin_core::plugin_export;

// When the plugin is unmapped, the host frees the memory that the plugin has left.
plugin_core::use_host_allocator!();

/// The greeting.
#[plugin_export]
static GREETER: &str = "Hello, World!";

/// Greets `name`.
#[plugin_export]
fn greet(name: &str) -> String {
    format!("{GREETER}, {name}!")
}

#[plugin_export(init)]
fn init() {
    println!("Greeter plugin loaded!");
}
