#![forbid(unsafe_code)]

//! The names of std's crates lead elsewhere. The attributes' expansions do not use these names.

extern crate plugin_core as core;
extern crate tricks as std;

use plugin_core::{PluginType, plugin_export, plugin_type};

#[plugin_type]
#[repr(C, align(64))]
pub struct Wide {
    pub a: u8,
}

#[plugin_type]
#[non_exhaustive]
pub struct Generic<T: Ord> {
    pub a: Vec<T>,
    #[plugin_type(default)]
    pub b: Option<T>,
}

#[plugin_type]
#[repr(u8)]
pub enum Choice<const N: usize> {
    A([u8; N]),
    B { b: String } = 7,
}

#[plugin_type]
#[non_exhaustive]
pub enum Open {
    A(u8),
    #[plugin_type(fallback)]
    B,
}

#[plugin_type]
pub enum Numbers {
    A = 1,
    B = Self::A as isize + 1,
}

#[plugin_export]
static NUMBER: u64 = 1;

#[plugin_export]
fn all(wide: &[Wide], generic: Generic<u8>, choice: &mut Choice<3>, open: Open) -> usize {
    let more = match (choice, open) {
        (Choice::A(a), Open::A(n)) => a.len() + usize::from(n),
        (Choice::B { b }, _) => b.len(),
        _ => 0,
    };
    wide.len() + generic.a.len() + more
}

#[plugin_export(init)]
fn init() {}

#[plugin_export(save)]
fn save() -> u64 {
    NUMBER
}

#[plugin_export(restore)]
fn restore(_: u64) {}

fn main() {
    // The type is aligned more than its fields are, so it is not its own `Repr`.
    assert!(!Wide::PLAIN);
}
