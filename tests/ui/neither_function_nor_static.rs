use plugin_core::plugin_export;

#[plugin_export]
pub struct Config;

#[plugin_export]
impl Config {}

#[plugin_export]
pub const LIMIT: u32 = 3;

#[plugin_export(init)]
static STARTED: bool = true;

unsafe extern "C" {
    #[plugin_export]
    fn elsewhere();
}
