use plugin_core::plugin_export;

#[plugin_export]
fn trim(text: &str) -> &str {
    text.trim()
}

#[plugin_export]
fn first(text: &str) -> Option<&str> {
    text.split(' ').next()
}

#[plugin_export]
fn name() -> &'static str {
    "name"
}

#[plugin_export]
fn bytes(text: &str) -> std::str::Bytes<'_> {
    text.bytes()
}
