//! AddressSanitizer's options for each target.

use std::ffi::c_char;

/// Has variables lie on the stack itself: their addresses tell how deep a value may be converted on one stack.
// SAFETY: AddressSanitizer calls the function of this name, which no other code defines.
#[unsafe(no_mangle)]
extern "C" fn __asan_default_options() -> *const c_char {
    c"detect_stack_use_after_return=0".as_ptr()
}
