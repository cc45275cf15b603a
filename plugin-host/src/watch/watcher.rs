//! One plugin whose file is watched: when the host looks at the file, and which action follows.

use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::error::Error;
use crate::error::at::{At as _, FileError};
use crate::event::Event;
use crate::file::open::Opened;
use crate::file::stamp::Stamp;
use crate::inspect::inspect_in;
use crate::inspect::limits::Limits;
use crate::load::digest::Digest;
use crate::plugin::Plugin;
use crate::watch::observer::{Change, Id, Observer, lock};

/// The time between two looks at a file whose changes are not all reported, because a directory is missing or cannot be watched.
const UNOBSERVED_INTERVAL: Duration = Duration::from_secs(1);

/// The shortest time between two looks at a file that is not complete. The kernel reports a change of a file within this
/// time.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// The time before the first new attempt with a file that could not be loaded for a reason that may pass.
const FIRST_RETRY: Duration = Duration::from_millis(250);
/// The longest time between two such attempts.
const LAST_RETRY: Duration = Duration::from_secs(30);

/// A file that is another one than a plugin was loaded from.
pub(super) struct Found {
    stamp: Option<Stamp>,
    digest: Digest,
}

/// The result of a look at the file.
pub(super) enum Look {
    /// The file is another one than before, and it is complete.
    Upgrade(Found),
    /// The file needs no action until the next change.
    Settled,
    /// The file is not complete.
    Again,
    /// The file seems complete, but a report of a new change may be on its way.
    Soon,
    /// The file could not be loaded, for a reason that may pass.
    Retry,
    /// The host or the plugin no longer exists.
    End,
}

/// The time of the last change, and the time of the next look at the file.
pub(super) struct Pending {
    last: Instant,
    pub(super) look: Instant,
}

impl Pending {
    fn new(quiet: Duration) -> Self {
        let now = Instant::now();
        Pending { last: now, look: now + quiet }
    }
}

/// The version that serves, without a share in it.
pub(super) struct Serving {
    revision: u64,
    path: PathBuf,
    stamp: Option<Stamp>,
}

impl Serving {
    pub(super) fn of(plugin: &Plugin) -> Self {
        Serving {
            revision: plugin.revision(),
            path: plugin.path().map(Path::to_owned).unwrap_or_default(),
            stamp: plugin.stamp().cloned(),
        }
    }
}

/// The host of a plugin whose file is watched. It has no share in the host.
pub(super) trait WatchedHost: Send + Sync {
    /// The version of a plugin that serves, unless the host is gone.
    fn serving(&self, plugin: &str) -> Option<Result<Serving, Error>>;

    /// Upgrades a plugin to its file, unless the version that serves by then is from the file with this stamp. Returns the
    /// version that serves, unless the host is gone.
    fn upgrade(&self, plugin: &str, unless: Option<&Stamp>) -> Option<Result<Serving, Error>>;

    /// Lets the thread that watches end, if nothing is watched. Returns whether it may end.
    fn retire(&self) -> bool;
}

/// A plugin whose file is watched, as the thread that watches has it.
pub(super) struct Watcher {
    pub(super) id: Id,
    /// Dead if the watch has been dropped.
    alive: Weak<dyn Any + Send + Sync>,
    name: String,
    config: Arc<Config>,
    host: Arc<dyn WatchedHost>,
    /// The next look at the file, if something has happened since the last one.
    pub(super) pending: Option<Pending>,
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
    /// A watcher of that version's file, which may have changed already. The watch lives as long as `alive`.
    pub(super) fn new(
        id: Id,
        alive: Weak<dyn Any + Send + Sync>,
        name: &str,
        config: Arc<Config>,
        host: Arc<dyn WatchedHost>,
        serving: &Serving,
    ) -> Self {
        let mut watcher = Watcher {
            id,
            alive,
            name: name.to_owned(),
            pending: Some(Pending::new(config.watch.quiet)),
            config,
            host,
            path: serving.path.clone(),
            is_observed: true,
            is_written: false,
            known: None,
            seen: None,
            settled: None,
            retried: None,
        };
        // Now, because who writes the same bytes after this has changed nothing.
        watcher.learn(serving);
        watcher
    }

    /// Notes a change that the observer has reported.
    pub(super) fn change(&mut self, change: Change) {
        match change {
            Change::Written => self.is_written = true,
            Change::Closed => self.is_written = false,
            Change::Moved => (self.is_written, self.is_observed) = (false, false),
            Change::Something => {}
        }
        self.pending = Some(Pending::new(self.config.watch.quiet));
    }

    /// Looks at the file, as it is time to.
    pub(super) fn look_now(&mut self, observer: &Mutex<Observer>) -> Look {
        let patient = self.pending.as_ref().is_some_and(|pending| pending.last.elapsed() < self.config.watch.patience);
        // Dropping a watch is told only after other messages.
        if self.alive.strong_count() == 0 { Look::End } else { self.look(observer, patient) }
    }

    /// Notes the result of a look. Returns whether the file is still watched.
    pub(super) fn note(&mut self, look: Look) -> bool {
        let quiet = self.config.watch.quiet;
        let last = self.pending.as_ref().map_or_else(Instant::now, |pending| pending.last);
        let soon = match look {
            // It may come to be there without any more being told.
            Look::Settled if !self.is_observed => Some(UNOBSERVED_INTERVAL),
            Look::Settled => None,
            Look::Again => Some(quiet.max(MIN_INTERVAL)),
            Look::Soon => Some(MIN_INTERVAL),
            Look::Retry => Some(self.next_retry()),
            Look::Upgrade(_) => Some(MIN_INTERVAL),
            Look::End => return false,
        };
        self.pending = soon.map(|soon| Pending { last, look: Instant::now() + soon });
        true
    }

