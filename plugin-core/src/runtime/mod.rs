//! The part of this crate that runs inside a plugin, from attach to detach, on behalf of the plugin's host.

mod attach;
#[cfg(all(controllable, feature = "host"))]
mod environment;
#[cfg(feature = "host")]
pub(crate) mod hosting;
#[cfg(controllable)]
mod image;
pub(crate) mod panic_hook;
#[cfg(controllable)]
pub(crate) mod process;
pub(crate) mod registration;
pub(crate) mod services;
pub(crate) mod stack;
pub(crate) mod state;
#[cfg(controllable)]
pub(crate) mod threads;
#[cfg(not(controllable))]
mod threads {
    /// On this target a host has no such control, so the macro puts nothing beside an item.
    #[doc(hidden)]
    #[macro_export]
    macro_rules! __control_threads {
        () => {};
    }
}
