//! Numbers in JSON of any precision, which serde_json has if anything in a program enables its feature
//! `arbitrary_precision`. So the programs of this test are built apart: nothing in this workspace enables the feature.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use plugin_host::build::Build;
use serde_json::{Value, json};
use tests::{fixture, fixture_target_dir, host, is_long_run};

/// A plugin, and a host in the same crate, both with the feature.
const MANIFEST: &str = r#"
[workspace]

[package]
name = "precise"
version = "1.0.0"
edition = "2024"

[lib]
crate-type = ["cdylib"]

[dependencies]
plugin-core = { path = "CRATES/plugin-core", features = ["serde_json"] }
plugin-host = { path = "CRATES/plugin-host", features = ["json", "serde_json"] }
serde_json = { version = "1", features = ["arbitrary_precision"] }
"#;

const PLUGIN: &str = r#"
use plugin_core::plugin_export;
use serde_json::Value;

#[plugin_export]
fn precise_echo(value: Value) -> Value {
    value
}

#[plugin_export]
fn precise_text(value: &Value) -> String {
    value.to_string()
}

#[plugin_export]
fn precise_parse(text: &str) -> Value {
    text.parse().unwrap()
}
"#;

const HOST: &str = r#"
use plugin_host::{Host, Trust};
use serde_json::{Value, json};

fn main() {
    let [precise, other] = [1, 2].map(|index| std::env::args().nth(index).unwrap());
    // SAFETY: the test has built both files.
    let host = Host::new(unsafe { Trust::any() });
    host.load(precise).unwrap();
    let echo = host.get::<fn(Value) -> Value>("precise_echo").unwrap();
    let text = host.get::<fn(&Value) -> String>("precise_text").unwrap();
    let parse = host.get::<fn(&str) -> Value>("precise_parse").unwrap();
    for number in [
        "0", "-0", "7", "-7", "18446744073709551615", "18446744073709551616", "-9223372036854775808", "0.1", "0.10", "1E+2",
        "1e400", "-0.10000000000000000001", "123456789012345678901234567890", "1e99999999999999999999",
    ] {
        let value: Value = number.parse().unwrap();
        // serde_json writes all exponents with a sign.
        assert_eq!(value.to_string().replace("e+", "e"), number.to_lowercase().replace("e+", "e"));
        let nested = json!({"a": [value, 5, "text"], "b": value});
        assert_eq!(echo(nested.clone()), nested);
        assert_eq!(text(&nested), nested.to_string());
        assert_eq!(parse(number), value);
        // As serde_json itself gives a `Value` to others: some numbers as the `i64` or `f64` of the same value.
        let given: Value = serde_json::from_value(nested.clone()).unwrap();
        assert_eq!(host.call_json("precise_echo", &json!([nested])).unwrap(), given);
        assert_eq!(host.call_json("precise_text", &json!([nested])).unwrap(), given.to_string());
    }

    // A plugin without the feature takes what it can have, and refuses the rest.
    host.load(other).unwrap();
    let length = host.get::<fn(Value) -> Result<Value, plugin_host::Fault>>("echo_json").unwrap();
    assert_eq!(length("1.50".parse().unwrap()).unwrap(), json!(1.5));
    let refused = length("0.10000000000000000001".parse().unwrap()).unwrap_err().to_string();
    assert!(refused.contains("serde_json cannot keep the JSON number 0.10000000000000000001 exactly"), "{refused}");
    println!("all is as it was");
}
"#;

/// The plugin and the host, built without a network.
fn built() -> (PathBuf, PathBuf) {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let crates = workspace.to_str().unwrap().replace('\\', "/");
    fs::create_dir(directory.path().join("src")).unwrap();
    for (file, text) in
        [("Cargo.toml", &*MANIFEST.replace("CRATES", &crates)), ("src/lib.rs", PLUGIN), ("src/main.rs", HOST)]
    {
        fs::write(directory.path().join(file), text).unwrap();
    }
    fs::copy(workspace.join("Cargo.lock"), directory.path().join("Cargo.lock")).unwrap();
    let target = fixture_target_dir("precise");
    let plugin = Build::new(directory.path()).target_dir(&target).arg("--offline").arg("--bins").run().unwrap();
    let host = plugin.with_file_name(format!("precise{}", std::env::consts::EXE_SUFFIX));
    (plugin, host)
}

#[test]
fn no_digit_is_lost_silently() {
    if std::env::var_os("PLUGIN_TEST_FIXTURES").is_some() || std::env::var_os("PLUGIN_TEST_CARGO_ARGS").is_some() {
        println!("skipped: the programs of this test are built by this system's cargo, for this system");
        return;
    }
    if !is_long_run("numbers of arbitrary precision, for which a host is built anew") {
        return;
    }
    let (plugin, program) = built();
    let output = Command::new(program).arg(&plugin).arg(fixture("zoo")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "all is as it was\n");

    // A host without the feature, as this test is.
    let host = host();
    host.load(plugin).unwrap();
    let parse = host.get::<fn(&str) -> Value>("precise_parse").unwrap();
    for (text, expected) in [("0.1", json!(0.1)), ("1e2", json!(100.0)), ("-0", json!(-0.0)), ("7", json!(7))] {
        assert_eq!(parse(text), expected);
    }
    for text in ["0.10000000000000000001", "1e+400", "123456789012345678901234567890"] {
        let panic = catch_unwind(AssertUnwindSafe(|| parse(text))).unwrap_err();
        let expected = format!(
            "serde_json cannot keep the JSON number {text} exactly on this side; enable its feature \
             `arbitrary_precision` here too, or pass such numbers as text"
        );
        assert_eq!(panic.downcast_ref::<String>(), Some(&expected));
        let error = host.call_json("precise_parse", &json!([text])).unwrap_err().to_string();
        assert!(error.contains(&format!("this program cannot keep the JSON number {text} exactly")), "{error}");
    }
}
