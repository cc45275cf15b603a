use plugin_core::plugin_export;

#[plugin_export(name = "shared name")]
fn one() {}

#[plugin_export(name = "shared name")]
fn two() {}

#[plugin_export]
fn greet() {}

#[plugin_export(name = "greet")]
static GREETER: &str = "greeter";
