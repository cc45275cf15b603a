//! A plugin that uses tracing.

use plugin_core::plugin_export;

plugin_core::use_host_allocator!();

/// Prints an event in a span, through a subscriber that is set for the whole plugin.
#[plugin_export]
fn global_subscriber() -> Result<(), String> {
    tracing_subscriber::fmt().try_init().map_err(|error| error.to_string())?;
    let span = tracing::info_span!("call", number = 1);
    span.in_scope(|| tracing::info!(answer = 42, "an event"));
    Ok(())
}
