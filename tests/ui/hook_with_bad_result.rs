use plugin_core::plugin_export;

struct Silent;

#[plugin_export(init)]
fn start() -> bool {
    true
}

#[plugin_export(shutdown)]
fn stop() -> Result<(), Silent> {
    Err(Silent)
}

fn main() {}
