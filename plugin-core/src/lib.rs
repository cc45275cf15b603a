//! The contract between a plugin and its host, and the macros for a plugin's author.
//!
//! Put [`#[plugin_export]`](plugin_export) on ordinary functions and statics, and build the crate as a `cdylib`. A host
//! that uses `plugin-host` can load the library and call the functions. The two sides may be built by different
//! compilers:
//!
//! ```
//! use plugin_core::plugin_export;
//!
//! // The host frees the plugin's remaining memory when the plugin is unmapped: see "Memory".
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
//! # What crosses
//!
//! These types cross by value, as arguments and results, and inside each other:
//!
//! - `bool`, `char`, integers, floats, `NonZero` of integers, `()`, `PhantomData`, `Ordering`,
//! - text, as `String`, `Box<str>`, `Arc<str>` and `Cow<'static, str>`, and paths, as `PathBuf` and `OsString`,
//! - `Vec`, `Box<[T]>`, `VecDeque`, arrays, and maps and sets of std,
//! - `Option`, `Result`, `Box<T>`, tuples, ranges,
//! - durations, times and addresses of std,
//! - `Box<dyn Error>`, and with `Send`, and with `Sync` too,
//! - [closures and iterators](#closures-and-iterators),
//! - structs and enums with [`#[plugin_type]`](macro@plugin_type),
//! - with a [feature](#features) of this crate, `Bytes`, `Value` of `serde_json`, and `Uuid`.
//!
//! Behind `&` and `&mut` ([`PluginRef`], [`PluginMut`]) each of them may be an argument, and so may `&str`, `&Path`,
//! `&OsStr`, `&[T]`, `&mut [T]`, `&dyn Fn` and `&mut dyn FnMut`. A static may be any of these, an atomic, or a lock ([`PluginStatic`]). References
//! are whole arguments, and not parts of other types. A function has at most six arguments, or four if one of them is
//! `&mut`. The error of the compiler for a type that does not cross says what to write instead.
//!
//! The [table of types](#table-of-types) has each type with its cost. In short: numbers cost nothing, and neither do
//! text and slices of numbers behind a reference. `String` and `Vec<u8>` are copied only between [different
//! allocators](#memory). Most other values are converted part by part.
//!
//! # Types of your own
//!
//! Put [`#[plugin_type]`](macro@plugin_type) on a struct or enum whose fields cross. Both sides need the same type. A
//! crate that both depend on is the usual place. The structure decides whether two types are the same, and not the
//! compiler or the version of that crate:
//!
//! ```
//! use plugin_core::{plugin_export, plugin_type};
//!
//! #[plugin_type]
//! #[non_exhaustive]
//! pub struct Query {
//!     pub words: Vec<String>,
//!     /// Since version 2. An older side does not send it.
//!     #[plugin_type(default = 10)]
//!     pub limit: usize,
//! }
//!
//! #[plugin_export]
//! fn first_words(query: Query) -> Vec<String> {
//!     query.words.into_iter().take(query.limit).collect()
//! }
//! # assert_eq!(first_words(Query { words: vec!["a".into(), "b".into()], limit: 1 }), ["a"]);
//! ```
//!
//! A struct with `#[non_exhaustive]` [can grow](macro@plugin_type#changing-a-type), as `Query` did, and so can such an
//! enum with a fallback. Any other change of a type is a difference, which a look-up reports.
//!
//! # Errors
//!
//! An export returns errors as any Rust function does. The caller can distinguish the kinds of an error if the error's
//! type is the author's own. A `Box<dyn Error>` keeps its messages, for people:
//!
//! ```
//! use std::error::Error;
//! use std::path::Path;
//!
//! use plugin_core::{plugin_export, plugin_type};
//!
//! #[plugin_type]
//! #[derive(Debug, PartialEq)]
//! pub enum PortError {
//!     NotANumber(String),
//!     Reserved(u16),
//! }
//!
//! #[plugin_export]
//! fn port(text: &str) -> Result<u16, PortError> {
//!     match text.parse() {
//!         Ok(port @ 0..1024) => Err(PortError::Reserved(port)),
//!         Ok(port) => Ok(port),
//!         Err(_) => Err(PortError::NotANumber(text.to_owned())),
//!     }
//! }
//!
//! #[plugin_export]
//! fn settings(path: &Path) -> Result<String, Box<dyn Error + Send + Sync>> {
//!     Ok(std::fs::read_to_string(path)?)
//! }
//! # assert_eq!(port("22"), Err(PortError::Reserved(22)));
//! # assert!(settings(Path::new("/nonexistent")).is_err());
//! ```
//!
//! An error behind `Box<dyn Error>` arrives as an error of a private type, with the same `Display` and the same
//! `source()`s, at most 64 of them. A panic is not an error of the function: see [Panics](#panics).
//!
//! # Closures and iterators
//!
//! A plugin takes, keeps and returns closures and iterators as any function does:
//!
//! ```standalone_crate
//! use std::sync::{Arc, Mutex};
//!
//! use plugin_core::plugin_export;
//! # use plugin_host::{Host, lent_mut};
//!
//! type OnSave = dyn Fn(&str) + Send + Sync;
//!
//! static ON_SAVE: Mutex<Vec<Arc<OnSave>>> = Mutex::new(Vec::new());
//!
//! /// Calls `f` at each save.
//! #[plugin_export]
//! fn on_save(f: Arc<OnSave>) {
//!     ON_SAVE.lock().unwrap().push(f);
//! }
//!
//! #[plugin_export]
//! fn save(name: &str) {
//!     ON_SAVE.lock().unwrap().iter().for_each(|f| f(name));
//! }
//!
//! /// Calls `visit` until the function returns.
//! #[plugin_export]
//! fn each_word(text: &str, visit: &mut dyn FnMut(&str)) {
//!     text.split(' ').for_each(visit);
//! }
//!
//! #[plugin_export]
//! fn squares(from: u64) -> Box<dyn Iterator<Item = u64> + Send> {
//!     Box::new((from..).map(|number| number * number))
//! }
//!
//! // In the host:
//! # let host = Host::linked()?;
//! host.get::<fn(Arc<OnSave>)>("on_save")?(Arc::new(|name| println!("{name} is saved")));
//! host.get::<fn(&str)>("save")?("notes.txt");
//! let squares = host.get::<fn(u64) -> Box<dyn Iterator<Item = u64> + Send>>("squares")?;
//! assert!(squares(3).take(3).eq([9, 16, 25]));
//!
//! // The name of such a type means a closure that borrows nothing. `lent_mut` lends any other for the call.
//! type Visit = dyn FnMut(&str);
//! let each_word = host.get::<fn(&str, &mut Visit)>("each_word")?;
//! let mut longest = 0;
//! each_word("a few words", lent_mut::<Visit>(&mut |word| longest = longest.max(word.len())));
//! assert_eq!(longest, 5);
//! # Ok::<(), plugin_host::Error>(())
//! ```
//!
//! | form | of |
//! | --- | --- |
//! | `&dyn Fn(A) -> R`, `&mut dyn FnMut(A) -> R`, as a whole argument | closures that are called until the function returns |
//! | `Box<dyn Fn(A) -> R>`, and of `FnMut` and `FnOnce` | closures that move to the other side |
//! | `Arc<dyn Fn(A) -> R>` | closures that both sides keep |
//! | `Box<dyn Iterator<Item = T>>` | iterators that move to the other side |
//!
//! Each may have `+ Send`, and a `Fn` may have `+ Send + Sync`. A closure has up to three arguments of types that cross, or up to two
//! if one is `&` or `&mut`. It may return `Result<R, Fault>`: then a panic of the closure is a value for its caller, and otherwise a
//! panic.
//!
//! A library stays loaded while the other side has a closure or an iterator of it, wherever the closure is by then. A plugin that
//! keeps a closure of its host, which itself has a handle to that plugin, is never unloaded. So let a shutdown function of yours
//! drop what the plugin keeps, or let the host's closure have a `Weak` reference.
//!
//! A call of a closure costs one indirect call more than in one library. A closure that comes back to the side that made it is the
//! original again. An iterator gives its items in batches: one item first, then twice as many each time, up to 512 or 16 KiB. Data
//! that leads back into a library, which is only `Bytes`, is copied on its way through a closure or an iterator.
//!
//! A static may contain an `Arc` of a closure, and nothing else of these, because a host copies a static. A [state](#hooks-and-state)
//! has none of these. They do not leave the process.
//!
//! # Statics
//!
//! A host reads an exported static, and it also writes atomics and locks. Atomics and locks stay in the plugin's memory,
//! and so both sides see each change:
//!
//! ```standalone_crate
//! use std::sync::RwLock;
//! use std::sync::atomic::{AtomicU64, Ordering};
//!
//! use plugin_core::plugin_export;
//! # use plugin_host::Host;
//!
//! #[plugin_export]
//! static HITS: AtomicU64 = AtomicU64::new(0);
//!
//! #[plugin_export]
//! static HOSTS: RwLock<Vec<String>> = RwLock::new(Vec::new());
//!
//! // In the host:
//! # let host = Host::linked()?;
//! host.get::<AtomicU64>("HITS")?.fetch_add(1, Ordering::Relaxed);
//! host.get::<RwLock<Vec<String>>>("HOSTS")?.write().unwrap().push("localhost".to_owned());
//! # assert_eq!(HITS.load(Ordering::Relaxed), 1);
//! # assert_eq!(*HOSTS.read().unwrap(), ["localhost"]);
//! # Ok::<(), plugin_host::Error>(())
//! ```
//!
//! [`RemoteRwLock`] and [`RemoteMutex`] are locks as a host sees them. The value of any other static never changes, so a
//! host may see a copy.
//!
//! # Hooks and state
//!
//! The host calls hooks: `init` when it attaches the library, and `shutdown` when it detaches the library. `save` and
//! `restore` pass a state from one version of the plugin to the next:
//!
//! ```
//! use std::sync::Mutex;
//!
//! use plugin_core::plugin_export;
//!
//! static VISITORS: Mutex<Option<Vec<String>>> = Mutex::new(None);
//!
//! #[plugin_export(init)]
//! fn init() -> Result<(), String> {
//!     *VISITORS.lock().map_err(|error| error.to_string())? = Some(Vec::new());
//!     Ok(())
//! }
//!
//! #[plugin_export(shutdown)]
//! fn shutdown() {
//!     // Rust never drops a static, so the hook frees what this one owns.
//!     drop(VISITORS.lock().unwrap().take());
//! }
//!
//! #[plugin_export(save)]
//! fn save() -> Vec<String> {
//!     VISITORS.lock().unwrap().clone().unwrap_or_default()
//! }
//!
//! #[plugin_export(restore)]
//! fn restore(visitors: Vec<String>) {
//!     *VISITORS.lock().unwrap() = Some(visitors);
//! }
//! # init().unwrap();
//! # restore(vec!["first".to_owned()]);
//! # assert_eq!(save(), ["first"]);
//! # shutdown();
//! ```
//!
//! The page of [`#[plugin_export]`](macro@plugin_export) has the order of hooks and their time limit. It also
//! says what follows if a hook fails, and [which states fit](macro@plugin_export#state).
//!
//! # Panics
//!
//! A panic in an export is stopped in the plugin and reaches the host as a [`Fault`]. The plugin goes on working. A
//! plugin's own panic hook does not print. If no call returns a panic, the plugin reports it to the host.
//!
//! Some panics cannot unwind, and end the process: a panic in an `extern "C"` function, in a `drop` while the thread
//! unwinds, in a thread-local's destructor, and any panic of a plugin that is built with `panic = "abort"`. Before the
//! process ends, the plugin prints the panic to the standard error, with its name and the place. A host refuses to look
//! up a [`Fault`] in a plugin with `panic = "abort"`, unless the host's author says otherwise. A program into which a
//! plugin is linked prints with its own panic hook.
//!
//! # Testing
//!
//! An item with `#[plugin_export]` stays what it was. So the plugin's own tests call a function as any other, without a
//! host. A test that depends on `plugin-host` can also look the function up as a host does. [`Host::linked`] serves the
//! exports of the test's own program, without a library:
//!
//! ```standalone_crate
//! use plugin_core::plugin_export;
//! use plugin_host::Host;
//!
//! #[plugin_export]
//! fn double(n: u32) -> u32 {
//!     n * 2
//! }
//!
//! // In a test:
//! assert_eq!(double(21), 42);
//! let host = Host::linked()?;
//! assert_eq!(host.get::<fn(u32) -> u32>("double")?(21), 42);
//! # Ok::<(), plugin_host::Error>(())
//! ```
//!
//! A test in another crate needs `crate-type = ["cdylib", "rlib"]` in the `Cargo.toml` of the plugin, and the line `use
//! greeter as _;` for a plugin `greeter`. Such a program cannot run under AddressSanitizer, which calls the plugin's `dlsym` before it
//! has begun itself. In these tests, memory comes from libc, also with `use_host_allocator!()`. To
//! test the library itself, let [`Build`] of `plugin-host` build the plugin with cargo, and load the result.
//!
//! [`Host::linked`]: https://docs.rs/plugin-host/latest/plugin_host/struct.Host.html#method.linked
//! [`Build`]: https://docs.rs/plugin-host/latest/plugin_host/build/struct.Build.html
//!
//! # One library, several crates
//!
//! A plugin also has the exports and hooks in the crates that it depends on, if its source names each such crate. The
//! line `use parts as _;` is enough, in every profile. Without this line, the compiler leaves out the crate `parts` and
//! says nothing. `plugin_host::build::Build` warns of this.
//!
//! Have at least one annotated item in the plugin's own crate, the one with `crate-type = ["cdylib"]`. This item gives
//! the plugin its name and version, and lets the host unmap the library. Without such an item, the plugin has the name
//! of its file, and stays mapped.
//!
//! # Memory
//!
//! A plugin and its host may have different allocators, and by default a plugin has its own. Then values that own
//! memory are copied when they cross. With [`use_host_allocator!()`](use_host_allocator), a plugin allocates with the
//! host's allocator. Then `String`s move both ways without a copy, as do `Vec`s and `Box`es of `String`s or of types
//! that are their own `Repr`, and the buffers of other types. This also holds for a plugin that is a host itself, and
//! for its own plugins, if no plugin between them is tracked. The plugin asks the host for each block, unless the host
//! uses libc's allocator and [says so].
//!
//! [says so]: https://docs.rs/plugin-host/latest/plugin_host/macro.use_system_allocator.html
//!
//! When a library is unmapped, its code and its statics are gone. The memory that a static *owns*, such as that of a
//! `Vec` in a `Mutex` or a `Regex` in a `LazyLock`, is not freed, because Rust never drops a static. This memory is
//! lost at each unload and at each upgrade, unless the host has a list of it. The [table of lost
//! memory](#table-of-lost-memory) has each case.
//!
//! An allocator that is linked into the plugin also loses the memory that it has not given back to the kernel: jemalloc
//! about 200 KiB and mimalloc about 6 MiB with each library. If the process has the environment variable
//! `MIMALLOC_DESTROY_ON_EXIT=1`, mimalloc gives all memory back, also the memory that statics own.
//!
//! Both allocators use thread-locals of the model initial-exec, for which glibc has little room. jemalloc finds no room
//! from the start, and mimalloc finds none after about ten upgrades. So build jemalloc with its feature
//! `disable_initial_exec_tls`, and mimalloc with `local_dynamic_tls`.
//!
//! So use `use_host_allocator!()` in a plugin that is loaded and unloaded often, and let its host track the memory.
//! Otherwise let a shutdown hook take the values out of statics of the type `Mutex<Option<T>>`. Libraries are unmapped
//! on Linux with glibc. On other platforms libraries stay mapped, and keep their memory.
//!
//! Freeing such a block is safe only if no other library uses it. So a plugin must not let other libraries keep
//! pointers to blocks that it leaked, as it must not let them keep pointers to its statics. A block that has moved to
//! the host does not belong to the plugin any more, and is not freed. Blocks that C code in the plugin got from
//! `malloc` are not on the list.
//!
//! A plugin has its own std, and so its own buffer of the standard output. std allocates this buffer when the plugin
//! first prints, or else when the plugin is detached and the output is flushed. A static of std owns the buffer. Only a
//! private function of std empties this static, and only `std::process::exit` and the end of a program's `main` call
//! that function. So a plugin cannot free the buffer. With `use_host_allocator!()`, the buffer is a part of the library
//! instead, and goes away with it. If a constructor of the library has printed, std has its buffer already, and it is
//! lost.
//!
//! Before the plugin has a host, its constructors allocate with libc, and their blocks go back to libc. If the
//! constructors keep more than 64 blocks, the plugin allocates all its memory with libc, as it would without the macro.
//!
//! # Features
//!
//! No feature is a default.
//!
//! | feature | adds |
//! | --- | --- |
//! | `host` | the items with which a host looks up and calls exports. Only `plugin-host` enables this feature; a plugin leaves it off. The documentation of [`plugin-host`] shows these items to a host's author, such as [`Function`](https://docs.rs/plugin-host/latest/plugin_host/struct.Function.html), [`Live`](https://docs.rs/plugin-host/latest/plugin_host/struct.Live.html) and [`Static`](https://docs.rs/plugin-host/latest/plugin_host/struct.Static.html) |
//! | `bytes` | `bytes::Bytes` crosses |
//! | `interfaces` | `#[plugin_interface]`: objects of an author's trait cross. It works, but it is not finished: any release may change it, and it has not been examined as the rest has |
//! | `serde_json` | `serde_json::Value` crosses |
//! | `uuid` | `uuid::Uuid` crosses |
//!
//! The two sides may use different versions of `bytes`, `serde_json` and `uuid`. A number that serde_json has only with
//! its feature `arbitrary_precision` crosses as its text. A side without that feature refuses such a number with a
//! panic, and does not lose digits.
//!
//! [`plugin-host`]: https://docs.rs/plugin-host/latest/plugin_host/
//!
//! # Table of types
//!
//! | type | its `Repr` | cost of crossing |
//! | --- | --- | --- |
//! | `bool`, `char`, integers, floats, [`NonZero`] of integers, arrays of them | itself | none |
//! | `()`, [`PhantomData`], [`RangeFull`] | one byte | none |
//! | [`Ordering`](std::cmp::Ordering) | a number | none |
//! | [`Duration`], [`SystemTime`] | seconds and nanoseconds | none |
//! | [`Ipv4Addr`], [`Ipv6Addr`], [`SocketAddrV4`], [`SocketAddrV6`] | a struct of their parts | none |
//! | [`IpAddr`], [`SocketAddr`] | a tagged union of those | none |
//! | `String`, `Box<str>`, [`Arc<str>`](std::sync::Arc), `Cow<'static, str>` | pointer, length, and a number for the owner and the capacity | one copy between different allocators |
//! | [`PathBuf`], [`OsString`] | the same, in the operating system's form | one copy between different allocators; on Windows, each side converts the text |
//! | `Vec`, `Box<[T]>`, [`VecDeque`] of types that are their own `Repr` | the same, of the elements | one copy between different allocators |
//! | `Vec`, `Box<[T]>`, [`VecDeque`] of other types | the same, of the elements' `Repr`s | element by element |
//! | [`HashMap`], [`BTreeMap`], [`HashSet`], [`BTreeSet`] | the same, of the pairs' or elements' `Repr`s | element by element |
//! | `Box<T>` | as a `Vec` of one | one allocation |
//! | `Option`, `Result`, tuples, other arrays | a tagged union or struct of the parts' `Repr`s | that of the parts |
//! | [`Range`], [`RangeInclusive`], [`RangeFrom`], [`RangeTo`], [`RangeToInclusive`] | as a tuple of the ends, or the one end | that of the ends |
//! | `Box<dyn Error>`, and with `Send`, and with `Sync` too | as a `Vec` of the messages of the error and its causes | element by element |
//! | a closure in a `Box` or an `Arc`, an iterator in a `Box` | two words, and a table of functions | one allocation by the receiver |
//! | a struct or enum with [`#[plugin_type]`](macro@plugin_type) | a struct or tagged union of the `Repr`s of its fields | that of the fields |
//! | a `#[repr(C)]` one of plain fields | itself | none |
//! | such a type that may grow | a pointer to those `Repr`s | one allocation, and that of the fields |
//! | `bytes::Bytes` (feature `bytes`) | pointer, length, owner, and the functions to free and to share it | one allocation, and no copy |
//! | `serde_json::Value` (feature `serde_json`) | a tagged union | element by element |
//! | `uuid::Uuid` (feature `uuid`) | itself | none |
//!
//! A `Cow` arrives as [`Owned`](std::borrow::Cow::Owned). An error arrives as an error of a private type, with the same
//! `Display` and the same `source()`s, at most 64 of them. A [`RangeInclusive`] that was iterated to its end arrives
//! without the mark that it is exhausted.
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
//! # Table of lent values
//!
//! Behind a reference, text costs nothing, and neither do values and slices of types that are their own `Repr`: the
//! receiver sees the sender's memory. A value of another type moves across behind `&mut`, and moves back when the
//! function returns or panics.
//!
//! Behind `&`, a value of another type is lent. The receiver gets a value in the layout of its own compiler, which
//! refers to the text and to the plain elements of the sender. So no text is copied, and no element is allocated. Each
//! side allocates a few chunks of memory for the call. The receiver allocates more only for these parts, which it has
//! to own:
//!
//! | part of a value behind `&` | in the receiver's value |
//! | --- | --- |
//! | [`Arc<str>`](std::sync::Arc), `Box<dyn Error>` | a copy |
//! | a closure in an `Arc` | another share of the same closure, in memory of its own |
//! | `bytes::Bytes` | another share of the same bytes, which a clone may keep for longer than the call |
//! | [`HashMap`], [`HashSet`], [`BTreeMap`], [`BTreeSet`] | a new table, and copies of those keys that own memory and have a `Hash` or `Ord` other than std's |
//! | a field that an older sender does not know | its default |
//! | [`PathBuf`], [`OsString`] on Windows | a converted copy |
//!
//! Behind `&`, a hash map's hasher must not need to be dropped.
//!
//! # Table of lost memory
//!
//! The memory that is lost when a library is unmapped depends on the [allocators of the two sides](#memory):
//!
//! | the plugin's allocator | the host's `Memory` | memory that statics own, and other leaks | std's buffer of the standard output |
//! | --- | --- | --- | --- |
//! | its own: std's default, or a `#[global_allocator]` | any | lost, and not reported | lost: 1 KiB |
//! | the host's | `Plain`, the default | lost, and not reported | not lost |
//! | the host's | `Tracked` | freed when the library is unmapped, and reported to the leak handler | not lost |

