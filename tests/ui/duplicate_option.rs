use plugin_core::plugin_export;

#[plugin_export(name = "a", name = "b")]
fn named() {}

#[plugin_export(init, shutdown)]
fn hook() {}
