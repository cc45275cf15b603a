//! A plugin that uses log and `env_logger`.

use log::LevelFilter;
use plugin_core::plugin_export;

plugin_core::use_host_allocator!();

/// Sets the logger, and logs a line.
#[plugin_export]
fn logger() -> Result<(), String> {
    let mut builder = env_logger::builder();
    builder.filter_level(LevelFilter::Info).try_init().map_err(|error| error.to_string())?;
    log::info!("a line");
    Ok(())
}
