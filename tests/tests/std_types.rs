//! The types of std, and of other crates, between a host and a plugin.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use plugin_host::Fault;
use serde_json::Value;
use tests::round_trips::not_unicode;
use tests::{host_with, round_trips};

#[test]
fn every_type_of_std_crosses() {
    round_trips::std_types(&host_with(&["zoo"]));
}

#[test]
fn a_text_in_the_plugin_is_copied() {
    let host = host_with(&["zoo"]);
    let text = host.get::<fn() -> Cow<'static, str>>("static_text").unwrap()();
    drop(host);
    assert_eq!(text, "it is in the library");
}

#[test]
fn shared_text_stays_shared_where_it_was() {
    let host = host_with(&["zoo"]);
    let text: Arc<str> = "shared".into();
    let back = host.get::<fn(Arc<str>) -> Arc<str>>("echo_arc_str").unwrap()(text.clone());
    assert_eq!(Arc::strong_count(&text), 1);
    drop(host);
    assert_eq!(back, text);
}

#[test]
fn paths_cross_behind_references() {
    let host = host_with(&["zoo"]);
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

#[test]
fn maps_cross_behind_references() {
    let host = host_with(&["zoo"]);
    let map = HashMap::from([("a".to_owned(), vec![1, 2]), ("b".to_owned(), vec![]), ("c".to_owned(), vec![3])]);
    let sum = host.get::<fn(&HashMap<String, Vec<u32>>) -> u32>("sum_values").unwrap();
    assert_eq!(sum(&map), 6);
    assert_eq!(sum(&map), 6, "the map is still the caller's");
    let mut map = BTreeMap::from([("to".to_owned(), "you".to_owned())]);
    host.get::<fn(&mut BTreeMap<String, String>)>("insert").unwrap()(&mut map);
    assert_eq!(map.len(), 2);
    assert_eq!((map["from"].as_str(), map["to"].as_str()), ("the zoo", "you"));
}

/// The texts of an error and its causes.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> Vec<String> {
    let mut messages = Vec::new();
    let mut next: Option<&'a (dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        messages.push(error.to_string());
        next = error.source();
    }
    messages
}

#[test]
fn errors_keep_what_they_say_and_their_causes() {
    let host = host_with(&["zoo"]);
    let fail = host.get::<fn(u32) -> Result<u32, Box<dyn Error + Send + Sync>>>("fail_below_ten").unwrap();
    assert_eq!(fail(11).unwrap(), 11);
    let error = fail(9).unwrap_err();
    // The errors are the host's own.
    drop((fail, host));
    assert_eq!(error.to_string(), "no answer");
    assert_eq!(chain(&*error), ["no answer", "bad number", "too small"]);
    assert_eq!(format!("{error:?}"), "no answer\n  caused by: bad number\n  caused by: too small");
}

#[test]
fn an_error_is_not_a_panic() {
    let host = host_with(&["zoo"]);
    type Try = fn(u32) -> Result<Result<u32, Box<dyn Error + Send + Sync>>, Fault>;
    let fail = host.get::<Try>("fail_below_ten").unwrap();
    assert_eq!(fail(11).unwrap().unwrap(), 11);
    assert_eq!(fail(9).unwrap().unwrap_err().to_string(), "no answer");
    assert_eq!(fail(10).unwrap_err().message, "at ten");

    let fail = host.get::<fn() -> Result<Result<(), Box<dyn Error>>, Fault>>("fail_badly").unwrap();
    assert_eq!(fail().unwrap_err().message, "while it was shown");
}

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("größe is no number")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn errors_of_every_kind_cross() {
    let host = host_with(&["zoo"]);
    let outer = || Outer("größe".parse::<u8>().unwrap_err());
    let expected = ["größe is no number", "invalid digit found in string"];
    macro_rules! error {
        ($name:literal $ty:ty) => {
            let back = host.get::<fn($ty) -> $ty>($name).unwrap()(Box::new(outer()));
            assert_eq!(chain(&*back), expected);
            // An error that has crossed crosses again like any other.
            let back = host.get::<fn($ty) -> $ty>($name).unwrap()(back);
            assert_eq!(chain(&*back), expected);
            assert_eq!(chain(&*host.get::<fn($ty) -> $ty>($name).unwrap()("".into())), [""]);
        };
    }
    error!("echo_error" Box<dyn Error>);
    error!("echo_error_send_sync" Box<dyn Error + Send + Sync>);
    let echo = host.get::<fn(Box<dyn Error + Send>) -> Box<dyn Error + Send>>("echo_error_send").unwrap();
    assert_eq!(chain(&*echo(Box::new(outer()))), expected);
    // The other side cannot tell them apart.
    assert!(host.get::<fn(u32) -> Result<u32, Box<dyn Error>>>("fail_below_ten").is_ok());
}

#[test]
fn bytes_are_not_copied() {
    let host = host_with(&["zoo"]);
    let bytes = Bytes::from(vec![1, 2, 3, 4]);
    assert_eq!(host.get::<fn(&Bytes) -> usize>("bytes_address").unwrap()(&bytes), bytes.as_ptr().addr(), "not copied");
    let mut half = bytes.clone();
    host.get::<fn(&mut Bytes)>("keep_half").unwrap()(&mut half);
    assert_eq!(half, [1, 2][..]);
    assert_eq!(half.as_ptr(), bytes.as_ptr());
    assert_eq!(bytes, [1, 2, 3, 4][..]);
}

/// The panic must not unwind out of the plugin, and no call could return its fault.
#[test]
fn bytes_whose_owner_panics_are_given_up() {
    let host = host_with(&["zoo"]);
    let bytes = host.get::<fn() -> Bytes>("bytes_that_panic").unwrap();
    let first = bytes();
    let part = first.slice(3..5);
    drop(first);
    assert_eq!(part, "is");
    drop(part);
    assert_eq!(host.plugins()[0].call_json("bytes_that_panic", &serde_json::json!([])).unwrap()[0], b'i');
    assert_eq!(bytes(), "it is in the library", "it works on");
}

#[test]
fn bytes_keep_their_library() {
    let host = host_with(&["zoo"]);
    let fixed = host.get::<fn() -> Bytes>("static_bytes").unwrap()();
    let owned = host.get::<fn() -> Bytes>("owned_bytes").unwrap()();
    let echoed = host.get::<fn(Bytes) -> Bytes>("echo_shared_bytes").unwrap()(Bytes::from_owner(vec![1, 2]));
    drop(host);
    assert_eq!(fixed, "it is in the library");
    let part = owned.slice(3..5);
    drop(owned);
    std::thread::spawn(move || {
        assert_eq!(part, "is");
        assert_eq!(echoed, [1, 2][..]);
    })
    .join()
    .unwrap();
    assert_eq!(fixed.slice(..2), "it");
}

#[test]
fn deep_json_crosses() {
    let test = || {
        let host = host_with(&["zoo"]);
        let deeper = |inner, n| match n % 2 {
            0 => Value::Array(vec![inner]),
            _ => Value::Object(std::iter::once((String::new(), inner)).collect()),
        };
        let value = (0..5_000).fold(Value::Null, deeper);
        let lend = host.get::<fn(&Value) -> Value>("lend_json").unwrap();
        let echo = host.get::<fn(Value) -> Value>("echo_json").unwrap();
        let lent = lend(&value);
        assert!(lent == value);
        assert!(echo(lent) == value);
    };
    // serde_json itself drops, clones and compares by recursion.
    std::thread::Builder::new().stack_size(128 << 20).spawn(test).unwrap().join().unwrap();
}
