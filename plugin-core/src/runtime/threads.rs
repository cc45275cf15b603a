//! Threads, thread-specific keys and thread-local destructors of a plugin, put under its host's control.
//!
//! A library that was closed must not be called any more. Rust's std registers thread-local destructors and keys with
//! the C library, which calls them when a thread ends, or, to be safe, never unmaps the library; and threads run on.
//! So this module defines, for this library only, the functions by which std does so. The symbols are *hidden*: the
//! references of the std inside the same library bind to them, and nobody else sees them. They ask the host. Before there
//! is one, and in a program that is linked with a plugin (a crate may be built as both), they pass on to whatever is next.

use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use super::services;

/// Defines the functions, in the crate that is built as the library: `#[plugin_export]` puts this beside each item.
///
/// An archive's definitions would be taken for the references of any program that is linked with it; a library's own
/// object files are in no program. The definitions are weak, and made once in each file, because each item brings them.
#[doc(hidden)]
#[macro_export]
macro_rules! __control_threads {
    () => {
        #[cfg(target_arch = "x86_64")]
        $crate::__control_threads!("jmp");
        #[cfg(target_arch = "aarch64")]
        $crate::__control_threads!("b");
    };
    ($jump:literal) => {
        $crate::__control_threads!($jump,
            "__cxa_thread_atexit_impl" thread_atexit,
            "pthread_key_create" key_create,
            "pthread_key_delete" key_delete,
            "pthread_setspecific" key_set,
            "pthread_create" thread_create,
            "sigaction" signal_action,
            "signal" signal
        );
    };
    ($jump:literal, $($symbol:literal $function:ident),*) => {
        ::core::arch::global_asm!(
            ".ifndef __plugin_core_threads",
            ".pushsection .text.plugin_core_threads,\"ax\",@progbits",
            ".balign 16",
            "__plugin_core_threads:",
            $(
                ::core::concat!(".weak ", $symbol),
                ::core::concat!(".hidden ", $symbol),
                ::core::concat!(".type ", $symbol, ",@function"),
                ::core::concat!($symbol, ":"),
                ::core::concat!($jump, " {", ::core::stringify!($function), "}"),
                ::core::concat!(".size ", $symbol, ", .-", $symbol),
            )*
            ".popsection",
            ".endif",
            $($function = sym $crate::__private::threads::$function,)*
        );
    };
}

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
}

/// Whether something was registered with the system past the host: before there was one, or as only the system can have.
static ESCAPED: AtomicBool = AtomicBool::new(false);

/// Whether a destructor of a thread-local came by here.
static REACHED: AtomicBool = AtomicBool::new(false);

struct Probe;

impl Drop for Probe {
    fn drop(&mut self) {}
}

thread_local! {
    static PROBE: Probe = const { Probe };
}

/// Whether the host knows of every thread, key and destructor of this library, as far as it has come.
pub(crate) fn controlled() -> bool {
    !ESCAPED.load(Ordering::Acquire) && REACHED.load(Ordering::Acquire)
}

/// Something may call this library of which the host does not know.
#[cfg(feature = "host")]
pub(crate) fn escape() {
    ESCAPED.store(true, Ordering::Release);
}

/// Makes std register a destructor, to see whether it does so here. A std in a library of its own does not.
pub(crate) fn probe() {
    PROBE.with(|_| ());
}

/// The function that `$name` would be without this module, of the type given: a sanitizer's, which is linked into the
/// program and has a second name for it, or the C library's.
macro_rules! next {
    ($name:literal, $ty:ty) => {{
        static KNOWN: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
        const DEFAULT: *mut c_void = std::ptr::null_mut();
        const NEXT: *mut c_void = -1_isize as *mut c_void;
        let mut function = KNOWN.load(Ordering::Relaxed);
        if function.is_null() {
            let intercepted = concat!("__interceptor_", $name, "\0");
            // SAFETY: `RTLD_DEFAULT`, and a name that ends with NUL.
            function = unsafe { dlsym(DEFAULT, intercepted.as_ptr().cast()) };
        }
        if function.is_null() {
            // SAFETY: `RTLD_NEXT`, and a name that ends with NUL.
            function = unsafe { dlsym(NEXT, concat!($name, "\0").as_ptr().cast()) };
        }
        KNOWN.store(function, Ordering::Relaxed);
        // SAFETY: the function of that name has that type; null is `None`.
        unsafe { std::mem::transmute::<*mut c_void, Option<$ty>>(function) }
    }};
}

const ENOSYS: c_int = 38;

