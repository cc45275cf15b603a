use plugin_core::{plugin_export, plugin_type};

#[plugin_export]
fn by_impl(f: impl Fn(u64) -> u64) -> u64 {
    f(1)
}

#[plugin_export]
fn boxed(f: Box<dyn Fn(u64) -> u64>) -> u64 {
    f(1)
}

#[plugin_export]
fn by_ref(f: &dyn Fn(u64) -> u64) -> u64 {
    f(1)
}

#[plugin_export]
fn by_mut(f: &mut dyn FnMut(u64)) {
    f(1)
}

#[plugin_export]
fn pointer(f: fn(u64) -> u64) -> u64 {
    f(1)
}

#[plugin_export]
fn returned() -> Box<dyn FnOnce() + Send> {
    Box::new(|| {})
}

#[plugin_export]
fn each<F: Fn(u64)>(f: F) {
    f(1)
}

#[plugin_type]
struct Handlers {
    on_start: Option<fn()>,
    on_stop: Box<dyn Fn() + Send>,
}
