//! The objects of a library that other code has, which keep the library loaded.
//!
//! A library takes a *share* for each object that leaves it (see `plugin-core`, `objects/share.rs`). While the library's plugin
//! serves, the first share also takes a share of the plugin's backend, as a handle does. So an object is to an unload and to an
//! upgrade what a handle is.
//!
//! A plugin that is detached has no backend any more. Threads of it may still run, and may pass objects to objects of the host.
//! Such a share counts as a running part of the library ([`Threads`]), so the library is not closed before the share is given up.

use std::any::Any;
use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use plugin_core::host::table::ObjectVtable;

use crate::schema::Schema;
use crate::services::threads::Threads;
use crate::unload::pin::PinReason;

/// The shares of one library.
pub(crate) struct Shares {
    state: Mutex<State>,
    threads: Arc<Threads>,
}

struct State {
    /// The plugin's backend, while it exists.
    backend: Weak<dyn Any + Send + Sync>,
    /// The share of the backend, while there are objects of the plugin that serves.
    kept: Option<Arc<dyn Any + Send + Sync>>,
    /// The number of shares that `kept` is for.
    serving: usize,
    /// The number of all shares for each vtable that has any.
    counts: Vec<(*const ObjectVtable, usize)>,
}

// SAFETY: a vtable is a constant of the library, which is mapped while its count is not 0.
unsafe impl Send for State {}

/// A share that keeps the backend, as a word for the library.
const SERVING: *const c_void = std::ptr::without_provenance(1);
/// A share that was taken when there was no backend.
const DETACHED: *const c_void = std::ptr::null();

impl Shares {
    pub(crate) fn new(threads: Arc<Threads>) -> Self {
        let state = State { backend: Weak::<()>::new(), kept: None, serving: 0, counts: Vec::new() };
        Shares { state: Mutex::new(state), threads }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the backend that the library's objects keep.
    pub(crate) fn serve(&self, backend: Weak<dyn Any + Send + Sync>) {
        self.lock().backend = backend;
    }

    /// Ends the service if `is_sole` says that nothing else has a share of the backend, and no object has one. Then no object
    /// takes a share of it any more.
    pub(crate) fn end_if(&self, is_sole: impl FnOnce() -> bool) -> bool {
        let mut state = self.lock();
        let is_sole = state.kept.is_none() && is_sole();
        if is_sole {
            state.backend = Weak::<()>::new();
        }
        is_sole
    }

    /// The number of shares of the backend that objects have: 1 or 0.
    pub(crate) fn kept(&self) -> usize {
        usize::from(self.lock().kept.is_some())
    }

    /// Takes a share for an object with this vtable.
    pub(crate) fn keep(&self, vtable: *const ObjectVtable) -> *const c_void {
        let mut state = self.lock();
        match state.counts.iter_mut().find(|(known, _)| *known == vtable) {
            Some((_, count)) => *count += 1,
            None => state.counts.push((vtable, 1)),
        }
        if state.kept.is_none() {
            state.kept = state.backend.upgrade();
        }
        if state.kept.is_some() {
            state.serving += 1;
            return SERVING;
        }
        self.threads.object_leaves();
        DETACHED
    }

    /// Gives up a share.
    pub(crate) fn release(&self, vtable: *const ObjectVtable, share: *const c_void) {
        // The last share may end all of this.
        let (threads, mut unused) = (self.threads.clone(), None);
        let mut state = self.lock();
        if let Some(place) = state.counts.iter().position(|(known, _)| *known == vtable) {
            state.counts[place].1 -= 1;
            if state.counts[place].1 == 0 {
                state.counts.swap_remove(place);
            }
        }
        if share == SERVING {
            state.serving -= 1;
            if state.serving == 0 {
                unused = state.kept.take();
            }
        }
        drop(state);
        if share == DETACHED {
            threads.object_is_gone();
        }
        drop(unused);
    }

    /// Returns the reason for which the library stays, if other code has objects of it. `is_serving` tells whether its plugin is not
    /// detached.
    pub(crate) fn reason(&self, is_serving: bool) -> Option<PinReason> {
        let state = self.lock();
        let mut objects: Vec<(String, usize)> = Vec::new();
        for &(vtable, count) in &state.counts {
            // SAFETY: the count is not 0, and no share is given up while `state` is locked. So the library with the vtable is mapped.
            let text = unsafe { vtable.as_ref() }.map_or_else(|| "(of its own plugins)".to_owned(), text);
            match objects.iter_mut().find(|(known, _)| *known == text) {
                Some((_, sum)) => *sum += count,
                None => objects.push((text, count)),
            }
        }
        objects.sort();
        (!objects.is_empty()).then_some(PinReason::Objects { objects, is_serving })
    }
}

/// Writes an object's type as in Rust.
fn text(vtable: &ObjectVtable) -> String {
    let mut descriptor = Vec::new();
    vtable.with_descriptor(|bytes| descriptor.extend_from_slice(bytes));
    match Schema::decode(&descriptor) {
        Some(schema) => schema.type_text(&schema.root),
        None => "(a type of another version of the SDK)".to_owned(),
    }
}
