//! The parts of messages.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use plugin_core::{Cause, Fault};

fn list(paths: &[PathBuf]) -> String {
    let paths = quoted(paths.iter().map(|path| path.display()), ", ");
    if paths.is_empty() { "nothing: the host has no search directories".to_owned() } else { paths }
}

/// Tells where a library was looked for, which library there is instead, and the bare name that is searched for, instead of a
/// file name.
pub(super) fn searched(
    tried: &[PathBuf],
    closest: &Option<PathBuf>,
    existing: &[PathBuf],
    count: usize,
    bare_name: &Option<Box<str>>,
) -> String {
    let (tried, hint) = (list(tried), hint(closest.as_deref().map(Path::display), &displayed(existing), count));
    let bare_name = bare_name.as_deref().map_or_else(String::new, |name| {
        format!("; a file name means a file in the current directory: write `{name}` to look in the host's search directories")
    });
    format!("tried {tried}{hint}{bare_name}")
}

/// Returns the words for the file that a plugin is from. A linked plugin has no file.
pub(super) fn from(path: &Path) -> String {
    if path.as_os_str().is_empty() { " (linked)".to_owned() } else { format!(" (from `{}`)", path.display()) }
}

/// The text of an error that a plugin has returned.
pub(super) fn saying(message: &str) -> String {
    if message.trim().is_empty() { ", and says nothing about it".to_owned() } else { format!(": {message}") }
}

/// The name of the hook that panicked.
fn hook(fault: &Fault) -> String {
    let hook = fault.export.as_deref().and_then(|export| export.split_once("::"));
    hook.map_or_else(String::new, |(_, hook)| format!(" `{hook}`"))
}

/// How code of a plugin ended without a result, where, and why. The backtrace is only in the [`Fault`] itself.
pub(super) fn ended(fault: &Fault) -> String {
    let how = if fault.cause == Cause::Panicked { "panicked" } else { "failed" };
    let place = fault.location.as_ref().map_or_else(String::new, |location| format!(" at {location}"));
    let colon = if fault.message.is_empty() { "" } else { ": " };
    [how, &place, colon, &fault.message].concat()
}

pub(super) fn like(closest: Option<impl Display>) -> String {
    closest.map_or_else(String::new, |closest| format!("; there is `{closest}`"))
}

fn quoted<T: Display>(names: impl IntoIterator<Item = T>, separator: &str) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(separator)
}

pub(super) fn no_export(name: &str, plugin: Option<&str>) -> String {
    match plugin {
        Some(plugin) => format!("plugin `{plugin}` exports no `{name}`"),
        None => format!("no loaded plugin exports `{name}`"),
    }
}

fn displayed(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}

/// The libraries in a directory that was named instead of a library.
pub(super) fn in_directory(existing: &[PathBuf], count: usize) -> String {
    match existing {
        [] => ", which is not in it".to_owned(),
        _ => hint(None::<&str>, &displayed(existing), count),
    }
}

/// The library that is likely meant, or else what a plugin is.
pub(super) fn instead(beside: Option<&Path>) -> String {
    match beside {
        Some(path) => format!("there is `{}`", path.display()),
        None => "a plugin's crate-type is \"cdylib\"".to_owned(),
    }
}

pub(super) fn hint(closest: Option<impl Display>, existing: &[String], count: usize) -> String {
    match (&closest, existing) {
        (Some(_), _) | (None, []) => like(closest),
        (None, [one]) if count == 1 => format!("; there is only `{one}`"),
        (None, _) => match (quoted(existing, ", "), count - existing.len()) {
            (names, 0) => format!("; there are {names}"),
            (names, more) => format!("; there are {names} and {more} more"),
        },
    }
}

/// The remedy where watching needs more than the operating system allows.
#[cfg(feature = "watch")]
fn watch_hint(source: &std::io::Error) -> String {
    match source.kind() {
        std::io::ErrorKind::NotFound => ", which does not exist; make it first".to_owned(),
        std::io::ErrorKind::QuotaExceeded => "; allow more with `sysctl fs.inotify.max_user_watches`".to_owned(),
        #[cfg(target_os = "linux")]
        _ if source.raw_os_error() == Some(libc::EMFILE) => {
            "; allow more with `sysctl fs.inotify.max_user_instances`, or more open files with `ulimit -n`".to_owned()
        }
        _ => format!(": {source}"),
    }
}

#[cfg(feature = "watch")]
pub(super) fn not_watched(plugin: &str, directory: &Path, source: &std::io::Error) -> String {
    let (directory, hint) = (directory.display(), watch_hint(source));
    format!("plugin `{plugin}` is not watched: the system cannot watch the directory `{directory}`{hint}")
}

