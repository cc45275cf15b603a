//! Loads plugins that were built with `plugin-core`, by any compiler, and calls what they export as plain Rust.
//!
//! ```no_run
//! use plugin_host::{Host, Memory, Trust};
//!
//! // SAFETY: this program loads only plugins that were built with the SDK, from its own directory.
//! let host = Host::new(unsafe { Trust::any() })
//!     // Frees the memory that plugins with `plugin_core::use_host_allocator!()` leave behind.
//!     .with_memory(Memory::Tracked);
//! host.load("greeter")?;
//!
//! println!("{}", *host.get::<&str>("GREETER")?);
//! let greet = host.get::<fn(&str) -> String>("greet")?;
//! println!("{}", greet("World"));
//! # Ok::<(), plugin_host::Error>(())
//! ```
//!
//! # Types
//!
//! A look-up names the type that the export has in the plugin's source, such as `fn(&str) -> String`. Numbers, text,
//! collections, `Option`, `Result` and many other types of std cross. The page of plugin-core [lists
//! them](plugin_core#what-crosses), with [their costs](plugin_core#table-of-types).
//!
//! A type of an author's own crosses with [`#[plugin_type]`](plugin_core::plugin_type). Declare it in a crate on which the host
//! and the plugin depend. A plugin that was built with an older version of that crate still fits if the type [grew as it
//! may](plugin_core::plugin_type#changing-a-type).
//!
//! # Errors
//!
//! A look-up that fails returns an [`Error`]. The error of a function is a part of the function's type. A [`TypeMismatch`] says
//! which part of the type differs:
//!
//! ```standalone_crate
//! use plugin_host::{Error, Host};
//! # #[plugin_core::plugin_export]
//! # fn port(text: &str) -> Result<u16, String> {
//! #     text.parse().map_err(|error| format!("{text}: {error}"))
//! # }
//! # let host = Host::linked()?;
//!
//! let port = host.get::<fn(&str) -> Result<u16, String>>("port")?;
//! assert_eq!(port("80"), Ok(80));
//! assert_eq!(port("ssh"), Err("ssh: invalid digit found in string".to_owned()));
//!
//! let error = host.get::<fn(&str) -> Result<u32, String>>("port").unwrap_err();
//! assert!(matches!(error, Error::TypeMismatch(_)));
//! assert!(error.to_string().contains("u32 in the host, u16 in the plugin"));
//! # Ok::<(), plugin_host::Error>(())
//! ```
//!
//! # Statics
//!
//! The look-up of a static gives a [`Static`], which derefs to the value, to an atomic, or to a lock ([`RemoteRwLock`],
//! [`RemoteMutex`]) in the plugin's own memory:
//!
//! ```standalone_crate
//! use std::sync::Mutex;
//!
//! use plugin_host::Host;
//! # #[plugin_core::plugin_export]
//! # static NAMES: Mutex<Vec<String>> = Mutex::new(Vec::new());
//! # let host = Host::linked()?;
//!
//! let names = host.get::<Mutex<Vec<String>>>("NAMES")?;
//! names.lock().unwrap().push("World".to_owned());
//! # assert_eq!(*NAMES.lock().unwrap(), ["World"]);
//! # Ok::<(), plugin_host::Error>(())
//! ```
//!
//! # Hooks and state
//!
//! A load runs the plugin's init hooks, and its shutdown hooks run when [the library goes away](#when-a-library-goes-away).
//! [`Host::reload`] replaces a plugin by its next version, and passes the state that the old version saves to the new version. A
//! [`Live`] handle follows:
//!
//! ```no_run
//! # use plugin_host::{Host, Trust};
//! # // SAFETY: this program loads only plugins that were built with the SDK, from its own directory.
//! # let host = Host::new(unsafe { Trust::any() });
//! # host.load("greeter")?;
//! let greet = host.live::<fn(&str) -> String>("greet")?;
//! println!("{}", greet("World"));
//! // The plugin is built again. Then:
//! host.reload("greeter")?;
//! println!("{}", greet("World"));
//! # Ok::<(), plugin_host::Error>(())
//! ```
//!
//! # Panics
//!
//! A panic in an export is stopped in the plugin. A look-up of `fn(..) -> Result<R, Fault>` gives it as a [`Fault`]. With
//! `fn(..) -> R`, it goes on as a panic in the caller:
//!
//! ```standalone_crate
//! use plugin_host::{Fault, Host};
//! # #[plugin_core::plugin_export]
//! # fn half(n: u32) -> u32 {
//! #     assert!(n % 2 == 0, "{n} is odd");
//! #     n / 2
//! # }
//! # let host = Host::linked()?;
//!
//! let half = host.get::<fn(u32) -> Result<u32, Fault>>("half")?;
//! assert_eq!(half(8), Ok(4));
//! assert_eq!(half(7).unwrap_err().message, "7 is odd");
//! # Ok::<(), plugin_host::Error>(())
//! ```
//!
//! Some panics end the process: see [plugin-core](plugin_core#panics). [`AbortPlugins`] is the setting for plugins with
//! `panic = "abort"`, whose panics all end the process. A panic that no call returns goes to the handler of
//! [`Host::with_fault_handler`].
//!
//! # Testing
//!
//! [`Host::linked`] serves plugins that are linked into the program, so a test of a host needs no library. [`build::Build`], with
//! the [feature](#features) `build`, builds a plugin's crate for a test that loads the real library:
//!
//! ```no_run
//! # #[cfg(feature = "build")] {
//! use plugin_host::build::Build;
//! use plugin_host::{Host, Trust};
//!
//! let library = Build::new("plugins/greeter").run()?;
//! // SAFETY: the library was just built from this repository's own source.
//! let host = Host::new(unsafe { Trust::any() });
//! host.load(library)?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Loading
//!
//! Loading has phases, each with its own errors: *read* the file, ask the *trust*, *inspect* the bytes, *map* the very
//! same bytes, *attach* by running the init hooks. No code of a file runs before the file is trusted and has been inspected.
//!
//! # When a library goes away
//!
//! Every handle keeps its library loaded. When the host and all handles are dropped, the shutdown hooks run, and the library is
//! detached. On Linux with glibc the library is then unmapped as soon as no thread that it started is running, unless the
//! kernel or the C library may still call it, for example as a signal handler. Memory that its statics own is lost then, unless
//! it is [tracked](Memory).
//!
//! A host in a `static`, or a handle that is passed to `mem::forget`, is never dropped. Then no shutdown hook runs, and text
//! that a plugin has printed without a line feed is lost when the program ends.
//!
//! [`Host::unload`] does the same to one plugin while the host goes on. It waits until the plugin is not in use, and returns the
//! outcome: [`Unmapped`](Unload::Unmapped), which the host has checked, or [`Pinned`](Unload::Pinned) with the reasons, which
//! say what to do.
//!
//! - Handles that are left pin the plugin before any step, so it goes on serving.
//! - Threads that are left pin the plugin after the shutdown hooks, because these hooks should stop the threads. The plugin is
//!   detached, and is unmapped when its last thread ends. A later call of `unload` returns the outcome.
//! - A thread of the host that has run a plugin's code may end at any time, before or after the unload.
//!
//! On other systems a library stays mapped until the process ends, and so do the services that the host lends it. The host
//! cannot learn there whether a thread of the library still runs, or whether the C library will still call a thread-local's
//! destructor in it. The destructors of the thread that detaches the library run when that thread ends. `unload` detaches the
//! library, and returns [`PinReason::Platform`]. A file that is loaded again is a new library, so a program that reloads
//! plugins grows by one library each time. On Windows a mapped file cannot be deleted either. So the next process that loads a
//! plugin deletes the private copies of processes that have ended.
//!
//! # Debuggers and profilers
//!
//! On Linux, backtraces name the functions of a plugin, and so does gdb when it runs the host or is attached to it. With the
//! default [`Mapping`], gdb needs one command for a core file, and perf needs one for its reports, because the plugin's private
//! copy is gone by then. The page `docs/debugging.md` of this crate's repository has these commands. With
//! [`Mapping::InPlace`] no command is needed.
//!
//! # One process, several standard libraries
//!
//! Host and plugins each have a std of their own, and each std guards the state of the process with locks of its own. In the
//! following, a *side* is the host, a plugin, or C code, each with its std or none.
//!
//! **The environment.** In a Rust 2021 crate [`std::env::set_var`] is safe, though the C library's `setenv` frees memory that
//! another side may be reading. On Linux with glibc (x86-64 and AArch64) a program with this crate has functions of its own
//! in the place of `setenv`, `unsetenv`, `putenv` and `clearenv`. They never free or move anything that a reader may have
//! found. Every library of the process uses them, because a program's functions come before the C library's; plugins use them
//! in any case. So an access to the environment does no harm in any edition, and a
//! reader never misses a variable that is set. The [table of accesses](#table-of-accesses-to-the-environment) has each case.
//!
//! As in glibc, each different `NAME=value` is kept in memory for ever. Removing variables may cost 1 MiB in all. After that, a
//! removed variable leaves an empty entry until another one is added. Programs skip such entries, but `printenv` shows them as
//! empty lines.
//!
//! These cases remain open, and are for the author of the program to avoid:
//!
//! - The host is in a library that a program in another language loads, such as an extension of Python. Then that program's
//!   C code still uses the C library's functions. (A host that is linked into a C program serves it, too. So does one in a
//!   plugin, which uses its host's functions.) The same holds for code that looks `setenv` up in the C library itself.
//! - C code stores another array in the variable `environ`, or changes a string that it has passed to `putenv`.
//! - [`CommandExt::exec`](std::os::unix::process::CommandExt::exec) with a changed environment, if it *fails*: std has
//!   replaced `environ` for that time. Starting a child is harmless.
//! - Linux with another C library or processor, and macOS: there the C library's functions are used. On Windows the system
//!   guards the environment.
//!
//! The readers are std's and the C library's, whose plain loads are races in terms of Rust's memory model. The source of
//! `plugin-core`, `runtime/environment.rs`, says which facts about processors and compilers make them harmless.
//!
//! **The process's end.** Two threads must not call the C library's `exit` at once. Each std has a guard against this, but only
//! for its own calls. On Linux with glibc a plugin's `exit` becomes the host's `std::process::exit`. So one thread ends the
//! process and the others wait, also if `main` returns meanwhile, and the host's standard output is flushed, too. One case
//! remains open: C code calls `exit`, or a C program returns from `main`, while Rust code calls `exit`. glibc 2.41 allows that.
//!
//! Other state does no harm, but may surprise. The [table of shared state](#table-of-shared-state) lists it.
//!
//! # Features
//!
//! No feature is a default. The last three concern types that cross, and the plugin needs the same feature of plugin-core.
//!
//! | feature | adds | items |
//! | --- | --- | --- |
//! | `build` | building a plugin's crate with cargo, and finding its library | [`build`], with [`build::Build`] and [`build::BuildError`] |
//! | `serde` | calls with arguments in any of serde's formats, with no type of theirs known | [`Plugin::call_serde`], [`Plugin::get_serde`], [`Host::call_serde`], [`Host::get_serde`], [`CallError`] |
//! | `json` | the same with JSON; enables `serde` | [`Plugin::call_json`], [`Plugin::call_json_mut`], [`Plugin::get_json`], [`Host::call_json`], [`Host::call_json_mut`], [`Host::get_json`] |
//! | `watch` | an upgrade of a plugin when its file changes | [`Host::watch`], [`Plugin::watch`], [`Watch`], [`Host::with_watch_quiet`], [`Host::with_watch_patience`], [`Error::AlreadyWatched`], [`Error::NotWatched`] |
//! | `bytes` | `bytes::Bytes` crosses | |
//! | `serde_json` | `serde_json::Value` crosses | |
//! | `uuid` | `uuid::Uuid` crosses | |
//!
//! # Table of tasks
//!
//! | to | use |
//! | --- | --- |
//! | say which files may be loaded | [`Trust`] |
//! | load, look up, list | [`Host`], [`Plugin`] |
//! | call a function, also from other threads | [`Function`] |
//! | let plugins allocate as fast as this program | [`use_system_allocator!`] |
//! | learn which plugin a crash was in | [`Host::with_crash_reports`] |
//! | free memory that plugins leak, and get a report | [`Memory`], [`Leak`] |
//! | get a panic as a value | `get::<fn(..) -> Result<R, Fault>>`, [`Fault`] |
//! | use plugins whose panics end the process | [`AbortPlugins`] |
//! | read and write statics | [`Static`] |
//! | see what a file exports without running it | [`inspect()`] |
//! | load or inspect a library that is in memory | [`Host::load_bytes`], [`inspect_bytes`] |
//! | bound the time and memory that a hostile file costs | [`Limits`] |
//! | unload a plugin, and learn what keeps it | [`Host::unload`], [`PinReason`] |
//! | upgrade a plugin to its next version, and follow it | [`Host::reload`], [`Live`], [`Event`] |
//! | load several instances of one library | [`Host::load_as`] |
//! | follow one of several plugins that export the same names, or all of them | [`Plugin::live`], [`Host::live_all`] |
//! | upgrade a plugin when its file changes | [`Host::watch`], [`Plugin::watch`], with the feature `watch` |
//! | serve plugins that are linked in | [`Host::linked`] |
//! | call with JSON or any other of serde's formats, no type known | [`Plugin::call_json`], [`Plugin::call_serde`], with the features `json` and `serde` |
//! | build a plugin crate | [`build`], with the feature `build` |
//!
//! # Table of accesses to the environment
//!
//! These pairs do no harm in any edition, [on Linux with glibc](#one-process-several-standard-libraries):
//!
//! | one side writes | another reads, at the same time |
//! | --- | --- |
//! | the host, with `set_var`, `remove_var` | a plugin, with `var`, `vars`; C code, with `getenv` |
//! | a plugin | the host, another plugin, C code |
//! | C code, with `setenv`, `putenv` | the host, a plugin, other C code |
//! | any | any that starts a process: the child gets all variables |
//! | any | any other one that writes: one after the other |
//!
//! # Table of shared state
//!
//! | state | with plugins |
//! | --- | --- |
//! | current directory, `umask`, limits, user | the process's: a change is seen by all sides |
//! | signals | dispositions are the process's, and the last one counts; a plugin that installs a handler stays mapped. A Rust host ignores `SIGPIPE`, a C host does not, and a plugin changes neither |
//! | standard output | each side has a buffer and a lock: lines of different sides may come in another order, and a long text may be cut by another's. A plugin's buffer is flushed when it is detached, and when it ends the process itself |
//! | standard error | not buffered: writes of different sides may be mixed within a line |
//! | standard input | each side reads ahead into its own buffer: what one has read ahead, another does not get |
//! | closing a standard stream | closes it for all sides |
//! | [`std::process::abort`] | ends the process, whichever side calls it |
//! | functions for the end, `atexit` | a plugin's run when its library is closed, or else when the process ends |
//! | [`std::thread::current`] | each side has its own handle for a thread: another id, which may equal that of another thread on another side, and no name on threads that it has not started |
//! | [`std::thread::park`] | a token belongs to one side's handle: `unpark` on one side does not wake a thread that is parked on the other |
//! | [`std::thread::panicking`], the panic count | each side counts its own panics: a plugin that is called while the host unwinds may panic, and that is a [`Fault`] |
//! | functions and variables with `#[no_mangle]` | on Linux with glibc, a plugin uses its own, also if the program (linked with `-rdynamic`) or another library has some of the same names. A plugin that would use another's is refused, which may happen with [`Mapping::InPlace`] |
//! | the panic hook | each side has its own; a plugin's reports to its host, and prints if the process is about to end |
//! | backtraces | each side has a lock and a cache of its own; a plugin's frames are named by either |
//! | crashes, such as by SIGSEGV | end the process, whichever side's code is wrong; [`Host::with_crash_reports`] names the plugin |
//! | stack overflow | ends the process; only on threads that the host's std has started, it says so first |
//! | hashing keys, `RandomState` | each side has its own |
//! | children, [`std::process::Child`] | belong to the side that started them; code that waits for any child takes them away from all |
//!
// Without a feature, its items are not in this documentation, and the links above lead to docs.rs.
#![cfg_attr(
    not(feature = "build"),
    doc = "
