//! The definitions that bind the references of the plugin's code, and `dlsym`, which gives the same definitions.

use std::ffi::{CStr, c_char, c_void};

use super::escapes::escape;
use super::loader::{self, is_controlled, tell_found};
use super::original::{find_next, loaders_dlsym, loaders_dlvsym};
use super::{controlled, noted};
use crate::abi::escaped;
use crate::runtime::image::{image_of, is_own};
use crate::runtime::process;

/// Defines the functions, in the crate that is built as the library. `#[plugin_export]` puts this macro beside the crate's
/// first item. An item with `cfg` may be left out, so it brings the macro, too, and the next item still does.
///
/// The definitions must not be in an archive, because a program that is linked with the archive would use them, too. A
/// library's own object files are never linked into a program. The definitions are weak, and each file makes them once,
/// because several items may bring them.
///
/// Each definition is a jump through [`FUNCTIONS`], so the assembly refers to one symbol only. A function that is only
/// noted may have any arguments, also a variable number of them. Its definition saves the registers of arguments, asks
/// [`noted`](noted::noted) for the function's address, and jumps there. `noted` sees the registers in the order of the
/// arguments.
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
            "__plugin_core_define 17, __cxa_thread_atexit",
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

/// The address of a function of any type.
#[repr(transparent)]
pub struct Function(*const ());

// SAFETY: the address is that of a function, which any thread may read.
unsafe impl Sync for Function {}

/// The functions that [`__control_threads`](crate::__control_threads) refers to, by their numbers there.
pub static FUNCTIONS: [Function; 18] = [
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
    Function(symbol as *const ()),
    Function(loader::open as *const ()),
    Function(process::exit as *const ()),
    Function(symbol_of_version as *const ()),
    Function(process::abort as *const ()),
    Function(controlled::cxx_thread_atexit as *const ()),
];

/// The names of the functions that the assembly defines, with their places in [`FUNCTIONS`].
const DEFINED: [(&CStr, usize); 20] = [
    (c"__cxa_thread_atexit_impl", 1),
    (c"__cxa_thread_atexit", 17),
    (c"pthread_key_create", 2),
    (c"__pthread_key_create", 2),
    (c"pthread_key_delete", 3),
    (c"pthread_setspecific", 4),
    (c"__pthread_setspecific", 4),
    (c"pthread_create", 5),
    (c"thrd_create", 6),
    (c"tss_create", 7),
    (c"tss_delete", 8),
    (c"tss_set", 9),
    (c"sigaction", 10),
    (c"__sigaction", 10),
    (c"signal", 11),
    (c"dlsym", 12),
    (c"dlopen", 13),
    (c"exit", 14),
    (c"dlvsym", 15),
    (c"abort", 16),
];

/// `dlsym` of the library. For a function that this module defines, it returns the definition. Otherwise the plugin
/// could start a thread without the host.
///
/// # Safety
///
/// As for the loader's function of that name.
unsafe extern "C" fn symbol(handle: *mut c_void, name: *const c_char) -> *mut c_void {
    let Some(find) = loaders_dlsym() else { return std::ptr::null_mut() };
    // SAFETY: the conditions of the loader's `dlsym` are those of this function (`# Safety`), and it gets the same
    // arguments. The loader takes this library for the caller, because this function is in it.
    let symbol = unsafe { find(handle, name) };
    // SAFETY: `find` has returned the symbol for this name, or null. The name ends with NUL (`# Safety`).
    unsafe { found(symbol, name) }
}

/// `dlvsym` of the library. It does the same as [`symbol`].
///
/// # Safety
///
/// As for the loader's function of that name.
unsafe extern "C" fn symbol_of_version(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
) -> *mut c_void {
    // SAFETY: the conditions of the loader's `dlvsym` are those of this function (`# Safety`), and it gets the same
    // arguments. The loader takes this library for the caller, because this function is in it.
    let symbol = unsafe { loaders_dlvsym(handle, name, version) };
    // SAFETY: the loader has returned the symbol for this name, or null. The name ends with NUL (`# Safety`).
    unsafe { found(symbol, name) }
}

/// Returns the definition of this module in the place of the C library's `symbol`, or `symbol` itself.
///
/// # Safety
///
/// The symbol is null, or the loader has found it by this name, which ends with NUL.
unsafe fn found(symbol: *mut c_void, name: *const c_char) -> *mut c_void {
    if symbol.is_null() {
        return symbol;
    }
    // SAFETY: the name ends with NUL (`# Safety`).
    let name = unsafe { CStr::from_ptr(name) };
    // Another library may have a different function with such a name. The C library may have one for each version.
    let is_of_libc = || image_of(find_next(name)) == image_of(symbol);
    if let Some((_, place)) = DEFINED.iter().find(|(defined, _)| *defined == name).filter(|_| is_of_libc()) {
        return FUNCTIONS[*place].0.cast_mut().cast();
    }
    if let Some((noted, kind, _)) = noted::NAMES.iter().find(|(noted, ..)| *noted == name).filter(|_| is_of_libc()) {
        // A function that the plugin looks up will be called.
        escape(*kind, noted, std::ptr::null());
    }
    // A host's `putenv` keeps an entry as the C library's does.
    if name == c"putenv" {
        escape(escaped::MEMORY, c"putenv", std::ptr::null());
    }
    if !is_own(symbol) && !is_controlled() {
        tell_found(symbol);
    }
    symbol
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The assembly repeats the names and numbers, because each plugin compiles the assembly.
    #[test]
    fn the_assembly_has_the_names_at_their_places() {
        let lines_of = |what: &str| {
            let begin = format!("\"__plugin_core_{what} ");
            let of = |line: &str| {
                let (number, name) = line.trim().strip_prefix(&begin)?.strip_suffix("\",")?.split_once(", ")?;
                Some((name.to_owned(), number.parse().unwrap()))
            };
            include_str!("definitions.rs").lines().filter_map(of).collect::<Vec<(String, usize)>>()
        };
        let defined = DEFINED.map(|(name, place)| (name.to_str().unwrap().to_owned(), place));
        assert_eq!(lines_of("define"), defined);
        assert!(defined.iter().all(|(_, place)| *place < FUNCTIONS.len()));
        let noted = noted::NAMES.iter().enumerate();
        let noted: Vec<_> = noted.map(|(place, (name, ..))| (name.to_str().unwrap().to_owned(), place)).collect();
        assert_eq!(lines_of("note"), noted);
    }
}
