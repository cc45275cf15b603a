//! The list of this library's proxies in boxes and `Arc`s, by their addresses.
//!
//! The proxy of a closure is a closure that contains a [`Remote`] and nothing else. A proxy leaves the list when it is dropped, and when
//! a `Box<dyn FnOnce>` is called or lowered. Before that, its address may come to be another value's: `Arc::from` moves a closure from
//! its box, and nothing tells of it. So the list has wide pointers. The second word of such a pointer leads to the functions of the
//! closure's type. Any other value at the same address has other functions.
//!
//! The type of a proxy may differ from the type that the proxy was made for: a `Box<dyn Fn() + Send>` may become a `Box<dyn Fn()>`. The arguments and the result stay the same, and nothing that the new type allows was
//! forbidden before.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::remote::Remote;
use super::words_of;

/// The proxies' addresses, each with the proxy's wide pointer.
static PROXIES: Mutex<BTreeMap<usize, Pointer>> = Mutex::new(BTreeMap::new());
/// The number of proxies. A thread that has a proxy sees at least 1.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// The two words of a wide pointer.
type Pointer = [usize; 2];

fn pointer<D: ?Sized>(proxy: *const D) -> Pointer {
    words_of(proxy).addresses()
}

fn lock() -> MutexGuard<'static, BTreeMap<usize, Pointer>> {
    // No code panics while it is locked.
    PROXIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts a proxy on the list, which contains `remote` and is in memory of its own.
pub(super) fn enter<D: ?Sized>(proxy: *const D, remote: &Remote) {
    let address = proxy.cast::<u8>().addr();
    remote.set_home(address);
    let mut proxies = lock();
    proxies.insert(address, pointer(proxy));
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

/// Puts the proxy into a box, which `as_object` makes a box of a `D`.
///
/// # Safety
///
/// The closure contains a [`Remote`] and nothing else.
pub(super) unsafe fn boxed<C, D: ?Sized>(proxy: C, as_object: impl FnOnce(Box<C>) -> Box<D>) -> Box<D> {
    let proxy = Box::new(proxy);
    // SAFETY: the conditions are those of this function.
    let remote: *const Remote = unsafe { remote_of(&*proxy) };
    let proxy = as_object(proxy);
    // SAFETY: the closure has not moved.
    enter(&raw const *proxy, unsafe { &*remote });
    proxy
}

/// Puts the proxy into an `Arc`, as above.
///
/// # Safety
///
/// The closure contains a [`Remote`] and nothing else.
pub(super) unsafe fn shared<C, D: ?Sized>(proxy: C, as_object: impl FnOnce(Arc<C>) -> Arc<D>) -> Arc<D> {
    let proxy = Arc::new(proxy);
    // SAFETY: the conditions are those of this function.
    let remote: *const Remote = unsafe { remote_of(&*proxy) };
    let proxy = as_object(proxy);
    // SAFETY: the closure has not moved.
    enter(Arc::as_ptr(&proxy), unsafe { &*remote });
    proxy
}

/// Takes the proxy at this address off the list.
pub(super) fn leave(address: usize) {
    let mut proxies = lock();
    proxies.remove(&address);
    COUNT.store(proxies.len(), Ordering::Relaxed);
    if proxies.is_empty() {
        // An empty map may keep memory, which would be lost with the library.
        *proxies = BTreeMap::new();
    }
}

/// Returns the closure as a `Remote`, if it is a proxy of the list. The proxy of an iterator only begins at this address.
pub(super) fn find<D: ?Sized>(closure: *const D) -> Option<*const Remote> {
    let is_there = COUNT.load(Ordering::Relaxed) != 0
        && lock().get(&closure.cast::<u8>().addr()).is_some_and(|proxy| *proxy == pointer(closure));
    is_there.then_some(closure.cast())
}
