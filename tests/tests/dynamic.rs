//! Calls without types, in JSON and other formats, from the exports' descriptors alone.

use plugin_host::{CallError, Host};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use tests::round_trips::{cases, check};
use tests::{host, host_with};

/// Expects each value that the strategy makes back from the export, through JSON and through a binary format.
fn echoes<S: Strategy + 'static>(host: &Host, name: &str, strategy: S)
where
    S::Value: Clone + serde::Serialize + serde::de::DeserializeOwned,
{
    check(cases(), strategy, |value| {
        let json = json!([value]);
        assert_eq!(host.call_json(name, &json).unwrap(), json[0]);
        let bytes = postcard::to_stdvec(&(&value,)).unwrap();
        let mut input = postcard::Deserializer::from_bytes(&bytes);
        let mut output = postcard::Serializer { output: postcard::ser_flavors::StdVec::new() };
        host.call_serde(name, &mut input, &mut output).unwrap();
        assert_eq!(postcard::ser_flavors::Flavor::finalize(output.output).unwrap(), bytes);
    });
}

#[test]
fn every_type_crosses_as_json() {
    let host = host_with(&["zoo"]);
    let text = || ".{0,12}";
    echoes(&host, "echo_unit", Just(()));
    echoes(&host, "echo_bool", any::<bool>());
    echoes(&host, "echo_char", any::<char>());
    echoes(&host, "echo_u8", any::<u8>());
    echoes(&host, "echo_u16", any::<u16>());
    echoes(&host, "echo_u32", any::<u32>());
    echoes(&host, "echo_u64", any::<u64>());
    // The range of JSON's integers.
    echoes(&host, "echo_u128", any::<u64>().prop_map(u128::from));
    echoes(&host, "echo_usize", any::<usize>());
    echoes(&host, "echo_i8", any::<i8>());
    echoes(&host, "echo_i16", any::<i16>());
    echoes(&host, "echo_i32", any::<i32>());
    echoes(&host, "echo_i64", any::<i64>());
    echoes(&host, "echo_i128", any::<i64>().prop_map(i128::from));
    echoes(&host, "echo_isize", any::<isize>());
    echoes(&host, "echo_f32", -1e30_f32..1e30);
    echoes(&host, "echo_f64", -1e300..1e300);
    echoes(&host, "echo_string", text());
    echoes(&host, "echo_bytes", vec(any::<u8>(), 0..100));
    echoes(&host, "echo_floats", vec(-1e300..1e300, 0..20));
    echoes(&host, "echo_wides", vec(any::<u64>().prop_map(u128::from), 0..20));
    echoes(&host, "echo_strings", vec(text(), 0..10));
    echoes(&host, "echo_nested", vec(vec(prop::option::of(text()), 0..5), 0..5));
    echoes(&host, "echo_option", any::<Option<u64>>());
    echoes(&host, "echo_option_string", prop::option::of(text()));
    echoes(&host, "echo_result", any::<Result<u64, String>>());
    echoes(&host, "echo_result_unit", any::<Result<(), Vec<u8>>>());
    echoes(&host, "echo_tuple1", any::<(u8,)>());
    echoes(&host, "echo_tuple2", any::<(u8, u64)>());
    echoes(&host, "echo_tuple3", (text(), any::<bool>(), -1e30_f32..1e30));
    echoes(&host, "echo_tuple8", any::<(u8, u16, u32, u64, i8, i16, i32, i64)>());
    echoes(&host, "echo_array", any::<[u32; 5]>());
    echoes(&host, "echo_array_strings", [text(), text(), text()]);
    echoes(&host, "echo_box", any::<u64>());
    echoes(&host, "echo_box_string", text());
    echoes(&host, "echo_boxed_box", any::<Option<u8>>());
    echoes(&host, "echo_box_unit", Just(()));
    type Everything = Option<Result<(Vec<[u16; 2]>, Box<String>), Vec<Option<char>>>>;
    echoes(&host, "echo_everything", any::<Everything>());
    let grid = vec(vec(-1e30_f32..1e30, 2), 3).prop_map(|rows| {
        let row = |index: usize| [rows[index][0], rows[index][1]];
        [row(0), row(1), row(2)]
    });
    echoes(&host, "echo_grid", grid);
}

