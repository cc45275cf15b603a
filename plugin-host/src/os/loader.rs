//! One lock for all that the loader maps and unmaps.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held while the loader maps or unmaps, and while the parts of a file that were read are unmapped. The loader has such a
/// lock of its own; this one is for those who watch memory (ThreadSanitizer does), and cannot see that something was
/// unmapped before a library came to lie in its place.
pub(crate) fn loader() -> MutexGuard<'static, ()> {
    static LOADER: Mutex<()> = Mutex::new(());
    LOADER.lock().unwrap_or_else(PoisonError::into_inner)
}
