//! [`Host::watch`]: a plugin is upgraded when its file changes.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, RwLock, Weak};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{ErrorKind, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::error::Error;
use crate::event::Event;
use crate::file::{Opened, Stamp};
use crate::host::{Config, Host, Plugin, State, normal};
use crate::inspect::inspect_in;
use crate::limits::Limits;
use crate::trust::Digest;

/// How often to look whether a directory that is gone has come back.
const LOST: Duration = Duration::from_secs(1);

/// The shortest time between two looks at a file that is not complete. The kernel reports a change of a file within this
/// time.
const OFTEN: Duration = Duration::from_millis(10);

/// How soon to try a file again that could not be loaded for a reason that may pass, at first.
const FIRST_RETRY: Duration = Duration::from_millis(250);
/// The same, in the end.
const LAST_RETRY: Duration = Duration::from_secs(30);

/// The times to wait.
#[derive(Clone)]
pub(crate) struct Times {
    quiet: Duration,
    patience: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Times { quiet: Duration::from_millis(100), patience: Duration::from_secs(5) }
    }
}

impl Host {
    /// Upgrades a loaded plugin, as [`reload`](Self::reload) does, whenever the file it was loaded from changes; until the
    /// [`Watch`] is dropped. What comes of it is told as an [`Event`]: [`Upgraded`](Event::Upgraded), or
    /// [`NotUpgraded`](Event::NotUpgraded), whereupon the version before serves on.
    ///
    /// A file may be replaced by renaming, removed and made anew, or written in place and in pieces. It is looked at when
    /// nothing has happened to it for [a while](Self::with_watch_quiet). It is left alone as long as it is not complete:
    /// missing, empty, cut short, not a library, or, on Linux, still open for writing. Only if it stays like that [for
    /// seconds](Self::with_watch_patience) is it an error. The same bytes again do not count as a change. A file that was
    /// refused is tried again when it changes, if only its time. An upgrade that failed for a reason that may pass (calls
    /// in progress, no thread, no descriptor) is tried again by itself, after longer and longer times of up to 30 seconds.
    ///
    /// It is the plugin that is watched. When [`reload`](Self::reload) gives it another file, that is watched from then on.
    /// A change since the plugin was loaded counts. Unloading it ends the watch; when one of that name is loaded again, it
    /// has to be watched again.
    ///
    /// # What is not seen
    ///
    /// The kernel watches the directory of the file, and reports only changes under the file's name there. It reports
    /// neither a change of the target of a symbolic link, nor one under another name of the same file. Network file systems
    /// do not report changes by other machines. With [`Mapping::InPlace`](crate::Mapping::InPlace), a write to the file is
    /// a write to the running plugin, and a file of the same name is [`Error::AlreadyMapped`]: keep to private mappings.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchPlugin`], [`Error::Unloading`], [`Error::Linked`] if it has no file, [`Error::AlreadyWatched`], and
    /// [`Error::NotWatched`] if the file's directory is gone, or the system's limit of such watches is reached.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use plugin_host::{Host, Trust};
    ///
    /// // SAFETY: only plugins built with the SDK are in the directories that this program searches.
    /// let host = Host::new(unsafe { Trust::any() }).with_event_handler(|event| eprintln!("{event}"));
    /// host.load("greeter")?;
    /// let greet = host.live::<fn(&str) -> String>("greet")?;
    /// let _watch = host.watch("greeter")?;
    /// loop {
    ///     // Build the greeter anew, and see it change.
    ///     println!("{}", greet("World"));
    ///     std::thread::sleep(std::time::Duration::from_secs(1));
    /// }
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn watch(&self, name: &str) -> Result<Watch, Error> {
        let plugin = self.plugin(name)?;
        let name = plugin.name().to_owned();
        let Some(path) = plugin.path().map(Path::to_owned) else {
            return Err(Error::Linked { plugin: name });
        };
        let (sender, messages) = channel();
        let bell = Arc::new(Bell(sender.clone()));
        if !self.write().watches.insert(normal(&name), &bell) {
            return Err(Error::AlreadyWatched { plugin: name });
        }
        let observed = Observed::new(&name, &path, &sender)?;
        let mut watcher = Watcher {
            name: name.clone(),
            config: self.config.clone(),
            state: Arc::downgrade(&self.state),
            sender,
            observed: Some(observed),
            is_written: false,
            known: None,
            seen: None,
            settled: None,
            retried: None,
        };
        // Now, because who writes the same bytes after this has changed nothing.
        watcher.learn(&Serving::of(&plugin));
        drop(plugin);
        let thread = std::thread::Builder::new().name("plugin watch".to_owned());
        let activity = watcher.config.activities.begin();
        match thread.spawn(move || activity.run_to_the_end(|| watcher.run(&messages))) {
            Ok(_) => Ok(Watch { plugin: name, _bell: bell }),
            Err(source) => Err(Error::NotWatched { plugin: name, directory: directory_of(&path), source }),
        }
    }

