//! What can go wrong, one variant for each cause.

use std::path::{Path, PathBuf};
use std::time::Duration;

use plugin_core::Fault;
use thiserror::Error;

use crate::signature::Signature;

/// Why a plugin was not loaded, replaced or unloaded, or a look-up not answered.
///
/// Whatever the error, the host is as it was before the call.
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
    #[error("cannot load `{name}`: no such file; tried {}", list(tried))]
    NotFound {
        /// What was asked for.
        name: String,
        /// Every path that was tried, in order.
        tried: Vec<PathBuf>,
    },

    /// The path is a directory.
    #[error("cannot load `{}`: it is a directory; name the library file in it", path.display())]
    IsDirectory {
        /// The directory.
        path: PathBuf,
    },

    /// The path is something else than a file: a pipe, a socket, a device.
    #[error("cannot load `{}`: it is no file, but a pipe, socket or device", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },

    /// The file could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },

    /// The file has no bytes.
    #[error("cannot load `{}`: the file is empty; was its build interrupted?", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },

    /// The host's trust does not cover the file.
    #[error("`{}` is not trusted: {reason}", path.display())]
    NotTrusted {
        /// The file.
        path: PathBuf,
        /// What was required, and what the file is.
        reason: String,
    },

    /// The file is something else than a shared library.
    #[error("`{}` is not a shared library but {found}; a plugin's crate-type is \"cdylib\"", path.display())]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
    },

    /// The file begins as a shared library but is cut short or damaged.
    #[error("`{}` is a damaged or truncated library: {problem}; build or copy it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },

    /// The library is for other machines.
    #[error("`{}` is built for {found}, this host for {expected}; build it with `--target` for this machine", path.display())]
    WrongTarget {
        /// The file.
        path: PathBuf,
        /// What this host can load.
        expected: String,
        /// What the file is.
        found: String,
    },

    /// A shared library, but without a registration table.
    #[error(
        "`{}` is a shared library but no plugin: it has no table `{}`; does it depend on plugin-core and have a \
         `#[plugin_export]`?",
        path.display(), plugin_core::table::TABLE_SYMBOL
    )]
    NotAPlugin {
        /// The file.
        path: PathBuf,
    },

    /// The plugin was built with a plugin-core whose table is of another version.
    #[error(
        "`{}` has a table of ABI version {found}, this host reads version {expected}; build both with the same major \
         version of the SDK",
        path.display()
    )]
    AbiVersion {
        /// The file.
        path: PathBuf,
        /// What this host reads.
        expected: u32,
        /// What the file has.
        found: u32,
    },

    /// The table is shorter than its header says, or than its version is.
    #[error("the table of `{}` is too short: {found} bytes, where {expected} are expected", path.display())]
    TableTooShort {
        /// The file.
        path: PathBuf,
        /// Bytes there should be.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },

    /// Two exports of one plugin have the same name.
    #[error("`{}` exports `{name}` twice, in `{first}` and in `{second}`; give one of them another `name = \"..\"`", path.display())]
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
    #[error(
        "`{}` has `#[plugin_export({hook})]` twice, in `{first}` and in `{second}`; a plugin has one state: put both into \
         one",
        path.display()
    )]
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
    AlreadyLoaded {
        /// The file.
        path: PathBuf,
        /// The plugin's name.
        name: String,
        /// Where the loaded one came from; empty if it is linked.
        loaded: PathBuf,
    },

    /// The system's loader refused the library.
    #[error("the system cannot map `{}`: {reason}", path.display())]
    Map {
        /// The file.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },

    /// The library is a host already: something that it runs when it is mapped has loaded or linked a plugin. It stays mapped.
    #[error(
        "`{}` was a host before it could be attached to this one, and stays apart; let it load its own plugins from an init \
         hook, or later",
        path.display()
    )]
    IsHost {
        /// The file.
        path: PathBuf,
    },

    /// The file is mapped in place already, by another host or by a loading whose library could not be unmapped.
    #[error(
        "`{}` is mapped in place already, and the system would give the same library again; load it with \
         `Mapping::Private`",
        path.display()
    )]
    AlreadyMapped {
        /// The file.
        path: PathBuf,
    },

    /// An export stands in the file, but the library did not register it when it was mapped.
    #[error("`{}` lists the export `{name}` but did not register it: its constructors did not run", path.display())]
    NotRegistered {
        /// The file.
        path: PathBuf,
        /// The export.
        name: String,
    },

    /// An init hook returned an error. The plugin is not loaded.
    #[error("plugin `{plugin}`{} did not start: its init hook `{hook}` failed: {message}", from(path))]
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
    #[error("plugin `{plugin}`{} did not start: its init hook panicked", from(path))]
    InitPanicked {
        /// The plugin's name.
        plugin: String,
        /// The panic, with the hook's name.
        #[source]
        fault: Box<Fault>,
        /// The file; empty for a linked plugin.
        path: PathBuf,
    },

    /// `Host::linked` was called in a hook of a linked plugin.
    #[error("a hook of a linked plugin cannot make a host of the linked plugins: they are being attached or detached")]
    InHook,

    /// No loaded plugin has that name.
    #[error("no plugin `{name}` is loaded{}", hint(closest.as_deref()))]
    NoSuchPlugin {
        /// What was asked for.
        name: String,
        /// The loaded plugin with the most similar name.
        closest: Option<String>,
    },

    /// The plugin is being unloaded: until that is decided, it is not looked up in, loaded, replaced or unloaded.
    #[error("plugin `{plugin}` is being unloaded at this moment")]
    Unloading {
        /// The plugin's name.
        plugin: String,
    },

    /// A plugin that is linked into the program was to be unloaded or replaced.
    #[error("plugin `{plugin}` is linked into this program, and cannot be unloaded or replaced")]
    Linked {
        /// The plugin's name.
        plugin: String,
    },

    /// The plugin is being replaced by another version.
    #[error("plugin `{plugin}` is being upgraded at this moment")]
    Upgrading {
        /// The plugin's name.
        plugin: String,
    },

    /// The file from which a plugin was to be upgraded holds another plugin.
    #[error("`{}` cannot replace plugin `{expected}`: it is plugin `{found}`", path.display())]
    OtherPlugin {
        /// The file.
        path: PathBuf,
        /// The plugin that was to be replaced.
        expected: String,
        /// The plugin that the file holds.
        found: String,
    },

    /// The next version lacks what a handle uses, or has something else in its place.
    #[error(
        "`{}` cannot replace plugin `{plugin}`: a handle to the old version is in use, and the new version does not \
         have what it needs; drop it first, or keep the export: {problem}",
        path.display()
    )]
    InUse {
        /// The plugin's name.
        plugin: String,
        /// The file of the next version.
        path: PathBuf,
        /// What a look-up in the next version would come to.
        problem: Box<Error>,
    },

    /// A plugin saves its state, but the next version does not restore it.
    #[error(
        "`{}` cannot replace plugin `{plugin}`: the old version saves its state, and the new one has no \
         `#[plugin_export(restore)]` to take it; one that does nothing would drop it",
        path.display()
    )]
    StateNotRestored {
        /// The plugin's name.
        plugin: String,
        /// The file of the next version.
        path: PathBuf,
    },

    /// The state that a plugin saves has another type than the one that the next version restores.
    #[error(
        "`{}` cannot replace plugin `{plugin}`: it restores a state of another type\n  saved:    {saved}\n  \
         restored: {restored}\n  difference:{}",
        path.display(), indented(difference)
    )]
    StateMismatch {
        /// The plugin's name.
        plugin: String,
        /// The file of the next version.
        path: PathBuf,
        /// The type of what saves the state, `fn() -> S`.
        saved: Box<Signature>,
        /// The same with the type of the state that is restored.
        restored: Box<Signature>,
        /// What differs, one difference a line, as in [`TypeMismatch::difference`].
        difference: String,
    },

    /// Calls were in progress for too long to hand the state over.
    #[error(
        "plugin `{plugin}` is not upgraded: to hand its state over, calls through `Live` handles must end, and some did \
         not within {waited:?}; try again, or allow for more with `Host::with_handover_deadline`"
    )]
    Busy {
        /// The plugin's name.
        plugin: String,
        /// How long was waited.
        waited: Duration,
    },

    /// A plugin panicked while it saved its state.
    #[error("plugin `{plugin}` is not upgraded: its `#[plugin_export(save)]` panicked")]
    SavePanicked {
        /// The plugin's name.
        plugin: String,
        /// The panic.
        #[source]
        fault: Box<Fault>,
    },

    /// The next version returned an error when it restored the state.
    #[error("`{}` cannot replace plugin `{plugin}`: its `#[plugin_export(restore)]` failed: {message}", path.display())]
    RestoreFailed {
        /// The plugin's name.
        plugin: String,
        /// The error as text.
        message: String,
        /// The file of the next version.
        path: PathBuf,
    },

    /// The next version panicked when it restored the state.
    #[error("`{}` cannot replace plugin `{plugin}`: its `#[plugin_export(restore)]` panicked", path.display())]
    RestorePanicked {
        /// The plugin's name.
        plugin: String,
        /// The panic.
        #[source]
        fault: Box<Fault>,
        /// The file of the next version.
        path: PathBuf,
    },

    /// The system has no thread for the old version to be unloaded on.
    #[error("plugin `{plugin}` is not upgraded to `{}`: there is no thread to unload the old version on", path.display())]
    NoThread {
        /// The plugin's name.
        plugin: String,
        /// The file of the next version.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },

    /// The plugin's file is watched already.
    #[cfg(feature = "watch")]
    #[error("plugin `{plugin}` is watched already; drop that `Watch` first")]
    AlreadyWatched {
        /// The plugin's name.
        plugin: String,
    },

    /// The system does not tell of changes to the plugin's file.
    #[cfg(feature = "watch")]
    #[error(
        "plugin `{plugin}` is not watched: the system cannot watch the directory `{}`{}",
        directory.display(), watch_hint(source)
    )]
    NotWatched {
        /// The plugin's name.
        plugin: String,
        /// The directory that its file is in.
        directory: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },

    /// Nothing of that name is exported.
    #[error("{}{}", no_export(name, plugin.as_deref()), hint(closest.as_deref()))]
    NoSuchExport {
        /// What was asked for.
        name: String,
        /// The plugin that was asked, if one was named.
        plugin: Option<String>,
        /// The export with the most similar name.
        closest: Option<String>,
    },

    /// Several plugins export that name.
    #[error(
        "`{name}` is exported by {}; ask one of them, `host.plugin(..)?.get(..)`, or all, `get_all`",
        names(plugins)
    )]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// The plugins, in the order they were loaded.
        plugins: Vec<String>,
    },

    /// The export has another type than was asked for.
    #[error(transparent)]
    TypeMismatch(Box<TypeMismatch>),

    /// The plugin panicked while it gave access to an exported static.
    #[error("cannot get at the static `{}`: its plugin panicked", .0.export.as_deref().unwrap_or_default())]
    Access(#[source] Box<Fault>),

    /// A name with a NUL in it, which no file or export can have.
    #[error("the name {name:?} contains a NUL; no file or export can be called so")]
    NulInName {
        /// The name.
        name: String,
    },
}

