//! [`Handler`]: a function of the host author's that is told of something.

use std::fmt::Display;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use plugin_core::host::discard;

use crate::os::stderr::print;

/// A function that is told of each `T`: of faults, leaks or events. There may be none.
///
/// Handlers are called, and dropped, where nothing may unwind: while a library is closed, at the end of a thread, in a
/// plugin's panic hook. So a panic of the function, or of a value that the function owns, ends here.
pub(crate) struct Handler<T>(Option<Arc<Function<T>>>);

struct Function<T> {
    /// Names the handler in a report.
    name: &'static str,
    call: ManuallyDrop<Box<Call<T>>>,
}

type Call<T> = dyn Fn(&T) + Send + Sync;

impl<T> Clone for Handler<T> {
    fn clone(&self) -> Self {
        Handler(self.0.clone())
    }
}

impl<T> Default for Handler<T> {
    fn default() -> Self {
        Handler(None)
    }
}

impl<T: Display> Handler<T> {
    pub(crate) fn new(name: &'static str, function: impl Fn(&T) + Send + Sync + 'static) -> Self {
        Handler(Some(Arc::new(Function { name, call: ManuallyDrop::new(Box::new(function)) })))
    }

    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Calls the function, and returns whether there is one.
    pub(crate) fn tell(&self, about: &T) -> bool {
        let Some(function) = &self.0 else { return false };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| (function.call)(about))) {
            discard(payload);
            print(format_args!("the {} handler panicked on: {about}", function.name));
        }
        true
    }
}

impl<T> Drop for Function<T> {
    fn drop(&mut self) {
        // SAFETY: `call` is taken only here, and a value is dropped once. Nothing uses `call` afterwards.
        let call = unsafe { ManuallyDrop::take(&mut self.call) };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(call))) {
            discard(payload);
            print(format_args!("a value that the {} handler owned panicked when it was dropped", self.name));
        }
    }
}
