//! [`PinReason`]: the reasons for which a library stays mapped.

use std::fmt;

use plugin_core::host::table::{self, Escaped};

/// A reason for which a library stays mapped.
///
/// | reason | what to do |
/// | --- | --- |
/// | `Handles`, `Plugins`, `Values`, `Objects` | drop them; the unload has not begun ([`is_serving`](Self::is_serving)) |
/// | `Threads` | let the plugin's shutdown hook stop its threads and join them; or wait: the plugin is unmapped when the last one ends |
/// | `Hook` | find out why the hook does not return; or wait: the plugin is unmapped when it does |
/// | `Ending`, `Closing`, `Upgrading` | wait |
/// | `NoDelete` | link it without `-z nodelete` |
/// | `Registered` | remove the handler, or the other thing that is named, from the plugin |
/// | `Libraries` | make sure that the libraries leave nothing behind that leads to the plugin, and then [vouch for them](crate::Host::with_quiet_library) |
/// | `UnfoundLibraries` | link it so that it names the libraries by their file names alone, and finds them with a run path |
/// | `StdElsewhere` | build it without `-C prefer-dynamic` |
/// | `Uncontrolled` | put `#[plugin_export]` on an item of the crate that is built as the library |
/// | `StillMapped` | find out which other code has opened it |
/// | `Platform` | nothing: load the next version beside it |
/// | `OldVersion` | see the reasons of that version |
///
/// # Example
///
/// ```
/// use plugin_host::PinReason;
///
/// /// Returns true if a later unload succeeds without a change of the plugin or of this program.
/// fn passes(reason: &PinReason) -> bool {
///     match reason {
///         PinReason::Ending { .. } | PinReason::Closing | PinReason::Upgrading => true,
///         PinReason::OldVersion { reasons, .. } => reasons.iter().all(passes),
///         _ => false,
///     }
/// }
///
/// assert!(passes(&PinReason::Closing));
/// assert!(!passes(&PinReason::NoDelete) && !PinReason::NoDelete.is_serving());
/// assert_eq!(PinReason::Closing.to_string(), "it is being unmapped at this moment");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PinReason {
    /// Handles to exports are alive, among them those whose call is in progress.
    #[non_exhaustive]
    Handles {
        /// The exports' names, in order, and how many handles there are to each.
        exports: Vec<(String, usize)>,
    },
    /// Clones of its [`Plugin`](crate::Plugin) are alive; a look-up in progress has one too.
    #[non_exhaustive]
    Plugins {
        /// The number of them.
        count: usize,
    },
    /// Values that lead back into the library are alive. They are counted when no handle is left.
    #[non_exhaustive]
    Values {
        /// The number of them.
        count: usize,
    },
    /// Other code has objects of the plugin: the host, or another plugin.
    #[non_exhaustive]
    Objects {
        /// The objects' types, `dyn Fn(u32) -> u32 + Send`, in order, and how many objects of each there are.
        objects: Vec<(String, usize)>,
        /// Whether the plugin goes on serving. Objects may also leave a plugin that is detached, from a thread of it. Then the plugin
        /// is unmapped when the last one is dropped, without another call.
        is_serving: bool,
    },
    /// Threads that the plugin started are running, although its shutdown hooks have run. When they end, the plugin is unmapped
    /// without another call.
    #[non_exhaustive]
    Threads {
        /// The threads that run.
        threads: Vec<PluginThread>,
    },
    /// A hook of the plugin has not returned within the [timeout](crate::Host::with_hook_timeout), and runs on.
    #[non_exhaustive]
    Hook {
        /// The function's name.
        hook: String,
    },
    /// Threads of the host are running the destructors of the plugin's thread-locals at this moment.
    #[non_exhaustive]
    Ending {
        /// The number of them.
        count: usize,
    },
    /// Another thread is unmapping the plugin at this moment.
    Closing,
    /// The linker marked the library so that the loader never unmaps it.
    NoDelete,
    /// The plugin has registered something with the operating system or the C library, such as a handler, which they would call
    /// or use after the plugin is unmapped, and which the host cannot take back.
    #[non_exhaustive]
    Registered {
        /// The things, each once.
        things: Vec<Registered>,
    },
    /// The plugin uses libraries, other than Rust's and the C library itself, that may have threads, thread-specific keys or
    /// callbacks which lead back into the plugin. These libraries stay mapped in any case.
    #[non_exhaustive]
    Libraries {
        /// The libraries' file names, `libgomp.so.1`, in order.
        names: Vec<String>,
    },
    /// The plugin uses libraries, other than Rust's and the C library itself, that the host does not find among those that are
    /// loaded. So the host cannot keep them mapped, and vouching for them has no effect.
    #[non_exhaustive]
    UnfoundLibraries {
        /// The libraries' names as far as they are known, in order.
        names: Vec<String>,
    },
    /// The plugin's std is a library of its own, and the host does not see the threads and thread-locals of that library.
    StdElsewhere,
    /// The crate that is built as the library has no item with `#[plugin_export]`, so the host does not see the plugin's
    /// threads and thread-locals.
    Uncontrolled,
    /// The library was closed, but it is still mapped: other code has opened it, too, or the loader has reasons of its own.
    StillMapped,
    /// On this platform the host cannot learn when unmapping is safe.
    Platform,
    /// The plugin is being upgraded at this moment. Only [`Host::close`](crate::Host::close) returns this.
    Upgrading,
    /// An old version of the plugin, from before an upgrade, is still mapped.
    #[non_exhaustive]
    OldVersion {
        /// The version's number.
        revision: u64,
        /// The reasons for which it is.
        reasons: Vec<PinReason>,
    },
}

