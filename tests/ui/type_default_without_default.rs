use plugin_core::plugin_type;

#[plugin_type]
enum Level {
    Low,
    High,
}

#[plugin_type]
#[non_exhaustive]
struct Config {
    name: String,
    #[plugin_type(default)]
    level: Level,
    #[plugin_type(default)]
    tags: Vec<String>,
}