    /// For how long nothing must have happened to a file that is [watched](Self::watch) before it is looked at. Without
    /// this, 100 milliseconds. A file that never rests is never looked at.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use plugin_host::{Host, Trust};
    ///
    /// // Files come slowly, over a network.
    /// let host = Host::new(Trust::none())
    ///     .with_watch_quiet(Duration::from_secs(2))
    ///     .with_watch_patience(Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn with_watch_quiet(mut self, quiet: Duration) -> Self {
        // So that it can be added to a time.
        self.config.watch.quiet = quiet.min(Duration::from_secs(365 * 24 * 60 * 60));
        self
    }

    /// For how long a file that is [watched](Self::watch) may be missing or incomplete, since something last happened to
    /// it, before that is an [`Event::NotUpgraded`]. Without this, 5 seconds. For an example see
    /// [`with_watch_quiet`](Self::with_watch_quiet).
    #[must_use]
    pub fn with_watch_patience(mut self, patience: Duration) -> Self {
        self.config.watch.patience = patience;
        self
    }
}

/// A plugin's file is being watched, until this is dropped. For an example see [`Host::watch`].
///
/// It does not keep the host: without that, nothing is upgraded any more. Dropping it waits for nothing: an upgrade that has
/// begun takes place, and none begins after it. It may be dropped anywhere, also where events are handled.
#[must_use = "dropping it ends the watch"]
pub struct Watch {
    plugin: String,
    _bell: Arc<Bell>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}

/// The watches of a host, by the names of the plugins. Dropping it ends them.
#[derive(Default)]
pub(crate) struct Watches(HashMap<String, Weak<Bell>>);

impl Watches {
    /// Whether it is the only one of that plugin.
    fn insert(&mut self, plugin: String, bell: &Arc<Bell>) -> bool {
        let known = self.0.entry(plugin).or_default();
        let is_new = known.strong_count() == 0;
        if is_new {
            *known = Arc::downgrade(bell);
        }
        is_new
    }

    /// The plugin has been replaced, perhaps by one from another file.
    pub(crate) fn replaced(&self, plugin: &str) {
        if let Some(bell) = self.0.get(plugin).and_then(Weak::upgrade) {
            bell.send(Message::Changed(Change::Something));
        }
    }

    /// The plugin is gone.
    pub(crate) fn end(&mut self, plugin: &str) {
        if let Some(bell) = self.0.remove(plugin).and_then(|bell| bell.upgrade()) {
            bell.send(Message::End);
        }
    }
}

impl Watches {
    /// The host is being dropped.
    pub(crate) fn end_all(&self) {
        self.0.values().filter_map(Weak::upgrade).for_each(|bell| bell.send(Message::End));
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        self.end_all();
    }
}

/// Wakes the thread that watches. Dropping it ends that.
struct Bell(Sender<Message>);

impl Bell {
    fn send(&self, message: Message) {
        // If the thread has ended, the message is not needed.
        _ = self.0.send(message);
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.send(Message::End);
    }
}

enum Message {
    Changed(Change),
    End,
}

/// A change of a file, as far as it matters here.
enum Change {
    /// Its bytes are being changed.
    Written,
    /// The writer has closed it, or another file is in its place, or none.
    Closed,
    /// Its directory is gone.
    Lost,
    Something,
}

