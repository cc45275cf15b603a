//! Values there and back.

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Sends values through `call` and expects each back as it was.
pub(crate) fn round_trip<S: Strategy>(strategy: S, call: impl Fn(S::Value) -> S::Value)
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
