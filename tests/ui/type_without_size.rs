use plugin_core::plugin_export;

#[plugin_export]
fn length(text: str) -> usize {
    text.len()
}

#[plugin_export]
fn call(function: dyn Fn()) -> [u8] {
    function();
    todo!()
}

#[plugin_export]
fn unnamed(value: _) {}
