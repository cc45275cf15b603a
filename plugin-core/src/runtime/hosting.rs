//! Functions for a host about its own library or program, which contains this crate too.

use super::services::services;
use crate::abi::{Environment, Keeper, Owner};
use crate::memory;

/// Returns the owner of the common allocator's buffers, and whether this host allocates with the common allocator. A
/// host passes both to its plugins.
pub fn common_allocator() -> (&'static Owner, bool) {
    memory::common_of_host()
}

/// Returns the functions that plugins call to change the environment, or null if the target has none.
pub fn environment() -> *const Environment {
    #[cfg(controllable)]
    let environment = super::process::of_host();
    #[cfg(not(controllable))]
    let environment = std::ptr::null();
    environment
}

/// Returns true if every library of this process finds these functions before those of the C library. It may be false
/// if the host is itself a library, in a program that is not written in Rust.
pub fn environment_is_everywhere() -> bool {
    #[cfg(controllable)]
    let everywhere = super::process::is_everywhere();
    #[cfg(not(controllable))]
    let everywhere = false;
    everywhere
}

/// Returns the keeper of this library. Null if it is no plugin.
pub fn keeper() -> *const Keeper {
    services().map_or(std::ptr::null(), |services| services.keeper())
}

/// Notes that this library has loaded a plugin. If this library is a plugin itself, it stays mapped as long as its own
/// plugin may call it.
pub fn note_plugin() {
    #[cfg(controllable)]
    super::threads::note_plugin();
}

/// Notes that a plugin of this library was unmapped.
pub fn forget_plugin() {
    #[cfg(controllable)]
    super::threads::forget_plugin();
}

/// Runs `open`, which opens the library of a plugin. If this library is a plugin itself, its own host is not told of
/// that library, because this host controls it.
pub fn opening_controlled<R>(open: impl FnOnce() -> R) -> R {
    #[cfg(controllable)]
    return super::threads::opening_controlled(open);
    #[cfg(not(controllable))]
    open()
}
