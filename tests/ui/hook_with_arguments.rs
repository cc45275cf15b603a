use plugin_core::plugin_export;

#[plugin_export(init)]
fn start(level: u32, name: &str) {
    println!("{name} {level}");
}
