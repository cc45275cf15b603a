use plugin_core::plugin_export;

#[plugin_export]
unsafe extern "C" fn print(count: u32, _: ...) -> u32 {
    count
}
