use plugin_core::plugin_export;

#[plugin_export]
fn seven(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8) -> [u8; 7] {
    [a, b, c, d, e, f, g]
}

#[plugin_export]
fn five_with_mut(a: u8, b: u8, c: u8, d: &mut u8, e: u8) {
    *d = a + b + c + e;
}
