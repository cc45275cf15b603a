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
    // SAFETY: the arguments are those of the C library's function.
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
    // SAFETY: the arguments are those of the C++ library's function.
    unsafe { register(destructor, object, library) }
}

/// Registers a destructor that runs when this thread ends.
///
/// # Safety
///
/// As for the C library's `__cxa_thread_atexit_impl`.
unsafe fn register(destructor: Destructor, object: *mut c_void, library: *mut c_void) -> c_int {
    if let Some(services) = services() {
        // SAFETY: the host's service with the host's context.
        return unsafe { (services.thread_atexit)(services.library, destructor, object) };
    }
    if early::note_destructor(destructor, object) {
        return 0;
    }
    escape(escaped::DESTRUCTOR, c"__cxa_thread_atexit_impl", destructor as *const c_void);
    match original::__cxa_thread_atexit_impl() {
        // SAFETY: forwarded as it came.
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
        // SAFETY: the host's service with the host's context.
        return unsafe { (services.key_create)(services.library, key, destructor) };
    }
    let Some(create) = original::pthread_key_create() else { return ENOSYS };
    if early::is_constructing() {
        // SAFETY: forwarded as it came, but for the destructor.
        let error = unsafe { create(key, None) };
        // SAFETY: the key was written to its place.
        if error != 0 || early::note_key(unsafe { key.read() }, destructor) {
            return error;
        }
        // SAFETY: the key was made above, and no other code has it.
        unsafe { key_delete(key.read()) };
    }
    escape(escaped::KEY, c"pthread_key_create", key_destructor(destructor));
    // SAFETY: forwarded as it came.
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
        // SAFETY: the host's service with the host's context.
        return unsafe { (services.key_delete)(services.library, key) };
    }
    match original::pthread_key_delete() {
        // SAFETY: forwarded as it came.
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
        // SAFETY: the host's service with the host's context.
        return unsafe { (services.key_set)(services.library, key, value) };
    }
    if !value.is_null() && early::is_to_be_destroyed(key) {
        early::destroy_values_when_this_thread_ends();
    }
    match original::pthread_setspecific() {
        // SAFETY: forwarded as it came.
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
        // SAFETY: the host's service with the host's context.
        return unsafe { (services.thread_create)(services.library, thread, attributes, start, argument) };
    }
    before_threads();
    escape(escaped::THREAD, c"pthread_create", start as *const c_void);
    match original::pthread_create() {
        // SAFETY: forwarded as it came.
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
        // SAFETY: boxed below, and run once.
        let Task { start, argument } = *unsafe { Box::from_raw(task.cast::<Task>()) };
        // SAFETY: called as `thrd_create` was asked to.
        let result = unsafe { start(argument) };
        // `thrd_join` takes the `int` out of the pointer.
        std::ptr::without_provenance_mut(result as usize)
    }

    let task = Box::into_raw(Box::new(Task { start, argument })).cast();
    // SAFETY: the two types differ in whether the function may unwind, which is the same to the caller in C.
    let run = unsafe {
        std::mem::transmute::<unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void, Start>(
            run as unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void,
        )
    };
    // SAFETY: glibc's `thrd_t` is its `pthread_t`; the rest is made here.
    let error = unsafe { thread_create(thread, std::ptr::null(), run, task) };
    if error != 0 {
        // SAFETY: no thread was started, so the task is still here.
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
    // SAFETY: the caller's promise; glibc's `tss_t` is its `pthread_key_t`.
    c11_result(unsafe { key_create(key, destructor) })
}

/// `tss_delete` of the library.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn c11_key_delete(key: u32) {
    // SAFETY: the caller's promise.
    unsafe { key_delete(key) };
}

/// `tss_set` of the library.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn c11_key_set(key: u32, value: *const c_void) -> c_int {
    // SAFETY: the caller's promise.
    c11_result(unsafe { key_set(key, value) })
}
