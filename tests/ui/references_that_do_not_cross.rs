use plugin_core::plugin_export;

struct Config;

#[plugin_export]
fn set(config: &Config) {
    _ = config;
}

#[plugin_export]
fn shout(text: &mut str) {
    text.make_ascii_uppercase();
}

#[plugin_export]
fn first(text: &str) -> Option<&str> {
    text.split(' ').next()
}

#[plugin_export]
fn maybe(text: Option<&str>) -> usize {
    text.map_or(0, str::len)
}

#[plugin_export]
fn twice(text: &&str) -> usize {
    text.len()
}

#[plugin_export]
fn configs(configs: &[Config]) -> usize {
    configs.len()
}

#[plugin_export]
fn extend(configs: &mut Vec<Config>) {
    configs.clear();
}
