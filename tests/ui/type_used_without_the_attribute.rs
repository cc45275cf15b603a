use plugin_core::{plugin_export, plugin_type};

struct Retry {
    max: u32,
}

#[plugin_type]
struct Config {
    retry: Option<Retry>,
}

#[plugin_export]
fn configure(config: &Config) {
    drop(config.retry.as_ref().map(|retry| retry.max));
}
