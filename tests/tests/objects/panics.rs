//! Panics of closures, and of what they call.

use plugin_host::{Cause, Fault};
use tests::wait_until;

use crate::{Number, host};

type Plain = dyn Fn(u64) -> u64;

fn message(f: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let payload = std::panic::catch_unwind(f).unwrap_err();
    *payload.downcast::<String>().unwrap()
}

#[test]
fn a_panic_of_the_plugins_closure_is_a_panic_of_the_caller_or_a_value() {
    let host = host();
    let panics = host.get::<fn(String) -> Box<Plain>>("panics").unwrap();
    let closure = panics("on purpose".to_owned());
    for _ in 0..2 {
        let message = message(std::panic::AssertUnwindSafe(|| _ = closure(1)));
        assert!(message.starts_with("closure or iterator of another library panicked at "), "{message}");
        assert!(message.ends_with(": on purpose") && message.contains("objects/src/lib.rs:"), "{message}");
    }
    type Caught = Box<dyn Fn(u64) -> Result<u64, Fault>>;
    let panics = host.get::<fn(String) -> Caught>("panics").unwrap();
    let fault = panics("as a value".to_owned())(1).unwrap_err();
    assert_eq!((fault.cause, fault.message.as_str()), (Cause::Panicked, "as a value"));
    assert!(fault.location.unwrap().file.ends_with("lib.rs"));
}

#[test]
fn a_panic_of_the_hosts_closure_is_a_panic_of_the_plugin_or_a_value() {
    let host = host();
    let raises = host.get::<fn(&Plain, u64) -> Result<u64, Fault>>("raises").unwrap();
    let fault = raises(&|_| panic!("in the host"), 1).unwrap_err();
    assert_eq!(fault.export.as_deref(), Some("objects::raises"));
    assert!(fault.message.starts_with("closure or iterator of another library panicked"), "{fault}");
    assert!(fault.message.ends_with(": in the host"), "{fault}");
    let catches = host.get::<fn(&Plain) -> String>("catches").unwrap();
    let text = catches(&|_| panic!("in the host"));
    assert!(text.ends_with(": in the host"), "{text}");
}

#[test]
fn panics_cross_three_levels() {
    let host = host();
    let raises = host.get::<fn(&Plain, u64) -> u64>("raises").unwrap();
    let panics = host.get::<fn(String) -> Box<Plain>>("panics").unwrap()("at the bottom".to_owned());
    // The host calls the plugin, which calls the host, which calls the plugin, which panics.
    let message = message(std::panic::AssertUnwindSafe(|| _ = raises(&*Box::leak(panics), 1)));
    assert_eq!(message.matches("panicked").count(), 3, "{message}");
    assert!(message.ends_with(": at the bottom"), "{message}");
}

#[test]
fn a_fault_that_a_closure_returns_is_passed_on() {
    let host = host();
    type Caught = Box<dyn Fn(u64) -> Result<u64, Fault>>;
    let gives = host.get::<fn(Caught) -> Caught>("gives_fault").unwrap();
    let panics = host.get::<fn(String) -> Caught>("panics").unwrap();
    let given = gives(panics("returned".to_owned()));
    assert_eq!(given(1).unwrap_err().message, "returned");
    assert_eq!(gives(Box::new(Ok))(1).unwrap(), 2);
}

#[test]
fn a_panic_in_the_drop_of_a_closure_is_reported_and_not_raised() {
    let faults = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = faults.clone();
    let host = tests::host().with_fault_handler(move |fault| seen.lock().unwrap().push(fault.message.clone()));
    host.load(tests::fixture("objects")).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| drop(host.get::<fn() -> Box<dyn Fn()>>("panics_when_dropped").unwrap()()));
    });
    wait_until("the fault is reported", || *faults.lock().unwrap() == ["dropped"]);
}

#[test]
fn a_closure_that_is_dropped_while_its_thread_unwinds_is_dropped() {
    let host = host();
    let note = std::sync::Arc::new(());
    let own = note.clone();
    let closure: Box<Number> = Box::new(move |number| number + std::sync::Arc::strong_count(&own) as u64);
    let around = host.get::<fn(Box<Number>) -> Box<Number>>("around").unwrap()(closure);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        assert_eq!(around(1), 4);
        panic!("unwinds");
    }));
    assert!(result.is_err());
    assert_eq!(std::sync::Arc::strong_count(&note), 1);
}
