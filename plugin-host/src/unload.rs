//! What becomes of a plugin that is unloaded: [`Unload`], and how it is found out.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::threads::Threads;

/// What [`Host::unload`](crate::Host::unload) has come to.
///
/// # Example
///
/// ```no_run
/// use std::time::Duration;
///
/// use plugin_host::{Host, PinReason, Trust, Unload};
///
/// // SAFETY: only plugins built with the SDK are in the directories that this program searches.
/// let host = Host::new(unsafe { Trust::any() });
/// host.load("greeter")?;
/// match host.unload("greeter", Duration::from_secs(1))? {
///     Unload::Unmapped => println!("gone"),
///     Unload::Pinned(reasons) => {
///         if reasons.iter().any(PinReason::is_serving) {
///             println!("it goes on, because it is in use");
///         }
///         for reason in reasons {
///             println!("{reason}");
///         }
///     }
///     _ => {}
/// }
/// # Ok::<(), plugin_host::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a plugin that is pinned is still there"]
#[non_exhaustive]
pub enum Unload {
    /// Nothing of the library is left in the process, which was checked.
    Unmapped,
    /// The library is still mapped, for these reasons. Ask again when they are gone.
    Pinned(Vec<PinReason>),
}

impl fmt::Display for Unload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unload::Unmapped => f.write_str("unmapped"),
            Unload::Pinned(reasons) => write!(f, "pinned: {}", list(reasons, "; ")),
        }
    }
}

/// Why a library stays mapped.
///
/// | reason | what to do |
/// | --- | --- |
/// | `Handles`, `Plugins`, `Values` | drop them; nothing has been done yet ([`is_serving`](Self::is_serving)) |
/// | `Threads` | have the plugin's shutdown hook stop its threads and join them; or wait: it goes with the last |
/// | `Ending`, `Closing` | wait |
/// | `NoDelete` | link it without `-z nodelete` |
/// | `Registered` | take the handler, or whatever it is, out of the plugin |
/// | `StdElsewhere` | build it without `-C prefer-dynamic` |
/// | `StillMapped` | see who else has opened it; link C++ in it with `-fno-gnu-unique` |
/// | `Platform` | nothing: load the next version beside it |
/// | `OldVersion` | what its own reasons say |
///
/// # Example
///
/// ```
/// use plugin_host::PinReason;
///
/// let reason = PinReason::Handles { exports: vec![("GREETER".to_owned(), 1), ("greet".to_owned(), 2)] };
/// assert_eq!(reason.to_string(), "3 handles to its exports are alive: `GREETER` (1), `greet` (2)");
/// assert!(reason.is_serving());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PinReason {
    /// Handles to exports are alive, among them those whose call is in progress.
    Handles {
        /// The exports' names, in order, and how many handles there are to each.
        exports: Vec<(String, usize)>,
    },
    /// Clones of its [`Plugin`](crate::Plugin) are alive; a look-up in progress has one too.
    Plugins {
        /// How many.
        count: usize,
    },
    /// Values that lead back into the library are alive. They are counted when no handle is left.
    Values {
        /// How many.
        count: usize,
    },
    /// Threads that the plugin started run on, though its shutdown hooks have run. When they end, it is unmapped
    /// whether it is asked for or not.
    Threads {
        /// Those that run.
        threads: Vec<PluginThread>,
    },
    /// Threads of the host's are just running the destructors of its thread-locals.
    Ending {
        /// How many.
        count: usize,
    },
    /// It is being unmapped at this moment, by another thread.
    Closing,
    /// Its linker marked it so that the system never unmaps it.
    NoDelete,
    /// It has a signal handler, or it registered a thread, a key or a thread-local's destructor before it was attached:
    /// the system would call what is no more there.
    Registered,
    /// The std that it uses is a library of its own, whose threads and thread-locals the host does not see.
    StdElsewhere,
    /// It was closed, but the system keeps it: somebody else has opened it, or the loader has its own reasons.
    StillMapped,
    /// On this platform nothing tells when it would be safe.
    Platform,
    /// A version of it that was replaced is still there.
    OldVersion {
        /// The version's number.
        revision: u64,
        /// What keeps it.
        reasons: Vec<PinReason>,
    },
}

impl PinReason {
    /// Whether the plugin serves on, as if nobody had asked for the unload. Otherwise it is detached: its shutdown
    /// hooks have run, and it answers no look-up.
    pub fn is_serving(&self) -> bool {
        matches!(self, PinReason::Handles { .. } | PinReason::Plugins { .. } | PinReason::Values { .. })
    }

