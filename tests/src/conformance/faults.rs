//! Panics of a plugin.

use std::panic::{AssertUnwindSafe, catch_unwind};

use plugin_host::{Cause, Fault};

use super::Mode;

/// Makes a call that panics, and returns the panic's message.
fn panic_message(call: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(call)).expect_err("the call panics");
    *payload.downcast::<String>().expect("the panic has a text")
}

pub fn a_panic_is_a_value_with_message_and_location(mode: &Mode) {
    let host = mode.host("zoo");
    let panic_with = host.get::<fn(&str) -> Result<u32, Fault>>("panic_with").unwrap();
    let fault = panic_with("on purpose").unwrap_err();
    assert_eq!((fault.cause, fault.message.as_str()), (Cause::Panicked, "on purpose"));
    assert_eq!(fault.export.as_deref(), Some("zoo::panic_with"));
    assert_eq!(fault.backtrace, None);
    let location = fault.location.clone().unwrap();
    assert!(location.file.ends_with("panics.rs"), "{location}");
    let source = include_str!("../../fixtures/zoo/src/panics.rs");
    let line = 1 + source.lines().position(|line| line.contains("panic!(\"{message}\")")).unwrap();
    assert_eq!((location.line as usize, location.column), (line, 5));
    assert_eq!(fault.to_string(), format!("plugin export `zoo::panic_with` panicked at {location}: on purpose"));
    // The plugin goes on working.
    assert_eq!(host.get::<fn(u64, u64) -> u64>("add").unwrap()(1, 2), 3);
    assert_eq!(panic_with("again").unwrap_err().message, "again");
}

pub fn a_panic_goes_on_in_the_caller(mode: &Mode) {
    let host = mode.host("zoo");
    let divide = host.get::<fn(i32, i32) -> i32>("divide").unwrap();
    assert_eq!(divide(6, 3), 2);
    let message = panic_message(|| _ = divide(1, 0));
    assert!(message.starts_with("plugin export `zoo::divide` panicked at "), "{message}");
    assert!(message.ends_with(": attempt to divide by zero"), "{message}");
    assert_eq!(divide(6, 2), 3);
}

pub fn a_panic_in_drop_is_returned(mode: &Mode) {
    let host = mode.host("zoo");
    let fault = host.get::<fn() -> Result<u8, Fault>>("panic_in_drop").unwrap()().unwrap_err();
    assert_eq!(fault.message, "dropping a value");
    assert!(fault.location.is_some());
}

pub fn a_payload_that_panics_itself_is_contained(mode: &Mode) {
    let host = mode.host("zoo");
    let fault = host.get::<fn() -> Result<(), Fault>>("panic_with_payload").unwrap()().unwrap_err();
    assert_eq!(fault.message, "(a payload that is not text)");
    assert!(fault.location.is_some());
}

pub fn a_resumed_panic_is_returned(mode: &Mode) {
    let host = mode.host("zoo");
    let fault = host.get::<fn() -> Result<(), Fault>>("resume").unwrap()().unwrap_err();
    assert_eq!(fault.message, "resumed");
    assert_eq!(fault.location, None, "the place of the first panic is not that of the second");
}

pub fn a_panic_that_the_plugin_catches_reaches_no_caller(mode: &Mode) {
    let host = mode.host("zoo");
    assert_eq!(host.get::<fn() -> Result<String, Fault>>("catch_own_panic").unwrap()().unwrap(), "caught inside");
}
