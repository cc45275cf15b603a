//! A library from its detachment until it is unmapped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::backend::Detached;
use crate::os::maps::Maps;
use crate::services::objects::Shares;
use crate::services::threads::Threads;
use crate::unload::outcome::Unload;
use crate::unload::pin::PinReason;
use crate::work::deadline::left;

/// A library that is detached. As soon as none of its code runs, the host closes it, or decides that it must stay mapped.
#[derive(Clone)]
pub(crate) struct DetachedLibrary {
    threads: Arc<Threads>,
    shares: Arc<Shares>,
    closed: Arc<Closing>,
    /// An address in the library.
    address: usize,
    /// The inode of the file that is mapped there, if it is known.
    inode: Option<u64>,
}

/// The result of closing a library: `None` until it is known, then `Ok` or the reasons for which the library stays.
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
    pub(crate) fn new(
        (threads, shares): (Arc<Threads>, Arc<Shares>),
        closed: Arc<Closing>,
        address: usize,
        inode: Option<u64>,
    ) -> Self {
        DetachedLibrary { threads, shares, closed, address, inode }
    }
}

impl Detached for DetachedLibrary {
    fn wait(&self, deadline: Option<Instant>) -> Unload {
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
            // The loader has forgotten the library. Only the kernel knows whether the file is still mapped.
            Some(Ok(())) if self.inode.is_some_and(|inode| is_mapped(self.address, inode)) => {
                Unload::Pinned(vec![PinReason::StillMapped])
            }
            Some(Ok(())) => Unload::Unmapped,
            // Other code had opened the library, too, and may have closed it since.
            Some(Err(reasons))
                if reasons == [PinReason::StillMapped]
                    && self.inode.is_some_and(|inode| !is_mapped(self.address, inode)) =>
            {
                Unload::Unmapped
            }
            Some(Err(reasons)) => Unload::Pinned(reasons),
            None => Unload::Pinned(self.threads.running_reasons(self.shares.reason(false))),
        }
    }
}

/// A version of a plugin that was unloaded or upgraded, and whose library is still mapped.
pub(crate) struct OldVersion {
    pub(crate) plugin: String,
    /// The package's version.
    pub(crate) version: String,
    pub(crate) reasons: Vec<PinReason>,
}

/// Returns whether a library is unmapped by now, or what keeps it.
type Outcome = Arc<dyn Fn() -> Unload + Send + Sync>;

/// The old versions in this process that are not known to be gone: plugins' names, versions, and outcomes.
static OLD: Mutex<Vec<(u64, String, String, Outcome)>> = Mutex::new(Vec::new());

/// An entry of that list. The list keeps it until [`forget`](Self::forget).
pub(crate) struct Old {
    number: u64,
}

impl Old {
    /// Enters a version of a plugin that was unloaded or upgraded.
    pub(crate) fn add(plugin: &str, version: &str, outcome: impl Fn() -> Unload + Send + Sync + 'static) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self::lock().push((number, plugin.to_owned(), version.to_owned(), Arc::new(outcome)));
        Old { number }
    }

    /// Removes the entry: the version is unmapped, or has another entry.
    pub(crate) fn forget(self) {
        let mut all = Self::lock();
        let place = all.iter().position(|(number, ..)| *number == self.number);
        let gone = place.map(|place| all.swap_remove(place));
        drop(all);
        // Dropped after the list is unlocked, because this may run other destructors.
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

/// Returns true if nothing is mapped at the address. This is faster than to read the list of mappings, which may be long.
#[cfg(target_os = "linux")]
fn is_free(address: usize) -> bool {
    // SAFETY: `sysconf` takes a number, and only returns one.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
    let mut resident = 0_u8;
    let start = std::ptr::without_provenance_mut(address & !(page - 1));
    // SAFETY: `mincore` does not access the page, and writes one byte for one page into `resident`.
    let known = unsafe { libc::mincore(start, 1, &raw mut resident) };
    known != 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ENOMEM)
}

/// Always false. On other systems no inode is known, so `is_mapped` is not called.
#[cfg(not(target_os = "linux"))]
fn is_free(_: usize) -> bool {
    false
}

/// Returns true if the file with this inode may be mapped at the address.
fn is_mapped(address: usize, inode: u64) -> bool {
    if is_free(address) {
        return false;
    }
    // Without the list of mappings, nothing shows that the file is unmapped.
    let Ok(maps) = Maps::read() else { return true };
    maps.file_at(address).is_some_and(|(_, found)| found == inode)
}