type Destructor = unsafe extern "C" fn(*mut c_void);
type Start = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

/// What `__cxa_thread_atexit_impl` is in the library.
///
/// # Safety
///
/// As for the C library's function of that name.
pub unsafe extern "C" fn thread_atexit(destructor: Destructor, object: *mut c_void, library: *mut c_void) -> c_int {
    REACHED.store(true, Ordering::Release);
    if let Some(services) = services() {
        // SAFETY: the host's service with the host's context.
        return unsafe { (services.thread_atexit)(services.library, destructor, object) };
    }
    ESCAPED.store(true, Ordering::Release);
    match next!("__cxa_thread_atexit_impl", unsafe extern "C" fn(Destructor, *mut c_void, *mut c_void) -> c_int) {
        // SAFETY: forwarded as it came.
        Some(function) => unsafe { function(destructor, object, library) },
        None => ENOSYS,
    }
}

/// What `pthread_key_create` is in the library.
///
/// # Safety
///
/// As for the C library's function of that name.
pub unsafe extern "C" fn key_create(key: *mut u32, destructor: Option<Destructor>) -> c_int {
    if let Some(services) = services() {
        // SAFETY: the host's service with the host's context.
        return unsafe { (services.key_create)(services.library, key, destructor) };
    }
    ESCAPED.store(true, Ordering::Release);
    match next!("pthread_key_create", unsafe extern "C" fn(*mut u32, Option<Destructor>) -> c_int) {
        // SAFETY: forwarded as it came.
        Some(function) => unsafe { function(key, destructor) },
        None => ENOSYS,
    }
}

/// What `pthread_key_delete` is in the library.
///
/// # Safety
///
/// As for the C library's function of that name.
pub unsafe extern "C" fn key_delete(key: u32) -> c_int {
    if let Some(services) = services() {
        // SAFETY: the host's service with the host's context.
        return unsafe { (services.key_delete)(services.library, key) };
    }
    match next!("pthread_key_delete", unsafe extern "C" fn(u32) -> c_int) {
        // SAFETY: forwarded as it came.
        Some(function) => unsafe { function(key) },
        None => ENOSYS,
    }
}

/// What `pthread_setspecific` is in the library.
///
/// # Safety
///
/// As for the C library's function of that name.
pub unsafe extern "C" fn key_set(key: u32, value: *const c_void) -> c_int {
    if let Some(services) = services() {
        // SAFETY: the host's service with the host's context.
        return unsafe { (services.key_set)(services.library, key, value) };
    }
    match next!("pthread_setspecific", unsafe extern "C" fn(u32, *const c_void) -> c_int) {
        // SAFETY: forwarded as it came.
        Some(function) => unsafe { function(key, value) },
        None => ENOSYS,
    }
}

/// What `pthread_create` is in the library.
///
/// # Safety
///
/// As for the C library's function of that name.
pub unsafe extern "C" fn thread_create(
    thread: *mut c_void,
    attributes: *const c_void,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    if let Some(services) = services() {
        // SAFETY: the host's service with the host's context.
        return unsafe { (services.thread_create)(services.library, thread, attributes, start, argument) };
    }
    ESCAPED.store(true, Ordering::Release);
    match next!("pthread_create", unsafe extern "C" fn(*mut c_void, *const c_void, Start, *mut c_void) -> c_int) {
        // SAFETY: forwarded as it came.
        Some(function) => unsafe { function(thread, attributes, start, argument) },
        None => ENOSYS,
    }
}

/// What `sigaction` is in the library. A handler in the library must not outlive it, so the library stays.
///
/// # Safety
///
/// As for the C library's function of that name.
pub unsafe extern "C" fn signal_action(number: c_int, action: *const c_void, previous: *mut c_void) -> c_int {
    if !action.is_null() {
        ESCAPED.store(true, Ordering::Release);
    }
    match next!("sigaction", unsafe extern "C" fn(c_int, *const c_void, *mut c_void) -> c_int) {
        // SAFETY: forwarded as it came.
        Some(function) => unsafe { function(number, action, previous) },
        None => -1,
    }
}

/// What `signal` is in the library: see [`signal_action`].
///
/// # Safety
///
/// As for the C library's function of that name.
pub unsafe extern "C" fn signal(number: c_int, handler: *const c_void) -> *const c_void {
    ESCAPED.store(true, Ordering::Release);
    match next!("signal", unsafe extern "C" fn(c_int, *const c_void) -> *const c_void) {
        // SAFETY: forwarded as it came.
        Some(function) => unsafe { function(number, handler) },
        None => std::ptr::null(),
    }
}
