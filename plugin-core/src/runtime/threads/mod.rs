//! Everything of a plugin that the system may call later, put under its host's control.
//!
//! # The problem
//!
//! A library that was closed must not be called any more. Rust's std registers thread-local destructors and keys with the C
//! library, which calls them when a thread ends, or, to be safe, never unmaps the library. Threads run on. C code in the
//! plugin does the same by itself, and also leaves handlers and callbacks with the C library.
//!
//! # The idea
//!
//! This module defines, for this library only, the functions that do all of that. The symbols are *hidden*. The references
//! of all code that is linked into the same library bind to them, std's and C code's alike. No other library sees them.
//! There are two kinds:
//!
//! | file | the functions | when one is called |
//! | --- | --- | --- |
//! | `controlled.rs` | threads, keys, thread-local destructors | the host does it, knows of it, and undoes it before it closes the library |
//! | `noted.rs` | signal handlers, timers, functions for the program's exit, other callbacks, memory that the C library keeps | it is passed on and noted: the library stays mapped |
//! | `loader.rs` | `dlsym` and `dlvsym`, which would find the functions past these definitions, and `dlopen` | it gives the definitions; the host hears of the libraries |
//!
//! Before there is a host, a library notes keys and thread-local destructors, and hands them over when it is bound
//! (`early.rs`). Threads that are started then, and all that a program does which is linked with a plugin (a crate may be built
//! as both), are passed on to the C library and noted.
//!
//! Code in *other* libraries, which the plugin only depends on, is not seen here. The host looks which those are, and keeps
//! the plugin mapped if it cannot know what they do: see `dependencies.rs` in `plugin-host`.

mod controlled;
mod early;
mod loader;
mod noted;

