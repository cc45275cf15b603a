//! Values of the basic types and of the types of std: arguments, results and handles.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use plugin_host::Fault;

use super::Mode;
use crate::round_trips::{self, not_unicode};

pub fn every_basic_type_crosses(mode: &Mode) {
    round_trips::basic_types(&mode.host("zoo"));
}

pub fn every_type_of_std_crosses(mode: &Mode) {
    round_trips::std_types(&mode.host("zoo"));
}

pub fn every_shape_of_type_crosses(mode: &Mode) {
    round_trips::user_types(&mode.host("zoo"));
}

pub fn lent_values_are_copied(mode: &Mode) {
    round_trips::lent(&mode.host("zoo"));
}

/// A backend outside of the process copies all that is lent.
pub fn what_is_lent_is_read_where_it_is(mode: &Mode) {
    if mode.shares_memory {
        round_trips::lent_in_one_process(&mode.host("zoo"));
    }
}

pub fn buffers_cross_with_and_without_spare_capacity(mode: &Mode) {
    let host = mode.host("zoo");
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

pub fn what_crossed_is_the_receivers_own(mode: &Mode) {
    let host = mode.host("zoo");
    let mut names = host.get::<fn(Vec<String>) -> Vec<String>>("echo_strings").unwrap()(vec!["a".to_owned()]);
    drop(host);
    names.push("b".to_owned());
    names[0].push_str(" longer than it was");
    assert_eq!(names, ["a longer than it was", "b"]);
}

pub fn shared_references_are_arguments(mode: &Mode) {
    let host = mode.host("zoo");
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

pub fn plain_values_are_changed_in_place(mode: &Mode) {
    let host = mode.host("zoo");
    let mut values = [1, -2, 3];
    host.get::<fn(&mut [i32])>("double_all").unwrap()(&mut values);
    assert_eq!(values, [2, -4, 6]);
    let mut value = 41;
    host.get::<fn(&mut u64)>("increment").unwrap()(&mut value);
    assert_eq!(value, 42);
}

pub fn other_values_move_there_and_back(mode: &Mode) {
    let host = mode.host("zoo");
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

pub fn changes_before_a_panic_are_seen(mode: &Mode) {
    let host = mode.host("zoo");
    type Try = fn(&mut Vec<String>) -> Result<(), Fault>;
    let append_and_panic = host.get::<Try>("append_and_panic").unwrap();
    let mut names = vec!["ann".to_owned()];
    assert_eq!(append_and_panic(&mut names).unwrap_err().message, "half way");
    assert_eq!(names, ["ann", "before the panic"]);

    let append_and_panic = host.get::<fn(&mut Vec<String>)>("append_and_panic").unwrap();
    let unwound = std::panic::catch_unwind(AssertUnwindSafe(|| append_and_panic(&mut names)));
    assert!(unwound.is_err());
    assert_eq!(names, ["ann", "before the panic", "before the panic"]);
}

pub fn functions_of_several_shapes_are_called(mode: &Mode) {
    let host = mode.host("zoo");
    host.get::<fn()>("nothing").unwrap()();
    let six = host.get::<fn(u8, u16, u32, u64, &str, &[u8]) -> String>("six").unwrap();
    assert_eq!(six(1, 2, 3, 4, "five", &[6]), "1 2 3 4 five [6]");
    let pattern = host.get::<fn((u32, u32), Vec<u32>, bool) -> u32>("pattern").unwrap();
    assert_eq!(pattern((1, 2), vec![3, 4], true), 10);
    assert_eq!(host.get::<fn() -> String>("a name with spaces, and ünïcode").unwrap()(), "renamed");
    assert_eq!(host.get::<fn(u8) -> u8>("match").unwrap()(3), 3);
}

/// A handle can be used like a function.
pub fn a_function_is_a_value(mode: &Mode) {
    fn apply(f: impl Fn(u64, u64) -> u64 + Send + Sync) -> u64 {
        f(1, 2)
    }
    let add = {
        let host = mode.host("zoo");
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

pub fn a_text_in_the_plugin_is_copied(mode: &Mode) {
    let host = mode.host("zoo");
    let text = host.get::<fn() -> Cow<'static, str>>("static_text").unwrap()();
    drop(host);
    assert_eq!(text, "it is in the library");
}

pub fn shared_text_stays_shared_where_it_was(mode: &Mode) {
    let host = mode.host("zoo");
    let text: Arc<str> = "shared".into();
    let back = host.get::<fn(Arc<str>) -> Arc<str>>("echo_arc_str").unwrap()(text.clone());
    drop(host);
    assert_eq!(back, text);
}

pub fn paths_cross_behind_references(mode: &Mode) {
    let host = mode.host("zoo");
    let not_unicode = not_unicode();
    assert_eq!(not_unicode.to_str(), None);
    let read = host.get::<fn(&Path) -> PathBuf>("read_path").unwrap();
    assert_eq!(read(Path::new("to")), Path::new("to").join("read"));
    assert_eq!(read(not_unicode.as_ref()), Path::new(&not_unicode).join("read"));
    let push = host.get::<fn(&mut PathBuf)>("push_part").unwrap();
    let mut path = PathBuf::from("to");
    push(&mut path);
    push(&mut path);
    assert_eq!(path, Path::new("to").join("pushed").join("pushed"));
}

pub fn maps_cross_behind_references(mode: &Mode) {
    let host = mode.host("zoo");
    let map = HashMap::from([("a".to_owned(), vec![1, 2]), ("b".to_owned(), vec![]), ("c".to_owned(), vec![3])]);
    let sum = host.get::<fn(&HashMap<String, Vec<u32>>) -> u32>("sum_values").unwrap();
    assert_eq!(sum(&map), 6);
    assert_eq!(sum(&map), 6, "the map is still the caller's");
    let mut map = BTreeMap::from([("to".to_owned(), "you".to_owned())]);
    host.get::<fn(&mut BTreeMap<String, String>)>("insert").unwrap()(&mut map);
    assert_eq!(map.len(), 2);
    assert_eq!((map["from"].as_str(), map["to"].as_str()), ("the zoo", "you"));
}
