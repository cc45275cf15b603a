use plugin_core::plugin_export;

pub unsafe fn peek(at: u64) -> u64 {
    unsafe { *(at as *const u64) }
}

pub struct Checked;

impl Checked {
    #[plugin_export]
    fn peek(at: u64) -> u64 {
        at + 1
    }
}

/// Exported, under its own name.
#[plugin_export]
fn twice(n: u64) -> u64 {
    n * 2
}

impl Checked {
    #[plugin_export(name = "doubled")]
    fn twice(n: u64) -> u64 {
        n + n
    }

    #[plugin_export(init)]
    fn start() {}
}

pub trait Numbers {
    #[plugin_export]
    fn twice(n: u64) -> u64 {
        n << 1
    }
}

fn start() {}