/// An export has another type than was asked for: the inside of [`Error::TypeMismatch`].
///
/// # Example
///
/// ```standalone_crate
/// use plugin_core::plugin_export;
/// use plugin_host::{Error, Host};
///
/// #[plugin_export]
/// fn double(n: u32) -> u32 {
///     n * 2
/// }
///
/// let host = Host::linked()?;
/// let Err(Error::TypeMismatch(mismatch)) = host.get::<fn(u64) -> u32>("double") else { panic!("found") };
/// assert_eq!(mismatch.difference, "argument 1: u64 in the host, u32 in the plugin");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Error)]
#[error(
    "export `{name}` of plugin `{plugin}` has another type\n  asked for: {asked}\n  exported:  {exported}\n  \
     difference:{}", indented(.difference)
)]
#[non_exhaustive]
pub struct TypeMismatch {
    /// The plugin.
    pub plugin: String,
    /// The export.
    pub name: String,
    /// What the host asked for.
    pub asked: Signature,
    /// What the plugin exports.
    pub exported: Signature,
    /// What differs, one difference a line: the first eight, and how many more there are. A line that begins with
    /// `hint: ` says what could be done.
    pub difference: String,
}

/// As it displays: this is what `main` prints of an error that it returns.
impl std::fmt::Debug for TypeMismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// One line beside what comes before, several below it.
fn indented(lines: &str) -> String {
    if lines.contains('\n') { format!("\n    {}", lines.replace('\n', "\n    ")) } else { format!(" {lines}") }
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
    if paths.is_empty() { "nothing: the host has no search directories".to_owned() } else { paths.join(", ") }
}