[`build`]: https://docs.rs/plugin-host/latest/plugin_host/build/index.html
[`build::Build`]: https://docs.rs/plugin-host/latest/plugin_host/build/struct.Build.html
[`build::BuildError`]: https://docs.rs/plugin-host/latest/plugin_host/build/enum.BuildError.html"
)]
#![cfg_attr(
    not(feature = "serde"),
    doc = "
[`CallError`]: https://docs.rs/plugin-host/latest/plugin_host/enum.CallError.html
[`Host::call_serde`]: https://docs.rs/plugin-host/latest/plugin_host/struct.Host.html#method.call_serde
[`Host::get_serde`]: https://docs.rs/plugin-host/latest/plugin_host/struct.Host.html#method.get_serde
[`Plugin::call_serde`]: https://docs.rs/plugin-host/latest/plugin_host/struct.Plugin.html#method.call_serde
[`Plugin::get_serde`]: https://docs.rs/plugin-host/latest/plugin_host/struct.Plugin.html#method.get_serde"
)]
#![cfg_attr(
    not(feature = "json"),
    doc = "
[`Host::call_json`]: https://docs.rs/plugin-host/latest/plugin_host/struct.Host.html#method.call_json
[`Host::call_json_mut`]: https://docs.rs/plugin-host/latest/plugin_host/struct.Host.html#method.call_json_mut
[`Host::get_json`]: https://docs.rs/plugin-host/latest/plugin_host/struct.Host.html#method.get_json
[`Plugin::call_json`]: https://docs.rs/plugin-host/latest/plugin_host/struct.Plugin.html#method.call_json
[`Plugin::call_json_mut`]: https://docs.rs/plugin-host/latest/plugin_host/struct.Plugin.html#method.call_json_mut
[`Plugin::get_json`]: https://docs.rs/plugin-host/latest/plugin_host/struct.Plugin.html#method.get_json"
)]
#![cfg_attr(
    not(feature = "watch"),
    doc = "
