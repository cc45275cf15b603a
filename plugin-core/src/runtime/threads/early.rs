//! Keys and thread-local destructors that a constructor makes before the library has a host. An allocator written in C
//! makes such a key.
//!
//! A library keeps these in its own lists, and does not pass them on to the C library. When it is bound, it hands them
//! over to the host. The host treats them as those that are made later, so the library can be unmapped.
//!
//! | before the library has a host | result |
//! | --- | --- |
//! | a constructor makes a key | the key is made without a destructor, and noted with it. The host runs the destructor |
//! | a constructor registers a destructor of a thread-local | the destructor is noted. The host runs it |
//! | another thread sets a value of such a key | the C library destroys the value at that thread's end, and the library stays mapped |
//! | other code makes a key or registers a destructor | the C library runs the destructor, and the library stays mapped |
//!
//! While a constructor runs, the loader's lock is held. So before this library starts a thread, it finds everything that the
//! thread could ask the loader for (`noted.rs`, `before_threads`), because the constructor may wait for the thread. A thread that
//! another library starts meanwhile, such as the shared C++ library, is not known here, and a constructor must not wait for it.
//!
//! A library that never gets a host does not run the destructors that its constructors have left on their thread. All
//! others are run as usual. No function here allocates, because the constructor may be that of an allocator.

use std::cell::{Cell, UnsafeCell};
use std::ffi::{c_int, c_ulong, c_void};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use super::escapes::escape;
use super::original::{self, Destructor, find_next};
use crate::abi::escaped;
use crate::runtime::image::image_of;
use crate::runtime::services::services;

/// The address of a key's destructor, or null.
pub(super) fn key_destructor(destructor: Option<Destructor>) -> *const c_void {
    destructor.map_or(std::ptr::null(), |destructor| destructor as *const c_void)
}

/// The number of things of each kind that are noted. Later ones go to the C library.
const MAX_NOTED: usize = 64;

/// A list of fixed length, which needs no allocation.
struct List<T> {
    items: [Option<T>; MAX_NOTED],
}

impl<T: Copy> List<T> {
    const fn new() -> Self {
        List { items: [const { None }; MAX_NOTED] }
    }

    /// Adds an item. Returns false if the list is full.
    fn add(&mut self, item: T) -> bool {
        let free = self.items.iter_mut().find(|place| place.is_none());
        free.map(|place| *place = Some(item)).is_some()
    }

    fn take(&mut self, wanted: impl Fn(&T) -> bool) -> Option<T> {
        self.items.iter_mut().find(|place| place.as_ref().is_some_and(&wanted))?.take()
    }
}

/// The lists, behind a lock that spins: std's locks are not made for the constructor of an allocator.
struct Noted {
    locked: AtomicBool,
    lists: UnsafeCell<Lists>,
}

struct Lists {
    keys: List<Key>,
    /// Destructors of thread-locals, with the threads.
    destructors: List<(Destructor, *mut c_void, usize)>,
}

/// A key that a constructor has made.
#[derive(Clone, Copy)]
struct Key {
    number: u32,
    destructor: Option<Destructor>,
    /// True if the host has the key as well. This library still destroys the values that threads have set before.
    is_handed_over: bool,
}

// SAFETY: only `with_lists` uses the lists, and it has the lock. Only the thread that registered an object passes the
// object on.
unsafe impl Sync for Noted {}

static NOTED: Noted = Noted {
    locked: AtomicBool::new(false),
    lists: UnsafeCell::new(Lists { keys: List::new(), destructors: List::new() }),
};

/// Runs `f` with the lists. It must not call anything that could come here again.
fn with_lists<R>(f: impl FnOnce(&mut Lists) -> R) -> R {
    while NOTED.locked.swap(true, Ordering::Acquire) {
        std::hint::spin_loop();
    }
    // SAFETY: the exchange above has given the lock to this thread, which releases it after this use.
    let result = f(unsafe { &mut *NOTED.lists.get() });
    NOTED.locked.store(false, Ordering::Release);
    result
}

unsafe extern "C" {
    fn getauxval(kind: c_ulong) -> c_ulong;
    fn pthread_getspecific(key: u32) -> *mut c_void;
}

