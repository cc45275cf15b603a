//! Places where an object cannot be, with the reason.

use plugin_host::__private::loopback;
use serde_json::json;

use crate::{Number, host};

#[test]
fn a_call_without_types_says_that_an_object_has_no_json() {
    let host = host();
    for (name, arguments) in [
        ("adder", json!([1])),
        ("numbers", json!([1, 2])),
        ("sum", json!([[1, 2]])),
        ("kept", json!([])),
        ("codec", json!(["a"])),
        ("names", json!([{ "first": 1, "rest": [] }])),
    ] {
        let error = host.call_json(name, &arguments).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
        println!("{error}");
    }
}

#[test]
fn objects_stay_in_their_process() {
    let host = loopback(host()).unwrap();
    let error = host.get::<fn(u64) -> Box<Number>>("adder").err().unwrap().to_string();
    assert!(error.contains("closure or iterator"), "{error}");
    assert!(host.get::<fn()>("forget").is_ok(), "the other exports are there");
    for name in ["numbers", "sum", "apply", "each_line", "run", "codec", "name_of", "names", "keep_codec"] {
        let error = host.call_json(name, &json!([])).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("closure or iterator"), "{error}");
    }
}
