use plugin_core::plugin_export;

pub struct Greeter;

impl Greeter {
    #[plugin_export]
    fn twice(n: u64) -> u64 {
        n * 2
    }

    #[plugin_export]
    fn name(&self) -> String {
        String::new()
    }

    #[plugin_export]
    fn rename(&mut self, name: &str) {
        _ = name;
    }

    #[plugin_export]
    fn done(self) {}

    #[plugin_export]
    fn boxed(self: Box<Self>, with: Self) {
        _ = with;
    }

    #[plugin_export(shutdown)]
    fn stop(&self) {}

    #[plugin_export(save)]
    fn save(&self) -> u8 {
        0
    }

    #[plugin_export(restore)]
    fn restore(&mut self, state: u8) {
        _ = state;
    }
}

pub trait Numbers {
    #[plugin_export]
    fn half(n: u64) -> u64 {
        n / 2
    }

    #[plugin_export]
    fn thirds(n: u64) -> u64;
}

#[plugin_export]
fn four() -> u8 {
    4
}

#[plugin_export]
fn half_of_four() -> u8 {
    2
}