/// Returns a number that no other thread has or will have. The C library's numbers are used again.
fn this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(0) };
    }
    if NUMBER.get() == 0 {
        NUMBER.set(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    NUMBER.get()
}

/// The number of the only thread on which constructors of this library may run, or 0 as long as it is not known.
static CONSTRUCTING: AtomicUsize = AtomicUsize::new(0);

/// Notes that this thread runs the constructors of this library, if a thread does. It is the first one that runs code of the
/// library. Other threads then need not look, for which they would need the loader's lock.
pub(super) fn note_constructing_thread() {
    _ = CONSTRUCTING.compare_exchange(0, this_thread(), Ordering::Relaxed, Ordering::Relaxed);
}

/// Returns true if the loader is running a constructor of this library on this thread. Then the stack has functions of
/// this library and of the C library, and after them a function of the loader.
pub(super) fn is_constructing() -> bool {
    type Visit = extern "C" fn(*mut c_void, *mut c_void) -> c_int;
    unsafe extern "C" {
        fn _Unwind_Backtrace(visit: Visit, walk: *mut c_void) -> c_int;
        fn _Unwind_GetIP(frame: *mut c_void) -> usize;
    }
    struct Walk {
        loader: *const c_void,
        own: *const c_void,
        c_library: *const c_void,
        is_found: bool,
        /// The number of frames that may follow.
        left: usize,
    }
    extern "C" fn visit(frame: *mut c_void, walk: *mut c_void) -> c_int {
        const GO_ON: c_int = 0;
        const STOP: c_int = 4;
        // SAFETY: `_Unwind_Backtrace` passes one of its frames, and the address of `walk` below, which nothing else
        // uses meanwhile.
        let (address, walk) = unsafe { (_Unwind_GetIP(frame), &mut *walk.cast::<Walk>()) };
        let image = image_of(std::ptr::without_provenance(address));
        walk.is_found = image == walk.loader;
        walk.left = walk.left.saturating_sub(1);
        if walk.left != 0 && (image == walk.own || image == walk.c_library) { GO_ON } else { STOP }
    }

    let constructing = CONSTRUCTING.load(Ordering::Relaxed);
    if constructing != 0 && constructing != this_thread() {
        return false;
    }
    const AT_BASE: c_ulong = 7;
    // SAFETY: `getauxval` has no conditions.
    let loader = unsafe { getauxval(AT_BASE) } as usize;
    let mut walk = Walk {
        loader: std::ptr::without_provenance(loader),
        own: image_of((is_constructing as *const ()).cast()),
        c_library: image_of(find_next(c"gnu_get_libc_version")),
        is_found: false,
        left: 100,
    };
    if loader == 0 || walk.own.is_null() {
        return false;
    }
    // SAFETY: `visit` takes what it gets here: a frame, and the address of a `Walk`. It does not unwind.
    unsafe { _Unwind_Backtrace(visit, (&raw mut walk).cast()) };
    if walk.is_found {
        note_constructing_thread();
    }
    walk.is_found
}

/// Notes a key that a constructor has made without a destructor. Returns false if the list is full.
///
/// # Safety
///
/// The key exists, and `destructor` may be called with each value of the key, at the end of the thread that has set it.
pub(super) unsafe fn note_key(key: u32, destructor: Option<Destructor>) -> bool {
    let key = Key { number: key, destructor, is_handed_over: false };
    let noted = with_lists(|lists| lists.keys.add(key));
    report();
    noted
}

/// Forgets a key that is deleted.
pub(super) fn forget_key(key: u32) {
    with_lists(|lists| lists.keys.take(|noted| noted.number == key));
}

/// Notes a destructor of a thread-local's. Returns false if the C library must have it.
///
/// # Safety
///
/// `destructor` may be called with `object`, once, at the end of this thread.
pub(super) unsafe fn note_destructor(destructor: Destructor, object: *mut c_void) -> bool {
    let noted = is_constructing() && with_lists(|lists| lists.destructors.add((destructor, object, this_thread())));
    report();
    noted
}

/// Returns true if this thread is about to set its first value of a noted key, and only the C library could have the
/// value destroyed, because no constructor does it.
pub(super) fn is_to_be_destroyed(key: u32) -> bool {
    let is_noted = |noted: &Key| noted.number == key && noted.destructor.is_some();
    if !with_lists(|lists| lists.keys.items.iter().flatten().any(is_noted)) {
        return false;
    }
    // SAFETY: the key is on the list, so it was made. `key_delete` takes a key off the list before it deletes the key.
    let value = unsafe { pthread_getspecific(key) };
    value.is_null() && !is_constructing()
}

/// Makes the C library call [`destroy_values`] when this thread ends. For that it makes one key that has a destructor. The
/// function for destructors of thread-locals would wait for the loader's lock.
pub(super) fn destroy_values_when_this_thread_ends() {
    /// The number of that key and 1, or 0.
    static KEY: AtomicU32 = AtomicU32::new(0);
    let (Some(create), Some(set)) = (original::pthread_key_create(), original::pthread_setspecific()) else { return };
    escape(escaped::KEY, c"pthread_key_create", destroy_values as *const c_void);
    if KEY.load(Ordering::Acquire) == 0 {
        let mut key = 0;
        // SAFETY: the pointer leads to a place for the key. The destructor may be called with any value at the end of any
        // thread, and the note above keeps the library mapped.
        if unsafe { create(&raw mut key, Some(destroy_values)) } != 0 {
            return;
        }
        let is_first = KEY.compare_exchange(0, key + 1, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if let (false, Some(delete)) = (is_first, original::pthread_key_delete()) {
            // SAFETY: this function made the key, and no other code has it.
            unsafe { delete(key) };
        }
    }
    // SAFETY: the key was made above, or by another thread. Its value is only compared with null.
    unsafe { set(KEY.load(Ordering::Acquire) - 1, (&raw const KEY).cast()) };
}

/// Destroys this thread's values of all noted keys. The C library calls it when the thread ends.
unsafe extern "C" fn destroy_values(_: *mut c_void) {
    let Some(set) = original::pthread_setspecific() else { return };
    for place in 0..MAX_NOTED {
        let Some(noted) = with_lists(|lists| lists.keys.items[place]) else { continue };
        let Some(destructor) = noted.destructor else { continue };
        // SAFETY: the key is on the list, so it was made. `key_delete` takes a key off the list before it deletes the key.
        let value = unsafe { pthread_getspecific(noted.number) };
        // The host may have destroyed it.
        if value.is_null() {
            continue;
        }
        // SAFETY: `pthread_setspecific` asks for a key that exists, as `pthread_getspecific` does above. Any value may be
        // set.
        unsafe { set(noted.number, std::ptr::null()) };
        // SAFETY: by `# Safety` of `note_key`, the destructor may be called with the key's values. This thread has set the
        // value, and the key does not have it any more, so it is destroyed once.
        unsafe { destructor(value) };
    }
}

/// Hands what is noted over to the host, if there is one.
pub(crate) fn report() {
    let Some(services) = services() else { return };
    let next = || {
        with_lists(|lists| {
            let key = lists.keys.items.iter_mut().flatten().find(|key| !key.is_handed_over)?;
            key.is_handed_over = true;
            Some(*key)
        })
    };
    while let Some(Key { number, destructor, .. }) = next() {
        match services.key_adopt() {
            // SAFETY: `key_adopt` takes the `library` that came with it, and what `# Safety` of `note_key` says of a
            // key. It gets each key once, because `is_handed_over` was not set.
            Some(adopt) => unsafe { adopt(services.library, number, destructor) },
            None => escape(escaped::KEY, c"pthread_key_create", key_destructor(destructor)),
        }
    }
    let here = this_thread();
    let next = || with_lists(|lists| lists.destructors.take(|(.., thread)| *thread == here));
    while let Some((destructor, object, _)) = next() {
        // SAFETY: `thread_atexit` takes the `library` that came with it. By `# Safety` of `note_destructor`, the
        // destructor may be called at the end of this thread. It is off the list, so it is called once.
        unsafe { (services.thread_atexit)(services.library, destructor, object) };
    }
}
