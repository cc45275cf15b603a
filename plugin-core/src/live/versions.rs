//! The versions of a plugin: the version that serves, and older versions that still have calls in progress.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::hazard::{self, Readers, Reading};
use crate::call::{AnyEntry, Callee, Site};

/// A function of the version that serves. Its version is kept for the length of one call.
pub struct Current<'a> {
    /// In `version`.
    callee: *const Callee,
    version: Reading<Version>,
    /// The versions keep `version` while it is being read.
    versions: PhantomData<&'a Versions>,
}

impl Current<'_> {
    pub(super) fn version(&self) -> &Version {
        // SAFETY: `self.version` states in its slot that it reads the version. `Kept` has the version until no slot
        // states this (`Kept::take_ended`), and `self.versions` borrows the `Versions` with `Kept`.
        unsafe { &*self.version.value() }
    }
}

impl Deref for Current<'_> {
    type Target = Callee;

    #[inline(always)]
    fn deref(&self) -> &Callee {
        // SAFETY: the callee is in the version that `self.version` reads. `Kept` has this version until no slot states
        // that it is read, and `self.versions` borrows the `Versions` with `Kept`.
        unsafe { &*self.callee }
    }
}

/// The functions of one version, by their places, for `Live` handles.
pub struct Version {
    revision: u64,
    functions: Vec<Option<Callee>>,
}

impl Version {
    /// Makes a version with this number and these functions. Each has the proxy of its type.
    pub fn new<'a>(revision: u64, sites: impl IntoIterator<Item = Option<(&'a Arc<Site>, AnyEntry)>>) -> Arc<Self> {
        let callee = |(site, proxy): (&Arc<Site>, AnyEntry)| Callee::of(site.clone(), proxy);
        Arc::new(Version { revision, functions: sites.into_iter().map(|site| site.map(callee)).collect() })
    }

    /// The number of the version.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    #[inline(always)]
    fn function(&self, place: usize) -> Option<&Callee> {
        self.functions.get(place)?.as_ref()
    }
}

/// All versions of a plugin. One of them serves.
pub struct Versions {
    current: AtomicPtr<Version>,
    kept: Mutex<Kept>,
    published: Condvar,
}

struct Kept {
    /// The version that `Versions::current` points to.
    current: Arc<Version>,
    /// The earlier versions, each with the readers that may still use it.
    before: Vec<(Arc<Version>, Readers)>,
}

impl Kept {
    /// Takes out the versions that have no readers left.
    fn take_ended(&mut self) -> Vec<Arc<Version>> {
        let mut ended = Vec::new();
        for (version, mut readers) in std::mem::take(&mut self.before) {
            if readers.have_ended() {
                ended.push(version);
            } else {
                self.before.push((version, readers));
            }
        }
        ended
    }
}

impl Versions {
    /// Makes the versions of a plugin, with the first one.
    pub fn new(first: Arc<Version>) -> Self {
        let current = AtomicPtr::new(Arc::as_ptr(&first).cast_mut());
        Versions { current, kept: Mutex::new(Kept { current: first, before: Vec::new() }), published: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The function at `place` in the version that serves now. If that version lacks the function, this waits for the
    /// next.
    #[inline(always)]
    pub(super) fn current(&self, place: usize) -> Current<'_> {
        loop {
            let version = hazard::begin(&self.current);
            // SAFETY: `version` states in its slot that it reads the version. `Kept` has the version until no slot
            // states this (`Kept::take_ended`), and `self` is borrowed.
            if let Some(callee) = unsafe { &*version.value() }.function(place) {
                return Current { callee, version, versions: PhantomData };
            }
            drop(version);
            self.wait_for(place);
        }
    }

    /// Sends every call from now on to `next`. If a version lacks a function, calls of the function wait for the
    /// version after it.
    pub fn publish(&self, next: Arc<Version>) {
        let mut kept = self.lock();
        self.current.store(Arc::as_ptr(&next).cast_mut(), Ordering::Release);
        let before = std::mem::replace(&mut kept.current, next);
        let readers = Readers::of(Arc::as_ptr(&before), &self.current);
        kept.before.push((before, readers));
        let ended = kept.take_ended();
        drop(kept);
        self.published.notify_all();
        // This happens after the lock is released, because a version may keep a library, and the library's end runs
        // other code.
        drop(ended);
    }

    /// Returns true if calls are in progress in a replaced version of this number. Drops the versions that have no
    /// readers left.
    pub fn is_in_progress(&self, revision: u64) -> bool {
        let mut kept = self.lock();
        let ended = kept.take_ended();
        let found = kept.before.iter().any(|(version, _)| version.revision == revision);
        drop(kept);
        drop(ended);
        found
    }

    /// Waits for a version that has a function at this place.
    #[cold]
    #[inline(never)]
    fn wait_for(&self, place: usize) {
        let mut kept = self.lock();
        while kept.current.function(place).is_none() {
            kept = self.published.wait(kept).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
