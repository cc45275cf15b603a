use plugin_core::plugin_type;

#[plugin_type]
#[non_exhaustive]
struct Config {
    name: String,
    #[plugin_type(default)]
    retries: u32,
    verbose: bool,
    #[plugin_type(default, default = 3)]
    more: u8,
}

#[plugin_type]
enum Event {
    Opened,
    #[plugin_type(fallback)]
    Unknown,
}

#[plugin_type]
#[non_exhaustive]
enum Message {
    Text {
        #[plugin_type(default)]
        of: String,
    },
    #[plugin_type(fallback)]
    Unknown(u8),
    #[plugin_type(fallback)]
    Other,
}
