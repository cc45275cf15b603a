//! A raw identifier is exported under the name itself.

#![deny(warnings)]
#![allow(nonstandard_style)]

use plugin_core::plugin_export;
use plugin_host::Host;

#[plugin_export]
fn r#match(r#type: u8, r#in: &str) -> usize {
    usize::from(r#type) + r#in.len()
}

#[plugin_export]
static r#static: u8 = 2;

#[plugin_export(init)]
fn r#fn() {}

fn main() {
    let host = Host::linked().unwrap();
    assert_eq!(host.get::<fn(u8, &str) -> usize>("match").unwrap()(1, "ab"), 3);
    assert_eq!(*host.get::<u8>("static").unwrap(), r#static);
    let plugins = host.plugins();
    let exports: Vec<String> = plugins[0].exports().iter().map(ToString::to_string).collect();
    assert_eq!(exports, ["fn match(type: u8, in: &str) -> usize", "static static: u8"]);
}