pub(super) fn restore_panicked(path: &Path, plugin: &str, fault: &Fault) -> String {
    let (path, how) = (path.display(), ended(fault));
    format!("`{path}` cannot replace plugin `{plugin}`: its `#[plugin_export(restore)]` {how}")
}

pub(super) fn duplicate_export(path: &Path, name: &str, first: &str, second: &str) -> String {
    format!(
        "`{}` exports `{name}` twice, in `{first}` and in `{second}`; give one of them another `name = \"..\"`",
        path.display()
    )
}

pub(super) fn no_faults(name: &str, plugin: &str) -> String {
    format!(
        "export `{name}` of plugin `{plugin}` cannot return a `Fault`: the plugin is built with `panic = \"abort\"`, \
         so a panic in it ends the process; build it with `panic = \"unwind\"`, or ask for the type without \
         `Result<_, Fault>`, or accept this with `Host::with_abort_plugins(AbortPlugins::AllowFaults)`"
    )
}

pub(super) fn ambiguous(name: &str, plugins: &[String]) -> String {
    format!(
        "`{name}` is exported by {}; ask one of them, `host.plugin(..)?.get(..)` or `.live(..)`, or all, `get_all` or `live_all`",
        quoted(plugins, " and ")
    )
}

pub(super) fn in_use(path: &Path, plugin: &str, problem: &dyn Display) -> String {
    format!(
        "`{}` cannot replace plugin `{plugin}`: a handle to the old version is in use, and the new version does not have \
         what it needs; drop it first, or keep the export: {problem}",
        path.display()
    )
}

pub(super) fn init_panicked(plugin: &str, path: &Path, fault: &Fault) -> String {
    let (from, hook, how) = (from(path), hook(fault), ended(fault));
    format!("plugin `{plugin}`{from} did not start: its init hook{hook} {how}")
}

pub(super) fn no_thread(plugin: &str, path: &Path, source: &std::io::Error) -> String {
    format!(
        "plugin `{plugin}` is not upgraded to `{}`: no thread can be started to unload the old version on: {source}",
        path.display()
    )
}

pub(super) fn state_not_restored(plugin: &str) -> String {
    format!(
        "cannot replace plugin `{plugin}`: the old version saves its state, and the new one has no \
         `#[plugin_export(restore)]` to take it; one that does nothing would drop it"
    )
}

pub(super) const ALREADY_MAPPED: &str = "is mapped in place already, and the system would give the same library again; rename \
     the next version over it rather than writing to it, or load it with `Mapping::Private`";

pub(super) const IS_HOST: &str = "was a host before it could be attached to this one, and stays apart; let it load its own \
     plugins from an init hook, or later";

pub(super) fn busy(plugin: &str, waited: Duration) -> String {
    format!(
        "plugin `{plugin}` is not upgraded: to hand its state over, calls through `Live` handles must end, and some \
         did not within {waited:?}; try again, or allow for more with `Host::with_handover_timeout`"
    )
}

pub(super) fn hook_timed_out(plugin: &str, hook: &str, timeout: Duration, path: &Path) -> String {
    format!(
        "plugin `{plugin}`{}: its hook `{hook}` has not returned within {timeout:?}; it runs on, and its library \
         stays mapped until it returns; allow for more time with `Host::with_hook_timeout`",
        from(path)
    )
}

pub(super) fn too_many_files(source: &std::io::Error) -> String {
    format!(
        "this process can open no more files ({source}); each loaded plugin keeps one open: allow more with `ulimit -n`"
    )
}

pub(super) fn abi_version(found: u32, expected: u32) -> String {
    format!(
        "has a table of ABI version {found}, this host reads version {expected}; build both with the same major version \
         of the SDK"
    )
}

pub(super) fn duplicate_hook(hook: &str, first: &str, second: &str) -> String {
    format!(
        "has `#[plugin_export({hook})]` twice, in `{first}` and in `{second}`; a plugin has one state: put both into one"
    )
}

/// A limit that is exceeded, and the setting that raises it.
pub(super) fn more_than(limit: u64, setting: &str) -> String {
    format!(", where at most {limit} are read; allow more with `Limits::{setting}`")
}

/// A static whose plugin panicked while it gave access to it.
pub(super) fn no_access(fault: &Fault) -> String {
    if fault.cause != Cause::Panicked {
        return format!("cannot get at the static: {fault}");
    }
    let name = fault.export.as_deref().unwrap_or_default();
    format!("cannot get at the static `{name}`: its plugin {}", ended(fault))
}
