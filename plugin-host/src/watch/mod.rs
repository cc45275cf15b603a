//! [`Host::watch`]: a plugin is upgraded when its file changes.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::event::Event;
use crate::file::open::Opened;
use crate::file::stamp::Stamp;
use crate::host::{Config, Host, Plugin, State, normal};
use crate::inspect::inspect_in;
use crate::inspect::limits::Limits;
use crate::load::trust::Digest;
use crate::services::threads::run_to_the_end;
use crate::work::activity::{Activities, Activity};

mod observer;
mod way;

use observer::{Change, Observer};

/// How often to look at a file while not all of its changes are told, because a directory is gone or cannot be watched.
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
    /// Symbolic links are followed: when the file, or a directory on the way to it, is a link and is switched to another
    /// target, the file there is the plugin's. So is the file in a directory that is renamed into place.
    ///
    /// A host has one thread for all its watches. An upgrade runs on a thread of its own, so it does not delay the others.
    /// A [handler of events](Self::with_event_handler) that takes long may delay the others.
    ///
    /// It is the plugin that is watched. When [`reload`](Self::reload) gives it another file, that is watched from then on.
    /// A change since the plugin was loaded counts. Unloading it ends the watch; when one of that name is loaded again, it
    /// has to be watched again.
    ///
    /// # What is not seen
    ///
    /// The kernel watches directories: that of the file, and on Linux all that lead to it; elsewhere only those of symbolic
    /// links. It does not report a change under another name of the same file. Network file systems do not report changes by
    /// other machines. With [`Mapping::InPlace`](crate::Mapping::InPlace), a write to the file is a write to the running
    /// plugin, and then [`Error::AlreadyMapped`]: rename the next version over the file.
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
        let not_watched = |source| not_watched(&name, &path, source);
        let (service, bell) = {
            let mut state = self.write();
            let service = match &state.watches.service {
                Some(service) => service.clone(),
                None => Service::start(&self.config, Arc::downgrade(&self.state)).map_err(not_watched)?,
            };
            state.watches.service = Some(service.clone());
            let bell = state.watches.insert(normal(&name), &service);
            (service, bell.ok_or_else(|| Error::AlreadyWatched { plugin: name.clone() })?)
        };
        service.observer().follow(bell.id, &path, true).map_err(not_watched)?;
        let mut watcher = Box::new(Watcher {
            id: bell.id,
            bell: Arc::downgrade(&bell),
            name: name.clone(),
            config: self.config.clone(),
            state: Arc::downgrade(&self.state),
            // It may have changed already.
            pending: Some(Pending::new(self.config.watch.quiet)),
            path: path.clone(),
            is_observed: true,
            is_written: false,
            known: None,
            seen: None,
            settled: None,
            retried: None,
        });
        // Now, because who writes the same bytes after this has changed nothing.
        watcher.learn(&Serving::of(&plugin));
        drop(plugin);
        service.send(Message::Begin(watcher));
        Ok(Watch { plugin: name, _bell: bell })
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
pub(crate) struct Watches {
    /// The thread and the observer of this host, while a plugin is watched.
    service: Option<Arc<Service>>,
    bells: HashMap<String, Weak<Bell>>,
    /// The number of watches that were ever begun.
    begun: Id,
}

impl Watches {
    /// The bell of a new watch, or nothing if the plugin is watched.
    fn insert(&mut self, plugin: String, service: &Service) -> Option<Arc<Bell>> {
        let known = self.bells.entry(plugin).or_default();
        if known.strong_count() != 0 {
            return None;
        }
        self.begun += 1;
        let bell = Arc::new(Bell { id: self.begun, sender: service.sender.clone() });
        *known = Arc::downgrade(&bell);
        Some(bell)
    }

    /// The plugin has been replaced, perhaps by one from another file.
    pub(crate) fn replaced(&self, plugin: &str) {
        if let Some(bell) = self.bells.get(plugin).and_then(Weak::upgrade) {
            bell.send(Message::Changed(bell.id, Change::Something));
        }
    }

    /// The plugin is gone.
    pub(crate) fn end(&mut self, plugin: &str) {
        if let Some(bell) = self.bells.remove(plugin).and_then(|bell| bell.upgrade()) {
            bell.send(Message::End(bell.id));
        }
    }

    /// Lets the service go if nothing is watched. Returns whether it is gone.
    fn retire(&mut self) -> bool {
        self.bells.retain(|_, bell| bell.strong_count() != 0);
        if self.bells.is_empty() {
            self.service = None;
        }
        self.service.is_none()
    }
}

impl Watches {
    /// The host is being dropped.
    pub(crate) fn end_all(&self) {
        if let Some(service) = &self.service {
            service.send(Message::Close);
        }
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        self.end_all();
    }
}

/// The number of a watch.
type Id = u64;

/// Tells the thread that watches about one watch. Dropping it ends that watch.
struct Bell {
    id: Id,
    sender: Sender<Message>,
}

