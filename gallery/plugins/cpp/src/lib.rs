//! A plugin with a C++ library that has statics.

use std::ffi::c_int;

use plugin_core::plugin_export;

plugin_core::use_host_allocator!();

// SAFETY: as in `statics.cpp`. The function is called by one thread at a time.
unsafe extern "C" {
    safe fn statics_use() -> c_int;
}

/// Uses all of them.
#[plugin_export]
fn statics() -> Result<(), String> {
    match statics_use() {
        68.. => Ok(()),
        length => Err(format!("the text has {length} bytes")),
    }
}
