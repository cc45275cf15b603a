use std::sync::{Mutex, OnceLock};

use plugin_core::plugin_export;

struct Config;

#[plugin_export]
static CONFIG: Config = Config;

#[plugin_export]
static CURRENT: Mutex<Option<Config>> = Mutex::new(None);

#[plugin_export]
static ONCE: OnceLock<u32> = OnceLock::new();
