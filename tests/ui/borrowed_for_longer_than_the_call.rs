use plugin_core::plugin_export;

#[plugin_export]
fn keep(text: &'static str) {
    std::thread::spawn(move || println!("{text}"));
}