impl PinReason {
    /// Returns true if the plugin goes on serving, as before the unload. Otherwise it is detached: its shutdown hooks have run,
    /// and look-ups do not find it.
    pub fn is_serving(&self) -> bool {
        match self {
            PinReason::Handles { .. } | PinReason::Plugins { .. } | PinReason::Values { .. } => true,
            PinReason::Objects { is_serving, .. } => *is_serving,
            _ => false,
        }
    }

    /// The reasons why something that has not been detached is in use: handles to its exports, `Plugin`s, values, and objects.
    pub(crate) fn in_use(
        handles: impl Iterator<Item = (String, usize)>,
        plugins: usize,
        values: usize,
        objects: Option<PinReason>,
    ) -> Vec<PinReason> {
        let mut exports: Vec<_> = handles.filter(|(_, count)| *count != 0).collect();
        exports.sort();
        let mut reasons = Vec::new();
        if !exports.is_empty() {
            reasons.push(PinReason::Handles { exports });
        } else if values != 0 {
            reasons.push(PinReason::Values { count: values });
        }
        reasons.extend(objects);
        if plugins != 0 {
            reasons.push(PinReason::Plugins { count: plugins });
        }
        reasons
    }
}

impl fmt::Display for PinReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let many = |count: usize, one: &str, several: &str| {
            if count == 1 { format!("1 {one}") } else { format!("{count} {several}") }
        };
        match self {
            PinReason::Handles { exports } => {
                let all = exports.iter().map(|(_, count)| count).sum();
                let count = many(all, "handle to its exports is alive", "handles to its exports are alive");
                let names: Vec<_> = exports.iter().map(|(name, count)| format!("`{name}` ({count})")).collect();
                write!(f, "{count}: {}", names.join(", "))
            }
            PinReason::Plugins { count } => f.write_str(&many(*count, "`Plugin` is alive", "`Plugin`s are alive")),
            PinReason::Values { count } => f.write_str(&many(
                *count,
                "value that leads back into it is alive (such as a `Bytes`)",
                "values that lead back into it are alive (such as a `Bytes`)",
            )),
            PinReason::Objects { objects, .. } => {
                let all = objects.iter().map(|(_, count)| count).sum();
                let count = many(all, "object of it is alive", "objects of it are alive");
                let types: Vec<_> = objects.iter().map(|(ty, count)| format!("`{ty}` ({count})")).collect();
                write!(f, "{count}: {}", types.join(", "))
            }
            PinReason::Threads { threads } => {
                let count = many(threads.len(), "thread that it started runs", "threads that it started run");
                write!(f, "{count}: {}", list(threads, ", "))
            }
            PinReason::Hook { hook } => write!(f, "its hook `{hook}` has not returned"),
            PinReason::Ending { count } => f.write_str(&many(
                *count,
                "thread is running destructors of its thread-locals",
                "threads are running destructors of its thread-locals",
            )),
            PinReason::Closing => f.write_str("it is being unmapped at this moment"),
            PinReason::NoDelete => f.write_str("its linker marked it as never to be unmapped (`-z nodelete`)"),
            PinReason::Registered { things } => {
                write!(f, "the system may call or use it: it has {}", list(things, ", and "))
            }
            PinReason::Libraries { names } => {
                let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
                write!(
                    f,
                    "it uses {}, which may have threads, keys or callbacks that lead back into it; if not, vouch for that \
                     with `Host::with_quiet_library`",
                    names.join(", ")
                )
            }
            PinReason::UnfoundLibraries { names } => {
                let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
                write!(
                    f,
                    "it uses {}, which the host does not find among the loaded libraries, and so cannot keep mapped; link it so \
                     that it names libraries by their file names alone",
                    names.join(", ")
                )
            }
            PinReason::StdElsewhere => f.write_str(
                "its std is in a library of its own (`-C prefer-dynamic`), whose threads and thread-locals the host \
                 does not see",
            ),
            PinReason::Uncontrolled => f.write_str(
                "the host does not see its threads and thread-locals, because the crate that is built as the library has no \
                 item with `#[plugin_export]`: put that on one, a hook for example",
            ),
            PinReason::StillMapped => {
                f.write_str("it was closed, but the loader keeps it, most likely because something else has opened it")
            }
            PinReason::Platform => f.write_str("on this platform libraries stay mapped: nothing tells when it is safe"),
            PinReason::Upgrading => f.write_str("it is being replaced by another version at this moment"),
            PinReason::OldVersion { revision, reasons } => {
                write!(f, "its revision {revision} is still there: {}", list(reasons, "; "))
            }
        }
    }
}

