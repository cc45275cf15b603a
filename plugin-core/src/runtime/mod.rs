//! What runs inside a plugin between attach and detach, on behalf of its host.

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
pub mod state;
#[cfg(controllable)]
pub(crate) mod threads;
#[cfg(not(controllable))]
mod threads {
    /// The target has no such control: what is put beside each item is nothing.
    #[doc(hidden)]
    #[macro_export]
    macro_rules! __control_threads {
        () => {};
    }
}
