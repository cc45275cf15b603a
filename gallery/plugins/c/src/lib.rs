//! A plugin with a C library that starts a thread.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};

use plugin_core::plugin_export;

plugin_core::use_host_allocator!();

// SAFETY: as in `worker.c`. Both functions may be called from any thread, at any time.
unsafe extern "C" {
    safe fn worker_ask() -> c_int;
    safe fn worker_stop();
}

static STOP: AtomicBool = AtomicBool::new(false);

/// Leaves the thread running.
#[plugin_export]
fn thread_for_ever() -> Result<(), String> {
    match worker_ask() {
        0 => Ok(()),
        error => Err(format!("error {error}")),
    }
}

/// Has the shutdown hook stop the thread.
#[plugin_export]
fn thread_until_shutdown() -> Result<(), String> {
    STOP.store(true, Ordering::Relaxed);
    thread_for_ever()
}

#[plugin_export(shutdown)]
fn stop() {
    if STOP.load(Ordering::Relaxed) {
        worker_stop();
    }
}
