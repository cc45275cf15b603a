use plugin_core::{plugin_export, plugin_type};

#[plugin_export(crate = "my_sdk")]
fn absent() {}

#[plugin_type(crate = "plugin_host")]
struct OfAnotherCrate {
    a: u8,
}

#[plugin_export(crate = "plugin-core")]
fn package() {}

#[plugin_export(crate = "")]
fn empty() {}

#[plugin_export(crate = "self::sdk")]
fn relative() {}

#[plugin_type(crate = "super::plugin_core")]
struct AlsoRelative {
    a: u8,
}

#[plugin_export(crate = "plugin_core", crate = "plugin_core")]
fn twice() {}

#[plugin_type(crate = plugin_core)]
struct NotText {
    a: u8,
}
