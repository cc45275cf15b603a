//! A panic in a plugin reaches the host, and both go on working.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use plugin_host::{Fault, Host, PanicStrategy, Trust, inspect};
use tests::{build_of, fixture, fixture_target_dir, host_with};

/// What a call that is expected to panic panicked with.
fn panic_message(call: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(call)).expect_err("the call panics");
    *payload.downcast::<String>().expect("the panic has a text")
}

#[test]
fn as_a_value_with_message_and_location() {
    let host = host_with(&["zoo"]);
    let panic_with = host.get::<fn(&str) -> Result<u32, Fault>>("panic_with").unwrap();
    let fault = panic_with("on purpose").unwrap_err();
    assert_eq!(fault.message, "on purpose");
    assert_eq!(fault.export.as_deref(), Some("zoo::panic_with"));
    assert_eq!(fault.backtrace, None);
    let location = fault.location.clone().unwrap();
    assert!(location.file.ends_with("panics.rs"), "{location}");
    let source = include_str!("../fixtures/zoo/src/panics.rs");
    let line = 1 + source.lines().position(|line| line.contains("panic!(\"{message}\")")).unwrap();
    assert_eq!((location.line as usize, location.column), (line, 5));
    assert_eq!(fault.to_string(), format!("plugin export `zoo::panic_with` panicked at {location}: on purpose"));
    // The plugin goes on working.
    assert_eq!(host.get::<fn(u64, u64) -> u64>("add").unwrap()(1, 2), 3);
    assert_eq!(panic_with("again").unwrap_err().message, "again");
}

#[test]
fn as_a_panic_in_the_caller() {
    let host = host_with(&["zoo"]);
    let divide = host.get::<fn(i32, i32) -> i32>("divide").unwrap();
    assert_eq!(divide(6, 3), 2);
    let message = panic_message(|| _ = divide(1, 0));
    assert!(message.starts_with("plugin export `zoo::divide` panicked at "), "{message}");
    assert!(message.ends_with(": attempt to divide by zero"), "{message}");
    assert_eq!(divide(6, 2), 3);
}

#[test]
fn in_drop() {
    let host = host_with(&["zoo"]);
    let fault = host.get::<fn() -> Result<u8, Fault>>("panic_in_drop").unwrap()().unwrap_err();
    assert_eq!(fault.message, "dropping a value");
    assert!(fault.location.is_some());
}

#[test]
fn with_a_payload_that_panics_itself() {
    let host = host_with(&["zoo"]);
    let fault = host.get::<fn() -> Result<(), Fault>>("panic_with_payload").unwrap()().unwrap_err();
    assert_eq!(fault.message, "(a payload that is not text)");
    assert!(fault.location.is_some());
}

#[test]
fn resumed_without_passing_the_hook() {
    let host = host_with(&["zoo"]);
    let fault = host.get::<fn() -> Result<(), Fault>>("resume").unwrap()().unwrap_err();
    assert_eq!(fault.message, "resumed");
    assert_eq!(fault.location, None, "the place of the first panic is not that of the second");
}

/// The place is that of the panic that was not caught, not of the last that was raised.
#[test]
fn around_another_that_is_caught() {
    let host = host_with(&["spawner"]);
    let fault = host.get::<fn() -> Result<(), Fault>>("panic_around_another").unwrap()().unwrap_err();
    assert_eq!(fault.message, "the outer");
    let source = include_str!("../fixtures/spawner/src/lib.rs");
    let line = 1 + source.lines().position(|line| line.contains("panic!(\"the outer\")")).unwrap();
    assert_eq!(fault.location.unwrap().line as usize, line);
}

#[test]
fn caught_by_the_plugin_itself() {
    let host = host_with(&["zoo"]);
    assert_eq!(host.get::<fn() -> Result<String, Fault>>("catch_own_panic").unwrap()().unwrap(), "caught inside");
}

