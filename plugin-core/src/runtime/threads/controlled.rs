//! Threads, thread-specific keys and thread-local destructors, which the host makes for the library.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use super::early::{self, key_destructor};
use super::escapes::escape;
use super::noted::before_threads;
use super::original::{self, Destructor, Start};
use crate::abi::escaped;
use crate::runtime::services::services;

const ENOMEM: c_int = 12;
const ENOSYS: c_int = 38;

/// The function that a thread of C11's runs.
type C11Start = unsafe extern "C-unwind" fn(*mut c_void) -> c_int;

/// True once std in this library has registered a destructor of a thread-local.
pub(super) static REACHED: AtomicBool = AtomicBool::new(false);

/// `__cxa_thread_atexit_impl` of the library. Std calls it.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn thread_atexit(
    destructor: Destructor,
    object: *mut c_void,
    library: *mut c_void,
) -> c_int {
    REACHED.store(true, Ordering::Release);
    // SAFETY: the conditions of `register` are those of this function (`# Safety`).
    unsafe { register(destructor, object, library) }
}

/// `__cxa_thread_atexit` of the library, which C++ compilers call. The C++ library's own function of that name would pass
/// the call on to the C library. A call from C++ does not show that std is controlled.
///
/// # Safety
///
/// As for the C++ library's function of that name.
pub(super) unsafe extern "C" fn cxx_thread_atexit(
    destructor: Destructor,
    object: *mut c_void,
    library: *mut c_void,
) -> c_int {
    // SAFETY: the conditions of `register` are those of the C library's `__cxa_thread_atexit_impl`. They are also those
    // of the C++ library's function (`# Safety`).
    unsafe { register(destructor, object, library) }
}

/// Registers a destructor that runs when this thread ends.
///
/// # Safety
///
/// As for the C library's `__cxa_thread_atexit_impl`.
unsafe fn register(destructor: Destructor, object: *mut c_void, library: *mut c_void) -> c_int {
    if let Some(services) = services() {
        // SAFETY: the conditions of the service are those of the C library's `__cxa_thread_atexit_impl`
        // (`HostServices`), and so are those of this function (`# Safety`). The service takes the `library` that came
        // with it.
        return unsafe { (services.thread_atexit)(services.library, destructor, object) };
    }
    // SAFETY: by `# Safety`, the destructor may be called with the object, once, when this thread ends.
    if unsafe { early::note_destructor(destructor, object) } {
        return 0;
    }
    escape(escaped::DESTRUCTOR, c"__cxa_thread_atexit_impl", destructor as *const c_void);
    match original::__cxa_thread_atexit_impl() {
        // SAFETY: the conditions of the C library's `__cxa_thread_atexit_impl` are those of this function (`# Safety`),
        // and it gets the same arguments.
        Some(function) => unsafe { function(destructor, object, library) },
        None => ENOSYS,
    }
}

/// `pthread_key_create` of the library.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn key_create(key: *mut u32, destructor: Option<Destructor>) -> c_int {
    if let Some(services) = services() {
        // SAFETY: the conditions of the service are those of the C library's `pthread_key_create` (`HostServices`), and
        // so are those of this function (`# Safety`). The service takes the `library` that came with it.
        return unsafe { (services.key_create)(services.library, key, destructor) };
    }
    let Some(create) = original::pthread_key_create() else { return ENOSYS };
    if early::is_constructing() {
        // SAFETY: the C library's `pthread_key_create` asks for room at `key`, as this function's `# Safety` does. A
        // key needs no destructor.
        let error = unsafe { create(key, None) };
        // SAFETY: `create` has returned 0, so it has written the key to its place. By `# Safety`, the destructor may be
        // called with the key's values.
        if error != 0 || unsafe { early::note_key(key.read(), destructor) } {
            return error;
        }
        // SAFETY: the key was made above, and no other code has it.
        unsafe { key_delete(key.read()) };
    }
    escape(escaped::KEY, c"pthread_key_create", key_destructor(destructor));
    // SAFETY: the conditions of the C library's `pthread_key_create` are those of this function (`# Safety`), and it
    // gets the same arguments.
    unsafe { create(key, destructor) }
}

/// `pthread_key_delete` of the library.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn key_delete(key: u32) -> c_int {
    // The list also has the keys that were handed over to a host.
    early::forget_key(key);
    if let Some(services) = services() {
        // SAFETY: the conditions of the service are those of the C library's `pthread_key_delete` (`HostServices`), and
        // so are those of this function (`# Safety`). The service takes the `library` that came with it.
        return unsafe { (services.key_delete)(services.library, key) };
    }
    match original::pthread_key_delete() {
        // SAFETY: the conditions of the C library's `pthread_key_delete` are those of this function (`# Safety`), and
        // it gets the same arguments.
        Some(function) => unsafe { function(key) },
        None => ENOSYS,
    }
}

