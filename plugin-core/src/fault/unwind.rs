//! Tools for code that must not unwind.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Drops a panic's payload. Its own drop may panic, and its drop's payload again: the second is leaked.
pub fn discard(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

/// Drops something for the other side. A panic of the author's code ends here, because no panic may unwind into the other side.
/// The value whose `drop` panics may leak.
pub fn drop_rest(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        discard(payload);
    }
}

/// What a panic's payload says.
pub(crate) fn message_of(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "(a payload that is not text)".to_owned()
    }
}

/// Ends the process if dropped: between taking a value out of its place and putting one back, nothing may unwind.
pub(crate) struct NoUnwind;

impl Drop for NoUnwind {
    fn drop(&mut self) {
        std::process::abort()
    }
}