/// In `round_trips`, each type that crosses as a value also crosses as JSON.
#[test]
fn every_echo_export_is_tested() {
    let sources = [
        include_str!("../src/round_trips/basic_types.rs"),
        include_str!("../src/round_trips/std_types.rs"),
        include_str!("../src/round_trips/user_types.rs"),
        include_str!("../src/conformance/errors.rs"),
    ]
    .concat();
    for export in host_with(&["zoo"]).plugins()[0].exports() {
        let Some(name) = export.name.strip_prefix("echo_") else { continue };
        let named = sources.contains(&format!("\"{name}\"")) || sources.contains(&format!("\"echo_{name}\""));
        assert!(named, "{} is not tested", export.name);
    }
}

#[test]
fn wide_integers_cross_in_a_binary_format() {
    let host = host_with(&["zoo"]);
    check(cases(), any::<(u128, i128)>(), |(unsigned, signed)| {
        for (name, bytes) in [
            ("echo_u128", postcard::to_stdvec(&(unsigned,)).unwrap()),
            ("echo_i128", postcard::to_stdvec(&(signed,)).unwrap()),
        ] {
            let mut output = postcard::Serializer { output: postcard::ser_flavors::StdVec::new() };
            host.call_serde(name, &mut postcard::Deserializer::from_bytes(&bytes), &mut output).unwrap();
            assert_eq!(postcard::ser_flavors::Flavor::finalize(output.output).unwrap(), bytes);
        }
    });
}

#[test]
fn functions_of_several_shapes_are_called() {
    let host = host_with(&["zoo"]);
    let plugin = host.plugin("zoo").unwrap();
    assert_eq!(plugin.call_json("nothing", &json!([])).unwrap(), json!(null));
    assert_eq!(plugin.call_json("add", &json!([1, 2])).unwrap(), 3);
    let six = json!([1, 2, 3, 4, "fünf", [6, 7]]);
    assert_eq!(host.call_json("six", &six).unwrap(), "1 2 3 4 fünf [6, 7]");
    assert_eq!(host.call_json("pattern", &json!([[1, 2], [3, 4], true])).unwrap(), 10);
    assert_eq!(host.call_json("a name with spaces, and ünïcode", &json!([])).unwrap(), "renamed");
}

#[test]
fn shared_references_are_arguments() {
    let host = host_with(&["zoo"]);
    for _ in 0..3 {
        assert_eq!(host.call_json("length", &json!(["größe"])).unwrap(), 7);
        assert_eq!(host.call_json("length", &json!([""])).unwrap(), 0);
        assert_eq!(host.call_json("sum", &json!([[0.5, 1, 2.5]])).unwrap(), 4.0);
        assert_eq!(host.call_json("sum", &json!([[]])).unwrap(), 0.0);
        assert_eq!(host.call_json("join", &json!([["a", "", "c"]])).unwrap(), "a++c");
        assert_eq!(host.call_json("join", &json!([[]])).unwrap(), "");
        assert_eq!(host.call_json("read_u64", &json!([u64::MAX])).unwrap(), u64::MAX);
        assert_eq!(host.call_json("read_nested", &json!([["abc", null, "de"]])).unwrap(), 5);
    }
}

/// Calls an export, and returns the arguments after the call.
fn changed(host: &Host, name: &str, mut arguments: Value) -> (Result<Value, CallError>, Value) {
    let result = host.call_json_mut(name, &mut arguments);
    (result, arguments)
}

