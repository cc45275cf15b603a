use plugin_core::plugin_export;

#[plugin_export]
fn forever() -> ! {
    loop {}
}
