#![forbid(unsafe_code)]

//! The plugin SDK has another path, and its usual name leads elsewhere. The attributes' expansions do not use that name.

extern crate plugin_core as my_sdk;
extern crate tricks as plugin_core;

mod sdk {
    pub(crate) use my_sdk::*;
}

/// The usual name, in the author's own words, is the other crate.
type Turned = ::plugin_core::turns!(u8; u8);

use my_sdk::{PluginType, plugin_export, plugin_type};

#[plugin_type(crate = "my_sdk")]
#[repr(C, align(64))]
pub struct Wide {
    pub a: u8,
}

#[plugin_type(crate = "my_sdk", name = "Renamed")]
#[non_exhaustive]
pub struct Generic<T: my_sdk::PluginType + Ord> {
    pub a: Vec<T>,
    #[my_sdk::plugin_type(default = f::<u8, u8>(), name = "of-another-name")]
    pub b: u8,
    #[plugin_type(default)]
    pub rest: Option<Box<Generic<T>>>,
}

fn f<A, B>() -> u8 {
    size_of::<(A, B)>() as u8
}

#[plugin_type(crate = "crate::sdk")]
#[repr(u8)]
pub enum Choice<const N: usize> {
    A([u8; N]),
    B { b: String } = 7,
}

#[plugin_type(crate = "::my_sdk")]
#[non_exhaustive]
pub enum Open {
    A(u8),
    #[plugin_type(fallback, name = "unknown")]
    B,
}

#[plugin_export(crate = "my_sdk")]
static NUMBER: u64 = 1;

#[plugin_export(crate = "my_sdk")]
fn all(wide: &[Wide], generic: Generic<u8>, choice: &mut Choice<3>, open: Open) -> usize {
    let more = match (choice, open) {
        (Choice::A(a), Open::A(n)) => a.len() + usize::from(n),
        (Choice::B { b }, _) => b.len(),
        _ => 0,
    };
    wide.len() + generic.a.len() + more
}

#[plugin_export(crate = "my_sdk", name = "in an array")]
fn turned(_: [::plugin_core::turns!(u8; u8); 2]) -> Turned {
    0
}

#[plugin_export(init, crate = "crate::sdk")]
fn init() {}

#[plugin_export(save, crate = "my_sdk")]
fn save() -> u64 {
    NUMBER
}

#[plugin_export(restore, crate = "my_sdk")]
fn restore(_: u64) {}

fn main() {
    assert!(!Wide::PLAIN);
    assert_eq!(f::<u8, u8>(), 2);
}
