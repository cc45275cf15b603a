//! The kernel's reports of changes on the way to files.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{ErrorKind, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::watch::way::Way;

/// The number of a watch.
pub(super) type Id = u64;

/// A kind of change of a file, or on the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The bytes of the file are being changed.
    Written,
    /// The writer has closed the file, or the path leads to another file or to none.
    Closed,
    /// A link or directory on the way to the file was changed or removed, or reports were lost.
    Moved,
    Something,
}

impl Change {
    /// Returns the change that an event reports. `is_file` tells whether the event's name is the file's, rather than that of a
    /// link or directory on the way to it.
    fn of(kind: EventKind, is_file: bool) -> Option<Self> {
        let is_moved =
            matches!(kind, EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)));
        match kind {
            _ if !is_file => is_moved.then_some(Change::Moved),
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Change::Closed),
            EventKind::Access(_) => None,
            // Only Linux also reports when the writer closes the file.
            EventKind::Modify(ModifyKind::Data(_)) if cfg!(target_os = "linux") => Some(Change::Written),
            _ => Some(if is_moved { Change::Closed } else { Change::Something }),
        }
    }
}

/// For each name, the watches that need its changes. The flag says whether the name is the name of the file itself, rather
/// than of a link or directory on the way to the file.
///
/// Only names are compared, not paths. Some systems give other paths to the same directory, and do not distinguish `a` from
/// `A`. A look at a file that has not changed has no effect.
#[derive(Default)]
struct Names(HashMap<OsString, Vec<(Id, bool)>>);

impl Names {
    fn add(&mut self, id: Id, way: &Way) {
        for (name, is_file) in way.names() {
            self.0.entry(name.to_ascii_lowercase()).or_default().push((id, is_file));
        }
    }

    fn remove(&mut self, id: Id, way: &Way) {
        for (name, _) in way.names() {
            let name = name.to_ascii_lowercase();
            if let Some(known) = self.0.get_mut(&name) {
                known.retain(|(known, _)| *known != id);
                if known.is_empty() {
                    self.0.remove(&name);
                }
            }
        }
    }

