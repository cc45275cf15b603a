use plugin_core::plugin_export;

struct Config;

#[plugin_export]
fn config() -> Config {
    Config
}