[`Watch`]: https://docs.rs/plugin-host/latest/plugin_host/struct.Watch.html
[`Plugin::watch`]: https://docs.rs/plugin-host/latest/plugin_host/struct.Plugin.html#method.watch
[`Host::watch`]: https://docs.rs/plugin-host/latest/plugin_host/struct.Host.html#method.watch
[`Host::with_watch_patience`]: https://docs.rs/plugin-host/latest/plugin_host/struct.Host.html#method.with_watch_patience
[`Host::with_watch_quiet`]: https://docs.rs/plugin-host/latest/plugin_host/struct.Host.html#method.with_watch_quiet
[`Error::AlreadyWatched`]: https://docs.rs/plugin-host/latest/plugin_host/enum.Error.html#variant.AlreadyWatched
[`Error::NotWatched`]: https://docs.rs/plugin-host/latest/plugin_host/enum.Error.html#variant.NotWatched"
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// These macros panic if standard output or standard error cannot be written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

#[cfg(all(target_os = "linux", target_env = "gnu", target_feature = "crt-static"))]
compile_error!(
    "a program that is linked statically with glibc cannot load libraries: build the host without \
     `-C target-feature=+crt-static`"
);

mod backend;
#[cfg(feature = "build")]
pub mod build;
mod config;
mod error;
mod event;
mod file;
#[cfg(feature = "json")]
mod fuzzing;
mod host;
mod inspect;
mod library;
mod load;
mod os;
mod plugin;
mod registry;
mod schema;
mod services;
mod unload;
#[cfg(feature = "serde")]
mod untyped;
mod upgrade;
#[cfg(feature = "watch")]
mod watch;
mod work;

