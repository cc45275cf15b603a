use plugin_core::plugin_export;

#[plugin_export(nane = "a")]
fn misspelt() {}

#[plugin_export("a")]
fn bare() {}

#[plugin_export(name("a"))]
fn parenthesized() {}
