#![allow(unsafe_op_in_unsafe_fn)]

use plugin_core::{plugin_export, plugin_type};
use tricks::{faster, instead};

#[plugin_export]
#[instead(unsafe fn made_unsafe(at: usize) -> u8 { *(at as *const u8) })]
fn made_unsafe(at: usize) -> u8 {
    at as u8
}

#[plugin_export]
#[faster]
fn made_faster() {}

#[plugin_export]
#[instead(async fn made_async() -> u8 { 0 })]
fn made_async() -> u8 {
    0
}

#[plugin_export]
#[instead(extern "C" fn with_an_abi(of: u8) { _ = of; })]
fn with_an_abi(of: u8) {
    _ = of;
}

#[plugin_export]
#[instead(fn of_another_type(of: &str) -> usize { of.len() })]
fn of_another_type(of: &String) -> usize {
    of.len()
}

#[plugin_export]
#[instead(fn for_longer(of: &'static str) -> usize { of.len() })]
fn for_longer(of: &str) -> usize {
    of.len()
}

#[plugin_export]
#[instead(static mut CHANGED: u8 = 0;)]
static CHANGED: u8 = 0;

#[plugin_export]
#[instead(unsafe extern "C" { static FOREIGN: u8; })]
static FOREIGN: u8 = 0;

#[plugin_export]
#[instead(static OF_ANOTHER_TYPE: std::sync::LazyLock<u8> = std::sync::LazyLock::new(|| 0);)]
static OF_ANOTHER_TYPE: u8 = 0;

#[plugin_export(init)]
#[instead(unsafe fn start() {})]
fn start() {}

#[plugin_export(shutdown)]
#[faster]
fn stop() {}

#[plugin_export(save)]
#[instead(unsafe fn save() -> u8 { 0 })]
fn save() -> u8 {
    0
}

#[plugin_export(restore)]
#[instead(unsafe fn restore(_: u8) {})]
fn restore(_: u8) {}

#[plugin_type]
#[instead(pub struct Changed { of: String })]
pub struct Changed {
    of: u64,
}

#[plugin_type]
#[instead(pub struct Longer { of: u64, more: u64 })]
pub struct Longer {
    of: u64,
}

#[plugin_type]
#[instead(pub union OneOf { of: u64 })]
pub struct OneOf {
    of: u64,
}

#[plugin_type]
#[instead(pub enum Choice { A(u8), B })]
pub enum Choice {
    A(u8),
}
