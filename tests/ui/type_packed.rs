use plugin_core::plugin_type;

#[plugin_type]
#[repr(C, packed)]
struct Header {
    kind: u8,
    length: u32,
}
