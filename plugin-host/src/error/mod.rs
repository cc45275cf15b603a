//! The errors of a host, one variant for each cause.

pub(crate) mod at;
mod cannot_leave;
pub(crate) mod names;
pub(crate) mod similar;
mod text;
mod type_mismatch;

use std::path::PathBuf;
use std::time::Duration;

use plugin_core::Fault;
use plugin_core::host::record::SECTION;
use thiserror::Error;

use crate::error::text::*;
use crate::error::type_mismatch::indented;
use crate::schema::signature::Signature;

pub use cannot_leave::CannotLeave;
pub use type_mismatch::TypeMismatch;

/// An error of loading, upgrading or unloading a plugin, or of a look-up.
///
/// After any error, the host is as it was before the call.
///
/// # Example
///
/// ```
/// use plugin_host::{Error, Host, Trust};
///
/// let host = Host::new(Trust::none()).with_search_dir("/opt/editor/plugins");
/// match host.load("spell-checker") {
///     Ok(plugin) => println!("{} {}", plugin.name(), plugin.version()),
///     Err(Error::NotFound { tried, .. }) => println!("not installed; looked for {tried:?}"),
///     Err(error) => println!("{error}"),
/// }
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// No file of that name.
    #[error("cannot load `{name}`: no such file; {}", searched(tried, closest, existing, *count, bare_name))]
    #[non_exhaustive]
    NotFound {
        /// The name that was asked for.
        name: String,
        /// Every path that was tried, in order.
        tried: Vec<PathBuf>,
        /// The library that is most likely meant: where another spelling leads, or with a similar name.
        closest: Option<PathBuf>,
        /// The first libraries in these directories in the order of their paths, at most eight. Empty if there is a similar one.
        existing: Vec<PathBuf>,
        /// The number of libraries in these directories.
        count: usize,
        /// The bare name to write instead, if the name is a file name without a directory. Only bare names are searched for.
        bare_name: Option<Box<str>>,
    },
    /// The path is a directory.
    #[error("cannot load `{path}`: it is a directory; name a library file{}", in_directory(existing, *count))]
    #[non_exhaustive]
    IsDirectory {
        /// The directory.
        path: PathBuf,
        /// The first libraries in it in the order of their paths, at most eight.
        existing: Vec<PathBuf>,
        /// The number of libraries in it.
        count: usize,
    },
    /// The path is something else than a file: a pipe, a socket, a device.
    #[error("cannot load `{path}`: it is no file, but a pipe, socket or device")]
    #[non_exhaustive]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file could not be read.
    #[error("cannot read `{path}`: {source}")]
    #[non_exhaustive]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The process has as many files open as it may. Each loaded plugin keeps one.
    #[error("cannot load `{path}`: {}", too_many_files(source))]
    #[non_exhaustive]
    TooManyFiles {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The library is in memory, where this needs a file.
    #[error("`{label}` is in memory, {reason}", label = label.display())]
    #[non_exhaustive]
    InMemory {
        /// The label of the bytes.
        label: PathBuf,
        /// The need for a file, and the next step.
        reason: String,
    },
    /// Another process wrote to the file while it was read.
    #[error("`{path}` was written to while it was read; load it again when it is complete")]
    #[non_exhaustive]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The file is larger than [`Limits::with_file`](crate::Limits::with_file) allows.
    #[error("`{path}` is too large: at least {found} bytes{}", more_than(*limit, "with_file"))]
    #[non_exhaustive]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// Its length in bytes. If the file does not know its length, the number of bytes that were read.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// The headers, symbols and names of the file are larger than [`Limits::with_symbols`](crate::Limits::with_symbols)
    /// allows.
    #[error("the headers and symbols of `{path}` are too large: at least {found} bytes{}", more_than(*limit, "with_symbols"))]
    #[non_exhaustive]
    SymbolsTooLarge {
        /// The file.
        path: PathBuf,
        /// The number of bytes that were needed up to the first that were not read.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// The section that lists the exports is larger than [`Limits::with_section`](crate::Limits::with_section) allows.
    #[error("the section `{SECTION}` of `{path}` is too large: {found} bytes{}", more_than(*limit, "with_section"))]
    #[non_exhaustive]
    SectionTooLarge {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// The file has more exports and hooks than [`Limits::with_exports`](crate::Limits::with_exports) allows.
    #[error("`{path}` has too many exports and hooks: {found}{}", more_than(*limit as u64, "with_exports"))]
    #[non_exhaustive]
    TooManyExports {
        /// The file.
        path: PathBuf,
        /// The number of exports and hooks in the file.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The type of an export is larger than [`Limits::with_descriptor`](crate::Limits::with_descriptor) allows.
    #[error("the type of `{export}` in `{path}` is too large: {found} bytes{}", more_than(*limit as u64, "with_descriptor"))]
    #[non_exhaustive]
    DescriptorTooLarge {
        /// The file.
        path: PathBuf,
        /// The export or hook.
        export: String,
        /// The length of the type's descriptor in bytes.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The file has no bytes.
    #[error("cannot load `{path}`: the file is empty; was its build interrupted?")]
    #[non_exhaustive]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The host's trust does not cover the file.
    #[error("`{path}` is not trusted: {reason}")]
    #[non_exhaustive]
    NotTrusted {
        /// The file.
        path: PathBuf,
        /// The requirement, and the file's property that does not meet it.
        reason: String,
    },
    /// The file is something else than a shared library.
    #[error("`{path}` is not a shared library but {found}; {}", instead(beside.as_deref()))]
    #[non_exhaustive]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// The kind of file that it is.
        found: String,
        /// The library beside it that has the same crate's name.
        beside: Option<PathBuf>,
    },
    /// The file begins as a shared library but is cut short or damaged.
    #[error("`{path}` is a damaged or truncated library: {problem}; build or copy it again")]
    #[non_exhaustive]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The fault that was found.
        problem: String,
    },
    /// The library is for other machines.
    #[error("`{path}` is built for {found}, this host for {expected}; build it with `--target` for this machine")]
    #[non_exhaustive]
    WrongTarget {
        /// The file.
        path: PathBuf,
        /// The kind that this host can load.
        expected: String,
        /// The kind of the file.
        found: String,
    },
    /// A shared library, but without a registration table.
    #[error(
        "`{path}` is a shared library but no plugin: it has no table `{}`; does it depend on plugin-core and have a \
         `#[plugin_export]`?",
        plugin_core::host::table::TABLE_SYMBOL
    )]
    #[non_exhaustive]
    NotAPlugin {
        /// The file.
        path: PathBuf,
    },
    /// The plugin was built with a plugin-core whose table is of another version.
    #[error("`{path}` {}", abi_version(*found, *expected))]
    #[non_exhaustive]
    AbiVersion {
        /// The file.
        path: PathBuf,
        /// The version or length that this host reads.
        expected: u32,
        /// The version or length in the file.
        found: u32,
    },
    /// The table is shorter than its header says, or than its version is.
    #[error("the table of `{path}` is too short: {found} bytes, where {expected} are expected")]
    #[non_exhaustive]
    TableTooShort {
        /// The file.
        path: PathBuf,
        /// Bytes there should be.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// Two exports of one plugin have the same name.
    #[error("{}", duplicate_export(path, name, first, second))]
    #[non_exhaustive]
    DuplicateExport {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// The module of the one.
        first: String,
        /// The module of the other.
        second: String,
    },
    /// A plugin has two functions that save its state, or two that restore it.
    #[error("`{path}` {}", duplicate_hook(hook, first, second))]
    #[non_exhaustive]
    DuplicateHook {
        /// The file.
        path: PathBuf,
        /// `save` or `restore`.
        hook: &'static str,
        /// The module of the one.
        first: String,
        /// The module of the other.
        second: String,
    },
    /// A plugin of that name is loaded already.
    #[error("cannot load plugin `{name}`{}: one of that name is loaded already{}", from(path), from(loaded))]
    #[non_exhaustive]
    AlreadyLoaded {
        /// The file.
        path: PathBuf,
        /// The plugin's name.
        name: String,
        /// The file of the loaded plugin. Empty if that plugin is linked.
        loaded: PathBuf,
    },
    /// The name looks like a path, so no plugin can be loaded under it.
    #[error(
        "cannot load a plugin under the name {name:?}: a plugin's name is one word without an extension, as `left-reverb`"
    )]
    #[non_exhaustive]
    UnusableName {
        /// The name.
        name: String,
    },
    /// The loader refused the library.
    #[error("the system cannot map `{path}`: {reason}")]
    #[non_exhaustive]
    Map {
        /// The file.
        path: PathBuf,
        /// The loader's reason.
        reason: String,
    },
    /// The library is a host already: something that it runs when it is mapped has loaded or linked a plugin. It stays mapped.
    #[error("`{path}` {}", IS_HOST)]
    #[non_exhaustive]
    IsHost {
        /// The file.
        path: PathBuf,
    },
    /// The file is mapped in place already, by another host or by a loading whose library could not be unmapped.
    #[error("`{path}` {}", ALREADY_MAPPED)]
    #[non_exhaustive]
    AlreadyMapped {
        /// The file.
        path: PathBuf,
    },
    /// An export stands in the file, but the library did not register it when it was mapped.
    #[error("`{path}` lists the export `{name}` but did not register it: its constructors did not run")]
    #[non_exhaustive]
    NotRegistered {
        /// The file.
        path: PathBuf,
        /// The export.
        name: String,
    },
    /// An init hook returned an error. The plugin is not loaded.
    #[error("plugin `{plugin}`{} did not start: its init hook `{hook}` failed{}", from(path), saying(message))]
    #[non_exhaustive]
    InitFailed {
        /// The plugin's name.
        plugin: String,
        /// The hook's name.
        hook: String,
        /// The error as text.
        message: String,
        /// The file; empty for a linked plugin.
        path: PathBuf,
    },
    /// An init hook panicked. The plugin is not loaded.
    #[error("{}", init_panicked(plugin, path, fault))]
    #[non_exhaustive]
    InitPanicked {
        /// The plugin's name.
        plugin: String,
        /// The panic, with the hook's name.
        #[source]
        fault: Box<Fault>,
        /// The file; empty for a linked plugin.
        path: PathBuf,
    },
    /// A hook has not returned in time: an init hook when the plugin was loaded, or a hook that saves or restores its state
    /// in an upgrade. The hook goes on running on a thread of its own, and its library stays mapped until the hook returns.
    #[error("{}", hook_timed_out(plugin, hook, *timeout, path))]
    #[non_exhaustive]
    HookTimedOut {
        /// The plugin's name.
        plugin: String,
        /// The hook's name.
        hook: String,
        /// The time for which the host has waited.
        timeout: Duration,
        /// The file that was to be loaded, or of the new version.
        path: PathBuf,
    },
    /// `Host::linked` was called in a hook of a linked plugin.
    #[error("a hook of a linked plugin cannot make a host of the linked plugins: they are being attached or detached")]
    InHook,
    /// A [`Fault`] was asked for in a plugin whose panics end the process. The host decides with
    /// [`Host::with_abort_plugins`](crate::Host::with_abort_plugins).
    #[error("{}", no_faults(name, plugin))]
    #[non_exhaustive]
    NoFaults {
        /// The plugin's name.
        plugin: String,
        /// The export.
        name: String,
    },
    /// The plugin runs elsewhere, and the export's type cannot leave the process that it is in.
    #[error(transparent)]
    CannotLeave(Box<CannotLeave>),
    /// No loaded plugin has that name.
    #[error("no plugin `{name}` is loaded{}", hint(closest.as_deref(), existing, *count))]
    #[non_exhaustive]
    NoSuchPlugin {
        /// The name that was asked for.
        name: String,
        /// The loaded plugin with the most similar name, if one is similar.
        closest: Option<String>,
        /// The first loaded plugins in the order of their names, at most eight.
        existing: Vec<String>,
        /// The number of loaded plugins.
        count: usize,
    },
    /// The plugin is being unloaded. Until that has ended, no look-up, load, upgrade or other unload of it is possible.
    #[error("plugin `{plugin}` is being unloaded at this moment")]
    #[non_exhaustive]
    Unloading {
        /// The plugin's name.
        plugin: String,
    },
    /// The plugin was unloaded. A [`Plugin`](crate::Plugin) of an older version was asked for the version that serves.
    #[error("plugin `{plugin}` does not serve any more: it was unloaded; load it again, and use the new `Plugin`")]
    #[non_exhaustive]
    Unloaded {
        /// The plugin's name.
        plugin: String,
    },
    /// A [`Plugin`](crate::Plugin) or a [`LiveAll`](crate::LiveAll) needs its host, and the host was dropped.
    #[error("cannot {operation}: the host was dropped; keep the `Host` for as long as this is needed")]
    #[non_exhaustive]
    HostDropped {
        /// The operation and its object, such as: reload plugin `greeter`.
        operation: String,
    },
    /// A plugin that is linked into the program was to be unloaded or upgraded.
    #[error("plugin `{plugin}` is linked into this program, and cannot be unloaded or replaced")]
    #[non_exhaustive]
    Linked {
        /// The plugin's name.
        plugin: String,
    },
    /// The plugin is being upgraded to another version.
    #[error("plugin `{plugin}` is being upgraded at this moment")]
    #[non_exhaustive]
    Upgrading {
        /// The plugin's name.
        plugin: String,
    },
    /// The file for an upgrade of a plugin holds another plugin.
    #[error("`{path}` cannot replace plugin `{expected}`: it is plugin `{found}`")]
    #[non_exhaustive]
    OtherPlugin {
        /// The file.
        path: PathBuf,
        /// The plugin that was to be upgraded.
        expected: String,
        /// The plugin that the file holds.
        found: String,
    },
    /// The next version lacks what a handle uses, or has something else in its place.
    #[error("{}", in_use(path, plugin, problem))]
    #[non_exhaustive]
    InUse {
        /// The plugin's name.
        plugin: String,
        /// The file of the next version.
        path: PathBuf,
        /// The error of such a look-up in the next version.
        problem: Box<Error>,
    },
    /// A plugin saves its state, but the next version does not restore it.
    #[error("`{path}` {}", state_not_restored(plugin))]
    #[non_exhaustive]
    StateNotRestored {
        /// The plugin's name.
        plugin: String,
        /// The file of the next version.
        path: PathBuf,
    },
    /// The state that a plugin saves has another type than the one that the next version restores.
    #[error(
        "`{path}` cannot replace plugin `{plugin}`: it restores a state of another type\n  saved:    {saved}\n  \
         restored: {restored}\n  difference:{}",
        indented(difference)
    )]
    #[non_exhaustive]
    StateMismatch {
        /// The plugin's name.
        plugin: String,
        /// The file of the next version.
        path: PathBuf,
        /// The type of the hook that saves the state, `fn() -> S`.
        saved: Box<Signature>,
        /// The same with the type of the state that is restored.
        restored: Box<Signature>,
        /// The differences, one in each line, as in [`TypeMismatch::difference`].
        difference: String,
    },
    /// Calls were in progress for too long to hand the state over.
    #[error("{}", busy(plugin, *waited))]
    #[non_exhaustive]
    Busy {
        /// The plugin's name.
        plugin: String,
        /// The time for which the host has waited.
        waited: Duration,
    },
    /// A plugin panicked while it saved its state, or the state cannot leave it.
    #[error("plugin `{plugin}` is not upgraded: its `#[plugin_export(save)]` {}", ended(fault))]
    #[non_exhaustive]
    SavePanicked {
        /// The plugin's name.
        plugin: String,
        /// The panic, or another cause.
        #[source]
        fault: Box<Fault>,
    },
    /// The next version returned an error when it restored the state.
    #[error("`{path}` cannot replace plugin `{plugin}`: its `#[plugin_export(restore)]` failed{}", saying(message))]
    #[non_exhaustive]
    RestoreFailed {
        /// The plugin's name.
        plugin: String,
        /// The error as text.
        message: String,
        /// The file of the next version.
        path: PathBuf,
    },
    /// The next version panicked when it restored the state, or the state cannot reach it.
    #[error("{}", restore_panicked(path, plugin, fault))]
    #[non_exhaustive]
    RestorePanicked {
        /// The plugin's name.
        plugin: String,
        /// The panic, or another cause.
        #[source]
        fault: Box<Fault>,
        /// The file of the next version.
        path: PathBuf,
    },
    /// The plugin that a file was to upgrade is not loaded.
    #[error("`{path}` replaces nothing: its plugin `{plugin}` is not loaded; load it with `Host::load`")]
    #[non_exhaustive]
    NothingToReplace {
        /// The plugin's name.
        plugin: String,
        /// The file.
        path: PathBuf,
    },
    /// The system has no thread for the old version to be unloaded on.
    #[error("{}", no_thread(plugin, path, source))]
    #[non_exhaustive]
    NoThread {
        /// The plugin's name.
        plugin: String,
        /// The file of the next version.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The plugin's file is watched already.
    #[cfg(feature = "watch")]
    #[error("plugin `{plugin}` is watched already; drop that `Watch` first")]
    #[non_exhaustive]
    AlreadyWatched {
        /// The plugin's name.
        plugin: String,
    },
    /// The system does not tell of changes to the plugin's file.
    #[cfg(feature = "watch")]
    #[error("{}", not_watched(plugin, directory, source))]
    #[non_exhaustive]
    NotWatched {
        /// The plugin's name.
        plugin: String,
        /// The directory that its file is in.
        directory: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// No plugin, or not the one that was asked, exports the name.
    #[error("{}{}", no_export(name, plugin.as_deref()), hint(closest.as_deref(), existing, *count))]
    #[non_exhaustive]
    NoSuchExport {
        /// The name that was asked for.
        name: String,
        /// The plugin that was asked, if one was named.
        plugin: Option<String>,
        /// The export with the most similar name, if one is similar.
        closest: Option<String>,
        /// The first exports in the order of their names, at most eight.
        existing: Vec<String>,
        /// The number of exports that were searched.
        count: usize,
    },
    /// Several plugins export that name.
    #[error("{}", ambiguous(name, plugins))]
    #[non_exhaustive]
    Ambiguous {
        /// The name that was asked for.
        name: String,
        /// The plugins, in the order they were loaded.
        plugins: Vec<String>,
    },
    /// The export has another type than was asked for.
    #[error(transparent)]
    TypeMismatch(Box<TypeMismatch>),
    /// The plugin panicked while it gave access to an exported static, or its value cannot be fetched.
    #[error("{}", no_access(.0))]
    Access(#[source] Box<Fault>),
    /// A name with a NUL in it, which no file or export can have.
    #[error("the name {name:?} contains a NUL; no file or export can be called so")]
    #[non_exhaustive]
    NulInName {
        /// The name.
        name: String,
    },
}
