//! The libraries that the plugin opens, and the symbols that it finds in other libraries, by itself.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::escapes::escape;
use super::original;
use crate::abi::escaped;
use crate::runtime::services::services;

/// The addresses that were found before the library was bound.
static FOUND: [AtomicPtr<c_void>; 32] = [const { AtomicPtr::new(std::ptr::null_mut()) }; 32];

/// Tells the host of an address that was found, which may be in a library that the host knows nothing of. This does not
/// allocate, because an allocator may look its functions up.
pub(super) fn tell_found(symbol: *mut c_void) {
    if let Some(services) = services() {
        // SAFETY: `symbol_found` takes the `library` that came with it, and an address that the loader has found. It
        // does not read from this address.
        return unsafe { (services.symbol_found)(services.library, symbol) };
    }
    let is_kept = FOUND.iter().any(|place| {
        let kept = place.compare_exchange(std::ptr::null_mut(), symbol, Ordering::AcqRel, Ordering::Acquire);
        kept.is_ok() || kept == Err(symbol)
    });
    if !is_kept {
        escape(escaped::LIBRARY, c"dlsym", symbol);
    }
    // A host may have bound the library meanwhile.
    report_found();
}

/// Tells the host, if there is one, of the addresses that were found before.
pub(crate) fn report_found() {
    let Some(services) = services() else { return };
    for place in &FOUND {
        let symbol = place.swap(std::ptr::null_mut(), Ordering::AcqRel);
        if !symbol.is_null() {
            // SAFETY: `symbol_found` takes the `library` that came with it, and an address that the loader has found.
            // It does not read from this address.
            unsafe { (services.symbol_found)(services.library, symbol) };
        }
    }
}

thread_local! {
    /// True while this thread opens libraries for a host in this library.
    static CONTROLLED: Cell<bool> = const { Cell::new(false) };
}

/// Returns true if this thread opens libraries for a host that is in this library.
pub(super) fn is_controlled() -> bool {
    CONTROLLED.get()
}

/// Runs `open`, which opens a library that this library's own host controls.
#[cfg(feature = "host")]
pub(crate) fn opening_controlled<R>(open: impl FnOnce() -> R) -> R {
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            CONTROLLED.set(self.0);
        }
    }
    // Found now, because a thread that a constructor of the opened library waits for cannot ask the loader.
    original::environment_source();
    let _back = Back(CONTROLLED.replace(true));
    open()
}

/// `dlopen` of the library. The host hears of the library that is opened, which may come to call this one.
///
/// # Safety
///
/// As for the loader's function of that name.
pub(super) unsafe extern "C" fn open(file: *const c_char, flags: c_int) -> *mut c_void {
    let handle = match original::dlopen() {
        // SAFETY: the conditions of the loader's `dlopen` are those of this function (`# Safety`), and it gets the same
        // arguments. The loader takes this library for the caller, because this function is in it.
        Some(function) => unsafe { function(file, flags) },
        None => std::ptr::null_mut(),
    };
    if handle.is_null() || file.is_null() || CONTROLLED.get() {
        return handle;
    }
    match services() {
        // SAFETY: `library_opened` takes the `library` that came with it, and a handle, which `dlopen` has returned
        // just now.
        Some(services) => unsafe { (services.library_opened)(services.library, handle) },
        None => escape(escaped::LIBRARY, c"dlopen", std::ptr::null()),
    }
    handle
}
