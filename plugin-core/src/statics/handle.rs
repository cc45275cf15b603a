//! [`Static`]: a host's handle to an exported static.

use std::ffi::c_void;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::plugin_static::{Beside, PluginStatic};
use crate::abi::{Context, Outcome};
use crate::call::{Lookup, Sealed, Site};
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

/// A type of a static, as a host asks for it. This trait and [`Beside`] stand between `Lookup` and `PluginStatic` because of the
/// compiler's messages. The compiler takes every type for a static's that is not a function with up to six arguments. A type
/// that does not cross gets one error, about `Lookup`. A [`Static`] of such a type, and the calls of it, would get more errors.
pub trait StaticLookup: PluginStatic {
    /// The handle: [`Static<Self>`](Static).
    type Handle;

    /// Does the same as [`Lookup::bind`].
    ///
    /// # Errors
    ///
    /// If the plugin panics while the plugin gives access to a static.
    ///
    /// # Safety
    ///
    /// As for [`Lookup::bind`].
    unsafe fn bind_static(site: Arc<Site>) -> Result<Self::Handle, Fault>;
}

#[diagnostic::do_not_recommend]
impl<T: PluginStatic> StaticLookup for T {
    type Handle = <T::Target as Beside<Static<T>>>::Type;

    unsafe fn bind_static(site: Arc<Site>) -> Result<Static<T>, Fault> {
        // SAFETY: by `# Safety` of `Lookup::bind`, the export's descriptor fits `STATIC_NODE`. So the entry is the accessor of
        // such a static.
        let entry = unsafe {
            std::mem::transmute::<*const c_void, unsafe extern "C" fn(Context) -> Outcome<T::Access>>(site.entry)
        };
        // SAFETY: an accessor takes only the context, which is that of the site. The site keeps its library loaded. `access`
        // made the outcome, which is used once.
        let access = unsafe { entry(site.context).into_result() }.map_err(|mut fault| {
            fault.export = Some(site.label.clone());
            fault
        })?;
        // SAFETY: the accessor has returned the access just now, and it is viewed once. The site keeps the library
        // loaded, and the view is dropped before the site.
        let view = unsafe { T::view(access, &site.origin) };
        Ok(Static { view, site })
    }
}

#[diagnostic::do_not_recommend]
impl<T: PluginStatic> Sealed for T {}

// The handle is a parameter, which the bound decides. So the compiler does not know the handle of a type that does not meet the
// bound.
// SAFETY: `bind_static` makes the view of the type that `NODE` describes.
#[diagnostic::do_not_recommend]
unsafe impl<H, T: StaticLookup<Handle = H>> Lookup for T {
    type Handle = H;
    const NODE: &'static Node = <T as PluginStatic>::STATIC_NODE;

    unsafe fn bind(site: Arc<Site>) -> Result<H, Fault> {
        // SAFETY: `# Safety` of `StaticLookup::bind_static` is that of this function.
        unsafe { T::bind_static(site) }
    }
}
