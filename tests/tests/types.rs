//! Every type crosses, there and back, with every value.

use plugin_host::{Host, Lookup, Static};
use tests::{host_with, round_trips};

#[test]
fn every_basic_type_crosses() {
    round_trips::basic_types(&host_with(&["zoo"]));
}

#[test]
fn lent_values_are_copied() {
    round_trips::lent(&host_with(&["zoo"]));
}

#[test]
fn buffers_cross_with_and_without_spare_capacity() {
    let host = host_with(&["zoo"]);
    let echo = host.get::<fn(Vec<u8>) -> Vec<u8>>("echo_bytes").unwrap();
    let mut spare = Vec::with_capacity(1000);
    spare.push(7);
    assert_eq!(echo(spare), [7]);
    assert!(echo(Vec::new()).is_empty());
    assert!(echo(Vec::with_capacity(10)).is_empty());
    let echo = host.get::<fn(String) -> String>("echo_string").unwrap();
    assert_eq!(echo(String::new()), "");
    let large = "ü".repeat(1 << 20);
    assert_eq!(echo(large.clone()), large);
}

#[test]
fn what_crossed_is_the_receivers_own() {
    let host = host_with(&["zoo"]);
    let mut names = host.get::<fn(Vec<String>) -> Vec<String>>("echo_strings").unwrap()(vec!["a".to_owned()]);
    drop(host);
    names.push("b".to_owned());
    names[0].push_str(" longer than it was");
    assert_eq!(names, ["a longer than it was", "b"]);
}

#[test]
fn shared_references_are_arguments() {
    let host = host_with(&["zoo"]);
    assert_eq!(host.get::<fn(&str) -> usize>("length").unwrap()("größe"), 7);
    assert_eq!(host.get::<fn(&[f64]) -> f64>("sum").unwrap()(&[0.5, 1.0, 2.5]), 4.0);
    assert_eq!(host.get::<fn(&[f64]) -> f64>("sum").unwrap()(&[]), 0.0);
    let texts = ["a".to_owned(), String::new(), "c".to_owned()];
    assert_eq!(host.get::<fn(&[String]) -> String>("join").unwrap()(&texts), "a++c");
    assert_eq!(texts, ["a", "", "c"]);
    assert_eq!(host.get::<fn(&u64) -> u64>("read_u64").unwrap()(&u64::MAX), u64::MAX);
    let nested = vec![Some("abc".to_owned()), None, Some("de".to_owned())];
    let read_nested = host.get::<fn(&Vec<Option<String>>) -> usize>("read_nested").unwrap();
    assert_eq!(read_nested(&nested), 5);
    assert_eq!(read_nested(&nested), 5, "the value is still the caller's");
}

#[test]
fn plain_values_are_changed_in_place() {
    let host = host_with(&["zoo"]);
    let mut values = [1, -2, 3];
    host.get::<fn(&mut [i32])>("double_all").unwrap()(&mut values);
    assert_eq!(values, [2, -4, 6]);
    let mut value = 41;
    host.get::<fn(&mut u64)>("increment").unwrap()(&mut value);
    assert_eq!(value, 42);
}

#[test]
fn other_values_move_there_and_back() {
    let host = host_with(&["zoo"]);
    let append = host.get::<fn(&mut Vec<String>, &str) -> usize>("append").unwrap();
    let mut names = vec!["ann".to_owned()];
    assert_eq!(append(&mut names, "bob"), 2);
    assert_eq!(append(&mut names, "cleo"), 3);
    assert_eq!(names, ["ann", "bob", "cleo"]);

    let mut texts = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
    host.get::<fn(&mut [String])>("swap_ends").unwrap()(&mut texts);
    assert_eq!(texts, ["c", "b", "a"]);

    let exchange = host.get::<fn(&mut String, &mut String, &mut u8, &mut [u8])>("exchange").unwrap();
    let (mut a, mut b, mut c, mut d) = ("a".to_owned(), "b".to_owned(), 1, [2, 3]);
    exchange(&mut a, &mut b, &mut c, &mut d);
    assert_eq!((a.as_str(), b.as_str(), c, d), ("b", "a", 2, [1, 3]));
}

#[test]
fn changes_before_a_panic_are_seen() {
    let host = host_with(&["zoo"]);
    type Try = fn(&mut Vec<String>) -> Result<(), plugin_host::Fault>;
    let append_and_panic = host.get::<Try>("append_and_panic").unwrap();
    let mut names = vec!["ann".to_owned()];
    assert_eq!(append_and_panic(&mut names).unwrap_err().message, "half way");
    assert_eq!(names, ["ann", "before the panic"]);

    let append_and_panic = host.get::<fn(&mut Vec<String>)>("append_and_panic").unwrap();
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| append_and_panic(&mut names)));
    assert!(unwound.is_err());
    assert_eq!(names, ["ann", "before the panic", "before the panic"]);
}

#[test]
fn functions_of_several_shapes_are_called() {
    let host = host_with(&["zoo"]);
    host.get::<fn()>("nothing").unwrap()();
    let six = host.get::<fn(u8, u16, u32, u64, &str, &[u8]) -> String>("six").unwrap();
    assert_eq!(six(1, 2, 3, 4, "five", &[6]), "1 2 3 4 five [6]");
    let pattern = host.get::<fn((u32, u32), Vec<u32>, bool) -> u32>("pattern").unwrap();
    assert_eq!(pattern((1, 2), vec![3, 4], true), 10);
    assert_eq!(host.get::<fn() -> String>("a name with spaces, and ünïcode").unwrap()(), "renamed");
    assert_eq!(host.get::<fn(u8) -> u8>("match").unwrap()(3), 3);
}

/// A handle can be used like a function.
#[test]
fn a_function_is_a_value() {
    fn apply(f: impl Fn(u64, u64) -> u64 + Send + Sync) -> u64 {
        f(1, 2)
    }
    let add = {
        let host = host_with(&["zoo"]);
        host.get::<fn(u64, u64) -> u64>("add").unwrap()
    };
    assert_eq!(apply(&*add), 3);
    let boxed: Box<dyn Fn(u64) -> u64 + Send + Sync> = {
        let add = add.clone();
        Box::new(move |n| add(n, 1))
    };
    assert_eq!(boxed(9), 10);
    assert_eq!([1_u64, 2, 3].map(|n| add(n, n)), [2, 4, 6]);
    std::thread::spawn(move || assert_eq!(add(2, 2), 4)).join().unwrap();
}

/// Statics of the kinds of types that `statics.rs` does not test.
#[test]
fn statics_of_the_other_types_are_read() {
    fn value<T: Lookup<Handle = Static<T>> + plugin_core::PluginStatic<Target = T> + Clone>(
        host: &Host,
        name: &str,
    ) -> T {
        (*host.get::<T>(name).unwrap()).clone()
    }
    let host = host_with(&["zoo"]);
    assert_eq!(value::<u32>(&host, "ANSWER"), 42);
    assert_eq!(value::<[f64; 4]>(&host, "TABLE"), [0.5, 1.5, 2.5, 3.5]);
    assert_eq!(value::<Option<u32>>(&host, "MAYBE"), Some(7));
}
