use plugin_core::plugin_export;

struct Config;

#[plugin_export]
fn set(config: Config) {
    drop(config);
}

#[plugin_export]
fn start(thread: Box<dyn Fn(&str) -> Config>) {
    drop(thread);
}
