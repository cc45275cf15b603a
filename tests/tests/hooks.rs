//! Init and shutdown hooks: their order, and the fate of a plugin whose hooks fail.

use std::path::Path;

use plugin_host::Error;
use tests::{fixture, host, host_with};

#[test]
fn hooks_run_in_the_documented_order() {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report");
    let host = host_with(&["assembled"]);
    assert_eq!(
        host.get::<fn() -> Vec<String>>("history").unwrap()(),
        ["parts starts", "assembled starts, one", "assembled starts, two", "assembled::later starts"]
    );
    host.get::<fn(String)>("report_to").unwrap()(report.to_str().unwrap().to_owned());
    drop(host);
    let history = std::fs::read_to_string(&report).unwrap();
    let stops: Vec<_> = history.lines().skip(4).collect();
    // `last_of_all` stands first, so its shutdown hook is the last of its crate. That hook writes the events so far.
    assert_eq!(stops, ["assembled stops, one", "assembled stops, two"]);
}

#[test]
fn a_library_stays_until_its_last_handle_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report");
    let host = host_with(&["assembled"]);
    host.get::<fn(String)>("report_to").unwrap()(report.to_str().unwrap().to_owned());
    let own = host.get::<fn() -> u32>("own").unwrap();
    let clone = own.clone();
    let plugin = host.plugin("assembled").unwrap();
    drop(host);
    drop(own);
    assert_eq!(clone(), 18);
    drop(clone);
    assert!(!report.exists(), "the plugin's handle keeps it");
    drop(plugin);
    assert!(report.exists());
}

/// Runs a test of this file again in a process of its own, with `variable` set to a path in a new directory. In that
/// process, `body` gets the path.
fn in_a_process_with(variable: &str, test: &str, body: impl FnOnce(&Path)) {
    if let Some(path) = std::env::var_os(variable) {
        return body(Path::new(&path));
    }
    let directory = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test]).env(variable, directory.path().join("marker"));
    assert!(child.status().unwrap().success());
}

/// A plugin that has only hooks stays attached for as long as its host exists.
#[test]
fn a_plugin_of_hooks_only() {
    in_a_process_with("HOOKS_ONLY_MARKER", "a_plugin_of_hooks_only", |marker| {
        let host = host_with(&["hooks-only"]);
        assert!(host.plugin("hooks-only").unwrap().exports().is_empty());
        assert!(marker.exists());
        drop(host);
        assert!(!marker.exists());
    });
}

#[test]
fn an_init_hook_that_fails_leaves_nothing() {
    in_a_process_with("INIT_FAILS_MARKER", "an_init_hook_that_fails_leaves_nothing", init_fails);
}

fn init_fails(marker: &Path) {
    let host = host();
    for _ in 0..2 {
        let error = host.load(fixture("init-fails")).unwrap_err();
        let Error::InitFailed { plugin, hook, message, path, .. } = &error else { panic!("{error}") };
        assert_eq!((plugin.as_str(), hook.as_str(), path), ("init-fails", "second", &fixture("init-fails")));
        assert_eq!(message, "invalid digit found in string");
        let file = fixture("init-fails");
        assert_eq!(
            error.to_string(),
            format!(
                "plugin `init-fails` (from `{}`) did not start: its init hook `second` failed: invalid digit found in string",
                file.display()
            )
        );
        assert!(!marker.exists(), "the shutdown hook undoes what the first init hook did");
        assert!(!marker.with_extension("third").exists(), "no hook runs after the one that failed");
        assert!(host.plugins().is_empty());
        assert!(matches!(host.plugin("init-fails"), Err(Error::NoSuchPlugin { .. })));
    }
}

#[test]
fn an_init_hook_that_fails_without_a_text() {
    in_a_process_with("INIT_FAILS_SILENTLY", "an_init_hook_that_fails_without_a_text", |_| {
        let file = fixture("init-fails");
        assert_eq!(
            host().load(&file).unwrap_err().to_string(),
            format!(
                "plugin `init-fails` (from `{}`) did not start: its init hook `second` failed, and says nothing about it",
                file.display()
            )
        );
    });
}

#[test]
fn an_init_hook_that_panics_leaves_nothing() {
    let host = host();
    for _ in 0..2 {
        let error = host.load(fixture("init-panics")).unwrap_err();
        let Error::InitPanicked { plugin, fault, .. } = &error else { panic!("{error}") };
        assert_eq!((plugin.as_str(), fault.message.as_str()), ("init-panics", "cannot start"));
        assert_eq!(fault.export.as_deref(), Some("init-panics::start"));
        let location = fault.location.as_ref().unwrap();
        assert!(location.file.ends_with("lib.rs"));
        let file = fixture("init-panics");
        assert_eq!(
            error.to_string(),
            format!(
                "plugin `init-panics` (from `{}`) did not start: its init hook `start` panicked at {location}: cannot start",
                file.display()
            )
        );
        assert!(host.plugins().is_empty());
    }
    // The host goes on working.
    host.load(fixture("rival")).unwrap();
}

/// A plugin's text without a line feed is in a buffer of the plugin's own std.
#[test]
fn standard_output_is_flushed_at_detach() {
    if std::env::var_os("PLUGIN_TEST_LOAD_ASSEMBLED").is_some() {
        drop(host_with(&["assembled"]));
        // Exit at once, because a normal exit could flush the buffer.
        std::process::abort();
    }
    let exe = std::env::current_exe().unwrap();
    let output = std::process::Command::new(exe)
        .args(["--exact", "standard_output_is_flushed_at_detach", "--nocapture"])
        .env("PLUGIN_TEST_LOAD_ASSEMBLED", "1")
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.ends_with("assembled says goodbye"), "{printed}");
}
