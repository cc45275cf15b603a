use plugin_core::plugin_export;

struct Config;

#[plugin_export]
fn change(config: &mut Config) {
    _ = config;
}

#[plugin_export]
fn shout(text: &mut str) {
    text.make_ascii_uppercase();
}