    /// The reasons why something that has not been detached is in use: handles to its exports, `Plugin`s, and values.
    pub(crate) fn in_use(
        handles: impl Iterator<Item = (String, usize)>,
        plugins: usize,
        values: usize,
    ) -> Vec<PinReason> {
        let mut exports: Vec<_> = handles.filter(|(_, count)| *count != 0).collect();
        exports.sort();
        let mut reasons = Vec::new();
        if !exports.is_empty() {
            reasons.push(PinReason::Handles { exports });
        } else if values != 0 {
            reasons.push(PinReason::Values { count: values });
        }
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
            PinReason::Threads { threads } => {
                let count = many(threads.len(), "thread that it started runs", "threads that it started run");
                write!(f, "{count}: {}", list(threads, ", "))
            }
            PinReason::Ending { count } => f.write_str(&many(
                *count,
                "thread is running destructors of its thread-locals",
                "threads are running destructors of its thread-locals",
            )),
            PinReason::Closing => f.write_str("it is being unmapped at this moment"),
            PinReason::NoDelete => f.write_str("its linker marked it as never to be unmapped (`-z nodelete`)"),
            PinReason::Registered => f.write_str(
                "the system may call it: it has a signal handler, or registered something with the system before it \
                 was attached",
            ),
            PinReason::StdElsewhere => f.write_str(
                "its std is in a library of its own (`-C prefer-dynamic`), whose threads and thread-locals the host \
                 does not see",
            ),
            PinReason::StillMapped => f.write_str(
                "it was closed, but the system keeps it: something else has opened it, or C++ in it has symbols that \
                 are unique in the process",
            ),
            PinReason::Platform => f.write_str("on this platform libraries stay mapped: nothing tells when it is safe"),
            PinReason::OldVersion { revision, reasons } => {
                write!(f, "its revision {revision} is still there: {}", list(reasons, "; "))
            }
        }
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
///     let PinReason::Threads { threads } = reason else { return false };
///     threads.iter().any(|PluginThread { name, .. }| name.as_deref() == Some("worker"))
/// }
/// assert!(!worker_runs(&PinReason::Platform));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PluginThread {
    /// Its name as the system has it, which may be cut short; a thread that was given none has that of the thread which
    /// started it. `None` if it has only just been started.
    pub name: Option<String>,
    /// The system's number for it, as debuggers and `top -H` show it.
    pub id: Option<u32>,
}

impl fmt::Display for PluginThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.id) {
            (Some(name), Some(id)) => write!(f, "`{name}` (thread {id})"),
            (None, Some(id)) => write!(f, "thread {id}"),
            _ => f.write_str("one that has only just been started"),
        }
    }
}

fn list<T: fmt::Display>(items: &[T], separator: &str) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(separator)
}

/// How long it is to a deadline; `None` is never.
pub(crate) fn left(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

/// Pauses for who must look again and again, because nobody tells: short at first, then longer.
pub(crate) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    pub(crate) fn new(longest: Duration) -> Self {
        Pauses { next: Duration::from_micros(20), longest }
    }

    /// Sleeps, but not for longer than until `deadline`.
    pub(crate) fn sleep(&mut self, deadline: Option<Instant>) {
        std::thread::sleep(left(deadline).map_or(self.next, |left| left.min(self.next)));
        self.next = (self.next * 2).min(self.longest);
    }
}

/// A library that is detached, and is closed or not as soon as nothing of it runs.
pub(crate) struct Departure {
    threads: Arc<Threads>,
    closed: Arc<Closed>,
    /// An address in the library, and the number of the file that is mapped there, if that can be told.
    address: usize,
    inode: Option<u64>,
}

/// What closing has come to, once it has.
#[derive(Default)]
pub(crate) struct Closed {
    result: Mutex<Option<Result<(), PinReason>>>,
    changed: Condvar,
}

impl Closed {
    fn lock(&self) -> MutexGuard<'_, Option<Result<(), PinReason>>> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, closed: Result<(), PinReason>) {
        *self.lock() = Some(closed);
        self.changed.notify_all();
    }
}

impl Departure {
    pub(crate) fn new(threads: Arc<Threads>, closed: Arc<Closed>, address: usize, inode: Option<u64>) -> Self {
        Departure { threads, closed, address, inode }
    }

    /// Waits until it is closed, but not for longer than until `deadline`; without one, for ever.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Unload {
        let mut closed = self.closed.lock();
        while closed.is_none() {
            closed = match left(deadline) {
                None => self.closed.changed.wait(closed).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => break,
                Some(left) => self.closed.changed.wait_timeout(closed, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        let result = closed.clone();
        drop(closed);
        match result {
            // The loader has forgotten it; whether the process has, the kernel tells.
            Some(Ok(())) if self.inode.is_some_and(|inode| is_mapped(self.address, inode)) => {
                Unload::Pinned(vec![PinReason::StillMapped])
            }
            Some(Ok(())) => Unload::Unmapped,
            // Meanwhile whoever else had opened it may have closed it.
            Some(Err(PinReason::StillMapped)) if self.inode.is_some_and(|inode| !is_mapped(self.address, inode)) => {
                Unload::Unmapped
            }
            Some(Err(reason)) => Unload::Pinned(vec![reason]),
            None => Unload::Pinned(self.threads.what_runs()),
        }
    }
}

/// Whether nothing at all is mapped at that address. It is asked first, because the list of mappings is long.
#[cfg(target_os = "linux")]
fn is_free(address: usize) -> bool {
    // SAFETY: it has no effect.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
    let mut resident = 0_u8;
    let start = std::ptr::without_provenance_mut(address & !(page - 1));
    // SAFETY: the page is asked about and not touched; there is a place for the answer.
    let known = unsafe { libc::mincore(start, 1, &raw mut resident) };
    known != 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ENOMEM)
}

/// As above; elsewhere nobody asks.
#[cfg(not(target_os = "linux"))]
fn is_free(_: usize) -> bool {
    false
}

/// Whether that file is mapped at that address.
fn is_mapped(address: usize, inode: u64) -> bool {
    if is_free(address) {
        return false;
    }
    let maps = std::fs::read("/proc/self/maps").unwrap_or_default();
    String::from_utf8_lossy(&maps).lines().any(|line| {
        // `start-end permissions offset device inode path`
        let mut words = line.split_ascii_whitespace();
        let range = words.next().and_then(|range| range.split_once('-'));
        let number = |text| usize::from_str_radix(text, 16).unwrap_or_default();
        let here = range.is_some_and(|(start, end)| (number(start)..number(end)).contains(&address));
        here && words.nth(3).and_then(|word| word.parse().ok()) == Some(inode)
    })
}
