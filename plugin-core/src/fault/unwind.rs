//! Tools for panics that must end, and for code that must not unwind.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Drops the payload of a panic. The payload's `drop` may panic too. Then the second payload is leaked, because its
/// `drop` could panic again.
pub fn discard(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

/// Runs `f`, which drops a value for the other side. A panic of the author's `drop` ends here, because no panic may
/// unwind into the other side. A value whose `drop` panics may leak.
pub fn drop_rest(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        discard(payload);
    }
}

/// Returns the message in the payload of a panic.
pub(crate) fn message_of(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "(a payload that is not text)".to_owned()
    }
}

/// A guard that ends the process when it is dropped. It is used while a place is empty, from the removal of one value
/// until the next value is written. Nothing may unwind during that time.
pub(crate) struct NoUnwind;

impl Drop for NoUnwind {
    fn drop(&mut self) {
        std::process::abort()
    }
}