pub use error::{CannotLeave, Error, TypeMismatch};
pub use event::Event;
pub use file::mapping::Mapping;
pub use host::Host;
pub use inspect::info::{AbortPlugins, ExportInfo, PanicStrategy, PluginInfo};
pub use inspect::limits::Limits;
pub use inspect::{inspect, inspect_with};
pub use load::digest::{Digest, ParseDigestError};
pub use load::memory::{inspect_bytes, inspect_bytes_with};
pub use load::trust::Trust;
pub use plugin::Plugin;
pub use plugin_core::{
    Borrowed, Cause, Fault, Function, FunctionType, Live, Location, Lookup, PluginFn, ReadGuard, RemoteMutex,
    RemoteRwLock, Static, WriteGuard, lent, lent_mut,
};
pub use schema::signature::Signature;
pub use services::memory::{Leak, Memory};
#[cfg(feature = "serde")]
pub use untyped::CallError;
pub use upgrade::lineage::Draining;
pub use upgrade::live_all::LiveAll;
/// The items that the expansion of [`use_system_allocator!`] uses.
#[doc(hidden)]
pub mod __private {
    pub use inventory;

    #[cfg(feature = "loopback")]
    pub use crate::backend::loopback::{Loopback, Message, loopback};
    #[cfg(all(feature = "json", target_os = "linux"))]
    pub use crate::fuzzing::own_symbols;
    #[cfg(all(feature = "json", feature = "loopback"))]
    pub use crate::fuzzing::resend;
    #[cfg(feature = "json")]
    pub use crate::fuzzing::{compare, rebuild};
    pub use crate::services::memory::SystemIsGlobal;
}

pub use unload::outcome::{Closed, Pinned, Unload};
pub use unload::pin::{PinReason, PluginThread, Registered, Registration};
#[cfg(feature = "watch")]
pub use watch::watches::Watch;
