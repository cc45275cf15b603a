use plugin_core::plugin_export;

#[plugin_export(name = "")]
fn nameless() {}
