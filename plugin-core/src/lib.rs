//! What a plugin and its host agree on, and what a plugin's author uses.
//!
//! Put [`#[plugin_export]`](plugin_export) on ordinary functions and statics, build the crate as a `cdylib`, and a host
//! that uses `plugin-host` can load it and call them, whatever compiler built either side:
//!
//! ```
//! use plugin_core::plugin_export;
//!
//! // The host frees what is left of it when the plugin goes: see below, at "Memory".
//! plugin_core::use_host_allocator!();
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
//! Exports and hooks in the crates that a plugin depends on are the plugin's too, if its source names each such crate. The
//! line `use parts as _;` is enough, in every profile; without it, the compiler leaves out the crate `parts` and says
//! nothing. `plugin_host::build::Build` warns of this. Have at least one annotated item in the plugin's own crate, the one with `crate-type =
//! ["cdylib"]`: it gives the plugin its name and version, and lets the host unmap the library. Without one, the plugin is
//! called like its file, and stays mapped.
//!
//! # What crosses
//!
//! These types cross by value, as arguments and results. Behind `&` and `&mut` ([`PluginRef`], [`PluginMut`]) each of them
//! may be an argument, and so may `&str`, `&Path`, `&OsStr`, `&[T]` and `&mut [T]`. A static may be any of these, an atomic,
//! or a lock ([`PluginStatic`]).
//!
//! | type | its `Repr` | cost of crossing |
//! | --- | --- | --- |
//! | `bool`, `char`, integers, floats, [`NonZero`] of integers, arrays of them | itself | none |
//! | `()`, [`PhantomData`], [`RangeFull`] | one byte | none |
//! | [`Ordering`](std::cmp::Ordering) | a number | none |
//! | [`Duration`], [`SystemTime`] | seconds and nanoseconds | none |
//! | [`Ipv4Addr`], [`Ipv6Addr`], [`SocketAddrV4`], [`SocketAddrV6`] | a struct of their parts | none |
//! | [`IpAddr`], [`SocketAddr`] | a tagged union of those | none |
//! | `String`, `Box<str>`, [`Arc<str>`](std::sync::Arc), `Cow<'static, str>` | pointer, length, and a number for whose it is and its capacity | one copy between different allocators |
//! | [`PathBuf`], [`OsString`] | the same, of what the system's text is made of | one copy between different allocators; on Windows, where the text is converted, one on each side |
//! | `Vec`, `Box<[T]>`, [`VecDeque`] of what is itself | the same, of the elements | one copy between different allocators |
//! | `Vec`, `Box<[T]>`, [`VecDeque`] of other types | the same, of the elements' `Repr`s | element by element |
//! | [`HashMap`], [`BTreeMap`], [`HashSet`], [`BTreeSet`] | the same, of the pairs' or elements' `Repr`s | element by element |
//! | `Box<T>` | as a `Vec` of one | one allocation |
//! | `Option`, `Result`, tuples, other arrays | a tagged union or struct of the parts' `Repr`s | that of the parts |
//! | [`Range`], [`RangeInclusive`], [`RangeFrom`], [`RangeTo`], [`RangeToInclusive`] | as a tuple of the ends, or the one end | that of the ends |
//! | `Box<dyn Error>`, and with `Send`, and with `Sync` too | as a `Vec` of what it and its causes say | element by element |
//! | a struct or enum with [`#[plugin_type]`](macro@plugin_type) | a struct or tagged union of the `Repr`s of its fields | that of the fields |
//! | a `#[repr(C)]` one of plain fields | itself | none |
//! | one that may grow | a pointer to those | one allocation, and that of the fields |
//! | `bytes::Bytes` (feature `bytes`) | pointer, length, owner, how to free | one allocation, and no copy |
//! | `serde_json::Value` (feature `serde_json`) | a tagged union | element by element |
//! | `uuid::Uuid` (feature `uuid`) | itself | none |
//!
//! A `Cow` arrives as [`Owned`](std::borrow::Cow::Owned). An error arrives as one of a private type, with the same
//! `Display` and the same `source()`s, of at most 64. A [`RangeInclusive`] that was iterated to its end is one like any other
//! when it arrives.
//!
//! [`Duration`]: std::time::Duration
//! [`SystemTime`]: std::time::SystemTime
//! [`NonZero`]: std::num::NonZero
//! [`PhantomData`]: std::marker::PhantomData
//! [`Ipv4Addr`]: std::net::Ipv4Addr
//! [`Ipv6Addr`]: std::net::Ipv6Addr
//! [`IpAddr`]: std::net::IpAddr
//! [`SocketAddrV4`]: std::net::SocketAddrV4
//! [`SocketAddrV6`]: std::net::SocketAddrV6
//! [`SocketAddr`]: std::net::SocketAddr
//! [`PathBuf`]: std::path::PathBuf
//! [`OsString`]: std::ffi::OsString
//! [`VecDeque`]: std::collections::VecDeque
//! [`HashMap`]: std::collections::HashMap
//! [`BTreeMap`]: std::collections::BTreeMap
//! [`HashSet`]: std::collections::HashSet
//! [`BTreeSet`]: std::collections::BTreeSet
//! [`Range`]: std::ops::Range
//! [`RangeFull`]: std::ops::RangeFull
//! [`RangeInclusive`]: std::ops::RangeInclusive
//! [`RangeFrom`]: std::ops::RangeFrom
//! [`RangeTo`]: std::ops::RangeTo
//! [`RangeToInclusive`]: std::ops::RangeToInclusive
//!
//! Behind a reference, text, and values and slices of types that are their own `Repr`, cost nothing: the receiver sees the
//! sender's own. A value of another type moves across behind `&mut`, and back when the function returns or panics. Behind
//! `&` it is lent. The receiver gets a value of its own compiler's layout, whose text and plain elements are still the
//! sender's, so no text is copied and no element is allocated. Each side allocates a few chunks of memory for the
//! call, and more only for these parts, which the receiver has to own:
//!
//! | part of a value behind `&` | in the receiver's value |
//! | --- | --- |
//! | [`Arc<str>`](std::sync::Arc), `Box<dyn Error>` | a copy |
//! | `bytes::Bytes` | another share of the same bytes, which a clone may keep for longer than the call |
//! | [`HashMap`], [`HashSet`], [`BTreeMap`], [`BTreeSet`] | a table of its own, with copies of keys that have a `Hash` or `Ord` other than std's and own memory |
//! | a field that an older sender does not know | its default |
//! | [`PathBuf`], [`OsString`] on Windows | a converted copy |
//!
//! Behind `&`, a hash map's hasher must not need to be dropped.
//!
//! # Panics
//!
//! A panic in an export is stopped in the plugin and reaches the host as a [`Fault`]. The plugin goes on working. A
//! plugin's own panic hook does not print; what no call returns is reported to the host.
//!
//! Some panics can go no further, and end the process: in an `extern "C"` function, in a `drop` while the thread unwinds, in
//! a thread-local's destructor, and any panic of a plugin that is built with `panic = "abort"`. The plugin prints each of
//! these to the standard error first, with its name and the place. A host refuses to look up a [`Fault`] in a plugin with
//! `panic = "abort"`, unless the host's author says otherwise. A program that has a plugin linked in prints by its own
//! panic hook.
//!
//! # Memory
//!
//! A plugin and its host may have different allocators, and by default a plugin has its own. Then what owns memory is copied
//! when it crosses. With [`use_host_allocator!()`](use_host_allocator) in it, the plugin allocates with the host's, and
//! `String`, `Vec` and `Box` of what is itself or of `String`s, and the buffers of other types, move both ways without a copy.
//! That holds for a plugin that is a host itself, and for its own plugins, too, if nothing between is tracked. It asks the
//! host for each block, unless that has the system's allocator and [says so].
//!
//! [says so]: https://docs.rs/plugin-host/latest/plugin_host/macro.use_system_allocator.html
//!
//! When a library is unmapped, its code and its statics go. Memory that a static *owns*, as a `Vec` in a `Mutex` or a `Regex` in
//! a `LazyLock`, does not go with it, because Rust never drops a static. This memory is lost at each unload, and at each upgrade,
//! unless the host has a list of it:
//!
//! | the plugin's allocator | the host's `Memory` | what statics own, and what is leaked otherwise |
//! | --- | --- | --- |
//! | its own: std's default, or a `#[global_allocator]` | any | lost, and nobody reports it |
//! | the host's | `Plain`, the default | lost, and nobody reports it |
//! | the host's | `Tracked` | freed when the library is unmapped, and reported to the leak handler |
//!
//! An allocator that is linked into the plugin loses what it has not given back to the kernel, too: with each library, jemalloc some
//! 200 KiB and mimalloc some 6 MiB. mimalloc gives everything back, also what statics own, if the process has the environment
//! variable `MIMALLOC_DESTROY_ON_EXIT=1`. glibc has little room for thread-locals of the model
//! initial-exec, which both of them use. jemalloc finds none from the start, and mimalloc after some ten upgrades. So build them
//! with their features `disable_initial_exec_tls` and `local_dynamic_tls`.
//!
//! So let a plugin that comes and goes say `use_host_allocator!()`, and its host track it. Otherwise let a shutdown hook take the
//! values out of statics of the type `Mutex<Option<T>>`. Libraries are unmapped on Linux with glibc. Where they stay,
//! so does their memory.
//!
//! A block that a host frees so must be the plugin's alone: a plugin does not let other libraries keep pointers to blocks that it
//! leaked, as it does not let them keep pointers to its statics. A block that has moved to the host is not the plugin's any more,
//! and lives on. Blocks that C code in the plugin has from `malloc` are not on the list.
//!
//! The buffer of a plugin's standard output, 1 KiB, is made by std when the plugin first prints, or else when the host has it
//! flushed in the end. It is owned by a static of std's, which no stable function empties, so it is lost like any other unless
//! the memory is tracked.
//!
//! What constructors allocate before there is a host is the system's, and so are values that own it. If they keep more than
//! 64 blocks, all of the plugin's memory is the system's, as it would be without the macro.
//!
//! # Features
//!
//! - `host` adds what a host needs to look up and call exports. It is `plugin-host`'s to enable; a plugin leaves it off.
//! - `bytes`, `serde_json` and `uuid` let `Bytes`, `Value` and `Uuid` of these crates cross. The two sides may use different
//!   versions of them. A number that serde_json has only with its feature `arbitrary_precision` crosses as it is written; a
//!   side without that feature refuses it with a panic, rather than lose digits.

