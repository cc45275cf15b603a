//! A plugin that uses regex.

use std::sync::LazyLock;

use plugin_core::plugin_export;
use regex::Regex;

#[cfg(not(feature = "own-allocator"))]
plugin_core::use_host_allocator!();

static DATE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)(\w+)\s+(\d{1,2}),\s+(\d{4})").expect("an expression"));

/// Matches an expression that is kept in a static.
#[plugin_export]
fn in_a_static() -> Result<(), String> {
    let found = DATE.captures("on November 30, 2026").ok_or("no match")?;
    if &found[1] == "November" { Ok(()) } else { Err(format!("found {}", &found[1])) }
}
