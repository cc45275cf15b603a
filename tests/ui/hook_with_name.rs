use plugin_core::plugin_export;

#[plugin_export(init, name = "begin")]
fn start() {}

#[plugin_export(name = "end", shutdown)]
fn stop() {}
