use plugin_core::plugin_export;

#[plugin_export]
fn nine(nine: (u8, u8, u8, u8, u8, u8, u8, u8, u8)) -> u8 {
    nine.8
}
