//! More stacks for a thread.
//!
//! A host makes them. A plugin asks its host, because what makes them would be a further dependency of every plugin.

use std::ffi::c_void;

use crate::abi::Run;

/// Calls `run(data, _)` on another stack of this thread.
///
/// # Errors
///
/// Returns a reason if no such stack can be had. Then `run` was not called.
///
/// # Safety
///
/// `run` may be called with `data`, once.
#[cfg(feature = "host")]
pub(crate) unsafe fn on_another(run: Run, data: *mut c_void) -> Result<(), &'static str> {
    // SAFETY: the caller's promise.
    match unsafe { on_new(std::ptr::null(), run, data) } {
        0 => Err("there is no memory for another stack"),
        _ => Ok(()),
    }
}

/// As above.
///
/// # Errors
///
/// As above.
///
/// # Safety
///
/// As above.
#[cfg(not(feature = "host"))]
pub(crate) unsafe fn on_another(run: Run, data: *mut c_void) -> Result<(), &'static str> {
    let Some(services) = crate::runtime::services::services() else {
        return Err("there is no host to provide another stack");
    };
    // SAFETY: the caller's promise; the host's own service with the host's context.
    match unsafe { (services.on_stack)(services.library, run, data) } {
        0 => Err("the host has no memory for another stack"),
        _ => Ok(()),
    }
}

/// [`HostServices::on_stack`](crate::abi::HostServices::on_stack), as a host provides it.
///
/// # Safety
///
/// `run` may be called with `data`, once.
#[cfg(all(feature = "host", stacks))]
pub unsafe extern "C" fn on_new(_library: *const c_void, run: Run, data: *mut c_void) -> u8 {
    use corosensei::stack::{DefaultStack, Stack as _};

    /// The size of a stack. The kernel provides memory only for the part that is used.
    const SIZE: usize = 64 * 1024 * 1024;

    // It ends with a page that cannot be accessed, so a stack that overflows ends the process.
    let Ok(stack) = DefaultStack::new(SIZE) else {
        return 0;
    };
    let lowest = stack.limit().get();
    // SAFETY: the caller's promise. It does not unwind.
    corosensei::on_stack(stack, || unsafe { run(data, lowest) });
    1
}

/// As above, for a target on which no stack can be made.
///
/// # Safety
///
/// None: the function calls nothing.
#[cfg(all(feature = "host", not(stacks)))]
pub unsafe extern "C" fn on_new(_library: *const c_void, _: Run, _: *mut c_void) -> u8 {
    0
}
