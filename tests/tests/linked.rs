//! Plugins that are linked into the program. They have the same API, and no file.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use parts as _;
use plugin_core::plugin_export;
use plugin_host::{Error, Fault, Host, Trust};
use serde_json::json;

#[plugin_export]
static CALLS: AtomicU32 = AtomicU32::new(0);

#[plugin_export]
static NOTES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Doubles.
#[plugin_export]
fn double(n: u32) -> u32 {
    CALLS.fetch_add(1, Ordering::SeqCst);
    n * 2
}

#[plugin_export]
fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[plugin_export]
fn fail(why: &str) {
    panic!("{why}");
}

/// Linked plugins are attached once for the whole process, so one test sees them attached and detached.
#[test]
fn linked_plugins_have_the_same_api() {
    let host = Host::linked().unwrap();
    let names: Vec<_> = host.plugins().iter().map(|plugin| plugin.name().to_owned()).collect();
    assert_eq!(names, ["parts", "tests"]);
    let plugin = host.plugin("tests").unwrap();
    assert_eq!(plugin.path(), None);
    let double_info = plugin.exports().iter().find(|export| export.name == "double").unwrap();
    assert_eq!((double_info.to_string().as_str(), double_info.docs.as_str()), ("fn double(n: u32) -> u32", "Doubles."));

    assert_eq!(host.get::<fn(u32) -> u32>("double").unwrap()(4), 8);
    assert_eq!(double(5), 10, "the item is still an ordinary function");
    assert_eq!(host.get::<AtomicU32>("CALLS").unwrap().load(Ordering::SeqCst), 2);
    host.get::<Mutex<Vec<String>>>("NOTES").unwrap().lock().unwrap().push("from the host".to_owned());
    assert_eq!(*NOTES.lock().unwrap(), ["from the host"]);
    assert!(matches!(host.get::<fn(u64) -> u64>("double"), Err(Error::TypeMismatch(_))));

    // Without types, where both sides have one allocator.
    assert_eq!(host.call_json("double", &json!([4])).unwrap(), 8);
    assert_eq!(host.call_json("sorted", &json!([["b", "a"]])).unwrap(), json!(["a", "b"]));
    assert_eq!(host.get_json("NOTES").unwrap(), json!(["from the host"]));

    let fault = host.get::<fn(&str) -> Result<(), Fault>>("fail").unwrap()("here").unwrap_err();
    assert_eq!(fault.message, "here");
    assert!(fault.location.unwrap().file.ends_with("linked.rs"));

    // Their hooks run with the first host and after the last.
    let history = host.get::<fn() -> Vec<String>>("history").unwrap();
    assert_eq!(history(), ["parts starts"]);
    let second = Host::linked().unwrap();
    assert_eq!(history(), ["parts starts"]);
    drop((host, plugin, history));
    assert_eq!(parts::history(), ["parts starts"]);
    drop(second);
    assert_eq!(parts::history(), ["parts starts", "parts stops"]);
    let third = Host::linked().unwrap();
    assert_eq!(parts::history(), ["parts starts", "parts stops", "parts starts"]);

    drop(third);

    // Hosts are made and dropped on many threads, and the hooks run in pairs, one after the other.
    let before = parts::history().len();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let host = Host::linked().unwrap();
                    assert_eq!(host.get::<fn(u32) -> u32>("double").unwrap()(1), 2);
                }
            });
        }
    });
    let history = parts::history();
    for pair in history[before..].chunks(2) {
        assert_eq!(pair, ["parts starts", "parts stops"]);
    }
    assert_eq!(history.len() % 2, 0);

    // One host may have both.
    let host = tests::host().with_linked().unwrap();
    host.load(tests::fixture("rival")).unwrap();
    assert_eq!(host.get::<fn() -> String>("who").unwrap()(), "rival");
    assert_eq!(host.get::<fn() -> u32>("part").unwrap()(), 17);
    assert!(matches!(host.with_linked(), Err(Error::AlreadyLoaded { name, .. }) if name == "parts"));

    // A linked plugin is not unloaded or replaced, and serves on.
    let host = Host::linked().unwrap();
    let error = host.unload("parts", std::time::Duration::from_secs(1)).unwrap_err();
    assert_eq!(error.to_string(), "plugin `parts` is linked into this program, and cannot be unloaded or replaced");
    assert!(matches!(host.reload("parts"), Err(Error::Linked { plugin, .. }) if plugin == "parts"));
    let live = host.live::<fn() -> u32>("part").unwrap();
    assert_eq!((live(), live.revision()), (17, 1));
    drop(live);

    // Such a host trusts no file, and one for files has no linked plugins.
    let host = Host::linked().unwrap();
    assert!(matches!(host.load(std::env::current_exe().unwrap()), Err(Error::NotTrusted { .. })));
    assert!(Host::new(Trust::none()).plugins().is_empty());
}
