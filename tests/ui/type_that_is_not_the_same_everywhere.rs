use plugin_core::plugin_type;

#[plugin_type]
struct Config {
    name: String,
    #[cfg(unix)]
    mode: u32,
}

#[plugin_type]
enum Event {
    Opened,
    #[cfg(unix)]
    Forked,
}