use std::ffi::{CStr, c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::abi::table::{Escaped, Registered, escaped};

pub(crate) use early::report as report_early;
#[cfg(feature = "host")]
pub(crate) use loader::opening_controlled;
pub(crate) use loader::{find_next, next, report_found};
pub(crate) use noted::note_environment;

/// Defines the functions, in the crate that is built as the library: `#[plugin_export]` puts this beside each item.
///
/// An archive's definitions would be taken for the references of any program that is linked with it; a library's own
/// object files are in no program. The definitions are weak, and made once in each file, because each item brings them.
///
/// Each definition is a jump through [`FUNCTIONS`], so that this refers to one symbol however many there are. A function that
/// is only noted may have any arguments, also a variable number of them. So its definition saves the registers that arguments
/// are passed in, asks [`noted`](noted::noted) for the function's address, and goes there. `noted` sees the registers, in the
/// order of the arguments.
#[doc(hidden)]
#[macro_export]
macro_rules! __control_threads {
    () => {
        $crate::__share_environment!();
        #[cfg(target_arch = "x86_64")]
        $crate::__control_threads! {
            define: "mov r11, qword ptr [rip + {functions}@GOTPCREL]
                jmp qword ptr [r11 + 8 * \\index]",
            note: "mov r11d, \\index
                jmp .L__plugin_core_noted",
            noted: "push rbp
                mov rbp, rsp
                push rax
                push rax
                push r9
                push r8
                push rcx
                push rdx
                push rsi
                push rdi
                mov edi, r11d
                mov rsi, rsp
                mov r11, qword ptr [rip + {functions}@GOTPCREL]
                call qword ptr [r11]
                mov r11, rax
                pop rdi
                pop rsi
                pop rdx
                pop rcx
                pop r8
                pop r9
                pop rax
                pop rax
                pop rbp
                jmp r11"
        }
        #[cfg(target_arch = "aarch64")]
        $crate::__control_threads! {
            define: "adrp x16, :got:{functions}
                ldr x16, [x16, :got_lo12:{functions}]
                ldr x16, [x16, #8 * \\index]
                br x16",
            note: "mov w17, #\\index
                b .L__plugin_core_noted",
            noted: "stp x29, x30, [sp, #-96]!
                mov x29, sp
                stp x0, x1, [sp, #16]
                stp x2, x3, [sp, #32]
                stp x4, x5, [sp, #48]
                stp x6, x7, [sp, #64]
                str x8, [sp, #80]
                mov w0, w17
                add x1, sp, #16
                adrp x16, :got:{functions}
                ldr x16, [x16, :got_lo12:{functions}]
                ldr x16, [x16]
                blr x16
                mov x16, x0
                ldp x0, x1, [sp, #16]
                ldp x2, x3, [sp, #32]
                ldp x4, x5, [sp, #48]
                ldp x6, x7, [sp, #64]
                ldr x8, [sp, #80]
                ldp x29, x30, [sp], #96
                br x16"
        }
    };
    (define: $define:literal, note: $note:literal, noted: $noted:literal) => {
        $crate::__private::core::arch::global_asm!(
            ".ifndef __plugin_core_threads",
            ".pushsection .text.plugin_core_threads,\"ax\",@progbits",
            ".balign 16",
            "__plugin_core_threads:",
            ".macro __plugin_core_begin name",
            ".weak \\name",
            ".hidden \\name",
            ".type \\name, @function",
            "\\name:",
            ".endm",
            ".macro __plugin_core_define index, name",
            "__plugin_core_begin \\name",
            $define,
            ".endm",
            ".macro __plugin_core_note index, name",
            "__plugin_core_begin \\name",
            $note,
            ".endm",
            // The numbers are the places in `FUNCTIONS`.
            "__plugin_core_define 1, __cxa_thread_atexit_impl",
            "__plugin_core_define 2, pthread_key_create",
            "__plugin_core_define 2, __pthread_key_create",
            "__plugin_core_define 3, pthread_key_delete",
            "__plugin_core_define 4, pthread_setspecific",
            "__plugin_core_define 4, __pthread_setspecific",
            "__plugin_core_define 5, pthread_create",
            "__plugin_core_define 6, thrd_create",
            "__plugin_core_define 7, tss_create",
            "__plugin_core_define 8, tss_delete",
            "__plugin_core_define 9, tss_set",
            "__plugin_core_define 10, sigaction",
            "__plugin_core_define 10, __sigaction",
            "__plugin_core_define 11, signal",
            "__plugin_core_define 12, dlsym",
            "__plugin_core_define 13, dlopen",
            "__plugin_core_define 14, exit",
            "__plugin_core_define 15, dlvsym",
            "__plugin_core_define 16, abort",
            // The numbers are the places in `noted::NAMES`.
            "__plugin_core_note 0, sigset",
            "__plugin_core_note 1, bsd_signal",
            "__plugin_core_note 2, ssignal",
            "__plugin_core_note 3, sysv_signal",
            "__plugin_core_note 4, __sysv_signal",
            "__plugin_core_note 5, timer_create",
            "__plugin_core_note 6, mq_notify",
            "__plugin_core_note 7, getaddrinfo_a",
            "__plugin_core_note 8, aio_read",
            "__plugin_core_note 9, aio_read64",
            "__plugin_core_note 10, aio_write",
            "__plugin_core_note 11, aio_write64",
            "__plugin_core_note 12, aio_fsync",
            "__plugin_core_note 13, aio_fsync64",
            "__plugin_core_note 14, lio_listio",
            "__plugin_core_note 15, lio_listio64",
            "__plugin_core_note 16, on_exit",
            "__plugin_core_note 17, fopencookie",
            "__plugin_core_note 18, register_printf_function",
            "__plugin_core_note 19, register_printf_specifier",
            "__plugin_core_note 20, register_printf_type",
            "__plugin_core_note 21, clone",
            "__plugin_core_note 22, dlmopen",
            "__plugin_core_note 23, __clone",
            "__plugin_core_note 24, __cxa_atexit",
            "__plugin_core_note 25, __cxa_at_quick_exit",
            "__plugin_core_note 26, __register_atfork",
            "__plugin_core_note 27, mcheck",
            "__plugin_core_note 28, mcheck_pedantic",
            "__plugin_core_note 29, setbuf",
            "__plugin_core_note 30, setbuffer",
            "__plugin_core_note 31, setvbuf",
            "__plugin_core_note 32, open_memstream",
            "__plugin_core_note 33, open_wmemstream",
            "__plugin_core_note 34, fmemopen",
            "__plugin_core_note 35, openlog",
            "__plugin_core_note 36, initstate",
            "__plugin_core_note 37, setstate",
            "__plugin_core_note 38, sigaltstack",
            "__plugin_core_note 39, sigstack",
            "__plugin_core_note 40, hsearch",
            "__plugin_core_note 41, getopt",
            "__plugin_core_note 42, __posix_getopt",
            "__plugin_core_note 43, getopt_long",
            "__plugin_core_note 44, getopt_long_only",
            "__plugin_core_note 45, profil",
            "__plugin_core_note 46, sprofil",
            "__plugin_core_note 47, addseverity",
            "__plugin_core_note 48, pthread_mutexattr_setrobust",
            "__plugin_core_note 49, pthread_mutexattr_setrobust_np",
            ".L__plugin_core_noted:",
            $noted,
            ".purgem __plugin_core_begin",
            ".purgem __plugin_core_define",
            ".purgem __plugin_core_note",
            ".popsection",
            ".endif",
            functions = sym $crate::__private::threads::FUNCTIONS,
        );
    };
}

/// A function of any type.
#[repr(transparent)]
pub struct Function(*const ());

// SAFETY: the address of a function, which is only called.
unsafe impl Sync for Function {}

/// The functions that [`__control_threads`](crate::__control_threads) refers to, by their numbers there.
pub static FUNCTIONS: [Function; 17] = [
    Function(noted::noted as *const ()),
    Function(controlled::thread_atexit as *const ()),
    Function(controlled::key_create as *const ()),
    Function(controlled::key_delete as *const ()),
    Function(controlled::key_set as *const ()),
    Function(controlled::thread_create as *const ()),
    Function(controlled::c11_thread_create as *const ()),
    Function(controlled::c11_key_create as *const ()),
    Function(controlled::c11_key_delete as *const ()),
    Function(controlled::c11_key_set as *const ()),
    Function(noted::signal_action as *const ()),
    Function(noted::signal as *const ()),
    Function(loader::symbol as *const ()),
    Function(loader::open as *const ()),
    Function(super::process::exit as *const ()),
    Function(loader::symbol_of_version as *const ()),
    Function(super::process::abort as *const ()),
];

/// The kinds of registrations that the host did not make: bits of [`escaped`].
static KINDS: AtomicU32 = AtomicU32::new(0);

/// The signals for which handlers were registered: bit 0 is signal 1.
static SIGNALS: AtomicU64 = AtomicU64::new(0);

/// Whether a destructor of a thread-local came by here.
static REACHED: AtomicBool = AtomicBool::new(false);

/// Notes that the C library or the kernel may call or use something of this library, of which the host does not know. `by` is
/// the function of the C library that has registered it; `function` is the one that will be called, or null.
pub(crate) fn escape(kind: u32, by: &'static CStr, function: *const c_void) {
    KINDS.fetch_or(kind, Ordering::AcqRel);
    Details::add(kind, 0, by, function);
}

/// Notes a handler for a signal.
fn escape_signal(number: c_int, by: &'static CStr, function: *const c_void) {
    if let Some(bit) = u32::try_from(number - 1).ok().and_then(|place| 1_u64.checked_shl(place)) {
        SIGNALS.fetch_or(bit, Ordering::AcqRel);
    }
    KINDS.fetch_or(escaped::SIGNAL_HANDLER, Ordering::AcqRel);
    Details::add(escaped::SIGNAL_HANDLER, number, by, function);
}

/// One registration. Nothing allocates or locks here, because a signal handler may register something.
struct Details {
    /// The kind. 0 means that the rest is not written yet.
    kind: AtomicU32,
    signal: AtomicI32,
    by: AtomicPtr<std::ffi::c_char>,
    function: AtomicPtr<c_void>,
}

/// The first registrations. Of later ones, only the kinds are known.
static DETAILS: [Details; 64] = [const {
    Details {
        kind: AtomicU32::new(0),
        signal: AtomicI32::new(0),
        by: AtomicPtr::new(std::ptr::null_mut()),
        function: AtomicPtr::new(std::ptr::null_mut()),
    }
}; 64];

impl Details {
    fn add(kind: u32, signal: c_int, by: &'static CStr, function: *const c_void) {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let registered = Registered { kind, signal, by: by.as_ptr(), function };
        if DETAILS.iter().any(|details| details.read() == Some(registered)) {
            return;
        }
        let Ok(place) = COUNT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            Some(count + 1).filter(|&count| count <= DETAILS.len())
        }) else {
            return;
        };
        let details = &DETAILS[place];
        details.signal.store(signal, Ordering::Relaxed);
        details.by.store(by.as_ptr().cast_mut(), Ordering::Relaxed);
        details.function.store(function.cast_mut(), Ordering::Relaxed);
        details.kind.store(kind, Ordering::Release);
    }

    fn read(&self) -> Option<Registered> {
        let kind = self.kind.load(Ordering::Acquire);
        (kind != 0).then(|| Registered {
            kind,
            signal: self.signal.load(Ordering::Relaxed),
            by: self.by.load(Ordering::Relaxed),
            function: self.function.load(Ordering::Relaxed),
        })
    }
}

/// The first registrations, with more than the kind.
pub(crate) fn registrations() -> impl Iterator<Item = Registered> {
    DETAILS.iter().filter_map(Details::read)
}

struct Probe;

impl Drop for Probe {
    fn drop(&mut self) {}
}

thread_local! {
    static PROBE: Probe = const { Probe };
}

/// Makes std register a destructor, to see whether it does so here. A std in a library of its own does not.
pub(crate) fn probe() {
    PROBE.with(|_| ());
}

/// The number of plugins that this library has, as far as they may still call it.
#[cfg(feature = "host")]
static PLUGINS: AtomicUsize = AtomicUsize::new(0);

/// Notes that this library has one more plugin.
#[cfg(feature = "host")]
pub(crate) fn note_plugin() {
    PLUGINS.fetch_add(1, Ordering::AcqRel);
}

/// Notes that a plugin of this library's is unmapped.
#[cfg(feature = "host")]
pub(crate) fn forget_plugin() {
    PLUGINS.fetch_sub(1, Ordering::AcqRel);
}

/// The registrations so far that the host did not make.
pub(crate) fn all_escaped() -> Escaped {
    // A function of std's that no library but std's own has.
    let has_std = super::process::is_own((std::process::abort as *const ()).cast());
    let unreached = match (REACHED.load(Ordering::Acquire), has_std) {
        (true, _) => 0,
        (false, true) => escaped::UNCONTROLLED,
        (false, false) => escaped::STD_ELSEWHERE,
    };
    noted::note_variables();
    #[cfg(feature = "host")]
    let host = if PLUGINS.load(Ordering::Acquire) == 0 { 0 } else { escaped::HOST };
    #[cfg(not(feature = "host"))]
    let host = 0;
    Escaped { kinds: KINDS.load(Ordering::Acquire) | unreached | host, signals: SIGNALS.load(Ordering::Acquire) }
}

#[cfg(test)]
mod tests {
    use super::{FUNCTIONS, loader, noted};

    /// The assembly has the names and numbers once more, because each plugin compiles them.
    #[test]
    fn the_assembly_has_the_names_at_their_places() {
        let lines_of = |what: &str| {
            let begin = format!("\"__plugin_core_{what} ");
            let of = |line: &str| {
                let (number, name) = line.trim().strip_prefix(&begin)?.strip_suffix("\",")?.split_once(", ")?;
                Some((name.to_owned(), number.parse().unwrap()))
            };
            include_str!("mod.rs").lines().filter_map(of).collect::<Vec<(String, usize)>>()
        };
        let defined = loader::DEFINED.map(|(name, place)| (name.to_str().unwrap().to_owned(), place));
        assert_eq!(lines_of("define"), defined);
        assert!(defined.iter().all(|(_, place)| *place < FUNCTIONS.len()));
        let noted = noted::NAMES.iter().enumerate();
        let noted: Vec<_> = noted.map(|(place, (name, ..))| (name.to_str().unwrap().to_owned(), place)).collect();
        assert_eq!(lines_of("note"), noted);
    }
}
