//! [`Live`]: a function that follows the upgrades of its plugin.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Weak};

use super::versions::{Current, Versions};
use crate::call::{Function, FunctionType, Handle};

/// An exported function that follows the upgrades of its plugin. Each call goes to the version that serves at that
/// time.
///
/// A handle is called like a [`Function`], as `greet("World")`. It is cheap to clone, and may be sent and shared. A
/// call ends in the same version where it began. Calls do not wait for an upgrade, with one exception: while a plugin
/// hands its state over, new calls wait for the next version, because their changes to the old state would be lost.
///
/// While a handle exists, a host refuses to upgrade to a version that lacks the function, or that has another function
/// with this name.
///
/// # Panics
///
/// A call panics if the plugin panics, unless `F` returns `Result<_, Fault>`.
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
    /// The place of the function in each version.
    place: usize,
    /// Shared by all clones, so that the host can see whether a handle exists.
    alive: Arc<()>,
    /// A handle has no value of the type `F`, so it may be sent and shared whatever `F` is.
    signature: PhantomData<fn() -> F>,
}

// A call leaves the handle as it was, however it ends.
impl<F> UnwindSafe for Live<F> {}
impl<F> RefUnwindSafe for Live<F> {}

impl<F> Clone for Live<F> {
    fn clone(&self) -> Self {
        Live { versions: self.versions.clone(), place: self.place, alive: self.alive.clone(), signature: PhantomData }
    }
}

/// Makes a handle to the function at `place`. The second value can be upgraded for as long as the handle or a clone of it
/// exists.
///
/// # Safety
///
/// While the handle exists, every version has a function at this place, or else holds calls back. The function fits `F`, and
/// the origin of its site keeps its library loaded.
pub unsafe fn new_live<F>(versions: Arc<Versions>, place: usize) -> (Live<F>, Weak<()>) {
    let alive = Arc::new(());
    let watch = Arc::downgrade(&alive);
    (Live { versions, place, alive, signature: PhantomData }, watch)
}

impl<F> Live<F> {
    /// Returns the number of the version that serves now. It is 1 for the first version, and each upgrade adds 1.
    pub fn revision(&self) -> u64 {
        self.versions.current(self.place).version().revision()
    }

    /// Returns the function of the version that serves now. The returned handle stays with that version. Like a call,
    /// this waits while a state is handed over.
    pub fn pin(&self) -> Function<F> {
        // SAFETY: by `# Safety` of `new_live`, the function at this place fits `F`, and its site keeps the library
        // loaded.
        unsafe { Function::new(self.versions.current(self.place).clone()) }
    }
}

// SAFETY: by `# Safety` of `new_live`, the function at this place fits `F`, and its site keeps the library loaded. The
// guard keeps the version, which has the site.
unsafe impl<F: FunctionType> Handle<F> for Live<F> {
    type Guard<'a> = Current<'a>;

    #[inline(always)]
    fn callee(&self) -> Current<'_> {
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