impl Bell {
    fn send(&self, message: Message) {
        // If the thread has ended, the message is not needed.
        _ = self.sender.send(message);
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.send(Message::End(self.id));
    }
}

enum Message {
    Begin(Box<Watcher>),
    /// An upgrade has ended so.
    Tried(Box<Watcher>, Look),
    Changed(Id, Change),
    End(Id),
    /// The host is being dropped.
    Close,
}

/// The two parts that a host needs for all its watches: one thread, and one source of the kernel's reports.
struct Service {
    sender: Sender<Message>,
    observer: Mutex<Observer>,
}

impl Service {
    fn start(config: &Config, state: Weak<RwLock<State>>) -> io::Result<Arc<Self>> {
        let (sender, messages) = channel();
        let observer = Mutex::new(Observer::new(sender.clone())?);
        let service = Arc::new(Service { sender, observer });
        let activity = config.activities.begin();
        let run = {
            let (service, activities) = (service.clone(), config.activities.clone());
            move || run_to_the_end(activity, || service.run(&messages, &activities, &state))
        };
        std::thread::Builder::new().name("plugin watch".to_owned()).spawn(run)?;
        Ok(service)
    }

    fn send(&self, message: Message) {
        // If the thread has ended, the message is not needed.
        _ = self.sender.send(message);
    }

    fn observer(&self) -> MutexGuard<'_, Observer> {
        self.observer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Upgrades a plugin on a thread of its own: its hooks take their time, and may leave things behind on the thread.
    fn upgrade(&self, mut watcher: Box<Watcher>, found: Found, activity: Activity) {
        let sender = self.sender.clone();
        // A thread that cannot be started drops its function, so the watcher is passed later.
        let (give, take) = channel::<(Box<Watcher>, Found, Activity)>();
        let run = move || {
            let Ok((mut watcher, found, activity)) = take.recv() else { return };
            run_to_the_end(activity, || {
                let look = watcher.upgrade(found);
                // If the thread that watches has ended, nothing is left to do.
                _ = sender.send(Message::Tried(watcher, look));
            });
        };
        match std::thread::Builder::new().name("plugin upgrade".to_owned()).spawn(run) {
            // The thread is there, and waits for this.
            Ok(_) => _ = give.send((watcher, found, activity)),
            Err(_) => {
                let look = activity.run(|| watcher.upgrade(found));
                self.send(Message::Tried(watcher, look));
            }
        }
    }

    fn run(&self, messages: &Receiver<Message>, activities: &Arc<Activities>, state: &Weak<RwLock<State>>) {
        let mut watchers: HashMap<Id, Slot> = HashMap::new();
        loop {
            let next = watchers.iter().filter_map(|(id, slot)| Some((slot.next_look()?, *id))).min();
            let left = next.map_or(Duration::MAX, |(at, _)| at.saturating_duration_since(Instant::now()));
            let ended = match messages.recv_timeout(left) {
                Ok(Message::Begin(watcher)) => {
                    watchers.insert(watcher.id, Slot::Idle(watcher));
                    continue;
                }
                Ok(Message::Changed(id, change)) => {
                    if let Some(slot) = watchers.get_mut(&id) {
                        slot.change(change);
                    }
                    continue;
                }
                Ok(Message::Tried(watcher, look)) => {
                    // Nothing is there if the watch was dropped meanwhile.
                    let Some(slot) = watchers.get_mut(&watcher.id) else { continue };
                    let id = watcher.id;
                    if slot.come_back(watcher, look) {
                        continue;
                    }
                    id
                }
                Ok(Message::End(id)) => id,
                Ok(Message::Close) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    let Some((_, id)) = next else { continue };
                    // Nothing more is begun for a host that is being dropped.
                    let Some(activity) = activities.begin_if_open() else { return };
                    let Some(slot) = watchers.get_mut(&id) else { continue };
                    let Slot::Idle(watcher) = slot else { continue };
                    let stays = match activity.run(|| watcher.look_now(self)) {
                        Look::Upgrade(found) => {
                            let Some(activity) = activities.begin_if_open() else { return };
                            let Slot::Idle(watcher) = std::mem::replace(slot, Slot::Away(Vec::new())) else { continue };
                            self.upgrade(watcher, found, activity);
                            true
                        }
                        look => watcher.note(look),
                    };
                    if stays {
                        continue;
                    }
                    id
                }
            };
            watchers.remove(&ended);
            self.observer().forget(ended);
            let retire =
                |state: Arc<RwLock<State>>| state.write().unwrap_or_else(PoisonError::into_inner).watches.retire();
            if watchers.is_empty() && state.upgrade().is_none_or(retire) {
                return;
            }
        }
    }
}

/// An error about the directory of a file that is not watched.
fn not_watched(plugin: &str, path: &Path, source: io::Error) -> Error {
    let directory = directory_of(path);
    // Not every system says which it is.
    let source = if directory.is_dir() { source } else { io::ErrorKind::NotFound.into() };
    Error::NotWatched { plugin: plugin.to_owned(), directory, source }
}

