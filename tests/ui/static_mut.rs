use plugin_core::plugin_export;

#[plugin_export]
static mut COUNT: u32 = 0;