    /// Sees to it that changes to the file are told of.
    fn observe(&mut self, observer: &Mutex<Observer>, path: &Path) -> Result<(), Error> {
        if self.path != path {
            path.clone_into(&mut self.path);
            (self.is_written, self.is_observed) = (false, false);
        }
        let result = lock(observer).follow(self.id, path, !self.is_observed);
        self.is_observed = result.is_ok();
        result.map_err(|source| not_watched(&self.name, path, source))
    }

    /// Looks whether there is another version in the file, and if so, upgrades to it. `patient` is whether it may still
    /// become complete.
    fn look(&mut self, observer: &Mutex<Observer>, patient: bool) -> Look {
        let serving = match self.host.serving(&self.name) {
            Some(Ok(serving)) => serving,
            // It may yet stay.
            Some(Err(Error::Unloading { .. })) => return Look::Again,
            Some(Err(_)) | None => return Look::End,
        };
        let path = &serving.path;
        if let Err(error) = self.observe(observer, path) {
            return self.incomplete(None, error, patient);
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
            Err(error) => return self.incomplete(stamp, error, patient),
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
    pub(super) fn upgrade(&mut self, Found { stamp, digest }: Found) -> Look {
        if self.alive.strong_count() == 0 {
            return Look::End;
        }
        // Another thread may be upgrading it to this very file.
        let Some(upgraded) = self.host.upgrade(&self.name, stamp.as_ref()) else { return Look::End };
        match upgraded {
            Ok(serving) => {
                // It is from the bytes that were looked at, or else has been told of.
                self.known = (serving.stamp == stamp).then_some((serving.revision, digest));
                Look::Settled
            }
            // It was written to meanwhile.
            Err(_) if Stamp::of(&self.path) != stamp => Look::Again,
            Err(error) => self.failed(stamp, error),
        }
    }

    /// Notes the contents of the file that the version was loaded from, if it is still the same file.
    fn learn(&mut self, serving: &Serving) {
        if self.known.is_some_and(|(revision, _)| revision == serving.revision) {
            return;
        }
        let limits = &self.config.limits;
        let read = Opened::new(&serving.path)
            .and_then(|opened| digest(&opened, limits).at(&serving.path).map(|digest| (digest, opened.stamp)));
        if let Ok((digest, stamp)) = read
            && Some(stamp) == serving.stamp
        {
            self.known = Some((serving.revision, digest));
        }
    }

    fn incomplete(&mut self, stamp: Option<Stamp>, error: Error, patient: bool) -> Look {
        if patient { Look::Again } else { self.failed(stamp, error) }
    }

    /// Tells of a failure, once for each file that is put there.
    fn failed(&mut self, stamp: Option<Stamp>, error: Error) -> Look {
        let passes = matches!(error, Error::Busy { .. } | Error::NoThread { .. } | Error::TooManyFiles { .. });
        let is_known = passes && self.retried.as_ref().is_some_and(|(retried, _)| *retried == stamp);
        if !is_known {
            self.retried = passes.then(|| (stamp.clone(), FIRST_RETRY));
            let (plugin, path) = (self.name.clone(), self.path.clone());
            self.config.on_event.tell(&Event::NotUpgraded { plugin, path, error });
        }
        if passes {
            return Look::Retry;
        }
        self.settled = stamp;
        Look::Settled
    }

    /// Returns the time to wait before the file is tried again. It doubles each time.
    fn next_retry(&mut self) -> Duration {
        let Some((_, next)) = &mut self.retried else { return FIRST_RETRY };
        let wait = *next;
        *next = (wait * 2).min(LAST_RETRY);
        wait
    }
}

/// An error about the directory of a file that is not watched.
pub(super) fn not_watched(plugin: &str, path: &Path, source: io::Error) -> Error {
    let directory = directory_of(path);
    // Not every system says which it is.
    let source = if directory.is_dir() { source } else { io::ErrorKind::NotFound.into() };
    Error::NotWatched { plugin: plugin.to_owned(), directory, source }
}

/// The directory of a plugin's file, as a path of its own.
fn directory_of(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.parent().unwrap_or(&path).to_owned()
}

/// Returns the digest and the stamp of a file, if the file looks complete. Loading it finds any other fault.
fn read(path: &Path, limits: &Limits) -> Result<(Digest, Stamp), Error> {
    let opened = Opened::new(path)?;
    match inspect_in(path, &opened.file, limits).at(path) {
        Err(error @ (Error::Empty { .. } | Error::NotALibrary { .. } | Error::Damaged { .. })) => Err(error),
        _ => Ok((digest(&opened, limits).at(path)?, opened.stamp)),
    }
}

/// Computes the digest of a file without a copy.
fn digest(opened: &Opened, limits: &Limits) -> Result<Digest, FileError> {
    let digest = opened.copy(limits, true, &mut io::sink())?;
    Ok(digest.expect("it was asked for"))
}

#[cfg(test)]
mod tests {
    use notify::ErrorKind;

    use super::*;
    use crate::watch::observer::source_of;

    #[test]
    fn an_error_of_a_limit_says_how_to_raise_it() {
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