/// Something that a plugin has left with the operating system or the C library, which would call or use it, and where it
/// comes from.
///
/// # Example
///
/// ```no_run
/// use std::time::Duration;
///
/// use plugin_host::{PinReason, Registration, Unload};
///
/// # let host = plugin_host::Host::new(plugin_host::Trust::none());
/// if let Unload::Pinned(reasons) = host.unload("greeter", Duration::from_secs(1))? {
///     for reason in &reasons {
///         // the system may call or use it: it has a handler for SIGINT (signal 2), by `sigaction`, to call `ctrlc::os_handler`
///         println!("{reason}");
///         if let PinReason::Registered { things, .. } = reason {
///             assert!(things.iter().all(|one| one.thing != Registration::Key));
///         }
///     }
/// }
/// # Ok::<(), plugin_host::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registered {
    /// The thing.
    pub thing: Registration,
    /// The function or variable of the C library that the plugin used for it: `sigaction`. `None` if that is not known.
    pub by: Option<String>,
    /// The name of the function that would be called. `None` if no function would be called, or if no table of symbols names it.
    pub function: Option<String>,
    /// The file name of the library that this function is in, if that is not the plugin's own.
    pub library: Option<String>,
}

impl Registered {
    /// Lists what the library itself says: the kinds, and of some of them more. `place` finds a function by its address.
    pub(crate) fn of(
        escaped: &Escaped,
        details: &[table::Registered],
        mut named: impl FnMut(&table::Registered) -> Registered,
    ) -> Vec<Registered> {
        let is_of = |detail: &&table::Registered, thing: &Registration| match *thing {
            Registration::SignalHandler { signal } => {
                detail.kind == table::escaped::SIGNAL_HANDLER && detail.signal == signal
            }
            _ => Registration::of(&Escaped { kinds: detail.kind, signals: 0 }).contains(thing),
        };
        let mut all = Vec::new();
        for thing in Registration::of(escaped) {
            let known: Vec<_> = details.iter().filter(|detail| is_of(detail, &thing)).collect();
            if known.is_empty() {
                all.push(Registered { thing, by: None, function: None, library: None });
                continue;
            }
            for detail in known {
                let one = Registered { thing: thing.clone(), ..named(detail) };
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        }
        all
    }
}

impl fmt::Display for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut notes = Vec::new();
        notes.extend(self.by.as_ref().map(|by| format!("by `{by}`")));
        notes.extend(match (&self.function, &self.library) {
            (Some(function), Some(library)) => Some(format!("to call `{function}` of `{library}`")),
            (Some(function), None) => Some(format!("to call `{function}`")),
            (None, Some(library)) => Some(format!("to call a function of `{library}`")),
            (None, None) => None,
        });
        match &self.thing {
            // The function says which.
            Registration::Callback if self.by.is_some() => f.write_str("a callback")?,
            Registration::Memory if self.by.is_some() => f.write_str("memory that the C library keeps a pointer to")?,
            thing => thing.fmt(f)?,
        }
        if notes.is_empty() { Ok(()) } else { write!(f, ", {}", notes.join(", ")) }
    }
}

