//! A plugin that has plugin-core by another name, in another crate, and in a module of its own.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use plugin_core::{Fault, plugin_type};
use tests::{fixture, host_with};

#[plugin_type]
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
struct Page<T: Clone> {
    items: Vec<T>,
    #[plugin_type(default)]
    next: Option<Box<Page<T>>>,
    #[plugin_type(default)]
    title: String,
}

#[plugin_type]
#[repr(u8)]
#[derive(Clone, Debug, PartialEq)]
enum Choice<const N: usize> {
    Nothing = 3,
    Bytes([u8; N]),
    Named { point: Point },
}

#[plugin_type]
#[repr(C)]
#[derive(Clone, Debug, PartialEq)]
struct Point {
    x: f32,
    y: f32,
}

#[plugin_type]
#[non_exhaustive]
enum Event {
    Opened(String),
    #[plugin_type(fallback)]
    Unknown,
}

#[plugin_type]
struct Pair<T: Ord>(T, Vec<T>);

#[test]
fn attributes_work_at_another_path() {
    let host = host_with(&["renamed"]);
    assert_eq!(host.get::<fn(&str) -> String>("greet").unwrap()("you"), "Hello, you!");
    assert_eq!(host.get::<AtomicU64>("VISITS").unwrap().load(Ordering::Relaxed), 101, "the init hook has run");
    let last = host.get::<Mutex<Option<String>>>("LAST").unwrap();
    assert_eq!(last.lock().unwrap().as_deref(), Some("you"));

    let fill = host.get::<fn(&mut Page<u64>, Choice<3>) -> Choice<3>>("fill").unwrap();
    let mut page = Page { items: vec![7], next: None, title: "title".to_owned() };
    for choice in [Choice::Nothing, Choice::Bytes([1, 2, 3]), Choice::Named { point: Point { x: 1.0, y: 2.0 } }] {
        assert_eq!(fill(&mut page, choice.clone()), choice);
    }
    assert_eq!(page.items, [7, 0, 6, 3]);
    let page = Page { next: Some(Box::new(page.clone())), ..page };
    assert_eq!(host.get::<fn(&Page<u64>) -> Page<u64>>("copy_page").unwrap()(&page), page);

    let fault = host.get::<fn(&str) -> Result<(), Fault>>("fails").unwrap()("on purpose").unwrap_err();
    assert!(fault.to_string().contains("on purpose"), "{fault}");

    let path_of = host.get::<fn(Event) -> Option<String>>("path_of").unwrap();
    assert_eq!(path_of(Event::Opened("path".to_owned())).as_deref(), Some("path"));
    assert_eq!(path_of(Event::Unknown), None);
    let least = host.get::<fn(&Pair<String>) -> String>("least").unwrap();
    assert_eq!(least(&Pair("b".to_owned(), vec!["c".to_owned(), "a".to_owned()])), "a");
    assert_eq!(host.get::<fn(u64) -> u64>("twice").unwrap()(4), 8);
}

#[test]
fn hooks_at_another_path_hand_the_state_over() {
    let host = host_with(&["renamed"]);
    host.get::<fn(&str) -> String>("greet").unwrap()("you");
    host.reload(fixture("renamed")).unwrap();
    assert_eq!(host.get::<AtomicU64>("VISITS").unwrap().load(Ordering::Relaxed), 101, "the next version has the state");
}
