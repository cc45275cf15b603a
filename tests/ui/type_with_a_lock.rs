use std::sync::{Arc, Mutex, OnceLock, RwLock};

use plugin_core::plugin_export;

struct NotOurs;

#[plugin_export]
fn count(counter: Arc<Mutex<u64>>) -> u64 {
    *counter.lock().unwrap()
}

#[plugin_export]
fn change(counter: &RwLock<NotOurs>) {
    _ = counter.write();
}

#[plugin_export]
fn once() -> OnceLock<u64> {
    OnceLock::new()
}
