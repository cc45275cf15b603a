use plugin_core::plugin_type;

#[plugin_type]
union Word {
    number: u32,
    bytes: [u8; 4],
}
