//! Control of everything in a plugin that the C library or the kernel may call later.
//!
//! # The problem
//!
//! A closed library must not be called any more. But Rust's std registers thread-local destructors and keys with the C
//! library, which calls them when a thread ends. Threads of the plugin go on running. C code in the plugin does the
//! same, and also leaves handlers and callbacks with the C library. The host would not hear of any of these.
//!
//! # The idea
//!
//! This module defines the functions that register such things, for this library only. Their symbols are *hidden*. All
//! references of the code that is linked into the same library bind to these definitions, those of std, of C and of
//! C++ code alike. No other library sees them.
//!
//! | file | the functions | when one is called |
//! | --- | --- | --- |
//! | `controlled.rs` | threads, keys, thread-local destructors | the host registers the thing, and undoes the registration before it closes the library |
//! | `noted.rs` | signal handlers, timers, functions for the program's exit, other callbacks, memory that the C library keeps | the call is passed on and noted, and the library stays mapped |
//! | `definitions.rs` | `dlsym` and `dlvsym`, which could find the functions without these definitions | the definition is returned |
//! | `loader.rs` | `dlopen` | the host hears of the opened library |
//!
//! Before a library has a host, it keeps notes of keys and thread-local destructors, and hands them over when it is
//! bound (`early.rs`). A thread that is started before that time is passed on to the C library and noted
//! (`escapes.rs`). The same happens to all registrations in a program that is linked with the plugin's crate.
//! `summary.rs` tells the host which things have escaped its control. `original.rs` finds the functions to
//! which a call is passed on.
//!
//! # The proof
//!
//! *Each registration is seen.* The linker binds a reference to a hidden definition in the same library, so the loader
//! cannot bind it to another one. A look-up by name goes through the definitions of `dlsym` and `dlvsym`. A std in a
//! library of its own has other references; `summary.rs` finds that out with a thread-local of its own, and the library
//! stays mapped.
//!
//! *No registered thing is called in a closed library.* The host itself runs the destructors of keys and thread-locals,
//! and runs none of a library that is closed. It closes the library only when the library's threads have ended. If a
//! thing has escaped, the library stays mapped.
//!
//! *Code in other libraries* that the plugin depends on is not seen here. The host finds these libraries, and keeps the
//! plugin mapped if it cannot vouch for them: see `dependencies.rs` in `plugin-host`.

mod controlled;
mod definitions;
mod early;
mod escapes;
mod loader;
mod noted;
pub(super) mod original;
mod summary;

pub use definitions::FUNCTIONS;
pub(crate) use early::report as report_early;
pub(crate) use escapes::registrations;
#[cfg(feature = "host")]
pub(crate) use loader::opening_controlled;
pub(crate) use loader::report_found;
pub(crate) use noted::note_environment;
pub(crate) use summary::{all_escaped, probe};
#[cfg(feature = "host")]
pub(crate) use summary::{forget_plugin, note_plugin};
