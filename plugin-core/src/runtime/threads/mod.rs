//! Everything of a plugin that the system may call later, put under its host's control.
//!
//! # The problem
//!
//! A library that was closed must not be called any more. Rust's std registers thread-local destructors and keys with the C
//! library, which calls them when a thread ends, or, to be safe, never unmaps the library. Threads run on. C code in the
//! plugin does the same by itself, and also leaves handlers and callbacks with the C library.
//!
//! # The idea
//!
//! This module defines, for this library only, the functions that do all of that. The symbols are *hidden*. The references
//! of all code that is linked into the same library bind to them, std's and C code's alike. No other library sees them.
//! There are two kinds:
//!
//! | file | the functions | when one is called |
//! | --- | --- | --- |
//! | `controlled.rs` | threads, keys, thread-local destructors | the host does it, knows of it, and undoes it before it closes the library |
//! | `noted.rs` | signal handlers, timers, functions for the program's exit, other callbacks, memory that the C library keeps | it is passed on and noted: the library stays mapped |
//! | `loader.rs` | `dlsym` and `dlvsym`, which would find the functions past these definitions, and `dlopen` | it gives the definitions; the host hears of the libraries |
//!
//! Before there is a host, a library notes keys and thread-local destructors, and hands them over when it is bound
//! (`early.rs`). Threads that are started then, and all that a program does which is linked with a plugin (a crate may be built
//! as both), are passed on to the C library and noted.
//!
//! Code in *other* libraries, which the plugin only depends on, is not seen here. The host looks which those are, and keeps
//! the plugin mapped if it cannot know what they do: see `dependencies.rs` in `plugin-host`.

mod controlled;
mod definitions;
mod early;
mod escapes;
mod loader;
mod noted;
mod original;
mod summary;

pub use definitions::FUNCTIONS;
pub(crate) use early::report as report_early;
pub(crate) use escapes::registrations;
#[cfg(feature = "host")]
pub(crate) use loader::opening_controlled;
pub(crate) use loader::report_found;
pub(crate) use noted::note_environment;
pub(crate) use original::{find_next, next};
pub(crate) use summary::{all_escaped, probe};
#[cfg(feature = "host")]
pub(crate) use summary::{forget_plugin, note_plugin};
