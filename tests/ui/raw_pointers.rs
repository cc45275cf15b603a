use std::ffi::{CStr, c_char, c_void};
use std::ptr::NonNull;

use plugin_core::{plugin_export, plugin_type};

#[plugin_export]
fn length(text: *const c_char) -> usize {
    text.addr()
}

#[plugin_export]
fn fill(at: *mut u8, length: usize) {
    _ = (at, length);
}

#[plugin_export]
fn there(at: NonNull<u8>) -> bool {
    at.addr().get() > 0
}

#[plugin_export]
fn c_text(text: &CStr) -> usize {
    text.count_bytes()
}

#[plugin_type]
struct Handle {
    of: *mut c_void,
}
