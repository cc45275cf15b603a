//! [`Live`]: a function that follows the upgrades of its plugin.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Weak};

use super::versions::{Current, Versions};
use crate::call::{Function, FunctionType, Handle};

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

    /// The number of the version that serves now: 1 for the first that was loaded, and one more with each upgrade.
    pub fn revision(&self) -> u64 {
        self.versions.current(self.place).version().revision()
    }

    /// The function of the version that serves now. It stays with that version. As a call does, this waits while a state is
    /// handed over.
    pub fn pin(&self) -> Function<F> {
        // SAFETY: by the promise of `new`, the function at this place fits `F`.
        unsafe { Function::new(self.versions.current(self.place).clone()) }
    }
}

// SAFETY: by the promise of `new`, the function at this place fits `F`. The guard keeps the version, and the version keeps
// the library loaded.
unsafe impl<F: FunctionType> Handle<F> for Live<F> {
    type Guard<'a> = Current;

    #[inline(always)]
    fn callee(&self) -> Current {
        self.versions.current(self.place)
    }
}

impl<F: FunctionType> Deref for Live<F> {
    type Target = F::Target;

    #[inline(always)]
    fn deref(&self) -> &F::Target {
        F::target(self)
    }
}

impl<F> fmt::Debug for Live<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = self.versions.current(self.place);
        let (label, revision) = (current.label(), current.version().revision());
        write!(f, "Live({label}: {}, revision {revision})", std::any::type_name::<F>())
    }
}
