use plugin_core::plugin_type;

#[plugin_type]
fn function() {}

#[plugin_type]
type Alias = u32;