/// The name of a signal by its number, as Linux has them.
fn signal_name(number: i32) -> Option<String> {
    const NAMES: [&str; 31] = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ];
    let place = usize::try_from(number).ok()?.checked_sub(1)?;
    NAMES.get(place).map(|name| format!("SIG{name}"))
}

/// A kind of thing that a plugin may leave with the operating system or the C library.
///
/// # Example
///
/// ```
/// use plugin_host::Registration;
///
/// fn is_handler(thing: &Registration) -> bool {
///     matches!(thing, Registration::SignalHandler { .. })
/// }
///
/// assert!(!is_handler(&Registration::ExitFunction));
/// assert_eq!(Registration::ExitFunction.to_string(), "a function that runs when the program exits");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Registration {
    /// A thread, which it started before it was attached (in a constructor, for example), or with `clone`.
    Thread,
    /// A thread-specific key, which it made before it was attached, and not in a constructor.
    Key,
    /// A destructor of a thread-local, which it registered before it was attached, and not in a constructor.
    Destructor,
    /// A signal handler.
    #[non_exhaustive]
    SignalHandler {
        /// The signal's number; 0 if that is not known.
        signal: i32,
    },
    /// A function that runs when the program exits (`on_exit`).
    ExitFunction,
    /// A callback of another kind: of a timer, a message queue, a stream, asynchronous input and output.
    Callback,
    /// Memory that the C library keeps a pointer to: a stream's buffer (`setvbuf`), an entry of the environment (`putenv`).
    Memory,
    /// A library that it opened before it was attached, or in a name space of its own (`dlmopen`).
    Library,
    /// A plugin of its own: it is a host, and that plugin is still mapped.
    Plugin,
}

