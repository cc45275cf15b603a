//! Plugins whose values all cross as bytes, as they do to another process: all that the conformance suite does not show.

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use api::Node;
use plugin_host::__private::loopback;
use plugin_host::{Cause, Error, Fault, Function, Host, PinReason, Unload};
use serde_json::json;
use tests::{LONG, host_with};

/// A host with the fixture `zoo`, and a host that reaches that plugin only by bytes.
fn near_and_far() -> (Host, Host) {
    let near = host_with(&["zoo"]);
    let far = loopback(&near).unwrap();
    (near, far)
}

#[test]
fn a_function_is_called_with_the_same_handle() {
    let (near, far) = near_and_far();
    type Repeat = fn(u32, String) -> String;
    let functions: [Function<Repeat>; 2] = [&near, &far].map(|host| host.get::<Repeat>("repeat").unwrap());
    for repeat in &functions {
        assert_eq!(repeat.label(), "zoo::repeat");
        assert_eq!(repeat(3, "ab".to_owned()), "ababab");
        assert_eq!(repeat(0, "ab".to_owned()), "");
    }
    // The handle that follows upgrades, and the one without types.
    let repeat = far.live::<fn(u32, String) -> Result<String, Fault>>("repeat").unwrap();
    assert_eq!(repeat(2, "é".to_owned()).unwrap(), "éé");
    assert_eq!(repeat.pin()(1, "é".to_owned()).unwrap(), "é");
    assert_eq!(far.call_json("repeat", &json!([2, "x"])).unwrap(), "xx");

    // The handle alone keeps all that it needs.
    let [_, repeat] = functions;
    drop((near, far));
    assert_eq!(repeat(2, "still ".to_owned()), "still still ");
}

#[test]
fn a_panic_arrives_as_the_same_fault() {
    let faults = near_and_far();
    let [near, far] = [faults.0, faults.1].map(|host| {
        let divide = host.get::<fn(i32, i32) -> Result<i32, Fault>>("divide").unwrap();
        assert_eq!(divide(7, 2).unwrap(), 3);
        divide(1, 0).unwrap_err()
    });
    assert_eq!(far, near);
    assert_eq!((far.cause, far.export.as_deref()), (Cause::Panicked, Some("zoo::divide")));
    assert!(far.location.is_some_and(|place| place.file.ends_with("panics.rs")));
}

/// This also shows that the values do cross as bytes: in process, the same value arrives.
#[test]
fn a_value_that_cannot_be_sent_is_a_refusal() {
    let leaf = Node { name: "leaf".to_owned(), children: Vec::new() };
    let deep = (0..200).fold(leaf, |node, _| Node { name: String::new(), children: vec![node] });
    let (near, far) = near_and_far();
    let [near, far] =
        [near, far].map(|host| host.get::<fn(Node) -> Result<Node, Fault>>("echo_node").unwrap()(deep.clone()));
    assert_eq!(near.unwrap(), deep);
    let fault = far.unwrap_err();
    assert_eq!(fault.cause, Cause::Refused);
    let said = fault.to_string();
    assert!(said.starts_with("plugin export `zoo::echo_node` was not called: argument 1 at `.children[0]"), "{said}");
}

#[test]
fn exports_that_stay_in_their_process_are_refused_at_the_look_up() {
    let (_near, far) = near_and_far();
    let said = |error: Option<Error>| match error {
        Some(Error::CannotLeave(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        said(far.get::<AtomicU64>("COUNTER").err()),
        "export `COUNTER` of plugin `zoo` cannot be used here, because the plugin runs elsewhere\n  \
         exported:  static AtomicU64\n  \
         reason:    an atomic is memory that both sides change; export a function that reads or changes it"
    );
    assert!(said(far.get::<Mutex<Vec<String>>>("NAMES").err()).contains("a lock is memory that both sides change"));
    assert!(matches!(far.get::<fn(u64, u64, u64) -> u64>("add"), Err(Error::TypeMismatch(_))));
}

#[test]
fn a_handle_pins_the_plugin_on_the_far_side() {
    let (near, far) = near_and_far();
    let add = far.get::<fn(u64, u64) -> u64>("add").unwrap();
    drop(far);
    let pinned = |timeout| match near.unload("zoo", timeout).unwrap() {
        Unload::Pinned(reasons) => reasons.iter().any(|reason| matches!(reason, PinReason::Plugins { count: 1, .. })),
        _ => false,
    };
    assert!(pinned(Duration::ZERO));
    assert_eq!(add(1, 2), 3);
    drop(add);
    assert!(!pinned(LONG));
}

/// The values that a function leaves behind `&mut`, in a call that returns and in a call that panics.
#[test]
fn changes_of_arguments_come_back() {
    let (_near, far) = near_and_far();
    let mut names = vec!["ann".to_owned()];
    assert_eq!(far.get::<fn(&mut Vec<String>, &str) -> usize>("append").unwrap()(&mut names, "bob"), 2);
    assert_eq!(names, ["ann", "bob"]);
    far.get::<fn(&mut [String])>("swap_ends").unwrap()(&mut names);
    assert_eq!(names, ["bob", "ann"]);
    let panics = far.get::<fn(&mut Vec<String>) -> Result<(), Fault>>("append_and_panic").unwrap();
    let fault = panics(&mut names).unwrap_err();
    assert_eq!((fault.cause, fault.message.as_str()), (Cause::Panicked, "half way"));
    assert_eq!(names, ["bob", "ann", "before the panic"]);

    let (mut a, mut b, mut c, mut d) = ("a".to_owned(), "b".to_owned(), 1, [2, 3]);
    let exchange = far.get::<fn(&mut String, &mut String, &mut u8, &mut [u8])>("exchange").unwrap();
    exchange(&mut a, &mut b, &mut c, &mut d);
    assert_eq!((a.as_str(), b.as_str(), c, d), ("b", "a", 2, [1, 3]));
    let mut numbers = [1, -2];
    far.get::<fn(&mut [i32])>("double_all").unwrap()(&mut numbers);
    assert_eq!(numbers, [2, -4]);
}
