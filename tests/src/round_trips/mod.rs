//! Values there and back, through the fixture `zoo` however and by whatever it was built.

mod basic_types;
mod std_types;
mod user_types;

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

pub use basic_types::basic_types;
pub use std_types::{not_unicode, std_types};
pub use user_types::user_types;

/// Every type that crosses.
pub fn all(host: &plugin_host::Host) {
    basic_types(host);
    std_types(host);
    user_types(host);
}

/// Sends values through `call` and expects each back as it was.
pub fn round_trip<S: Strategy>(strategy: S, call: impl Fn(S::Value) -> S::Value)
where
    S::Value: Clone + PartialEq + Debug,
{
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let result = runner.run(&strategy, |value| {
        prop_assert_eq!(call(value.clone()), value);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// Checks the export `name`, a function from `T` to `T`.
#[macro_export]
macro_rules! echo {
    ($host:ident, $name:literal, $ty:ty, $strategy:expr) => {{
        let echo = $host.get::<fn($ty) -> $ty>($name).unwrap_or_else(|error| panic!("{error}"));
        $crate::round_trips::round_trip($strategy, |value| echo(value));
    }};
    ($host:ident, $name:literal, $ty:ty) => {
        $crate::echo!($host, $name, $ty, proptest::prelude::any::<$ty>())
    };
}
