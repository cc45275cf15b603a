//! A plugin that uses chrono.

use chrono::{Datelike as _, Local};
use plugin_core::plugin_export;

plugin_core::use_host_allocator!();

/// Asks for the local time, for which chrono reads the time zone and keeps it in a thread-local.
#[plugin_export]
fn local_time() -> Result<(), String> {
    let now = Local::now();
    if now.year() >= 2026 { Ok(()) } else { Err(format!("it is {}", now.to_rfc3339())) }
}
