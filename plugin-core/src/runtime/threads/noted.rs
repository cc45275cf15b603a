//! Functions and variables that leave a thing of the library with the C library or the kernel: a function that will be
//! called, or memory that will be used. Only the C library or the kernel knows the thing. The calls are passed on and
//! noted, and the library stays mapped.

use std::ffi::{CStr, c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use super::early;
use super::escapes::{escape, escape_signal};
use super::original::{self, find_first, find_next, find_once};
use crate::abi::escaped;
use crate::runtime::image::is_own;
use crate::runtime::services::services;

/// The condition on which a call leaves a thing behind. The numbers are those of arguments, from 0.
#[derive(Clone, Copy)]
pub(super) enum When {
    /// Each time.
    Always,
    /// If this argument is not null.
    Given(usize),
    /// Unless this argument is this library's handle for itself. With this handle, the C library forgets the thing when
    /// this library is closed.
    UnlessOwn(usize),
    /// If the first argument is a `stack_t` of a stack that is to be used.
    Stack,
}
use When::{Always, Given, Stack, UnlessOwn};

unsafe extern "C" {
    /// This library's handle for itself, which compilers pass with a function for the library's end.
    static __dso_handle: c_void;
}

impl When {
    /// # Safety
    ///
    /// `arguments` are those of a call of such a function: at least six words.
    unsafe fn is_now(self, arguments: *const *const c_void) -> bool {
        /// The beginning of `stack_t`.
        #[repr(C)]
        struct SignalStack {
            start: *const c_void,
            flags: c_int,
        }
        const SS_DISABLE: c_int = 2;

        // SAFETY: by `# Safety`, there are at least six words, and no place in `NAMES` is greater than 5.
        let argument = |place: usize| unsafe { arguments.add(place).read() };
        match self {
            Always => true,
            Given(place) => !argument(place).is_null(),
            // The loader could tell a library's address, too, but a thread that a constructor waits for must not ask it.
            UnlessOwn(place) => !std::ptr::eq(argument(place), (&raw const __dso_handle).cast()),
            // SAFETY: the caller of `sigaltstack` passes null or the address of a `stack_t`, which begins with these
            // fields.
            Stack => unsafe { argument(0).cast::<SignalStack>().as_ref() }.is_some_and(|s| s.flags & SS_DISABLE == 0),
        }
    }
}

/// The functions by their numbers in [`__control_threads`](crate::__control_threads), each with the kind of thing that
/// it leaves.
pub(super) const NAMES: [(&CStr, u32, When); 50] = [
    (c"sigset", escaped::SIGNAL_HANDLER, Always),
    (c"bsd_signal", escaped::SIGNAL_HANDLER, Always),
    (c"ssignal", escaped::SIGNAL_HANDLER, Always),
    (c"sysv_signal", escaped::SIGNAL_HANDLER, Always),
    (c"__sysv_signal", escaped::SIGNAL_HANDLER, Always),
    (c"timer_create", escaped::CALLBACK, Always),
    (c"mq_notify", escaped::CALLBACK, Always),
    (c"getaddrinfo_a", escaped::CALLBACK, Always),
    (c"aio_read", escaped::CALLBACK, Always),
    (c"aio_read64", escaped::CALLBACK, Always),
    (c"aio_write", escaped::CALLBACK, Always),
    (c"aio_write64", escaped::CALLBACK, Always),
    (c"aio_fsync", escaped::CALLBACK, Always),
    (c"aio_fsync64", escaped::CALLBACK, Always),
    (c"lio_listio", escaped::CALLBACK, Always),
    (c"lio_listio64", escaped::CALLBACK, Always),
    (c"on_exit", escaped::EXIT_FUNCTION, Always),
    (c"fopencookie", escaped::CALLBACK, Always),
    (c"register_printf_function", escaped::CALLBACK, Always),
    (c"register_printf_specifier", escaped::CALLBACK, Always),
    (c"register_printf_type", escaped::CALLBACK, Always),
    (c"clone", escaped::THREAD, Always),
    (c"dlmopen", escaped::LIBRARY, Always),
    (c"__clone", escaped::THREAD, Always),
    (c"__cxa_atexit", escaped::EXIT_FUNCTION, UnlessOwn(2)),
    (c"__cxa_at_quick_exit", escaped::EXIT_FUNCTION, UnlessOwn(1)),
    (c"__register_atfork", escaped::CALLBACK, UnlessOwn(3)),
    (c"mcheck", escaped::CALLBACK, Given(0)),
    (c"mcheck_pedantic", escaped::CALLBACK, Given(0)),
    (c"setbuf", escaped::MEMORY, Given(1)),
    (c"setbuffer", escaped::MEMORY, Given(1)),
    (c"setvbuf", escaped::MEMORY, Given(1)),
    (c"open_memstream", escaped::MEMORY, Always),
    (c"open_wmemstream", escaped::MEMORY, Always),
    (c"fmemopen", escaped::MEMORY, Given(0)),
    (c"openlog", escaped::MEMORY, Given(0)),
    (c"initstate", escaped::MEMORY, Always),
    (c"setstate", escaped::MEMORY, Always),
    (c"sigaltstack", escaped::MEMORY, Stack),
    (c"sigstack", escaped::MEMORY, Given(0)),
    (c"hsearch", escaped::MEMORY, Given(2)),
    (c"getopt", escaped::MEMORY, Always),
    (c"__posix_getopt", escaped::MEMORY, Always),
    (c"getopt_long", escaped::MEMORY, Always),
    (c"getopt_long_only", escaped::MEMORY, Always),
    (c"profil", escaped::MEMORY, Given(0)),
    (c"sprofil", escaped::MEMORY, Always),
    (c"addseverity", escaped::MEMORY, Given(1)),
    (c"pthread_mutexattr_setrobust", escaped::MEMORY, Given(1)),
    (c"pthread_mutexattr_setrobust_np", escaped::MEMORY, Given(1)),
];

/// Returns the function that will be called. Returns null if the C library gets it in a structure, or gets memory
/// instead.
///
/// # Safety
///
/// These are the arguments of a call of the function of that name: at least six words.
unsafe fn callback(name: &CStr, arguments: *const *const c_void) -> *const c_void {
    let places = match name.to_bytes() {
        b"sigset" | b"bsd_signal" | b"ssignal" | b"sysv_signal" | b"__sysv_signal" => 1..2,
        b"register_printf_function" | b"register_printf_specifier" => 1..2,
        b"on_exit" | b"__cxa_atexit" | b"__cxa_at_quick_exit" | b"register_printf_type" => 0..1,
        b"clone" | b"__clone" | b"mcheck" | b"mcheck_pedantic" => 0..1,
        // Before a fork, after it in the parent, and in the child.
        b"__register_atfork" => 0..3,
        _ => 0..0,
    };
    // SAFETY: by `# Safety`, there are at least six words, and no place above is greater than 2.
    let mut given = places.map(|place| unsafe { arguments.add(place).read() });
    given.find(|argument| !argument.is_null()).unwrap_or(std::ptr::null())
}

/// Variables of the C library that may be set to a function or to memory of this library.
const VARIABLES: [(&CStr, u32); 15] = [
    (c"error_print_progname", escaped::CALLBACK),
    (c"obstack_alloc_failed_handler", escaped::CALLBACK),
    (c"argp_program_version_hook", escaped::CALLBACK),
    (c"__malloc_hook", escaped::CALLBACK),
    (c"__realloc_hook", escaped::CALLBACK),
    (c"__memalign_hook", escaped::CALLBACK),
    (c"__free_hook", escaped::CALLBACK),
    (c"__malloc_initialize_hook", escaped::CALLBACK),
    (c"__after_morecore_hook", escaped::CALLBACK),
    (c"__morecore", escaped::CALLBACK),
    (c"argp_program_version", escaped::MEMORY),
    (c"argp_program_bug_address", escaped::MEMORY),
    (c"program_invocation_name", escaped::MEMORY),
    (c"program_invocation_short_name", escaped::MEMORY),
    (c"environ", escaped::MEMORY),
];

/// Notes those variables that lead to this library now.
pub(super) fn note_variables() {
    for (name, kind) in VARIABLES {
        let variable = find_first(name).cast::<*const c_void>();
        if variable.is_null() {
            continue;
        }
        // SAFETY: the C library has a variable of this name, which is a pointer and exists as long as the process.
        let value = unsafe { variable.read_volatile() };
        if is_own(value) {
            escape(kind, name, if kind == escaped::CALLBACK { value } else { std::ptr::null() });
        }
    }
}

/// Notes that an entry of the environment is memory that the library has given: `putenv` does not copy it.
pub(crate) fn note_environment() {
    escape(escaped::MEMORY, c"putenv", std::ptr::null());
}

/// The functions of [`NAMES`], once they are found.
static KNOWN: [AtomicPtr<c_void>; NAMES.len()] = [const { AtomicPtr::new(std::ptr::null_mut()) }; NAMES.len()];

/// Prepares for a thread that is about to begin before the library has a host. A constructor may wait for that thread,
/// and the loader's lock is held meanwhile, so the thread must not need the lock. All that the thread could ask the loader
/// for is found now.
pub(super) fn before_threads() {
    static IS_READY: AtomicBool = AtomicBool::new(false);
    if services().is_some() || IS_READY.load(Ordering::Acquire) {
        return;
    }
    original::find_all();
    for ((name, ..), known) in NAMES.iter().zip(&KNOWN) {
        find_once(known, || find_next(name));
    }
    early::note_constructing_thread();
    IS_READY.store(true, Ordering::Release);
}

/// Notes that the function with this number is called with these arguments, and returns its address.
pub(super) unsafe extern "C" fn noted(number: u32, arguments: *const *const c_void) -> *mut c_void {
    unsafe extern "C" fn unavailable() -> c_int {
        -1
    }

    let number = number as usize;
    let (name, kind, when) = NAMES[number];
    // Only these start threads.
    if matches!(kind, escaped::CALLBACK | escaped::THREAD) {
        before_threads();
    }
    // SAFETY: the assembly in `definitions.rs` has saved the registers of arguments at this address, at least six
    // words, for a call of the function with this name.
    let (is_now, function, first) = unsafe { (when.is_now(arguments), callback(name, arguments), arguments.read()) };
    if is_now {
        if kind == escaped::SIGNAL_HANDLER {
            // The first argument of all of these is the signal's number.
            escape_signal(first.addr() as c_int, name, function);
        } else {
            escape(kind, name, function);
        }
    }
    let function = find_once(&KNOWN[number], || find_next(name));
    if function.is_null() { unavailable as *mut c_void } else { function }
}

/// Returns true if a signal's action calls no function: the default action, or none.
fn is_no_handler(handler: *const c_void) -> bool {
    const SIG_DFL: usize = 0;
    const SIG_IGN: usize = 1;
    const SIG_ERR: usize = usize::MAX;
    matches!(handler.addr(), SIG_DFL | SIG_IGN | SIG_ERR)
}

/// `sigaction` of the library.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn signal_action(number: c_int, action: *const c_void, previous: *mut c_void) -> c_int {
    if !action.is_null() {
        // SAFETY: `action` is not null. So it is the address of a `sigaction`, as the C library's function asks for,
        // and on Linux this begins with its handler.
        let handler = unsafe { action.cast::<*const c_void>().read() };
        if !is_no_handler(handler) {
            escape_signal(number, c"sigaction", handler);
        }
    }
    match original::sigaction() {
        // SAFETY: the conditions of the C library's `sigaction` are those of this function (`# Safety`), and it gets
        // the same arguments.
        Some(function) => unsafe { function(number, action, previous) },
        None => -1,
    }
}

/// `signal` of the library.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn signal(number: c_int, handler: *const c_void) -> *const c_void {
    if !is_no_handler(handler) {
        escape_signal(number, c"signal", handler);
    }
    match original::signal() {
        // SAFETY: the conditions of the C library's `signal` are those of this function (`# Safety`), and it gets the
        // same arguments.
        Some(function) => unsafe { function(number, handler) },
        None => std::ptr::null(),
    }
}