/// Where a plugin is from; a linked one has no file.
fn from(path: &Path) -> String {
    if path.as_os_str().is_empty() { " (linked)".to_owned() } else { format!(" (from `{}`)", path.display()) }
}

fn names(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}

fn no_export(name: &str, plugin: Option<&str>) -> String {
    match plugin {
        Some(plugin) => format!("plugin `{plugin}` exports no `{name}`"),
        None => format!("no loaded plugin exports `{name}`"),
    }
}

fn hint(closest: Option<&str>) -> String {
    closest.map_or_else(String::new, |closest| format!("; there is `{closest}`"))
}

/// What to do where the system has no more of what watching takes.
#[cfg(feature = "watch")]
fn watch_hint(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::NotFound => ", which does not exist; make it first",
        std::io::ErrorKind::QuotaExceeded => "; allow more with `sysctl fs.inotify.max_user_watches`",
        #[cfg(target_os = "linux")]
        _ if source.raw_os_error() == Some(libc::EMFILE) => {
            "; allow more with `sysctl fs.inotify.max_user_instances`, or more open files with `ulimit -n`"
        }
        _ => "",
    }
}

/// The candidate most similar to `name`, if one is similar at all.
pub(crate) fn closest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    const SIMILAR: f64 = 0.6;
    candidates
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|(a, x), (b, y)| a.total_cmp(b).then_with(|| y.cmp(x)))
        .map(|(_, candidate)| candidate.to_owned())
}

/// Refuses a name that no file or export can have.
pub(crate) fn no_nul(name: &str) -> Result<(), Error> {
    if name.contains('\0') { Err(Error::NulInName { name: name.to_owned() }) } else { Ok(()) }
}

/// Refuses a path that no file can have.
pub(crate) fn no_nul_in_path(path: &Path) -> Result<(), Error> {
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        Err(Error::NulInName { name: path.to_string_lossy().into_owned() })
    } else {
        Ok(())
    }
}