impl Change {
    fn of(event: &notify::Result<notify::Event>, path: &Path) -> Option<Self> {
        let Ok(event) = event else { return Some(Change::Closed) };
        if event.need_rescan() || event.paths.is_empty() {
            return Some(Change::Closed);
        }
        // Some systems do not tell `a` from `A`, and some give other paths to the same directory. If it is not the same
        // file, it is seen not to have changed.
        let is_it = |other: &PathBuf| match (other.file_name(), path.file_name()) {
            (Some(other), Some(name)) => other.eq_ignore_ascii_case(name),
            _ => false,
        };
        if !event.paths.iter().any(is_it) {
            let directory = directory_of(path);
            let is_gone = matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)));
            return (is_gone && event.paths.contains(&directory)).then_some(Change::Lost);
        }
        match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Change::Closed),
            EventKind::Access(_) => None,
            // Only there is told that it is closed.
            EventKind::Modify(ModifyKind::Data(_)) if cfg!(target_os = "linux") => Some(Change::Written),
            EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => {
                Some(Change::Closed)
            }
            _ => Some(Change::Something),
        }
    }
}

/// The directory of a plugin's file, as a path of its own.
fn directory_of(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.parent().unwrap_or(&path).to_owned()
}

/// A file of whose changes the system tells.
struct Observed {
    path: PathBuf,
    _watcher: RecommendedWatcher,
}

