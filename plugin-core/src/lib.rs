//! What a plugin and its host agree on, and what a plugin's author uses.
//!
//! Put [`#[plugin_export]`](plugin_export) on ordinary functions and statics, build the crate as a `cdylib`, and a host
//! that uses `plugin-host` can load it and call them, whatever compiler built either side:
//!
//! ```
//! use plugin_core::plugin_export;
//!
//! /// The greeting.
//! #[plugin_export]
//! static GREETER: &str = "Hello, World!";
//!
//! /// Greets `name`.
//! #[plugin_export]
//! fn greet(name: &str) -> String {
//!     format!("{GREETER}, {name}!")
//! }
//!
//! #[plugin_export(init)]
//! fn init() {
//!     println!("Greeter plugin loaded!");
//! }
//! # assert_eq!(greet("you"), "Hello, World!, you!");
//! ```
//!
//! # One library, several crates
//!
//! Exports and hooks in the crates that a plugin depends on are the plugin's too, if it refers to them at all
//! (`use parts as _;`). Have at least one annotated item in the plugin's own crate, the one with `crate-type =
//! ["cdylib"]`: it gives the plugin its name and version, and lets the host unmap the library. Without one, the plugin is
//! called like its file, and stays mapped.
//!
//! # What crosses
//!
//! [`PluginType`] has the table of types and what each costs. Arguments may also be `&T`, `&str`, `&[T]` ([`PluginRef`])
//! and `&mut T`, `&mut [T]` ([`PluginMut`]). A static may be any of these, an atomic, or a lock ([`PluginStatic`]).
//!
//! # Panics
//!
//! A panic in an export is stopped in the plugin and reaches the host as a [`Fault`]. The plugin goes on working. A
//! plugin's own panic hook does not print; what no call returns is reported to the host.
//!
//! # Features
//!
//! `host` adds what a host needs to look up and call exports. It is `plugin-host`'s to enable; a plugin leaves it off.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod buffer;
pub mod descriptor;
pub mod fault;
#[cfg(feature = "host")]
// `fn(A)` and `fn(&B)` are different types for every `A` and `B`; the lint asks whether that is relied on. It is.
#[allow(coherence_leak_check)]
mod function;
mod locks;
#[cfg(feature = "host")]
mod lookup;
mod origin;
pub mod record;
mod runtime;
mod statics;
pub mod table;
mod types;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use plugin_macros::plugin_export;

pub use fault::{Fault, Location};
#[cfg(feature = "host")]
pub use function::{Function, FunctionType};
pub use locks::{ReadGuard, RemoteMutex, RemoteRwLock, WriteGuard};
#[cfg(feature = "host")]
pub use lookup::{Lookup, Site, Static};
pub use origin::Origin;
pub use statics::{Borrowed, PluginStatic};
pub use types::{PluginMut, PluginRef, PluginType};

/// The C-compatible forms that values have on the way between the two sides, and what either side holds meanwhile.
///
/// They are opaque: one gets them from [`PluginType::lower`] and its kin, and hands them on. So there are no examples.
pub mod repr {
    pub use crate::buffer::{BufferRepr, Free};
    #[cfg(feature = "host")]
    pub use crate::locks::LockedHead;
    pub use crate::locks::{LockRepr, LockedRepr};
    pub use crate::types::repr::*;
}
