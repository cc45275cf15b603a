use plugin_core::plugin_type;

#[plugin_type(rename = "Other")]
struct Config {
    #[plugin_type(skip)]
    name: String,
}

#[plugin_type]
#[non_exhaustive]
enum Event {
    #[plugin_type(default)]
    Opened,
    #[plugin_type]
    Closed,
}