#[test]
fn changed_arguments_are_returned() {
    let host = host_with(&["zoo"]);
    let (result, arguments) = changed(&host, "double_all", json!([[1, -2, 3]]));
    assert_eq!((result.unwrap(), arguments), (json!(null), json!([[2, -4, 6]])));
    let (result, arguments) = changed(&host, "increment", json!([41]));
    assert_eq!((result.unwrap(), arguments), (json!(null), json!([42])));
    let (result, arguments) = changed(&host, "append", json!([["ann"], "bob"]));
    assert_eq!((result.unwrap(), arguments), (json!(2), json!([["ann", "bob"], "bob"])));
    let (result, arguments) = changed(&host, "swap_ends", json!([["a", "b", "c"]]));
    assert_eq!((result.unwrap(), arguments), (json!(null), json!([["c", "b", "a"]])));
    let (result, arguments) = changed(&host, "exchange", json!(["a", "b", 1, [2, 3]]));
    assert_eq!((result.unwrap(), arguments), (json!(null), json!(["b", "a", 2, [1, 3]])));
    // The function also works for exports that change nothing.
    let (result, arguments) = changed(&host, "length", json!(["abc"]));
    assert_eq!((result.unwrap(), arguments), (json!(3), json!(["abc"])));

    let error = host.call_json("append", &json!([["ann"], "bob"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot call `zoo::append`: it changes its argument 1 (`names`); use `call_json_mut`"
    );
}

#[test]
fn panics_are_faults() {
    let host = host_with(&["zoo"]);
    let error = host.call_json("panic_with", &json!(["on purpose"])).unwrap_err();
    let CallError::Fault(fault) = &error else { panic!("{error}") };
    assert_eq!((fault.message.as_str(), fault.export.as_deref()), ("on purpose", Some("zoo::panic_with")));
    assert!(fault.location.as_ref().unwrap().file.ends_with("panics.rs"));
    assert!(error.to_string().starts_with("plugin export `zoo::panic_with` panicked at "), "{error}");
    assert_eq!(host.call_json("divide", &json!([7, 2])).unwrap(), 3);
    assert!(matches!(host.call_json("divide", &json!([7, 0])), Err(CallError::Fault(_))));

    // Changes before the panic are seen.
    let (result, arguments) = changed(&host, "append_and_panic", json!([["ann"]]));
    assert!(matches!(result, Err(CallError::Fault(fault)) if fault.message == "half way"));
    assert_eq!(arguments, json!([["ann", "before the panic"]]));
    let (result, arguments) = changed(&host, "swap_ends", json!([[]]));
    assert!(matches!(result, Err(CallError::Fault(_))));
    assert_eq!(arguments, json!([[]]));
}

/// The error of a call that fails.
fn message(host: &Host, name: &str, arguments: Value) -> String {
    match host.call_json(name, &arguments) {
        Ok(value) => panic!("{value}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn wrong_arguments_are_named() {
    let host = host_with(&["zoo"]);
    for (name, arguments, expected) in [
        (
            "length",
            json!([5]),
            "cannot call `zoo::length`: argument 1 (`text`): invalid type: integer `5`, expected a string",
        ),
        (
            "join",
            json!([["a", "b", 3]]),
            "cannot call `zoo::join`: argument 1 (`texts[2]`): invalid type: integer `3`, expected a string",
        ),
        (
            "read_nested",
            json!([["a", null, [1]]]),
            "cannot call `zoo::read_nested`: argument 1 (`value[2]`): invalid type: sequence, expected a string",
        ),
        (
            "six",
            json!([1, 2, -3, 4, "", []]),
            "cannot call `zoo::six`: argument 3 (`c`): invalid value: integer `-3`, expected u32",
        ),
        (
            "six",
            json!([1, 2, 3, 4, "", [0, 256]]),
            "cannot call `zoo::six`: argument 6 (`f[1]`): invalid value: integer `256`, expected u8",
        ),
        (
            "pattern",
            json!([[1], [], false]),
            "cannot call `zoo::pattern`: argument 1 (`_`): invalid length 1, expected a tuple of size 2",
        ),
        (
            "echo_array_strings",
            json!([["a", "b"]]),
            "cannot call `zoo::echo_array_strings`: argument 1 (`value`): invalid length 2, expected an array of length 3",
        ),
        (
            "echo_array_strings",
            json!([["a", "b", "c", "d"]]),
            "cannot call `zoo::echo_array_strings`: argument 1 (`value`): invalid length 4, expected fewer elements in \
             array",
        ),
        (
            "echo_result",
            json!([{"Okay": 1}]),
            "cannot call `zoo::echo_result`: argument 1 (`value`): unknown variant `Okay`, expected `Ok` or `Err`",
        ),
        (
            "echo_result",
            json!([{"Err": 1}]),
            "cannot call `zoo::echo_result`: argument 1 (`value.Err`): invalid type: integer `1`, expected a string",
        ),
        (
            "echo_everything",
            json!([{"Ok": [[[1, 2], [3, "4"]], "text"]}]),
            "cannot call `zoo::echo_everything`: argument 1 (`value.Ok[0][1][1]`): invalid type: string \"4\", expected \
             u16",
        ),
        (
            "echo_tuple3",
            json!([["was built before it failed", true, "x"]]),
            "cannot call `zoo::echo_tuple3`: argument 1 (`value[2]`): invalid type: string \"x\", expected f32",
        ),
        ("add", json!([1]), "cannot call `zoo::add`: 1 argument given, `fn add(a: u64, b: u64) -> u64` takes 2"),
        ("add", json!([1, 2, 3]), "cannot call `zoo::add`: 3 arguments given, `fn add(a: u64, b: u64) -> u64` takes 2"),
        ("add", json!({"a": 1, "b": 2}), "cannot call `zoo::add`: the arguments are not in an array"),
        ("TEXT", json!([]), "cannot call `zoo::TEXT`: it is a static, `static TEXT: &str`"),
        ("addd", json!([]), "no loaded plugin exports `addd`; there is `add`"),
    ] {
        assert_eq!(message(&host, name, arguments), expected);
    }
    let error = host.plugin("zoo").unwrap().call_json("addd", &json!([])).unwrap_err();
    assert_eq!(error.to_string(), "plugin `zoo` exports no `addd`; there is `add`");
}

#[test]
fn text_that_ends_early_is_refused() {
    let host = host_with(&["zoo"]);
    for (input, expected) in [
        ("[1, ", "cannot call `zoo::add`: argument 2 (`b`): EOF while parsing a value at line 1 column 4"),
        ("[1]", "cannot call `zoo::add`: 1 argument given, `fn add(a: u64, b: u64) -> u64` takes 2"),
        ("[1, 2, 3]", "cannot call `zoo::add`: trailing characters at line 1 column 8"),
        (
            "7",
            "cannot call `zoo::add`: invalid type: integer `7`, expected a sequence of 2 arguments at line 1 column 1",
        ),
    ] {
        let result =
            host.call_serde("add", &mut serde_json::Deserializer::from_str(input), serde_json::value::Serializer);
        assert_eq!(result.unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_result_without_a_form_in_the_format_is_an_error() {
    let host = host_with(&["zoo"]);
    let mut input = postcard::Deserializer::from_bytes(&[]);
    assert_eq!(host.call_serde("nothing", &mut input, serde_json::value::Serializer).unwrap(), json!(null));
    let bytes = postcard::to_stdvec(&(vec![1, u128::MAX],)).unwrap();
    let mut input = postcard::Deserializer::from_bytes(&bytes);
    let error = host.call_serde("echo_wides", &mut input, serde_json::value::Serializer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the result (`result[1]`) of `zoo::echo_wides` cannot be represented: number out of range"
    );
}

#[test]
fn statics_are_read() {
    let host = host_with(&["zoo"]);
    for _ in 0..2 {
        assert_eq!(host.get_json("TEXT").unwrap(), "some text");
        assert_eq!(host.get_json("PRIMES").unwrap(), json!([2, 3, 5, 7]));
        assert_eq!(host.get_json("PAIRS").unwrap(), json!([[1, true], [2, false]]));
        assert_eq!(host.get_json("ANSWER").unwrap(), 42);
        assert_eq!(host.get_json("TABLE").unwrap(), json!([0.5, 1.5, 2.5, 3.5]));
        assert_eq!(host.get_json("MAYBE").unwrap(), 7);
    }
    let plugin = host.plugin("zoo").unwrap();
    assert_eq!(plugin.get_json("COUNTER").unwrap(), 10);
    plugin.call_json("bump_counter", &json!([])).unwrap();
    assert_eq!(plugin.get_json("COUNTER").unwrap(), 11);
    assert_eq!(plugin.get_json("FLAG").unwrap(), false);
    assert_eq!(
        plugin.get_json("length").unwrap_err().to_string(),
        "cannot read `zoo::length`: it is a function, `fn length(text: &str) -> usize`"
    );
}

#[test]
fn locks_are_held_while_they_are_read() {
    let host = host_with(&["zoo"]);
    assert_eq!(host.get_json("LIMITS").unwrap(), json!([]));
    host.call_json("push_limit", &json!([7])).unwrap();
    assert_eq!(host.get_json("LIMITS").unwrap(), json!([7]));
    assert_eq!(host.call_json("can_lock_limits", &json!([])).unwrap(), true);
    host.get::<std::sync::Mutex<Vec<String>>>("NAMES").unwrap().lock().unwrap().push("ann".to_owned());
    assert_eq!(host.get_json("NAMES").unwrap(), json!(["ann"]));
    assert_eq!(host.get_json("TO_POISON").unwrap(), 1);
    host.call_json("poison", &json!([])).unwrap_err();
    assert_eq!(
        host.get_json("TO_POISON").unwrap_err().to_string(),
        "cannot read `zoo::TO_POISON`: the lock is poisoned"
    );
    // The value in a static is lost when its library is unmapped.
    drop(std::mem::take(&mut *host.get::<std::sync::RwLock<Vec<u32>>>("LIMITS").unwrap().write().unwrap()));
    drop(std::mem::take(&mut *host.get::<std::sync::Mutex<Vec<String>>>("NAMES").unwrap().lock().unwrap()));
}

#[test]
fn a_result_outlives_the_library() {
    let value = {
        let host = host();
        host.load(tests::fixture("zoo")).unwrap();
        host.call_json("echo_strings", &json!([["a", "b"]])).unwrap()
    };
    assert_eq!(value, json!(["a", "b"]));
}

/// Any JSON. Most of it fits arguments of the zoo's exports.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..300_i64).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = prop_oneof![Just("Ok".to_owned()), Just("Err".to_owned()), "[a-z]{1,2}"];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(key, inner, 1..2).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

/// With valgrind, this shows that a wrong value leaks nothing: the parts that were built of it are freed.
#[test]
fn any_json_is_taken_or_refused_without_a_leak() {
    let host = host_with(&["zoo"]);
    let plugin = host.plugin("zoo").unwrap();
    let names = plugin.exports().iter().map(|export| export.name.as_str());
    let echoes: Vec<&str> = names.filter(|name| name.starts_with("echo_")).collect();
    check(cases(), (anything(), any::<prop::sample::Index>()), |(value, cut)| {
        let arguments = json!([value]);
        let text = arguments.to_string();
        let cut = cut.index(text.len());
        let cut = (0..=cut).rev().find(|&end| text.is_char_boundary(end)).unwrap();
        for name in &echoes {
            match plugin.call_json(name, &arguments) {
                Ok(_) | Err(CallError::Argument { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            // The same text without its end.
            let mut input = serde_json::Deserializer::from_str(&text[..cut]);
            plugin.call_serde(name, &mut input, serde_json::value::Serializer).unwrap_err();
        }
    });
}

/// Reads its text and then panics, and panics when written to.
struct Panics(&'static [u8]);

impl std::io::Read for Panics {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        assert!(!self.0.is_empty(), "there is no more");
        self.0.read(buffer)
    }
}

impl std::io::Write for Panics {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        panic!("not to be written to")
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// With valgrind, this shows that a format's panic leaks nothing.
#[test]
fn a_format_that_panics_leaks_nothing() {
    let host = host_with(&["zoo"]);
    let unwound = |run: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_err();
    for (name, input) in [
        ("echo_everything", &br#"[{"Ok": [[[1, 2], [3, 4]], "text"#[..]),
        ("echo_nested", br#"[[["some text", null], ["more"], "#),
        ("echo_array_strings", br#"[["some text", "more", "#),
        ("echo_tuple3", br#"[["some text", true, "#),
        ("six", br#"[1, 2, 3, 4, "some text", [1, 2, "#),
    ] {
        let payload = unwound(&|| {
            let mut input = serde_json::Deserializer::from_reader(Panics(input));
            host.call_serde(name, &mut input, serde_json::value::Serializer).unwrap();
        });
        assert_eq!(*payload.downcast_ref::<&str>().unwrap(), "there is no more");
    }
    unwound(&|| {
        let mut output = serde_json::Serializer::new(Panics(b""));
        host.call_serde("echo_strings", json!([["some text", "more"]]), &mut output).unwrap();
    });
    // The lock is released.
    unwound(&|| host.get_serde("LIMITS", &mut serde_json::Serializer::new(Panics(b""))).unwrap());
    assert_eq!(host.call_json("can_lock_limits", &json!([])).unwrap(), true);
}
