use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, Once, OnceLock};

use plugin_core::plugin_export;

#[plugin_export]
static NAMES: LazyLock<HashMap<String, u64>> = LazyLock::new(HashMap::new);

#[plugin_export]
static NAME: OnceLock<String> = OnceLock::new();

#[plugin_export]
static CACHE: LazyLock<Mutex<Vec<u8>>> = LazyLock::new(|| Mutex::new(Vec::new()));

#[plugin_export]
static STARTED: Once = Once::new();
