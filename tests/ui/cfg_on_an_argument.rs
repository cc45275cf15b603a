#![allow(unused_variables)]

use plugin_core::plugin_export;

#[plugin_export]
fn set(value: u32, #[cfg(debug_assertions)] checked: bool) {
    _ = value;
}