    /// Calls `tell` for each watch that an event matters to.
    fn tell(&self, event: &notify::Result<notify::Event>, mut tell: impl FnMut(Id, Change)) {
        let event = match event {
            Ok(event) if !event.need_rescan() && !event.paths.is_empty() => event,
            // Any change may have been missed.
            _ => return self.0.values().flatten().for_each(|(id, _)| tell(*id, Change::Moved)),
        };
        for name in event.paths.iter().filter_map(|path| path.file_name()) {
            for (id, is_file) in self.0.get(&name.to_ascii_lowercase()).into_iter().flatten() {
                if let Some(change) = Change::of(event.kind, *is_file) {
                    tell(*id, change);
                }
            }
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The metadata that differ if a path leads to another directory.
#[derive(PartialEq, Eq)]
struct Identity {
    #[cfg(unix)]
    node: (u64, u64),
    created: Option<SystemTime>,
}

impl Identity {
    fn of(directory: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(directory).ok().filter(std::fs::Metadata::is_dir)?;
        Some(Identity {
            #[cfg(unix)]
            node: {
                use std::os::unix::fs::MetadataExt as _;
                (metadata.dev(), metadata.ino())
            },
            created: metadata.created().ok(),
        })
    }
}

/// A directory on the way to files.
struct Directory {
    /// The number of ways that lead through it.
    ways: usize,
    /// The directory that is watched, if one is.
    watched: Option<Identity>,
}

/// The source of the kernel's reports for all watched files of a host. Files share the watches of directories.
pub(super) struct Observer {
    watcher: RecommendedWatcher,
    names: Arc<Mutex<Names>>,
    ways: HashMap<Id, Way>,
    directories: HashMap<PathBuf, Directory>,
}

impl Observer {
    pub(super) fn new(tell: impl Fn(Id, Change) + Send + 'static) -> io::Result<Self> {
        let names = Arc::<Mutex<Names>>::default();
        let tell = {
            let names = names.clone();
            move |event: notify::Result<notify::Event>| {
                // There are many of these, and they change nothing.
                if !matches!(&event, Ok(event) if matches!(event.kind, EventKind::Access(AccessKind::Open(_)))) {
                    // If the receiver is gone, the message is not needed.
                    lock(&names).tell(&event, &tell);
                }
            }
        };
        let watcher = notify::recommended_watcher(tell).map_err(source_of)?;
        Ok(Observer { watcher, names, ways: HashMap::new(), directories: HashMap::new() })
    }

    /// Watches the way to a file, as the way is now. With `renew`, directories of the same path are watched again, because they
    /// may be other directories.
    ///
    /// # Errors
    ///
    /// A directory that must be watched cannot be. Changes elsewhere on the way are told of nevertheless.
    pub(super) fn follow(&mut self, id: Id, path: &Path, renew: bool) -> io::Result<()> {
        // The way may change before its directories are watched. If it changes all the time, that is told of.
        const MAX_CHANGES: usize = 10;
        let mut renew = renew;
        let mut result = Ok(());
        for _ in 0..MAX_CHANGES {
            let way = Way::to(path);
            if !renew && self.ways.get(&id) == Some(&way) {
                break;
            }
            // First, so that no change is missed.
            let old = self.ways.remove(&id);
            if let Some(old) = &old {
                lock(&self.names).remove(id, old);
            }
            lock(&self.names).add(id, &way);
            result = Ok(());
            for (directory, is_needed) in way.directories() {
                let watched = self.watch(directory, renew);
                if result.is_ok() && matches!(&watched, Err(error) if is_needed || is_limit(error)) {
                    result = watched;
                }
            }
            if let Some(old) = old {
                self.release(&old);
            }
            self.ways.insert(id, way);
            renew = false;
        }
        result
    }

    /// Ends the reports for a file.
    pub(super) fn forget(&mut self, id: Id) {
        if let Some(way) = self.ways.remove(&id) {
            lock(&self.names).remove(id, &way);
            self.release(&way);
        }
    }

    /// Watches a directory for one more way.
    fn watch(&mut self, path: &Path, renew: bool) -> io::Result<()> {
        let found = Identity::of(path);
        let known = self.directories.entry(path.to_owned()).or_insert(Directory { ways: 0, watched: None });
        known.ways += 1;
        if found.is_some() && known.watched == found && !renew {
            return Ok(());
        }
        // On Linux, a second watch of the same directory replaces the first, and no report is lost in between.
        if known.watched.take().is_some_and(|watched| Some(watched) != found || !cfg!(target_os = "linux")) {
            _ = self.watcher.unwatch(path);
        }
        let Some(found) = found else { return Err(io::ErrorKind::NotFound.into()) };
        self.watcher.watch(path, RecursiveMode::NonRecursive).map_err(source_of)?;
        known.watched = Some(found);
        Ok(())
    }

    /// Lets the directories of a way go that no other leads through.
    fn release(&mut self, way: &Way) {
        for (path, _) in way.directories() {
            let Some(directory) = self.directories.get_mut(path) else { continue };
            directory.ways -= 1;
            if directory.ways != 0 {
                continue;
            }
            let watched = self.directories.remove(path).and_then(|directory| directory.watched);
            if watched.is_none() {
                continue;
            }
            _ = self.watcher.unwatch(path);
            // The kernel has one watch for all paths of a directory that is mounted at several.
            for (twin, _) in self.directories.iter().filter(|(_, directory)| directory.watched == watched) {
                _ = self.watcher.watch(twin, RecursiveMode::NonRecursive);
            }
        }
    }
}

/// Returns true if the error would also happen with every other directory.
fn is_limit(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
}

/// The reports of the kernel.
pub(super) fn source_of(error: notify::Error) -> io::Error {
    match error.kind {
        ErrorKind::Io(source) => source,
        ErrorKind::PathNotFound => io::ErrorKind::NotFound.into(),
        ErrorKind::MaxFilesWatch => io::Error::new(io::ErrorKind::QuotaExceeded, "the limit of watches is reached"),
        kind => io::Error::other(notify::Error::new(kind).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_on_the_way_to_the_file_count() {
        let path = Path::new(if cfg!(windows) { r"C:\plugins\libeditor.so" } else { "/plugins/libeditor.so" });
        let mut names = Names::default();
        names.add(7, &Way::to(path));
        let told = |event: &notify::Result<notify::Event>| {
            let mut told = Vec::new();
            names.tell(event, |id, change| told.push((id, change)));
            told
        };
        let change = |kind, at: &Path| told(&Ok(notify::Event::new(kind).add_path(at.to_owned())));
        let any = EventKind::Any;
        let removed = EventKind::Remove(notify::event::RemoveKind::Any);
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        assert_eq!(change(any, path), [(7, Change::Something)]);
        assert_eq!(change(any, &path.with_file_name("libEDITOR.so")), [(7, Change::Something)]);
        assert_eq!(change(removed, path), [(7, Change::Closed)]);
        assert_eq!(change(closed, path), [(7, Change::Closed)]);
        assert_eq!(change(opened, path), []);
        assert_eq!(change(removed, path.parent().unwrap()), [(7, Change::Moved)]);
        assert_eq!(change(any, path.parent().unwrap()), []);
        assert_eq!(change(removed, &path.with_file_name("libother.so")), []);
        // Any change may have been missed.
        let missed = notify::Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        assert!(told(&Ok(missed)).contains(&(7, Change::Moved)));
        assert!(told(&Err(notify::Error::generic("odd"))).contains(&(7, Change::Moved)));
        names.remove(7, &Way::to(path));
        assert!(names.0.is_empty());
    }
}
