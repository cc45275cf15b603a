//! What runs inside a plugin between attach and detach, on behalf of its host.

pub(crate) mod panics;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) mod threads;

use std::io::Write as _;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::table::HostServices;

static SERVICES: AtomicPtr<HostServices> = AtomicPtr::new(std::ptr::null_mut());

/// What the host does for this library, while it is attached.
pub(crate) fn services() -> Option<&'static HostServices> {
    // SAFETY: null, or what the host passed to `bind` and keeps valid until after `unbind` and for as long as the
    // library is mapped.
    unsafe { SERVICES.load(Ordering::Acquire).as_ref() }
}

/// Attaches this library to its host. Returns whether all its threads and thread-locals are under the host's control.
pub(crate) unsafe extern "C" fn bind(services: *const HostServices) -> u8 {
    SERVICES.store(services.cast_mut(), Ordering::Release);
    panics::install();
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    let controlled = threads::controlled();
    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let controlled = false;
    u8::from(controlled)
}

/// Detaches this library: its shutdown hooks have run, and no export is called any more.
pub(crate) unsafe extern "C" fn unbind() {
    // Each library has its own std with its own buffer; what is still in it would be lost. A standard output that is
    // closed is nobody's fault here.
    _ = std::io::stdout().flush();
    panics::uninstall();
}