impl Observed {
    fn new(plugin: &str, path: &Path, sender: &Sender<Message>) -> Result<Self, Error> {
        let directory = directory_of(path);
        let tell = {
            let (path, sender) = (path.to_owned(), sender.clone());
            move |event: notify::Result<notify::Event>| {
                if let Some(change) = Change::of(&event, &path) {
                    // If the receiver is gone, the message is not needed.
                    _ = sender.send(Message::Changed(change));
                }
            }
        };
        let watcher = notify::recommended_watcher(tell).and_then(|mut watcher| {
            watcher.watch(&directory, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        match watcher {
            Ok(watcher) => Ok(Observed { path: path.to_owned(), _watcher: watcher }),
            Err(error) => {
                // Not every system says which it is.
                let source = if directory.is_dir() { source_of(error) } else { io::ErrorKind::NotFound.into() };
                Err(Error::NotWatched { plugin: plugin.to_owned(), directory, source })
            }
        }
    }
}

/// The reports of the kernel.
fn source_of(error: notify::Error) -> io::Error {
    match error.kind {
        ErrorKind::Io(source) => source,
        ErrorKind::PathNotFound => io::ErrorKind::NotFound.into(),
        ErrorKind::MaxFilesWatch => io::Error::new(io::ErrorKind::QuotaExceeded, "the limit of watches is reached"),
        kind => io::Error::other(notify::Error::new(kind).to_string()),
    }
}

/// The result of a look at the file.
enum Look {
    /// Nothing is left to do until the next change.
    Settled,
    /// It is not complete.
    Again,
    /// It may be, unless it is being told at this moment that it is not.
    Soon,
    /// It could not be loaded for a reason that may pass.
    Retry,
    /// The host is gone, or the plugin.
    End,
}

/// When something has happened, and when to look what.
struct Pending {
    last: Instant,
    look: Instant,
}

impl Pending {
    fn new(quiet: Duration) -> Self {
        let now = Instant::now();
        Pending { last: now, look: now + quiet }
    }
}

/// The version that serves, without a share in it.
struct Serving {
    revision: u64,
    path: PathBuf,
    stamp: Option<Stamp>,
}

impl Serving {
    fn of(plugin: &Plugin) -> Self {
        Serving {
            revision: plugin.revision(),
            path: plugin.path().map(Path::to_owned).unwrap_or_default(),
            stamp: plugin.stamp().cloned(),
        }
    }
}

/// The state of the thread that watches.
struct Watcher {
    name: String,
    config: Config,
    state: Weak<RwLock<State>>,
    sender: Sender<Message>,
    /// Nothing if its directory is gone.
    observed: Option<Observed>,
    /// Whether the file is open for writing.
    is_written: bool,
    /// The digest of the file that a version was loaded from, by the version's number.
    known: Option<(u64, Digest)>,
    /// The file at the last look.
    seen: Option<Stamp>,
    /// The file that needs no action, as was found before.
    settled: Option<Stamp>,
    /// The file that could not be loaded for a reason that may pass, and how long to wait before it is tried again.
    retried: Option<(Option<Stamp>, Duration)>,
}

impl Watcher {
    fn run(mut self, messages: &Receiver<Message>) {
        let Times { quiet, patience } = self.config.watch;
        // It may have changed already.
        let mut pending = Some(Pending::new(quiet));
        let mut ends = false;
        loop {
            let left = match &pending {
                Some(pending) => pending.look.saturating_duration_since(Instant::now()),
                None if self.observed.is_none() => LOST,
                None => Duration::MAX,
            };
            match messages.recv_timeout(left) {
                Ok(Message::Changed(change)) => {
                    match change {
                        Change::Written => self.is_written = true,
                        Change::Closed => self.is_written = false,
                        Change::Lost => self.observed = None,
                        Change::Something => {}
                    }
                    pending = Some(Pending::new(quiet));
                }
                Err(RecvTimeoutError::Timeout) => {
                    // Nothing more is begun for a host that is being dropped.
                    let Some(activity) = self.config.activities.begin_if_open() else { return };
                    activity.run(|| match &mut pending {
                        Some(known) => match self.look(known.last.elapsed() < patience) {
                            Look::Settled => pending = None,
                            Look::Again => known.look = Instant::now() + quiet.max(OFTEN),
                            Look::Soon => known.look = Instant::now() + OFTEN,
                            Look::Retry => known.look = Instant::now() + self.next_retry(),
                            Look::End => ends = true,
                        },
                        None => pending = self.is_back().then(|| Pending::new(quiet)),
                    });
                    if ends {
                        return;
                    }
                }
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// The host, for a moment.
    fn host(&self) -> Option<Host> {
        Some(Host { config: self.config.clone(), state: self.state.upgrade()?, is_owner: false })
    }

    /// Sees to it that changes to the file are told of.
    fn observe(&mut self, path: &Path) -> Result<(), Error> {
        if self.observed.as_ref().is_none_or(|observed| observed.path != path) {
            self.observed = None;
            self.is_written = false;
            self.observed = Some(Observed::new(&self.name, path, &self.sender)?);
        }
        Ok(())
    }

    /// Whether the directory that was gone exists again.
    fn is_back(&mut self) -> bool {
        let serving = self.host().and_then(|host| host.read().plugin(&self.name).map(Serving::of).ok());
        serving.is_some_and(|serving| self.observe(&serving.path).is_ok())
    }

    /// Looks whether there is another version in the file, and if so, upgrades to it. `patient` is whether it may still
    /// become complete.
    fn look(&mut self, patient: bool) -> Look {
        let Some(host) = self.host() else { return Look::End };
        let serving = host.read().plugin(&self.name).map(Serving::of);
        let serving = match serving {
            Ok(serving) => serving,
            // It may yet stay.
            Err(Error::Unloading { .. }) => return Look::Again,
            Err(_) => return Look::End,
        };
        let path = &serving.path;
        if let Err(error) = self.observe(path) {
            return self.incomplete(path, None, error, patient);
        }
        if self.is_written && patient {
            return Look::Again;
        }
        let stamp = Stamp::of(path);
        if stamp.is_some() && stamp == self.settled {
            return Look::Settled;
        }
        if stamp.is_some() && stamp == serving.stamp {
            self.learn(&serving);
            return Look::Settled;
        }
        if stamp != self.seen {
            self.seen = stamp;
            return Look::Soon;
        }
        let (digest, read) = match read(path, &self.config.limits) {
            Ok(read) => read,
            Err(Error::Changed { .. }) => return Look::Again,
            Err(error) => return self.incomplete(path, stamp, error, patient),
        };
        if Some(read) != stamp {
            return Look::Again;
        }
        if self.known == Some((serving.revision, digest)) {
            self.settled = stamp;
            return Look::Settled;
        }
        // Another thread may be upgrading it to this very file.
        match host.reload_unless(Path::new(&self.name), |serving| serving.stamp() == stamp.as_ref()) {
            Ok(plugin) => {
                // It is from the bytes that were looked at, or else has been told of.
                self.known = (plugin.stamp() == stamp.as_ref()).then(|| (plugin.revision(), digest));
                Look::Settled
            }
            // It was written to meanwhile.
            Err(_) if Stamp::of(path) != stamp => Look::Again,
            Err(error) => self.failed(path, stamp, error),
        }
    }

    /// Notes the contents of the file that the version was loaded from, if it is still the same file.
    fn learn(&mut self, serving: &Serving) {
        if self.known.is_some_and(|(revision, _)| revision == serving.revision) {
            return;
        }
        let limits = &self.config.limits;
        let read = Opened::new(&serving.path)
            .and_then(|opened| digest(&serving.path, &opened, limits).map(|digest| (digest, opened.stamp)));
        if let Ok((digest, stamp)) = read
            && Some(stamp) == serving.stamp
        {
            self.known = Some((serving.revision, digest));
        }
    }

    fn incomplete(&mut self, path: &Path, stamp: Option<Stamp>, error: Error, patient: bool) -> Look {
        if patient { Look::Again } else { self.failed(path, stamp, error) }
    }

    /// Tells of a failure, once for each file that is put there.
    fn failed(&mut self, path: &Path, stamp: Option<Stamp>, error: Error) -> Look {
        let passes = matches!(error, Error::Busy { .. } | Error::NoThread { .. } | Error::TooManyFiles { .. });
        let is_known = passes && self.retried.as_ref().is_some_and(|(retried, _)| *retried == stamp);
        if !is_known {
            self.retried = passes.then(|| (stamp.clone(), FIRST_RETRY));
            let (plugin, path) = (self.name.clone(), path.to_owned());
            self.config.on_event.tell(&Event::NotUpgraded { plugin, path, error });
        }
        if passes {
            return Look::Retry;
        }
        self.settled = stamp;
        Look::Settled
    }

    /// How long to wait before the file is tried again; longer each time.
    fn next_retry(&mut self) -> Duration {
        let Some((_, next)) = &mut self.retried else { return FIRST_RETRY };
        let wait = *next;
        *next = (wait * 2).min(LAST_RETRY);
        wait
    }
}

/// Returns the digest and the stamp of a file, if the file looks complete. Loading it finds any other fault.
fn read(path: &Path, limits: &Limits) -> Result<(Digest, Stamp), Error> {
    let opened = Opened::new(path)?;
    match inspect_in(path, &opened.file, limits) {
        Err(error @ (Error::Empty { .. } | Error::NotALibrary { .. } | Error::Damaged { .. })) => Err(error),
        _ => Ok((digest(path, &opened, limits)?, opened.stamp)),
    }
}

/// Computes the digest of a file without a copy.
fn digest(path: &Path, opened: &Opened, limits: &Limits) -> Result<Digest, Error> {
    let digest = opened.copy(path, limits, true, &mut io::sink())?;
    Ok(digest.expect("it was asked for"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_named_with_what_raises_it() {
        let text = |kind: ErrorKind| {
            let source = source_of(notify::Error::new(kind));
            Error::NotWatched { plugin: "editor".to_owned(), directory: "plugins".into(), source }.to_string()
        };
        let start = "plugin `editor` is not watched: the system cannot watch the directory `plugins`";
        let watches = "; allow more with `sysctl fs.inotify.max_user_watches`";
        assert_eq!(text(ErrorKind::MaxFilesWatch), format!("{start}{watches}"));
        #[cfg(target_os = "linux")]
        assert_eq!(
            text(ErrorKind::Io(io::Error::from_raw_os_error(libc::EMFILE))),
            format!(
                "{start}; allow more with `sysctl fs.inotify.max_user_instances`, or more open files with `ulimit -n`"
            )
        );
        assert_eq!(text(ErrorKind::PathNotFound), format!("{start}, which does not exist; make it first"));
        assert_eq!(text(ErrorKind::Generic("odd".to_owned())), format!("{start}: odd"));
    }

    #[test]
    fn only_what_is_done_to_the_file_counts() {
        let path = Path::new(if cfg!(windows) { r"C:\plugins\libeditor.so" } else { "/plugins/libeditor.so" });
        let change = |kind, at: &Path| Change::of(&Ok(notify::Event::new(kind).add_path(at.to_owned())), path);
        let any = EventKind::Any;
        let removed = EventKind::Remove(notify::event::RemoveKind::Any);
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        assert!(matches!(change(any, path), Some(Change::Something)));
        assert!(matches!(change(removed, path), Some(Change::Closed)));
        assert!(matches!(change(closed, path), Some(Change::Closed)));
        assert!(change(opened, path).is_none());
        assert!(matches!(change(removed, path.parent().unwrap()), Some(Change::Lost)));
        assert!(change(any, path.parent().unwrap()).is_none());
        assert!(change(removed, &path.with_file_name("libother.so")).is_none());
        // Any change may have been missed.
        let missed = notify::Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        assert!(matches!(Change::of(&Ok(missed), path), Some(Change::Closed)));
        assert!(matches!(Change::of(&Err(notify::Error::generic("odd")), path), Some(Change::Closed)));
    }
}
