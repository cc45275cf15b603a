//! State of the process that each std treats as its own: the environment, and the end of the process.
//!
//! A std guards such state with its own lock, and a plugin has its own std. So this module defines the functions that a
//! library's std calls to change the environment and to end the process. A plugin's functions ask the host. A host's
//! functions change the environment without harm to its readers: see `environment.rs`. Before a plugin has a host, and
//! in a program that is linked with a plugin, they pass on to the next definition.

#[cfg(feature = "host")]
use std::ffi::c_void;
use std::ffi::{CStr, c_char, c_int};

#[cfg(feature = "host")]
use super::image::is_own;
use super::panic_hook::before_abort;
use super::services::services;
#[cfg(feature = "host")]
use super::threads::original::{Source, find_first};
use super::threads::{note_environment, original};
use crate::abi::Environment;

/// Defines the functions that change the environment: in a plugin's own object files, where `__control_threads` puts
/// it, and in a host's. Each definition is a jump through [`ENVIRONMENT`].
///
/// The definitions are weak, because there may be several. They are not hidden, because a program exports them then, as
/// it does every function that the C library has as well: each library of the process finds them before the C
/// library's. A `cdylib` exports nothing that is not Rust's, so only its own references find them.
#[doc(hidden)]
#[macro_export]
macro_rules! __share_environment {
    ($($label:literal)?) => {
        #[cfg(target_arch = "x86_64")]
        $crate::__share_environment! {
            @ "mov r11, qword ptr [rip + {functions}@GOTPCREL]
                jmp qword ptr [r11 + 8 * \\index]", $($label)?
        }
        #[cfg(target_arch = "aarch64")]
        $crate::__share_environment! {
            @ "adrp x16, :got:{functions}
                ldr x16, [x16, :got_lo12:{functions}]
                ldr x16, [x16, #8 * \\index]
                br x16", $($label)?
        }
    };
    (@ $define:literal, $($label:literal)?) => {
        $crate::__private::core::arch::global_asm!(
            ".ifndef __plugin_core_environment",
            ".pushsection .text.plugin_core_environment,\"ax\",@progbits",
            ".balign 16",
            "__plugin_core_environment:",
            $(
                $crate::__private::core::concat!(".weak ", $label),
                $crate::__private::core::concat!(".hidden ", $label),
                $crate::__private::core::concat!($label, ":"),
            )?
            ".macro __plugin_core_share index, name",
            ".weak \\name",
            ".type \\name, @function",
            "\\name:",
            $define,
            ".size \\name, .-\\name",
            ".endm",
            // The numbers are the places in `ENVIRONMENT`.
            "__plugin_core_share 1, setenv",
            "__plugin_core_share 2, unsetenv",
            "__plugin_core_share 3, putenv",
            "__plugin_core_share 4, clearenv",
            ".purgem __plugin_core_share",
            ".popsection",
            ".endif",
            functions = sym $crate::__private::threads::ENVIRONMENT,
        );
    };
}

#[cfg(feature = "host")]
crate::__share_environment!("__plugin_core_host_environment");

/// The functions that [`__share_environment`](crate::__share_environment) refers to, and that a host passes to its
/// plugins.
pub static ENVIRONMENT: Environment =
    Environment { size: size_of::<Environment>(), setenv, unsetenv, putenv, clearenv };

/// Returns the functions for a host's plugins. It also makes the linker take the definitions above into the program.
/// Otherwise the linker would leave them in their archive.
#[cfg(feature = "host")]
pub(crate) fn of_host() -> *const Environment {
    unsafe extern "C" {
        #[link_name = "__plugin_core_host_environment"]
        static DEFINITIONS: c_void;
    }
    std::hint::black_box(&raw const DEFINITIONS);
    &raw const ENVIRONMENT
}

/// Returns true if the libraries of this process, if they were not built with this crate either, find this program's
/// definitions.
#[cfg(feature = "host")]
pub(crate) fn is_everywhere() -> bool {
    of_host();
    is_own(find_first(c"setenv"))
}

/// Passes a call on: to the host of this library, to this library's own implementation, or to another's.
macro_rules! pass_on {
    ($function:ident($($argument:ident: $ty:ty),*)) => {{
        let environment = services().map_or(std::ptr::null(), |services| services.environment);
        // SAFETY: the pointer is null or leads to the host's functions, which stay valid as long as this library is
        // mapped (`PluginTable::bind`).
        if let Some(environment) = unsafe { environment.as_ref() } {
            // SAFETY: the host's function has the contract of the C library's of the same name (`Environment`), which
            // the caller of the function around this keeps. It gets the same arguments.
            return unsafe { (environment.$function)($($argument),*) };
        }
        #[cfg(feature = "host")]
        if let Source::Own = original::environment_source() {
            // SAFETY: the function has the contract of the C library's of the same name, which the caller of the
            // function around this keeps. It gets the same arguments.
            return unsafe { super::environment::$function($($argument),*) };
        }
        match original::$function() {
            // SAFETY: the function has the contract of the C library's of the same name, which the caller of the
            // function around this keeps. It gets the same arguments.
            Some(function) => unsafe { function($($argument),*) },
            None => -1,
        }
    }};
}

/// `setenv`, as a library has it.
///
/// # Safety
///
/// As for the C library's function of that name.
unsafe extern "C" fn setenv(name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int {
    pass_on!(setenv(name: *const c_char, value: *const c_char, overwrite: c_int))
}

/// `unsetenv`, as a library has it.
///
/// # Safety
///
/// As for the C library's function of that name.
unsafe extern "C" fn unsetenv(name: *const c_char) -> c_int {
    pass_on!(unsetenv(name: *const c_char))
}

/// `putenv`, as a library has it.
///
/// # Safety
///
/// As for the C library's function of that name.
unsafe extern "C" fn putenv(entry: *mut c_char) -> c_int {
    // SAFETY: `entry` is not null. So it is a string that lives during this call, as the C library's `putenv` asks its
    // caller for.
    if !entry.is_null() && unsafe { CStr::from_ptr(entry) }.to_bytes().contains(&b'=') {
        note_environment();
    }
    pass_on!(putenv(entry: *mut c_char))
}

/// `clearenv`, as a library has it.
///
/// # Safety
///
/// As for the C library's function of that name.
unsafe extern "C" fn clearenv() -> c_int {
    pass_on!(clearenv())
}

/// `exit`, as a library has it. Two threads must not be in the C library's `exit` at once. Each std has a guard against
/// that, so the host's std has to know of a plugin's call.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn exit(status: c_int) -> ! {
    if let Some(services) = services() {
        // SAFETY: the service has the contract of the C library's `exit` (`HostServices`), which takes any number and
        // does not return.
        unsafe { (services.exit)(status) };
    }
    match original::exit() {
        // SAFETY: the C library's `exit` takes any number and does not return.
        Some(function) => unsafe { function(status) },
        None => std::process::abort(),
    }
}

/// `abort`, as a library has it: first it prints the panics of this thread that have not been reported.
///
/// # Safety
///
/// As for the C library's function of that name.
pub(super) unsafe extern "C" fn abort() -> ! {
    before_abort();
    match original::abort() {
        // SAFETY: the C library's `abort` may be called at any time, and does not return.
        Some(function) => unsafe { function() },
        // SAFETY: `_exit` takes any number and does not return.
        None => unsafe { _exit(134) },
    }
}

unsafe extern "C" {
    fn _exit(status: c_int) -> !;
}
