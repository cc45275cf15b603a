//! [`Live`]: a function that follows the upgrades of its plugin.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

use arc_swap::{ArcSwap, Guard};

use crate::function::{Function, FunctionType};
use crate::lookup::Site;

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
        let version = self.versions.current.load();
        if version.has(self.place) {
            return Current { version, place: self.place, signature: PhantomData };
        }
        Current { version: self.versions.wait_for(self.place), place: self.place, signature: PhantomData }
    }

    /// The number of the version that serves now: 1 for the first that was loaded, and one more with each upgrade.
    pub fn revision(&self) -> u64 {
        self.current().version.revision
    }

    /// The function of the version that serves now. It stays with that version.
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
        write!(f, "Live({label}: {}, revision {})", std::any::type_name::<F>(), current.version.revision)
    }
}

/// Keeps a version for the time of a call.
pub(crate) struct Current<F> {
    version: Guard<Arc<Version>>,
    place: usize,
    signature: PhantomData<F>,
}

impl<F> Current<F> {
    #[inline(always)]
    pub(crate) fn function(&self) -> &Function<F> {
        let function = self.version.functions[self.place].as_ref().expect("looked at before");
        // SAFETY: a `Function` of one type is one of any other, but for what it is called with; this one fits `F`, by the
        // promise of `Live::new`.
        unsafe { &*std::ptr::from_ref(function).cast::<Function<F>>() }
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
        Arc::new(Version { revision, functions: sites.into_iter().map(|site| site.map(Function::new)).collect() })
    }

    #[inline(always)]
    fn has(&self, place: usize) -> bool {
        matches!(self.functions.get(place), Some(Some(_)))
    }
}

/// The version of a plugin that serves, and from time to time the next. For a host's use.
pub struct Versions {
    current: ArcSwap<Version>,
    /// For those who wait for a function; locked by who has just published.
    publishing: Mutex<()>,
    published: Condvar,
}

impl Versions {
    /// With this version to begin with.
    pub fn new(first: Arc<Version>) -> Self {
        Versions { current: ArcSwap::new(first), publishing: Mutex::default(), published: Condvar::new() }
    }

    /// Has every call from now on go to `next`, and returns the version before. Calls in progress have a share of that.
    ///
    /// In a version that lacks a function, calls of it wait for the next.
    pub fn publish(&self, next: Arc<Version>) -> Arc<Version> {
        let before = self.current.swap(next);
        drop(self.publishing.lock().unwrap_or_else(PoisonError::into_inner));
        self.published.notify_all();
        before
    }

    #[cold]
    #[inline(never)]
    fn wait_for(&self, place: usize) -> Guard<Arc<Version>> {
        let mut publishing = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let version = self.current.load();
            if version.has(place) {
                return version;
            }
            drop(version);
            publishing = self.published.wait(publishing).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
