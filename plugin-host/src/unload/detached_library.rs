//! A library from its detachment until it is unmapped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::os::maps::Maps;
use crate::services::threads::Threads;
use crate::unload::outcome::Unload;
use crate::unload::pin::PinReason;
use crate::work::deadline::left;

/// A library that is detached, and is closed or not as soon as nothing of it runs.
#[derive(Clone)]
pub(crate) struct DetachedLibrary {
    threads: Arc<Threads>,
    closed: Arc<Closing>,
    /// An address in the library, and the number of the file that is mapped there, if that can be told.
    address: usize,
    inode: Option<u64>,
}

/// What closing has come to, once it has.
#[derive(Default)]
pub(crate) struct Closing {
    result: Mutex<Option<Result<(), Vec<PinReason>>>>,
    changed: Condvar,
}

impl Closing {
    fn lock(&self) -> MutexGuard<'_, Option<Result<(), Vec<PinReason>>>> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, closed: Result<(), Vec<PinReason>>) {
        *self.lock() = Some(closed);
        self.changed.notify_all();
    }
}

impl DetachedLibrary {
    pub(crate) fn new(threads: Arc<Threads>, closed: Arc<Closing>, address: usize, inode: Option<u64>) -> Self {
        DetachedLibrary { threads, closed, address, inode }
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
            Some(Err(reasons))
                if reasons == [PinReason::StillMapped]
                    && self.inode.is_some_and(|inode| !is_mapped(self.address, inode)) =>
            {
                Unload::Unmapped
            }
            Some(Err(reasons)) => Unload::Pinned(reasons),
            None => Unload::Pinned(self.threads.what_runs()),
        }
    }
}

/// A version of a plugin that was unloaded or replaced, whose library is still mapped.
pub(crate) struct OldVersion {
    pub(crate) plugin: String,
    /// The package's version.
    pub(crate) version: String,
    pub(crate) reasons: Vec<PinReason>,
}

/// Tells what has become of a library by now.
type Outcome = Arc<dyn Fn() -> Unload + Send + Sync>;

/// The old versions in this process that are not known to be gone: plugins' names, versions, and outcomes.
static OLD: Mutex<Vec<(u64, String, String, Outcome)>> = Mutex::new(Vec::new());

/// The place of one library among those.
pub(crate) struct Old {
    number: u64,
}

impl Old {
    /// Notes that a version of a plugin was unloaded or replaced.
    pub(crate) fn add(plugin: &str, version: &str, outcome: impl Fn() -> Unload + Send + Sync + 'static) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self::lock().push((number, plugin.to_owned(), version.to_owned(), Arc::new(outcome)));
        Old { number }
    }

    /// Notes that it is gone, or that it has another place.
    pub(crate) fn forget(self) {
        let mut all = Self::lock();
        let place = all.iter().position(|(number, ..)| *number == self.number);
        let gone = place.map(|place| all.swap_remove(place));
        drop(all);
        // Not while they are locked.
        drop(gone);
    }

    /// Lists the old versions that are still mapped, the oldest first.
    pub(crate) fn still_mapped() -> Vec<OldVersion> {
        let mut all: Vec<_> = Self::lock().clone();
        all.sort_by_key(|(number, ..)| *number);
        let old = all.into_iter().filter_map(|(_, plugin, version, outcome)| match outcome() {
            Unload::Pinned(reasons) => Some(OldVersion { plugin, version, reasons }),
            Unload::Unmapped => None,
        });
        old.collect()
    }

    fn lock() -> MutexGuard<'static, Vec<(u64, String, String, Outcome)>> {
        OLD.lock().unwrap_or_else(PoisonError::into_inner)
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
    // Without the list, nothing shows that the file is gone.
    let Ok(maps) = Maps::read() else { return true };
    maps.file_at(address).is_some_and(|(_, found)| found == inode)
}
