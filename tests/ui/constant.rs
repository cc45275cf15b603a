use plugin_core::plugin_export;

#[plugin_export]
pub const LIMIT: u32 = 3;

#[plugin_export(name = "greeting")]
const GREETING: &str = "hello";

struct Limits;

impl Limits {
    #[plugin_export]
    const DEPTH: u32 = 8;
}
