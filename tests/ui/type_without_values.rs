use plugin_core::plugin_type;

#[plugin_type]
enum Never {}
