//! Loads plugins that were built with `plugin-core`, by any compiler, and calls what they export as plain Rust.
//!
//! ```no_run
//! use plugin_host::{Host, Trust};
//!
//! // SAFETY: this program loads only plugins that were built with the SDK, from its own directory.
//! let host = Host::new(unsafe { Trust::any() });
//! host.load("greeter")?;
//!
//! println!("{}", *host.get::<&str>("GREETER")?);
//! let greet = host.get::<fn(&str) -> String>("greet")?;
//! println!("{}", greet("World"));
//! # Ok::<(), plugin_host::Error>(())
//! ```
//!
//! | to | use |
//! | --- | --- |
//! | say which files may be loaded | [`Trust`] |
//! | load, look up, list | [`Host`], [`Plugin`] |
//! | call a function, also from other threads | [`Function`] |
//! | have plugins allocate as this program does | [`use_system_allocator!`] |
//! | free what plugins leak, and hear of it | [`Memory`], [`Leak`] |
//! | get a panic as a value | `get::<fn(..) -> Result<R, Fault>>`, [`Fault`] |
//! | read and write statics | [`Static`] |
//! | see what a file exports without running it | [`inspect()`] |
//! | unload a plugin, and be told what keeps it | [`Host::unload`], [`PinReason`] |
//! | replace a plugin by its next version, and follow that | [`Host::reload`], [`Live`], [`Event`] |
//! | upgrade a plugin when its file changes | `Host::watch`, with the feature `watch` |
//! | serve plugins that are linked in | [`Host::linked`] |
//! | call with JSON or any other of serde's formats, no type known | `Plugin::call_json`, `Plugin::call_serde`, with the features `json` and `serde` |
//! | build a plugin crate | [`build`], with the feature `build` |
//!
//! # Loading
//!
//! Loading has phases, each with its own errors: *read* the file, ask the *trust*, *inspect* the bytes, *map* the very
//! same bytes, *attach* by running the init hooks. Nothing of a file is run before it is trusted and has been inspected.
//!
//! # When a library goes away
//!
//! Every handle keeps its library loaded. When the host and all handles are gone, the shutdown hooks run, and the
//! library is detached. On Linux with glibc it is then unmapped, as soon as no thread that it started is running; unless
//! something in it is known to the system alone, such as a signal handler. A host in a `static`, or a handle that is
//! forgotten, is never dropped: then no shutdown hook runs, and what a plugin has printed without a line feed is lost at
//! the program's end.
//!
//! [`Host::unload`] does the same to one plugin while the host goes on, waits for what is in use, and tells: it is
//! [`Unmapped`](Unload::Unmapped), which was checked, or [`Pinned`](Unload::Pinned), with what somebody can do about
//! it. Handles that are left pin it before anything is done, so that it serves on. Threads that are left pin it after
//! the shutdown hooks, because those are what stops them: then it is detached, goes with its last thread, and `unload`
//! can be asked again until it has. A thread of the host's that has run code of a plugin may end at any time, before or
//! after.
//!
//! Elsewhere it stays mapped until the process ends, and what it was given to call stays with it: nothing tells whether
//! a thread that it started still runs, or whether the system would still call a thread-local's destructor in it. Those
//! of the thread that detaches it run when that thread ends. There `unload` detaches it, and says
//! [`PinReason::Platform`]. Loaded again it is a new library, so a program that reloads grows by one library each time.
//! On Windows a mapped file cannot be deleted either: the private copies of a process that has ended are deleted by the
//! next one that loads a plugin.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "build")]
pub mod build;
mod contents;
mod difference;
#[cfg(feature = "serde")]
mod dynamic;
mod error;
mod event;
mod file;
mod host;
mod inspect;
mod library;
mod linked;
mod manifest;
mod memory;
#[cfg(unix)]
mod parts;
#[cfg(test)]
mod sample;
mod schema;
mod services;
mod signature;
mod succession;
mod text;
mod threads;
mod trust;
mod unload;
mod upgrade;
#[cfg(feature = "watch")]
mod watch;

#[cfg(feature = "serde")]
pub use dynamic::CallError;
pub use error::{Error, TypeMismatch};
pub use event::Event;
pub use file::Mapping;
pub use host::{Host, Plugin};
pub use inspect::{ExportInfo, PanicStrategy, PluginInfo, inspect};
pub use memory::{Leak, Memory};
pub use plugin_core::{
    Borrowed, Fault, Function, FunctionType, Live, Location, Lookup, ReadGuard, RemoteMutex, RemoteRwLock, Static,
    WriteGuard,
};
pub use signature::Signature;
pub use succession::Draining;
pub use trust::{Digest, Trust};
/// What the expansion of [`use_system_allocator!`] refers to.
#[doc(hidden)]
pub mod __private {
    pub use plugin_core::__private::inventory;

    pub use crate::memory::SystemIsGlobal;
}

pub use unload::{PinReason, PluginThread, Unload};
#[cfg(feature = "watch")]
pub use watch::Watch;
