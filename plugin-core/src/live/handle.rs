//! [`Live`]: a function that follows the upgrades of its plugin.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use crate::call::lookup::Site;
use crate::call::signature::{Function, FunctionType};
use crate::live::hazard::{self, Readers, Reading};

/// An exported function that follows the upgrades of its plugin: each call goes to the version that serves then.
///
/// It is called like a [`Function`], as `greet("World")`, is cheap to clone, and may be sent and shared. A call in
/// progress ends in the version in which it began. No call waits for an upgrade, unless the plugin hands its state over:
/// then those that begin meanwhile wait until it is there, because what they changed would be lost.
///
/// As long as it is there, an upgrade to a version which lacks the function, or has another in its place, is refused.
///
/// # Panics
///
/// A call panics where the plugin does, unless `F` returns `Result<_, Fault>`.
///
/// # Example
///
/// ```standalone_crate
/// # use plugin_core::plugin_export;
/// # use plugin_host::Host;
/// #[plugin_export]
/// fn greet(name: &str) -> String {
///     format!("Hello, {name}!")
/// }
///
/// let host = Host::linked()?;
/// let greet = host.live::<fn(&str) -> String>("greet")?;
/// assert_eq!(greet("World"), "Hello, World!");
/// assert_eq!(greet.revision(), 1);
/// # Ok::<(), plugin_host::Error>(())
/// ```
pub struct Live<F> {
    versions: Arc<Versions>,
    /// Where the function is in each version.
    place: usize,
    /// Tells the host that it is still there.
    alive: Arc<()>,
    signature: PhantomData<F>,
}

// SAFETY: what it leads to may be sent and shared, and functions may be called from any thread; what their arguments and
// results allow is up to these types.
unsafe impl<F> Send for Live<F> {}
// SAFETY: as above.
unsafe impl<F> Sync for Live<F> {}

// A call leaves the handle as it was, however it ends.
impl<F> UnwindSafe for Live<F> {}
impl<F> RefUnwindSafe for Live<F> {}

impl<F> Clone for Live<F> {
    fn clone(&self) -> Self {
        Live { versions: self.versions.clone(), place: self.place, alive: self.alive.clone(), signature: PhantomData }
    }
}

impl<F> Live<F> {
    /// A handle to the function at `place`, and what tells whether it or a clone of it is there. For a host's use.
    ///
    /// # Safety
    ///
    /// For as long as the handle is there, every version has a function at this place, unless it holds calls back, and
    /// this function fits `F`.
    pub unsafe fn new(versions: Arc<Versions>, place: usize) -> (Self, Weak<()>) {
        let alive = Arc::new(());
        let watch = Arc::downgrade(&alive);
        (Live { versions, place, alive, signature: PhantomData }, watch)
    }

    /// The function in the version that serves now, for one call.
    #[inline(always)]
    pub(crate) fn current(&self) -> Current<F> {
        loop {
            let version = hazard::begin(&self.versions.current);
            // SAFETY: as long as that is there, who replaces the version keeps it.
            if let Some(function) = unsafe { &*version.value() }.function(self.place) {
                return Current { function, version, signature: PhantomData };
            }
            drop(version);
            self.versions.wait_for(self.place);
        }
    }

    /// The number of the version that serves now: 1 for the first that was loaded, and one more with each upgrade.
    pub fn revision(&self) -> u64 {
        self.current().version().revision
    }

    /// The function of the version that serves now. It stays with that version. As a call does, this waits while a state is
    /// handed over.
    pub fn pin(&self) -> Function<F> {
        self.current().function().clone()
    }
}

impl<F: FunctionType> Deref for Live<F> {
    type Target = F::Target;

    #[inline(always)]
    fn deref(&self) -> &F::Target {
        F::live_target(self)
    }
}

impl<F> fmt::Debug for Live<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = self.current();
        let label = current.function().label();
        write!(f, "Live({label}: {}, revision {})", std::any::type_name::<F>(), current.version().revision)
    }
}

/// Keeps a version for the time of a call.
pub(crate) struct Current<F> {
    function: *const Function<()>,
    version: Reading<Version>,
    signature: PhantomData<F>,
}

impl<F> Current<F> {
    #[inline(always)]
    pub(crate) fn function(&self) -> &Function<F> {
        // SAFETY: it is in the version, which is kept. A `Function` of one type is one of any other, but for what it is called
        // with; this one fits `F`, by the promise of `Live::new`.
        unsafe { &*self.function.cast::<Function<F>>() }
    }

    fn version(&self) -> &Version {
        // SAFETY: it is kept.
        unsafe { &*self.version.value() }
    }
}

/// The functions of one version that are followed, by their places. For a host's use.
pub struct Version {
    revision: u64,
    functions: Vec<Option<Function<()>>>,
}

impl Version {
    /// A version of this number with these functions.
    pub fn new<'a>(revision: u64, sites: impl IntoIterator<Item = Option<&'a Arc<Site>>>) -> Arc<Self> {
        Arc::new(Version {
            revision,
            functions: sites.into_iter().map(|site| site.cloned().map(Function::new)).collect(),
        })
    }

    #[inline(always)]
    fn function(&self, place: usize) -> Option<&Function<()>> {
        self.functions.get(place)?.as_ref()
    }
}

/// The version of a plugin that serves, and from time to time the next. For a host's use.
pub struct Versions {
    current: AtomicPtr<Version>,
    kept: Mutex<Kept>,
    published: Condvar,
}

struct Kept {
    /// What `Versions::current` points at.
    current: Arc<Version>,
    /// What it pointed at before, and who may still be reading there.
    before: Vec<(Arc<Version>, Readers)>,
}

impl Kept {
    /// Takes out what nobody reads any more.
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
    /// With this version to begin with.
    pub fn new(first: Arc<Version>) -> Self {
        let current = AtomicPtr::new(Arc::as_ptr(&first).cast_mut());
        Versions { current, kept: Mutex::new(Kept { current: first, before: Vec::new() }), published: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has every call from now on go to `next`. In a version that lacks a function, calls of it wait for the next.
    pub fn publish(&self, next: Arc<Version>) {
        let mut kept = self.lock();
        self.current.store(Arc::as_ptr(&next).cast_mut(), Ordering::Release);
        let before = std::mem::replace(&mut kept.current, next);
        let readers = Readers::of(Arc::as_ptr(&before), &self.current);
        kept.before.push((before, readers));
        let ended = kept.take_ended();
        drop(kept);
        self.published.notify_all();
        // Not while locked: what it keeps may be a library.
        drop(ended);
    }

    /// Whether calls are in progress in a version of that number that was replaced. What nobody reads any more is dropped.
    pub fn is_in_progress(&self, revision: u64) -> bool {
        let mut kept = self.lock();
        let ended = kept.take_ended();
        let found = kept.before.iter().any(|(version, _)| version.revision == revision);
        drop(kept);
        drop(ended);
        found
    }

    /// Waits for a version that has a function there.
    #[cold]
    #[inline(never)]
    fn wait_for(&self, place: usize) {
        let mut kept = self.lock();
        while kept.current.function(place).is_none() {
            kept = self.published.wait(kept).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
