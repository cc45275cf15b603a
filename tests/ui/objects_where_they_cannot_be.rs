use std::sync::{Arc, Mutex};

use plugin_core::{plugin_export, plugin_type};

#[plugin_export]
static IN_A_LOCK: Mutex<Vec<Box<dyn Fn() + Send + Sync>>> = Mutex::new(Vec::new());

#[plugin_export]
static IN_ANOTHER: Mutex<Option<Box<dyn Iterator<Item = u8> + Send>>> = Mutex::new(None);

#[plugin_export]
static SHARED: Mutex<Vec<Arc<dyn Fn() + Send + Sync>>> = Mutex::new(Vec::new());

/// A state.
#[plugin_type]
struct State {
    handlers: Vec<Arc<dyn Fn() + Send + Sync>>,
}

#[plugin_export(save)]
fn save() -> State {
    State { handlers: Vec::new() }
}

#[plugin_export(restore)]
fn restore(state: State) {
    drop(state.handlers)
}
