//! A panic in a plugin reaches the host, and both go on working.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use plugin_host::{AbortPlugins, Error, Fault, Host, PanicStrategy, Trust, inspect};
use tests::{fixture, host_with, run_child, variant_with};

/// The place is of the panic that was not caught, and not of the newest panic.
#[test]
fn a_panic_around_a_caught_one_keeps_its_place() {
    let host = host_with(&["spawner"]);
    let fault = host.get::<fn() -> Result<(), Fault>>("panic_around_another").unwrap()().unwrap_err();
    assert_eq!(fault.message, "the outer");
    let source = include_str!("../fixtures/spawner/src/lib.rs");
    let line = 1 + source.lines().position(|line| line.contains("panic!(\"the outer\")")).unwrap();
    assert_eq!(fault.location.unwrap().line as usize, line);
}

/// A plugin's std reads symbols from the plugin's own file, by the path in the list of mappings. The path must lead to
/// this file for as long as the plugin is mapped, even if the process opens and closes other files meanwhile.
#[test]
fn backtraces_name_functions_files_and_lines() {
    let source = include_str!("../fixtures/troubled/src/lib.rs");
    let line = 1 + source.lines().position(|line| line.contains("Backtrace::force_capture()")).unwrap();
    let host = host_with(&["troubled"]);
    // If the number of the plugin's descriptor were free, one of these files would get it.
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
fn a_fault_has_a_backtrace_when_asked_for() {
    // SAFETY: this host loads only a fixture that the test has built.
    let host = Host::new(unsafe { Trust::any() }).with_backtraces(true);
    host.load(fixture("zoo")).unwrap();
    let fault = host.get::<fn(&str) -> Result<u32, Fault>>("panic_with").unwrap()("traced").unwrap_err();
    let backtrace = fault.backtrace.unwrap();
    assert!(backtrace.contains("zoo::panics::panic_with"), "{backtrace}");
}

/// The fault handler gets each fault that no call returns.
#[test]
fn a_panic_on_a_thread_of_the_plugin_goes_to_the_fault_handler() {
    let faults: Arc<Mutex<Vec<Fault>>> = Arc::default();
    let seen = faults.clone();
    // SAFETY: this host loads only a fixture that the test has built.
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
fn a_panic_in_a_shutdown_hook_goes_to_the_fault_handler() {
    let faults: Arc<Mutex<Vec<Fault>>> = Arc::default();
    let seen = faults.clone();
    // SAFETY: this host loads only a fixture that the test has built.
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

/// The `aborts` fixture with `panic = "abort"`, or `None` where it cannot be built in that way.
fn built_to_abort() -> Option<PathBuf> {
    if std::env::var_os("PLUGIN_TEST_FIXTURES").is_some() {
        println!("skipped: there is no cargo here to build a plugin with panic = \"abort\"");
        return None;
    }
    if std::env::var("PLUGIN_TEST_CARGO_ARGS").is_ok_and(|arguments| arguments.contains("build-std")) {
        println!("skipped: the std that is built here unwinds");
        return None;
    }
    Some(variant_with("aborts", "abort", &["--config", "profile.dev.panic=\"abort\""]))
}

/// Only a plugin that unwinds can report a panic. A plugin that aborts says so in its file, and works as long as it
/// does not panic.
#[test]
fn a_plugin_that_aborts_is_loadable() {
    let Some(aborts) = built_to_abort() else { return };
    assert_eq!(inspect(&aborts).unwrap().panic, PanicStrategy::Abort);
    assert_eq!(inspect(fixture("zoo")).unwrap().panic, PanicStrategy::Unwind);
    let host = tests::host();
    host.load(aborts).unwrap();
    assert_eq!(host.get::<fn(u64, u64) -> u64>("add").unwrap()(20, 22), 42);
}

/// A panic of such a plugin never becomes a `Fault`. A look-up that asks for a `Fault` says so.
#[test]
fn faults_are_refused_where_panics_abort() {
    type Add = fn(u64, u64) -> u64;
    type TryAdd = fn(u64, u64) -> Result<u64, Fault>;
    const REFUSED: &str = "export `add` of plugin `aborts` cannot return a `Fault`: the plugin is built with `panic = \"abort\"`, \
        so a panic in it ends the process; build it with `panic = \"unwind\"`, or ask for the type without `Result<_, Fault>`, \
        or accept this with `Host::with_abort_plugins(AbortPlugins::AllowFaults)`";
    let Some(aborts) = built_to_abort() else { return };
    let host = tests::host();
    let plugin = host.load(&aborts).unwrap();
    let is_refused = |error: Error| {
        assert!(matches!(error, Error::NoFaults { .. }), "{error:?}");
        assert_eq!(error.to_string(), REFUSED);
    };
    is_refused(host.get::<TryAdd>("add").map(drop).unwrap_err());
    is_refused(plugin.get::<TryAdd>("add").map(drop).unwrap_err());
    is_refused(host.get_all::<TryAdd>("add").map(drop).unwrap_err());
    is_refused(host.live::<TryAdd>("add").map(drop).unwrap_err());
    // Another mistake is reported first, because building the plugin to unwind would not mend it.
    let error = host.get::<fn() -> Result<u64, Fault>>("add").map(drop).unwrap_err();
    assert!(matches!(error, Error::TypeMismatch(_)), "{error:?}");
    assert_eq!(host.get::<Add>("add").unwrap()(1, 2), 3);
    assert_eq!(host.live::<Add>("add").unwrap()(1, 2), 3);
    assert_eq!(host.call_json("add", &serde_json::json!([1, 2])).unwrap(), 3);

    let host = tests::host().with_abort_plugins(AbortPlugins::AllowFaults);
    let plugin = host.load(&aborts).unwrap();
    assert_eq!(host.get::<TryAdd>("add").unwrap()(1, 2), Ok(3));
    assert_eq!(plugin.get::<TryAdd>("add").unwrap()(1, 2), Ok(3));
    assert_eq!(host.live::<TryAdd>("add").unwrap()(1, 2), Ok(3));

    // A handle that follows upgrades needs faults in the next version too.
    let in_use = format!(
        "`{}` cannot replace plugin `aborts`: a handle to the old version is in use, and the new version does not have what it \
         needs; drop it first, or keep the export: {REFUSED}",
        aborts.display()
    );
    let host = host_with(&["aborts"]);
    let add = host.live::<TryAdd>("add").unwrap();
    assert_eq!(host.reload(&aborts).unwrap_err().to_string(), in_use);
    assert_eq!(add(1, 2), Ok(3));
    drop(add);
    let add = host.live::<Add>("add").unwrap();
    assert_eq!(host.reload(&aborts).unwrap().info().panic, PanicStrategy::Abort);
    assert_eq!(add(1, 2), 3);

    let host = host_with(&["aborts"]).with_abort_plugins(AbortPlugins::AllowFaults);
    let add = host.live::<TryAdd>("add").unwrap();
    host.reload(&aborts).unwrap();
    assert_eq!(add(1, 2), Ok(3));
}

/// Calls an export of the `aborts` fixture in a process of its own, which must abort. Returns the lines on its standard error
/// that begin as a plugin's do.
fn last_words(file: &Path, export: &str) -> Vec<String> {
    const CALLED: &str = "PLUGIN_TEST_LAST_WORDS";
    let (status, said) = run_child("last_words_child", CALLED, format!("{export} {}", file.display()));
    assert!(!status.success(), "{said}");
    #[cfg(unix)]
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(6), "{said}");
    said.replace('\\', "/").lines().filter(|line| line.starts_with("plugin")).map(str::to_owned).collect()
}

#[test]
fn last_words_child() {
    let Ok(called) = std::env::var("PLUGIN_TEST_LAST_WORDS") else { return };
    let (export, file) = called.split_once(' ').unwrap();
    let host = tests::host();
    host.load(file).unwrap();
    host.get::<fn()>(export).unwrap()();
}

/// `plugin `aborts` panicked at PLACE: MESSAGE`, where the text of the panic stands in the fixture.
fn panicked_at(text: &str) -> String {
    let source = include_str!("../fixtures/aborts/src/lib.rs");
    let (number, line) =
        source.lines().enumerate().find(|(_, line)| line.contains(&format!("panic!(\"{text}"))).unwrap();
    let (number, column) = (number + 1, line.find("panic!").unwrap() + 1);
    format!("plugin `aborts` panicked at tests/fixtures/aborts/src/lib.rs:{number}:{column}: {text}")
}

/// The line of a panic that std raises because of another panic, without the place in std's source.
fn without_place(line: &str) -> String {
    let (before, after) = line.split_once(" at ").unwrap();
    let (place, after) = after.split_once(": ").unwrap();
    assert!(place.contains("panicking.rs"), "{line}");
    format!("{before}: {after}")
}

const CANNOT_UNWIND: &str = "plugin `aborts`: this panic cannot unwind, so the process ends";

#[test]
fn a_panic_that_cannot_unwind_is_printed() {
    for export in ["panic_in_c_function", "panic_in_c_function_on_thread"] {
        let said = last_words(&fixture("aborts"), export);
        let [first, second, last] = said.as_slice() else { panic!("{said:#?}") };
        assert_eq!(*first, panicked_at("in a function of C's kind"));
        assert_eq!(without_place(second), "plugin `aborts` panicked: panic in a function that cannot unwind");
        assert_eq!(last, CANNOT_UNWIND);
    }
}

#[test]
fn a_second_panic_while_unwinding_is_printed() {
    let said = last_words(&fixture("aborts"), "panic_while_unwinding");
    let [first, second, third, last] = said.as_slice() else { panic!("{said:#?}") };
    assert_eq!([first, second], [&panicked_at("the first"), &panicked_at("the second")]);
    assert_eq!(without_place(third), "plugin `aborts` panicked: panic in a destructor during cleanup");
    assert_eq!(last, CANNOT_UNWIND);
}

/// In these cases std ends the process after the panic hook, with `abort`. Only on some systems is this `abort` the
/// plugin's own.
#[test]
#[cfg(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn a_panic_before_an_abort_is_printed() {
    let abort = "plugin `aborts`: `abort` is called, so the process ends";
    let in_thread_local = panicked_at("in a thread-local, which is used: {}").replace("{}", "true");
    assert_eq!(last_words(&fixture("aborts"), "panic_in_thread_local"), [&*in_thread_local, abort]);
    let caught = panicked_at("caught before");
    assert_eq!(last_words(&fixture("aborts"), "abort_after_caught_panic"), [&*caught, abort]);
}

#[test]
fn a_panic_in_a_plugin_that_aborts_is_printed() {
    let Some(aborts) = built_to_abort() else { return };
    let end = "plugin `aborts`: it is built with panic = \"abort\", so the process ends";
    assert_eq!(last_words(&aborts, "fail"), [&*panicked_at("there is nothing to catch this"), end]);
    let on_thread = panicked_at("in a function of C's kind");
    assert_eq!(last_words(&aborts, "panic_in_c_function_on_thread"), [&*on_thread, end]);
    assert_eq!(last_words(&aborts, "panic_while_unwinding"), [&*panicked_at("the first"), end]);
}
