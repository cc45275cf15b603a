//! The functions that a host asks of this library, in which the host is.

use crate::abi::{Environment, Owner};
use crate::memory;

/// The common allocator as a host passes it on: the owner that frees its buffers, and whether the host allocates with it.
pub fn common_allocator() -> (&'static Owner, bool) {
    memory::common_of_host()
}

/// The functions by which a host's plugins change the environment, or null.
pub fn environment() -> *const Environment {
    #[cfg(controllable)]
    let environment = super::process::of_host();
    #[cfg(not(controllable))]
    let environment = std::ptr::null();
    environment
}

/// Whether every library of this process finds these functions, and not the C library's. It may not if this is a library
/// itself, in a program that is not Rust's.
pub fn environment_is_everywhere() -> bool {
    #[cfg(controllable)]
    let everywhere = super::process::is_everywhere();
    #[cfg(not(controllable))]
    let everywhere = false;
    everywhere
}

/// Notes that this library has a plugin. If this library is a plugin itself, it stays mapped for as long as its plugin may
/// call it.
pub fn note_plugin() {
    #[cfg(controllable)]
    super::threads::note_plugin();
}

/// Notes that a plugin of this library's is unmapped.
pub fn forget_plugin() {
    #[cfg(controllable)]
    super::threads::forget_plugin();
}

/// Runs `open`, which opens the library of a plugin, and may itself run in a library that is a plugin: then the host of
/// that need not hear of the library.
pub fn opening_controlled<R>(open: impl FnOnce() -> R) -> R {
    #[cfg(controllable)]
    return super::threads::opening_controlled(open);
    #[cfg(not(controllable))]
    open()
}
