//! Further stacks for a thread.
//!
//! A host makes the stacks. A plugin asks its host for a stack, because the crate that makes stacks would be one more
//! dependency of every plugin.

use std::ffi::c_void;

use crate::abi::Run;

/// Calls `run(data, _)` on another stack of this thread.
///
/// # Errors
///
/// If no stack can be made. The error is the reason, and `run` was not called.
///
/// # Safety
///
/// `run` may be called with `data`, once.
#[cfg(feature = "host")]
pub(crate) unsafe fn on_another(run: Run, data: *mut c_void) -> Result<(), &'static str> {
    // SAFETY: the conditions of `on_new` are those of this function (`# Safety`). It does not use its first argument.
    match unsafe { on_new(std::ptr::null(), run, data) } {
        0 => Err("there is no memory for another stack"),
        _ => Ok(()),
    }
}

/// Calls `run(data, _)` on another stack of this thread, which the host provides.
///
/// # Errors
///
/// If no stack can be had. The error is the reason, and `run` was not called.
///
/// # Safety
///
/// `run` may be called with `data`, once.
#[cfg(not(feature = "host"))]
pub(crate) unsafe fn on_another(run: Run, data: *mut c_void) -> Result<(), &'static str> {
    let Some(services) = crate::runtime::services::services() else {
        return Err("there is no host to provide another stack");
    };
    // SAFETY: `on_stack` takes the `library` that came with it, and asks that `run` may be called with `data`, once, as
    // this function's `# Safety` does.
    match unsafe { (services.on_stack)(services.library, run, data) } {
        0 => Err("the host has no memory for another stack"),
        _ => Ok(()),
    }
}

/// Calls `run(data, _)` on a new stack: the service [`HostServices::on_stack`](crate::abi::HostServices::on_stack) of a
/// host.
///
/// # Safety
///
/// `run` may be called with `data`, once.
#[cfg(all(feature = "host", stacks))]
pub unsafe extern "C" fn on_new(_library: *const c_void, run: Run, data: *mut c_void) -> u8 {
    use corosensei::stack::{DefaultStack, Stack as _};

    /// The size of a stack. The kernel provides memory only for the part that is used.
    const SIZE: usize = 64 * 1024 * 1024;

    // A stack ends with a page that cannot be accessed, so an overflow ends the process and does not corrupt memory.
    let Ok(stack) = DefaultStack::new(SIZE) else {
        return 0;
    };
    let lowest = stack.limit().get();
    // SAFETY: by `# Safety`, `run` may be called with `data`, once. `lowest` is the lowest address of this stack. A
    // `Run` does not unwind.
    corosensei::on_stack(stack, || unsafe { run(data, lowest) });
    1
}

/// Does nothing: on this target, no stack can be made.
///
/// # Safety
///
/// The function has no conditions, because it calls nothing.
#[cfg(all(feature = "host", not(stacks)))]
pub unsafe extern "C" fn on_new(_library: *const c_void, _: Run, _: *mut c_void) -> u8 {
    0
}