#![cfg_attr(docsrs, feature(doc_cfg))]
// They panic where standard output or standard error cannot be written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod abi;
#[cfg(feature = "host")]
mod call;
mod cold;
mod describe;
pub mod fault;
#[cfg(feature = "host")]
mod live;
mod memory;
mod origin;
mod runtime;
mod statics;
mod types;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use plugin_macros::{plugin_export, plugin_type};

#[cfg(feature = "host")]
pub use call::{Function, FunctionType, Lookup, Site};
pub use describe::record;
pub use fault::{Fault, Location};
#[cfg(feature = "host")]
pub use live::{Live, Version, Versions};
pub use memory::{Arena, HostAllocator};
pub use origin::Origin;
pub use runtime::state;
#[cfg(feature = "host")]
pub use statics::Static;
pub use statics::{Borrowed, PluginStatic, ReadGuard, RemoteMutex, RemoteRwLock, WriteGuard};
#[cfg(any(feature = "host", feature = "serde_json"))]
#[doc(hidden)]
pub use types::decimal;
pub use types::{PluginMut, PluginRef, PluginType};

/// The registration table: the parts of a loaded library that a host reads and calls, found through one symbol.
///
/// The module is public for `plugin-host`, which reads the records that this crate writes. No other crate needs it, so there
/// are no examples.
pub mod table {
    pub use crate::abi::{
        ABI_VERSION, Environment, Escaped, Export, HEADER_SIZE, HostMemory, HostServices, Invoke, MAGIC, PluginTable,
        Registered, Run, SystemAllocator, TABLE_SYMBOL, TABLE_V1_SIZE, bound, escaped,
    };
    #[cfg(feature = "host")]
    pub use crate::runtime::hosting::{
        common_allocator, environment, environment_is_everywhere, forget_plugin, note_plugin, opening_controlled,
    };
    pub use crate::runtime::registration::{build_record, registered};
    #[cfg(feature = "host")]
    pub use crate::runtime::stack::on_new as on_new_stack;
}

/// A type as data: the bytes by which two separately compiled sides compare their types.
///
/// The module is public for `plugin-host`, which reads the bytes that this crate writes. No other crate needs it, so there
/// are no examples.
pub mod descriptor {
    pub use crate::describe::{Definition, DefinitionRef, Flat, Node, Shape, Tag, assert_described, form, style};
}

/// The C-compatible forms that values have on the way between the two sides, and what either side holds meanwhile.
///
/// They are opaque: one gets them from [`PluginType::lower`] and its kin, and hands them on. So there are no examples.
pub mod repr {
    pub use crate::abi::{BufferRepr, Free, Owner, SliceRepr};
    pub use crate::statics::AccessRepr;
    #[cfg(feature = "host")]
    pub use crate::statics::LockedHead;
    pub use crate::statics::{LockRepr, LockedRepr};
    pub use crate::types::repr::*;
}
