use plugin_core::plugin_export;

#[plugin_export]
fn join(texts: &[&str]) -> String {
    texts.concat()
}

#[plugin_export]
fn pair(pair: (u32, &str)) -> u32 {
    pair.0
}

#[plugin_export]
static NAMES: [&str; 2] = ["ann", "bob"];
