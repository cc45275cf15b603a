//! The library or program that an address is in.

use std::ffi::{c_char, c_int, c_void};

/// Returns the start of the library or program that `address` is in.
pub(super) fn image_of(address: *const c_void) -> *const c_void {
    /// `Dl_info`.
    #[repr(C)]
    struct Found {
        file: *const c_char,
        base: *const c_void,
        symbol: *const c_char,
        address: *const c_void,
    }
    unsafe extern "C" {
        fn dladdr(address: *const c_void, found: *mut Found) -> c_int;
    }
    let mut found =
        Found { file: std::ptr::null(), base: std::ptr::null(), symbol: std::ptr::null(), address: std::ptr::null() };
    // SAFETY: `dladdr` takes any address and does not read from it. It writes to `found`, which is laid out as a
    // `Dl_info`.
    unsafe { dladdr(address, &raw mut found) };
    found.base
}

/// Returns true if this library or program has that function.
pub(super) fn is_own(function: *const c_void) -> bool {
    !function.is_null() && image_of(function) == image_of((is_own as *const ()).cast())
}
