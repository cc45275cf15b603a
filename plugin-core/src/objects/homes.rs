//! The list of this library's proxies in boxes and `Arc`s, by their addresses.
//!
//! The proxy of a closure is a closure that contains a [`Remote`] and nothing else. A proxy stays at its address until it is dropped, or until a
//! `Box<dyn FnOnce>` is called. It leaves the list first in both cases. No other value that exists at the same time has this
//! address and a size. So a box or an `Arc` whose content has an address of the list is a proxy of this library.
//!
//! Its type may differ from the type that the proxy was made for: a `Box<dyn Fn() + Send>` may become a `Box<dyn Fn()>`, and a
//! `Box<dyn Fn()>` a `Box<dyn FnMut()>`. The arguments and the result stay the same, and nothing that the new type allows was
//! forbidden before.

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::remote::Remote;

static PROXIES: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());
/// The number of proxies. A thread that has a proxy sees at least 1.
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn lock() -> MutexGuard<'static, BTreeSet<usize>> {
    // No code panics while it is locked.
    PROXIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts a proxy on the list, which contains `remote` and is in memory of its own.
pub(super) fn enter<C>(proxy: *const C, remote: &Remote) {
    remote.set_home(proxy.addr());
    let mut proxies = lock();
    proxies.insert(proxy.addr());
    COUNT.store(proxies.len(), Ordering::Relaxed);
}

/// Returns the `Remote` in a closure.
///
/// # Safety
///
/// The closure contains a [`Remote`] and nothing else.
unsafe fn remote_of<C>(proxy: &C) -> &Remote {
    const { assert!(size_of::<C>() == size_of::<Remote>() && align_of::<C>() == align_of::<Remote>()) }
    // SAFETY: by `# Safety`, the closure has a `Remote`, and that has all of its bytes.
    unsafe { &*std::ptr::from_ref(proxy).cast::<Remote>() }
}

/// Puts the proxy into a box.
///
/// # Safety
///
/// The closure contains a [`Remote`] and nothing else.
pub(super) unsafe fn boxed<C>(proxy: C) -> Box<C> {
    let proxy = Box::new(proxy);
    // SAFETY: the conditions are those of this function.
    enter(&raw const *proxy, unsafe { remote_of(&*proxy) });
    proxy
}

/// Puts the proxy into an `Arc`.
///
/// # Safety
///
/// The closure contains a [`Remote`] and nothing else.
pub(super) unsafe fn shared<C>(proxy: C) -> Arc<C> {
    let proxy = Arc::new(proxy);
    // SAFETY: the conditions are those of this function.
    enter(Arc::as_ptr(&proxy), unsafe { remote_of(&*proxy) });
    proxy
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
pub(super) fn tidy() {
    let mut proxies = lock();
    if proxies.is_empty() {
        *proxies = BTreeSet::new();
    }
}

/// Returns the closure as a `Remote`, if it is a proxy of the list. The proxy of an iterator only begins at this address.
pub(super) fn find(closure: *const c_void) -> Option<*const Remote> {
    let is_there = COUNT.load(Ordering::Relaxed) != 0 && lock().contains(&closure.addr());
    is_there.then_some(closure.cast())
}
