use plugin_core::plugin_type;

#[plugin_type]
#[non_exhaustive]
struct Config {
    #[plugin_type(default = "none")]
    name: String,
}
