use plugin_core::plugin_export;

#[plugin_export(name = "one\0two")]
fn named() {}
