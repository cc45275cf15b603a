use plugin_core::plugin_export;

#[plugin_export]
fn none(none: [u8; 0]) {
    _ = none;
}
