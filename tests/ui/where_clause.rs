use plugin_core::plugin_export;

#[plugin_export]
fn double(n: u32) -> u32
where
    u32: Copy,
{
    n * 2
}
