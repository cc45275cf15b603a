use plugin_core::plugin_export;

#[plugin_export]
fn show(value: impl std::fmt::Display) -> String {
    value.to_string()
}

#[plugin_export]
fn numbers() -> impl Iterator<Item = u32> {
    0..3
}

#[plugin_export]
fn nested(values: Vec<&impl std::fmt::Display>) -> usize {
    values.len()
}