#![cfg_attr(docsrs, feature(doc_cfg))]
// These macros panic if the standard output or the standard error cannot be written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod abi;
#[cfg(feature = "host")]
mod call;
mod closure;
mod cold;
mod describe;
mod entry;
mod fault;
pub mod host;
mod interface;
mod kinds;
#[cfg(feature = "host")]
mod live;
mod memory;
mod objects;
mod origin;
mod runtime;
mod statics;
mod types;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

#[cfg(feature = "interfaces")]
pub use plugin_macros::plugin_interface;
pub use plugin_macros::{plugin_export, plugin_type};

#[cfg(feature = "host")]
pub use call::{Function, FunctionType, Lookup};
pub use fault::{Cause, Fault, Location};
#[cfg(feature = "host")]
pub use live::Live;
#[doc(hidden)]
pub use memory::Arena;
pub use memory::HostAllocator;
pub use objects::{PluginFn, lent, lent_mut};
#[doc(hidden)]
pub use origin::Origin;
#[cfg(feature = "host")]
pub use statics::Static;
pub use statics::{Borrowed, PluginStatic, ReadGuard, RemoteMutex, RemoteRwLock, WriteGuard};
pub use types::{PluginMut, PluginRef, PluginType};

/// The C-compatible forms of values on the way between the two sides, and the values that each side holds meanwhile.
///
/// These types are opaque. Hidden functions of [`PluginType`] and its kin return them. Semantic versioning does not cover them.
#[doc(hidden)]
pub mod repr {
    pub use crate::abi::{BufferRepr, LockRepr, ObjectRepr, SliceRepr};
    pub use crate::objects::{HeldClosure, LoanClosure};
    pub use crate::statics::AccessRepr;
    pub use crate::types::repr::*;
}
