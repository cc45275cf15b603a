//! Sends values of every type through the fixture `zoo` and back, in every build of the fixture. The values cross with
//! their types, and also as JSON if they have a form in JSON.

mod basic_types;
mod lent;
mod std_types;
mod user_types;

use std::any::Any;
use std::fmt::Debug;
use std::rc::Rc;

use plugin_host::Host;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::is_long;

pub use basic_types::basic_types;
pub use lent::{lent, lent_in_one_process};
pub use std_types::{not_unicode, std_types};
pub use user_types::user_types;

/// Every type that crosses, to a plugin in this process.
pub fn all(host: &Host) {
    everywhere(host);
    lent_in_one_process(host);
}

/// Every type that crosses, to a plugin in whatever place it runs.
pub fn everywhere(host: &Host) {
    basic_types(host);
    std_types(host);
    user_types(host);
    lent(host);
}

/// How many random values of a type are tried: in the long run, as many as proptest usually tries.
pub fn cases() -> u32 {
    let all = Config::default().cases;
    if is_long() { all } else { all.min(64) }
}

/// Sends values through `call` and expects each back as it was.
pub fn round_trip<S: Strategy + 'static>(strategy: S, call: impl Fn(S::Value) -> S::Value)
where
    S::Value: Clone + PartialEq + Debug,
{
    round_trips(cases(), strategy, call);
}

/// As [`round_trip`], with that many values.
fn round_trips<S: Strategy + 'static>(cases: u32, strategy: S, call: impl Fn(S::Value) -> S::Value)
where
    S::Value: Clone + PartialEq + Debug,
{
    check(cases, strategy, |value| assert_eq!(call(value.clone()), value));
}

/// A value of any type.
trait AnyValue: Any + Debug {}

impl<T: Any + Debug> AnyValue for T {}

/// Runs `test` with so many values. A property that fails is shown with the smallest value that was found.
pub fn check<S: Strategy + 'static>(cases: u32, strategy: S, test: impl Fn(S::Value))
where
    S::Value: Clone,
{
    let strategy = strategy.prop_map(|value| Rc::new(value) as Rc<dyn AnyValue>).boxed();
    check_any(cases, &strategy, &|value| {
        let value: &dyn Any = value;
        test(value.downcast_ref::<S::Value>().expect("it is of the strategy").clone());
    });
}

/// Runs a test for values of all types, so that the compiler makes only one runner.
fn check_any(cases: u32, strategy: &BoxedStrategy<Rc<dyn AnyValue>>, test: &dyn Fn(&dyn AnyValue)) {
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let result = runner.run(strategy, |value| {
        test(&*value);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// Checks the export `name`, a function from `T` to `T`, and the export with `lend_` in the place of `echo_`, which
/// copies a `&T`.
#[macro_export]
macro_rules! echo {
    ($host:ident, $name:literal, $ty:ty, $strategy:expr) => {{
        let lend_name = $name.replacen("echo", "lend", 1);
        let echo = $host.get::<fn($ty) -> $ty>($name).unwrap_or_else(|error| panic!("{error}"));
        let lend = $host.get::<fn(&$ty) -> $ty>(&lend_name).unwrap_or_else(|error| panic!("{error}"));
        $crate::round_trips::round_trip($strategy, |value| {
            #[allow(unused_imports)]
            use $crate::round_trips::{NotInJson as _, ToJson as _};
            $crate::round_trips::through_json($host, $name, (&$crate::round_trips::Shown(&value)).to_json());
            $crate::round_trips::through_json($host, &lend_name, (&$crate::round_trips::Shown(&value)).to_json());
            assert_eq!(lend(&value), value);
            echo(value)
        });
    }};
    ($host:ident, $name:literal, $ty:ty) => {
        $crate::echo!($host, $name, $ty, proptest::prelude::any::<$ty>())
    };
}

/// A value that perhaps has a form in JSON.
pub struct Shown<'a, T>(pub &'a T);

/// The form of a value whose type has one, if the value has one too.
pub trait ToJson {
    /// The value in JSON.
    fn to_json(&self) -> Option<Value>;
}

impl<T: serde::Serialize> ToJson for Shown<'_, T> {
    fn to_json(&self) -> Option<Value> {
        serde_json::to_value(self.0).ok()
    }
}

/// All other types have no form. The compiler chooses this function if it does not find the one above.
pub trait NotInJson {
    /// None.
    fn to_json(&self) -> Option<Value> {
        None
    }
}

impl<T> NotInJson for &Shown<'_, T> {}

/// Expects of the export `name` that it returns the same JSON.
pub fn through_json(host: &Host, name: &str, value: Option<Value>) {
    let Some(mut value) = value else { return };
    let mut back = host.call_json(name, &json!([value])).unwrap_or_else(|error| panic!("{name}: {error}"));
    if name.contains("hash_set") {
        // The order may differ.
        for set in [&mut value, &mut back] {
            set.as_array_mut().expect("a set").sort_by_key(Value::to_string);
        }
    }
    assert_eq!(back, value, "{name}");
}
