use plugin_core::plugin_export;

struct Greeter;

impl Greeter {
    #[plugin_export]
    fn greet(&self, name: &str) -> String {
        name.to_owned()
    }

    #[plugin_export(init)]
    async fn start(&self) {}

    #[plugin_export(init)]
    async fn start_all() {}

    #[plugin_export]
    fn new() -> Self {
        Greeter
    }
}
