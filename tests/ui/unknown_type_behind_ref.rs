use plugin_core::plugin_export;

struct Config;

#[plugin_export]
fn set(config: &Config) {
    _ = config;
}
