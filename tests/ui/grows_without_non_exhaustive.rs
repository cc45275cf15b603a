use plugin_core::plugin_type;

#[plugin_type]
struct Config {
    name: String,
    #[plugin_type(default)]
    retries: u32,
}

#[plugin_type]
struct Pair(u8, #[plugin_type(default = 3)] u8);