/// `pthread_setspecific` of the library.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn key_set(key: u32, value: *const c_void) -> c_int {
    if let Some(services) = services() {
        // SAFETY: the conditions of the service are those of the C library's `pthread_setspecific` (`HostServices`),
        // and so are those of this function (`# Safety`). The service takes the `library` that came with it.
        return unsafe { (services.key_set)(services.library, key, value) };
    }
    if !value.is_null() && early::is_to_be_destroyed(key) {
        early::destroy_values_when_this_thread_ends();
    }
    match original::pthread_setspecific() {
        // SAFETY: the conditions of the C library's `pthread_setspecific` are those of this function (`# Safety`), and
        // it gets the same arguments.
        Some(function) => unsafe { function(key, value) },
        None => ENOSYS,
    }
}

/// `pthread_create` of the library.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn thread_create(
    thread: *mut c_void,
    attributes: *const c_void,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    if let Some(services) = services() {
        // SAFETY: the conditions of the service are those of the C library's `pthread_create` (`HostServices`), and so
        // are those of this function (`# Safety`). The service takes the `library` that came with it.
        return unsafe { (services.thread_create)(services.library, thread, attributes, start, argument) };
    }
    before_threads();
    escape(escaped::THREAD, c"pthread_create", start as *const c_void);
    match original::pthread_create() {
        // SAFETY: the conditions of the C library's `pthread_create` are those of this function (`# Safety`), and it
        // gets the same arguments.
        Some(function) => unsafe { function(thread, attributes, start, argument) },
        None => ENOSYS,
    }
}

/// The value that C11's functions return for an error number.
fn c11_result(error: c_int) -> c_int {
    const SUCCESS: c_int = 0;
    const ERROR: c_int = 2;
    const NO_MEMORY: c_int = 3;
    match error {
        0 => SUCCESS,
        ENOMEM => NO_MEMORY,
        _ => ERROR,
    }
}

/// `thrd_create` of the library: a thread whose function returns an `int`.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn c11_thread_create(
    thread: *mut c_void,
    start: C11Start,
    argument: *mut c_void,
) -> c_int {
    struct Task {
        start: C11Start,
        argument: *mut c_void,
    }

    // The function may leave by `thrd_exit`, which unwinds. By then this function has no value left to drop.
    unsafe extern "C-unwind" fn run(task: *mut c_void) -> *mut c_void {
        // SAFETY: `c11_thread_create` leaked the box, and passes it to this function once.
        let Task { start, argument } = *unsafe { Box::from_raw(task.cast::<Task>()) };
        // SAFETY: the caller of `thrd_create` has asked for this call, once and on the new thread.
        let result = unsafe { start(argument) };
        // `thrd_join` takes the `int` out of the pointer.
        std::ptr::without_provenance_mut(result as usize)
    }

    let task = Box::into_raw(Box::new(Task { start, argument })).cast();
    // SAFETY: the two types differ only in whether the function may unwind. The C library and the host call a `Start`
    // in a way that lets `thrd_exit` unwind through it.
    let run = unsafe {
        std::mem::transmute::<unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void, Start>(
            run as unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void,
        )
    };
    // SAFETY: `thread_create` asks for room at `thread`, because glibc's `thrd_t` is its `pthread_t`. `# Safety` asks
    // for this, too. Null stands for the usual attributes. `run` may be called once with `task`, on another thread.
    let error = unsafe { thread_create(thread, std::ptr::null(), run, task) };
    if error != 0 {
        // SAFETY: no thread was started, so `run` is not called, and the box from above is still here.
        drop(unsafe { Box::from_raw(task.cast::<Task>()) });
    }
    c11_result(error)
}

/// `tss_create` of the library.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn c11_key_create(key: *mut u32, destructor: Option<Destructor>) -> c_int {
    // SAFETY: the conditions of `key_create` are those of this function (`# Safety`), because glibc's `tss_t` is its
    // `pthread_key_t`.
    c11_result(unsafe { key_create(key, destructor) })
}

/// `tss_delete` of the library.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn c11_key_delete(key: u32) {
    // SAFETY: the conditions of `key_delete` are those of this function (`# Safety`), because glibc's `tss_t` is its
    // `pthread_key_t`.
    unsafe { key_delete(key) };
}

/// `tss_set` of the library.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn c11_key_set(key: u32, value: *const c_void) -> c_int {
    // SAFETY: the conditions of `key_set` are those of this function (`# Safety`), because glibc's `tss_t` is its
    // `pthread_key_t`.
    c11_result(unsafe { key_set(key, value) })
}
