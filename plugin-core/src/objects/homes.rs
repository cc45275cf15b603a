//! The list of this library's proxies in boxes and `Arc`s, by their wide pointers.
//!
//! # Problem
//!
//! A proxy that is lowered should give back what it was made of. But a `dyn Fn` cannot be asked whether it is a proxy.
//!
//! # Idea
//!
//! Each proxy enters this list when it is made, with the address of its content and its vtable, and leaves the list when it is
//! dropped. An object is a proxy if its wide pointer is on the list.
//!
//! # Proof
//!
//! The address alone would not do. `Arc::from` moves the content of a box to another address, and drops nothing, so the list still
//! has the old address. And the content of an `Arc` may have no size, and so may be at the end of one block and at the beginning of
//! another, which is a proxy's.
//!
//! The vtable shows the type of the content. Types have one vtable only if the compiler has made the same code of their drops and of
//! their functions. The code of a proxy's drop drops a [`Remote`](super::remote::Remote). This type is private to this crate, which
//! puts it into proxies only. So what has a proxy's vtable is a proxy, and its number may be read. The number shows whether it is the
//! one that has entered the list at this address, or a later one of the same type, which may have reasons not to be on the list.
//!
//! # Types
//!
//! A `Box<dyn Fn() + Send>` may become a `Box<dyn Fn()>`, which keeps its vtable. The arguments and the result stay the same, and the
//! new type forbids nothing that the old one allowed. A `Box<dyn FnMut()>` that was a `Box<dyn Fn()>` has another vtable. It is
//! treated as a new object.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::words::words_of;

/// The vtable of a proxy, and the proxy's number.
struct Home {
    vtable: usize,
    number: u64,
}

/// The proxies by the addresses of their contents.
struct List {
    homes: BTreeMap<usize, Home>,
    /// The number of the last proxy.
    last: u64,
}

static LIST: Mutex<List> = Mutex::new(List { homes: BTreeMap::new(), last: 0 });
/// The number of proxies. A thread that has a proxy sees at least 1.
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn lock() -> MutexGuard<'static, List> {
    // No code panics while it is locked.
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts a proxy on the list. Returns the place on the list, and the proxy's number.
pub(super) fn enter<D: ?Sized>(proxy: *const D) -> (usize, u64) {
    let [address, vtable] = words_of(proxy).addresses();
    let mut list = lock();
    list.last += 1;
    let number = list.last;
    list.homes.insert(address, Home { vtable, number });
    COUNT.store(list.homes.len(), Ordering::Relaxed);
    (address, number)
}

/// Takes the proxy with this number off the list, if it is there.
pub(super) fn leave(address: usize, number: u64) {
    let mut list = lock();
    if list.homes.get(&address).is_some_and(|home| home.number == number) {
        list.homes.remove(&address);
        COUNT.store(list.homes.len(), Ordering::Relaxed);
    }
}

/// Returns the number of the proxy that has entered the list here, if the object is a proxy.
pub(super) fn find<D: ?Sized>(object: *const D) -> Option<u64> {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return None;
    }
    let [address, vtable] = words_of(object).addresses();
    lock().homes.get(&address).filter(|home| home.vtable == vtable).map(|home| home.number)
}

/// Frees the memory of the list if it is empty, because the memory would be lost with the library.
pub(crate) fn tidy() {
    let mut list = lock();
    if list.homes.is_empty() {
        list.homes = BTreeMap::new();
    }
}
