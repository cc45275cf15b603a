//! [`Static`]: a host's handle to an exported static.

use std::ffi::c_void;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::plugin_static::PluginStatic;
use crate::abi::{Context, Outcome};
use crate::call::{Lookup, Site};
use crate::describe::Node;
use crate::fault::Fault;

/// An exported static. It [`Deref`]s to its value.
///
/// | asked for | derefs to | |
/// | --- | --- | --- |
/// | `&str`, `&[T]` | [`Borrowed`](crate::Borrowed) text or elements | in the plugin's memory |
/// | any `T` that crosses | `T` | in the plugin's memory if `T` is plain, otherwise a copy |
/// | `AtomicU64` and the like | the atomic | the plugin's own: both sides see changes |
/// | `RwLock<T>`, `Mutex<T>` | [`RemoteRwLock`](crate::RemoteRwLock), [`RemoteMutex`](crate::RemoteMutex) | locked, read and written from the host |
///
/// The handle keeps its library loaded.
///
/// # Example
///
/// ```standalone_crate
/// # use std::sync::atomic::{AtomicU64, Ordering};
/// # use plugin_core::plugin_export;
/// # use plugin_host::Host;
/// #[plugin_export]
/// static CALLS: AtomicU64 = AtomicU64::new(0);
///
/// let host = Host::linked()?;
/// let calls = host.get::<AtomicU64>("CALLS")?;
/// calls.fetch_add(1, Ordering::Relaxed);
/// assert_eq!(CALLS.load(Ordering::Relaxed), 1);
/// # Ok::<(), plugin_host::Error>(())
/// ```
pub struct Static<T: PluginStatic> {
    // The field is before `site`, so it is dropped while the library is still mapped.
    view: T::View,
    site: Arc<Site>,
}

impl<T: PluginStatic> Static<T> {
    /// The plugin's name and the export's, `greeter::GREETER`.
    pub fn label(&self) -> &str {
        &self.site.label
    }
}

impl<T: PluginStatic> Deref for Static<T> {
    type Target = T::Target;
    #[inline]
    fn deref(&self) -> &T::Target {
        T::target(&self.view)
    }
}

impl<T: PluginStatic<Target: fmt::Debug>> fmt::Debug for Static<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: PluginStatic<Target: fmt::Display>> fmt::Display for Static<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A type of a static, as a host asks for it. This trait stands between `Lookup` and `PluginStatic` because of its message: the
/// compiler takes every type for a static's that is not a function with up to six arguments.
#[diagnostic::on_unimplemented(
    message = "no export can have the type `{Self}`",
    label = "not a function, or a static, of types that cross",
    note = "write `#[plugin_type]` on a struct or enum of yours, in a crate that both sides depend on",
    note = "ask for a function, `get::<fn(&str) -> String>`, or for a static, `get::<&str>`; a function's arguments are owned, \
            `&` or `&mut` values of types that cross",
    note = "a function has at most six arguments, and at most four if one is `&mut`: put some of them together in a tuple, or in a \
            struct with `#[plugin_type]`"
)]
pub trait StaticLookup: PluginStatic {}

#[diagnostic::do_not_recommend]
impl<T: PluginStatic> StaticLookup for T {}

// SAFETY: `bind` calls the entry as an accessor of the type that `NODE` describes, and makes the view of that type.
#[diagnostic::do_not_recommend]
unsafe impl<T: StaticLookup> Lookup for T {
    type Handle = Static<T>;
    const NODE: &'static Node = <T as PluginStatic>::STATIC_NODE;

    unsafe fn bind(site: Arc<Site>) -> Result<Static<T>, Fault> {
        // SAFETY: by `# Safety` of `Lookup::bind`, the export's descriptor fits `NODE`, which is that of a static. So
        // the entry is the accessor of such a static.
        let entry = unsafe {
            std::mem::transmute::<*const c_void, unsafe extern "C" fn(Context) -> Outcome<T::Access>>(site.entry)
        };
        // SAFETY: an accessor takes only the context, which is null for code in this process. The site keeps its
        // library loaded. `access` made the outcome, which is used once.
        let access = unsafe { entry(std::ptr::null()).into_result() }.map_err(|mut fault| {
            fault.export = Some(site.label.clone());
            fault
        })?;
        // SAFETY: the accessor has returned the access just now, and it is viewed once. The site keeps the library
        // loaded, and the view is dropped before the site.
        let view = unsafe { T::view(access, &site.origin) };
        Ok(Static { view, site })
    }
}
