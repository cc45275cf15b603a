#![allow(unused_variables)]

use plugin_core::plugin_export;

struct Config;
struct Error;

#[plugin_export(name = "")]
async fn load<T>(path: &str, defaults: &Config, convert: impl Fn(), of: T) -> Result<Config, Error> {
    Err(Error)
}

#[plugin_export]
static mut CONFIG: Config = Config;

#[plugin_export(init)]
unsafe fn start() -> Config {
    Config
}
