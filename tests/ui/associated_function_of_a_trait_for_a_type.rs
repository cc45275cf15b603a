//! The compiler reports each constant of the attribute's, because the trait has none of that name: E0438. The attribute cannot do
//! without: one constant tells whether the function is in an `impl`, the other whether two exports have one name.

use plugin_core::plugin_export;

pub trait Numbers {
    fn half(n: u64) -> u64;
}

pub struct Checked;

impl Numbers for Checked {
    #[plugin_export]
    fn half(n: u64) -> u64 {
        n / 2
    }
}
