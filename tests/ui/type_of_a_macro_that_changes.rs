#![forbid(unsafe_code)]

use plugin_core::{plugin_export, plugin_type};
use tricks::turns;

#[plugin_type]
struct Text {
    of: turns!(u64; String),
}

/// One could be converted to the other.
#[plugin_type]
enum Error {
    Neither,
    Of(turns!(Box<dyn std::error::Error + Send + Sync>; Box<dyn std::error::Error>)),
}

#[plugin_type]
struct Generic<T> {
    of: Vec<turns!(u8; T)>,
    more: T,
}

#[plugin_export]
fn by_value(text: turns!(u64; String)) -> usize {
    text as usize
}

#[plugin_export]
fn by_ref(text: &turns!(String; str)) -> usize {
    text.len()
}

#[plugin_export]
fn returned() -> [u8; turns!(4; 400)] {
    [0; 4]
}

#[plugin_export]
static BOXED: turns!(std::sync::LazyLock<u8>; u8) = std::sync::LazyLock::new(|| 1);

#[plugin_export(save)]
fn save() -> turns!(u64; String) {
    0
}

#[plugin_export(restore)]
fn restore(_: turns!(u64; String)) {}
