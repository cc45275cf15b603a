use plugin_core::plugin_export;

/// A type parameter.
#[plugin_export]
fn first<T>(values: Vec<T>) -> Option<T> {
    values.into_iter().next()
}

/// A constant parameter.
#[plugin_export]
fn sum<const N: usize>(values: [u32; N]) -> u32 {
    values.iter().sum()
}
