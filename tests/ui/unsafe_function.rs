use plugin_core::plugin_export;

#[plugin_export]
unsafe fn read(address: usize) -> u8 {
    unsafe { *(address as *const u8) }
}
