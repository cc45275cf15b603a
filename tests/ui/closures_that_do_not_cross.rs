use std::rc::Rc;
use std::sync::Arc;

use plugin_core::{plugin_export, plugin_type};

#[plugin_export]
fn by_impl(f: impl Fn(u64) -> u64) -> u64 {
    f(1)
}

#[plugin_export]
fn pointer(f: fn(u64) -> u64) -> u64 {
    f(1)
}

#[plugin_export]
fn each<F: Fn(u64)>(f: F) {
    f(1)
}

#[plugin_export]
fn counted(f: Rc<dyn Fn(u64)>) {
    f(1)
}

#[plugin_export]
fn not_sent(f: Box<dyn Fn(u64) + Sync>) {
    f(1)
}

#[plugin_export]
fn shared_by_mut(f: Arc<dyn FnMut(u64)>) {
    drop(f)
}

#[plugin_export]
fn takes_what_does_not_cross(f: Box<dyn Fn(*const u8)>) {
    drop(f)
}

#[plugin_export]
fn too_many(f: &dyn Fn(u64, u64, u64, u64)) {
    f(1, 2, 3, 4)
}

#[plugin_export]
fn too_many_references(f: &dyn Fn(&str, &str, u64)) {
    f("", "", 3)
}

#[plugin_export]
fn outlives<'a>(f: &mut (dyn FnMut(u64) + 'a)) {
    f(1)
}

#[plugin_export]
extern "C" fn with_an_abi(f: &mut dyn FnMut(u64)) {
    f(1)
}

#[plugin_export]
fn once_by_ref(f: &dyn FnOnce(u64)) {
    let _ = f;
}

#[plugin_type]
struct Handlers {
    on_start: Option<fn()>,
}
