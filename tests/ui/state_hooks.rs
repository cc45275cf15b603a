use plugin_core::plugin_export;

struct Opaque;

#[plugin_export(save)]
fn nothing() {}

#[plugin_export(save)]
fn of_something(what: u8) -> u8 {
    what
}

#[plugin_export(save)]
fn opaque() -> Opaque {
    Opaque
}

#[plugin_export(save)]
fn borrowed() -> &'static str {
    ""
}

#[plugin_export(save, name = "state")]
fn named() -> u8 {
    0
}

#[plugin_export(restore)]
fn from_nothing() {}

#[plugin_export(restore)]
fn from_two(count: u8, name: String) {
    println!("{count} {name}");
}

#[plugin_export(restore)]
fn from_borrowed(name: &str) {
    println!("{name}");
}

#[plugin_export(restore)]
fn from_opaque(_: Opaque) {}

#[plugin_export(restore)]
fn with_a_result(count: u8) -> bool {
    count == 0
}

#[plugin_export(save)]
static STATE: u8 = 0;

#[plugin_export(save, restore)]
fn both() -> u8 {
    0
}
