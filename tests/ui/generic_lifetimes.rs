use plugin_core::plugin_export;

#[plugin_export]
fn longer<'a, 'b: 'a>(left: &'a str, right: &'b str) -> String {
    if left.len() > right.len() { left.to_owned() } else { right.to_owned() }
}