/// A plugin whose file is watched, as the thread that watches has it.
enum Slot {
    Idle(Box<Watcher>),
    /// The watcher is on the thread of an upgrade. These changes were told meanwhile.
    Away(Vec<Change>),
}

impl Slot {
    fn next_look(&self) -> Option<Instant> {
        match self {
            Slot::Idle(watcher) => watcher.pending.as_ref().map(|pending| pending.look),
            Slot::Away(_) => None,
        }
    }

    fn change(&mut self, change: Change) {
        match self {
            Slot::Idle(watcher) => watcher.change(change),
            // Many of one kind say no more than the last.
            Slot::Away(changes) => {
                changes.retain(|known| *known != change);
                changes.push(change);
            }
        }
    }

    /// Takes a watcher back from the thread of an upgrade. Returns whether the plugin is still watched.
    fn come_back(&mut self, mut watcher: Box<Watcher>, look: Look) -> bool {
        let stays = watcher.note(look);
        if let Slot::Away(changes) = self {
            changes.drain(..).for_each(|change| watcher.change(change));
        }
        *self = Slot::Idle(watcher);
        stays
    }
}

/// The directory of a plugin's file, as a path of its own.
fn directory_of(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.parent().unwrap_or(&path).to_owned()
}

/// A file that is another one than a plugin was loaded from.
struct Found {
    stamp: Option<Stamp>,
    digest: Digest,
}

/// The result of a look at the file.
enum Look {
    /// Another file is there, and complete.
    Upgrade(Found),
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

/// A plugin whose file is watched, as the thread that watches has it.
struct Watcher {
    id: Id,
    /// Without it, the watch has been dropped.
    bell: Weak<Bell>,
    name: String,
    config: Config,
    state: Weak<RwLock<State>>,
    /// The next look at the file, if something has happened since the last one.
    pending: Option<Pending>,
    /// The file that the observer follows.
    path: PathBuf,
    /// Whether the observer reports all changes of the file, as far as is known.
    is_observed: bool,
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
    /// Notes a change that the observer has reported.
    fn change(&mut self, change: Change) {
        match change {
            Change::Written => self.is_written = true,
            Change::Closed => self.is_written = false,
            Change::Moved => (self.is_written, self.is_observed) = (false, false),
            Change::Something => {}
        }
        self.pending = Some(Pending::new(self.config.watch.quiet));
    }

    /// Looks at the file, as it is time to.
    fn look_now(&mut self, service: &Service) -> Look {
        let patient = self.pending.as_ref().is_some_and(|pending| pending.last.elapsed() < self.config.watch.patience);
        // Dropping a watch is told only after other messages.
        if self.bell.strong_count() == 0 { Look::End } else { self.look(service, patient) }
    }

    /// Notes the result of a look. Returns whether the file is still watched.
    fn note(&mut self, look: Look) -> bool {
        let quiet = self.config.watch.quiet;
        let last = self.pending.as_ref().map_or_else(Instant::now, |pending| pending.last);
        let soon = match look {
            // It may come to be there without any more being told.
            Look::Settled if !self.is_observed => Some(LOST),
            Look::Settled => None,
            Look::Again => Some(quiet.max(OFTEN)),
            Look::Soon => Some(OFTEN),
            Look::Retry => Some(self.next_retry()),
            Look::Upgrade(_) => Some(OFTEN),
            Look::End => return false,
        };
        self.pending = soon.map(|soon| Pending { last, look: Instant::now() + soon });
        true
    }

    /// The host, for a moment.
    fn host(&self) -> Option<Host> {
        Some(Host { config: self.config.clone(), state: self.state.upgrade()?, is_owner: false })
    }

    /// Sees to it that changes to the file are told of.
    fn observe(&mut self, service: &Service, path: &Path) -> Result<(), Error> {
        if self.path != path {
            path.clone_into(&mut self.path);
            (self.is_written, self.is_observed) = (false, false);
        }
        let result = service.observer().follow(self.id, path, !self.is_observed);
        self.is_observed = result.is_ok();
        result.map_err(|source| not_watched(&self.name, path, source))
    }

    /// Looks whether there is another version in the file, and if so, upgrades to it. `patient` is whether it may still
    /// become complete.
    fn look(&mut self, service: &Service, patient: bool) -> Look {
        let Some(host) = self.host() else { return Look::End };
        let serving = host.read().plugin(&self.name).map(Serving::of);
        let serving = match serving {
            Ok(serving) => serving,
            // It may yet stay.
            Err(Error::Unloading { .. }) => return Look::Again,
            Err(_) => return Look::End,
        };
        let path = &serving.path;
        if let Err(error) = self.observe(service, path) {
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
        Look::Upgrade(Found { stamp, digest })
    }

    /// Upgrades the plugin to the file that was found.
    fn upgrade(&mut self, Found { stamp, digest }: Found) -> Look {
        let Some(host) = self.host().filter(|_| self.bell.strong_count() != 0) else { return Look::End };
        let path = &self.path.clone();
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
    use notify::ErrorKind;

    use super::observer::source_of;
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
}
