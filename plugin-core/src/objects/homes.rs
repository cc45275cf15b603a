//! The list of this library's proxies in boxes and `Arc`s, by their addresses.
//!
//! The proxy of a closure is a closure that contains a [`Remote`](super::remote::Remote) and nothing else. A proxy stays at its address until it is dropped, or until a
//! `Box<dyn FnOnce>` is called. It leaves the list first in both cases. No other value that exists at the same time has this
//! address and a size. So a box or an `Arc` whose content has an address of the list is a proxy of this library.
//!
//! Its type may differ from the type that the proxy was made for: a `Box<dyn Fn() + Send>` may become a `Box<dyn Fn()>`, and a
//! `Box<dyn Fn()>` a `Box<dyn FnMut()>`. The arguments and the result stay the same, and nothing that the new type allows was
//! forbidden before.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

static PROXIES: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());
/// The number of proxies. A thread that has a proxy sees at least 1.
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn lock() -> MutexGuard<'static, BTreeSet<usize>> {
    // No code panics while it is locked.
    PROXIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts a proxy on the list, which is in memory of its own.
pub(super) fn enter(address: usize) {
    let mut proxies = lock();
    proxies.insert(address);
    COUNT.store(proxies.len(), Ordering::Relaxed);
}

/// Takes a proxy off the list. Returns false if it is not there.
pub(super) fn leave(address: usize) -> bool {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return false;
    }
    let mut proxies = lock();
    let was_there = proxies.remove(&address);
    if was_there {
        COUNT.store(proxies.len(), Ordering::Relaxed);
    }
    was_there
}

/// Frees the memory of the list if it is empty, because the memory would be lost with the library.
pub(crate) fn tidy() {
    let mut proxies = lock();
    if proxies.is_empty() {
        *proxies = BTreeSet::new();
    }
}

/// Returns true if a proxy of the list is at this address.
pub(super) fn contains(address: usize) -> bool {
    COUNT.load(Ordering::Relaxed) != 0 && lock().contains(&address)
}