impl Registration {
    /// Lists what the library itself says.
    pub(crate) fn of(escaped: &Escaped) -> Vec<Registration> {
        use plugin_core::host::table::escaped::*;
        let mut things = Vec::new();
        let mut of_kind = |kind, thing| {
            if escaped.kinds & kind != 0 {
                things.push(thing);
            }
        };
        of_kind(THREAD, Registration::Thread);
        of_kind(KEY, Registration::Key);
        of_kind(DESTRUCTOR, Registration::Destructor);
        if escaped.signals == 0 {
            of_kind(SIGNAL_HANDLER, Registration::SignalHandler { signal: 0 });
        }
        of_kind(EXIT_FUNCTION, Registration::ExitFunction);
        of_kind(CALLBACK, Registration::Callback);
        of_kind(MEMORY, Registration::Memory);
        of_kind(LIBRARY, Registration::Library);
        of_kind(HOST, Registration::Plugin);
        let signals = (0..64).filter(|place| escaped.signals >> place & 1 != 0);
        things.extend(signals.map(|place| Registration::SignalHandler { signal: place + 1 }));
        things
    }
}

impl fmt::Display for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Registration::Thread => "a thread that it started before it was attached, or with `clone`",
            Registration::Key => "a thread-specific key that it made before it was attached",
            Registration::Destructor => "a thread-local's destructor that it registered before it was attached",
            Registration::SignalHandler { signal: 0 } => "a signal handler",
            Registration::SignalHandler { signal } => {
                return match signal_name(*signal) {
                    Some(name) => write!(f, "a handler for {name} (signal {signal})"),
                    None => write!(f, "a handler for signal {signal}"),
                };
            }
            Registration::ExitFunction => "a function that runs when the program exits",
            Registration::Callback => "a callback, such as a timer's or a stream's",
            Registration::Memory => {
                "memory that the C library keeps a pointer to, such as a stream's buffer or an entry of the environment"
            }
            Registration::Library => "a library that it opened before it was attached, or in a name space of its own",
            Registration::Plugin => "a plugin of its own, which is still mapped",
        })
    }
}

/// A thread that a plugin started.
///
/// # Example
///
/// ```
/// use plugin_host::{PinReason, PluginThread};
///
/// fn worker_runs(reason: &PinReason) -> bool {
///     let PinReason::Threads { threads, .. } = reason else { return false };
///     threads.iter().any(|PluginThread { name, .. }| name.as_deref() == Some("worker"))
/// }
/// assert!(!worker_runs(&PinReason::Platform));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PluginThread {
    /// The thread's name as the kernel has it, which may be cut short. A thread that was given no name has its plugin's.
    /// `None` if the thread has only just been started.
    pub name: Option<String>,
    /// Whether the thread has the plugin's name, because the plugin gave it no name or the same one.
    pub has_plugins_name: bool,
    /// The kernel's number for the thread, as debuggers and `top -H` show it.
    pub id: Option<u32>,
}

impl fmt::Display for PluginThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.id) {
            (Some(name), Some(id)) if self.has_plugins_name => {
                write!(f, "thread {id} (without a name of its own, so it has its plugin's, `{name}`)")
            }
            (Some(name), Some(id)) => write!(f, "`{name}` (thread {id})"),
            (None, Some(id)) => write!(f, "thread {id}"),
            _ => f.write_str("one that has only just been started"),
        }
    }
}

pub(crate) fn list<T: fmt::Display>(items: &[T], separator: &str) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_name_their_objects_and_the_remedy() {
        let reason = PinReason::Handles { exports: vec![("GREETER".to_owned(), 1), ("greet".to_owned(), 2)] };
        assert_eq!(reason.to_string(), "3 handles to its exports are alive: `GREETER` (1), `greet` (2)");
        assert!(reason.is_serving());
        let reason = PinReason::Libraries { names: vec!["liba.so.1".to_owned(), "libb.so".to_owned()] };
        assert_eq!(
            reason.to_string(),
            "it uses `liba.so.1`, `libb.so`, which may have threads, keys or callbacks that lead back into it; if not, vouch \
             for that with `Host::with_quiet_library`"
        );
        assert!(!reason.is_serving());
        let thing = Registration::SignalHandler { signal: 15 };
        assert_eq!(thing.to_string(), "a handler for SIGTERM (signal 15)");
    }
}