/// A plugin's std reads symbols from the file that it was mapped from, by its path: that must lead to this file for as long
/// as the plugin is there, whatever files the process opens and closes meanwhile.
#[test]
fn backtraces_name_functions_files_and_lines() {
    let source = include_str!("../fixtures/troubled/src/lib.rs");
    let line = 1 + source.lines().position(|line| line.contains("Backtrace::force_capture()")).unwrap();
    let host = host_with(&["troubled"]);
    // If the number of the plugin's descriptor were free, one of these would get it.
    let others: Vec<_> =
        (0..200).map(|_| std::fs::File::open("/proc/self/exe").or_else(|_| tempfile::tempfile())).collect();
    let backtrace = host.get::<fn() -> String>("where_am_i").unwrap()();
    assert!(others.iter().all(Result::is_ok));
    assert!(backtrace.contains("troubled::where_am_i"), "{backtrace}");
    if cfg!(windows) {
        println!("skipped in part: plugins for Windows are built without information on lines here");
    } else {
        assert!(backtrace.contains(&format!("lib.rs:{line}:")), "{backtrace}");
    }
}

#[test]
fn backtraces_when_asked_for() {
    // SAFETY: as in `tests::host`.
    let host = Host::new(unsafe { Trust::any() }).with_backtraces(true);
    host.load(fixture("zoo")).unwrap();
    let fault = host.get::<fn(&str) -> Result<u32, Fault>>("panic_with").unwrap()("traced").unwrap_err();
    let backtrace = fault.backtrace.unwrap();
    assert!(backtrace.contains("zoo::panics::panic_with"), "{backtrace}");
}

/// What no call returns goes to the fault handler.
#[test]
fn in_a_thread_of_the_plugins() {
    let faults: Arc<Mutex<Vec<Fault>>> = Arc::default();
    let seen = faults.clone();
    // SAFETY: as in `tests::host`.
    let host =
        Host::new(unsafe { Trust::any() }).with_fault_handler(move |fault| seen.lock().unwrap().push(fault.clone()));
    host.load(fixture("threads")).unwrap();
    host.get::<fn(String)>("panic_in_thread").unwrap()("alone".to_owned());
    let started = std::time::Instant::now();
    while faults.lock().unwrap().is_empty() {
        assert!(started.elapsed().as_secs() < 20, "nothing is reported");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let faults = faults.lock().unwrap();
    let [fault] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!(fault.message, "alone");
    assert!(fault.location.as_ref().unwrap().file.ends_with("lib.rs"));
    assert_eq!(fault.export.as_deref(), Some("threads"));
    assert!(fault.to_string().starts_with("plugin `threads` panicked outside a call at "), "{fault}");
}

#[test]
fn in_shutdown() {
    let faults: Arc<Mutex<Vec<Fault>>> = Arc::default();
    let seen = faults.clone();
    // SAFETY: as in `tests::host`.
    let host =
        Host::new(unsafe { Trust::any() }).with_fault_handler(move |fault| seen.lock().unwrap().push(fault.clone()));
    host.load(fixture("shutdown-fails")).unwrap();
    drop(host);
    let faults = faults.lock().unwrap();
    let said: Vec<_> = faults.iter().map(|fault| (fault.export.as_deref().unwrap(), fault.message.as_str())).collect();
    assert_eq!(
        said,
        [("shutdown-fails::first", "will not stop"), ("shutdown-fails::last", "the shutdown hook failed: cannot stop"),]
    );
}

/// Only a plugin that unwinds can report a panic; one that aborts says so, and works as long as it does not panic.
#[test]
fn a_plugin_that_aborts_is_loadable() {
    if std::env::var_os("PLUGIN_TEST_FIXTURES").is_some() {
        println!("skipped: there is no cargo here to build a plugin with panic = \"abort\"");
        return;
    }
    if std::env::var("PLUGIN_TEST_CARGO_ARGS").is_ok_and(|arguments| arguments.contains("build-std")) {
        println!("skipped: the std that is built here unwinds");
        return;
    }
    let aborts = build_of("aborts").target_dir(fixture_target_dir("aborts"));
    let aborts = aborts.arg("--config").arg("profile.dev.panic=\"abort\"").run().unwrap();
    assert_eq!(inspect(&aborts).unwrap().panic, PanicStrategy::Abort);
    assert_eq!(inspect(fixture("zoo")).unwrap().panic, PanicStrategy::Unwind);
    let host = tests::host();
    host.load(aborts).unwrap();
    assert_eq!(host.get::<fn(u64, u64) -> u64>("add").unwrap()(20, 22), 42);
}
