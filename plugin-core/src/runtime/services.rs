//! The services of this library's host.

use std::sync::atomic::{AtomicPtr, Ordering};

use crate::abi::HostServices;

pub(super) static SERVICES: AtomicPtr<HostServices> = AtomicPtr::new(std::ptr::null_mut());

/// Returns the services of this library's host, once the library is bound.
pub(crate) fn services() -> Option<&'static HostServices> {
    // SAFETY: the pointer is null, or the host passed it to `bind`. Then the services stay valid as long as this
    // library is mapped (`PluginTable::bind`).
    unsafe { SERVICES.load(Ordering::Acquire).as_ref() }
}
