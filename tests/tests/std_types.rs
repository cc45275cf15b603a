//! The types of std, and of other crates, between a host and a plugin.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use plugin_host::Fault;
use serde_json::Value;
use tests::host_with;

#[test]
fn shared_text_is_copied() {
    let host = host_with(&["zoo"]);
    let text: Arc<str> = "shared".into();
    let back = host.get::<fn(Arc<str>) -> Arc<str>>("echo_arc_str").unwrap()(text.clone());
    assert_eq!((Arc::strong_count(&text), &back), (1, &text));
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
