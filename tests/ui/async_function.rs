use plugin_core::plugin_export;

#[plugin_export]
async fn fetch(url: &str) -> String {
    url.to_owned()
}

#[plugin_export(init)]
async fn start() {}
