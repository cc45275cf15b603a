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

#[plugin_export(init)]
fn never() -> ! {
    loop {}
}

#[plugin_export(init)]
fn hidden() -> Result<(), impl std::fmt::Display> {
    Err("hidden")
}
