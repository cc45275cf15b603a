//! What runs inside a plugin between attach and detach, on behalf of its host.

mod attach;
#[cfg(all(controllable, feature = "host"))]
mod environment;
pub(crate) mod panic_hook;
#[cfg(controllable)]
pub(crate) mod process;
pub(crate) mod stack;
pub mod state;
#[cfg(controllable)]
pub(crate) mod threads;
#[cfg(not(controllable))]
mod threads {
    /// The target has no such control: what is put beside each item is nothing.
    #[doc(hidden)]
    #[macro_export]
    macro_rules! __control_threads {
        () => {};
    }
}

use std::sync::atomic::{AtomicPtr, Ordering};

use crate::abi::table::HostServices;

static SERVICES: AtomicPtr<HostServices> = AtomicPtr::new(std::ptr::null_mut());

/// What the host does for this library, while it is attached.
pub(crate) fn services() -> Option<&'static HostServices> {
    // SAFETY: null, or what the host passed to `bind` and keeps valid until after `unbind` and for as long as the
    // library is mapped.
    unsafe { SERVICES.load(Ordering::Acquire).as_ref() }
}
