use plugin_core::plugin_export;

struct Config;

#[plugin_export]
fn set_all(configs: Vec<Config>) -> Result<u32, Option<Config>> {
    drop(configs);
    Ok(1)
}
