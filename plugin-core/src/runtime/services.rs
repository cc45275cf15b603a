//! The services of this library's host.

use std::sync::atomic::{AtomicPtr, Ordering};

use crate::abi::HostServices;

pub(super) static SERVICES: AtomicPtr<HostServices> = AtomicPtr::new(std::ptr::null_mut());

/// What the host does for this library, while it is attached.
pub(crate) fn services() -> Option<&'static HostServices> {
    // SAFETY: null, or what the host passed to `bind` and keeps valid until after `unbind` and for as long as the
    // library is mapped.
    unsafe { SERVICES.load(Ordering::Acquire).as_ref() }
}
