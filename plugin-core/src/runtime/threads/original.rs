//! The functions that this library would find without its own definitions.

use std::ffi::{CStr, c_char, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

/// Stands for all libraries, in the order of the loader's search for symbols.
const RTLD_DEFAULT: *mut c_void = std::ptr::null_mut();
/// Stands for the libraries after the caller's own.
const RTLD_NEXT: *mut c_void = -1_isize as *mut c_void;

/// Defines a function that calls the loader's own `dlvsym`. This library defines another function of that name. The
/// reference has a version, that of the first glibc for the processor, and no definition here has one. The function is
/// a jump, so that the loader takes this library for the caller.
macro_rules! loaders_dlvsym {
    ($version:literal, $jump:literal) => {
        std::arch::global_asm!(
            ".pushsection .text.plugin_core_loaders_dlvsym,\"ax\",@progbits",
            ".balign 16",
            ".weak __plugin_core_loaders_dlvsym",
            ".hidden __plugin_core_loaders_dlvsym",
            ".type __plugin_core_loaders_dlvsym, @function",
            concat!(".symver __plugin_core_versioned_dlvsym, dlvsym@", $version),
            "__plugin_core_loaders_dlvsym:",
            $jump,
            ".popsection",
        );
    };
}
#[cfg(target_arch = "x86_64")]
loaders_dlvsym!("GLIBC_2.2.5", "jmp qword ptr [rip + __plugin_core_versioned_dlvsym@GOTPCREL]");
#[cfg(target_arch = "aarch64")]
loaders_dlvsym!(
    "GLIBC_2.17",
    "adrp x16, :got:__plugin_core_versioned_dlvsym
    ldr x16, [x16, :got_lo12:__plugin_core_versioned_dlvsym]
    br x16"
);

unsafe extern "C" {
    /// The loader's own `dlvsym`: `dlsym` of a version.
    #[link_name = "__plugin_core_loaders_dlvsym"]
    pub(super) fn loaders_dlvsym(handle: *mut c_void, symbol: *const c_char, version: *const c_char) -> *mut c_void;
}

pub(super) type Find = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;

/// Returns the loader's own `dlsym`. It has the version of the first glibc for the processor, or that of the glibc
/// which took `dlsym` over from another library.
pub(super) fn loaders_dlsym() -> Option<Find> {
    static KNOWN: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    let mut function = KNOWN.load(Ordering::Relaxed);
    for version in [c"GLIBC_2.34", c"GLIBC_2.2.5", c"GLIBC_2.17"] {
        if function.is_null() {
            // SAFETY: `dlvsym` takes `RTLD_NEXT` and two names that end with NUL, as a `CStr` does.
            function = unsafe { loaders_dlvsym(RTLD_NEXT, c"dlsym".as_ptr(), version.as_ptr()) };
        }
    }
    KNOWN.store(function, Ordering::Relaxed);
    // SAFETY: the function of that name has the type `Find`. Null is `None`.
    unsafe { std::mem::transmute::<*mut c_void, Option<Find>>(function) }
}

/// Returns the function of that name that the library would find without this crate's definitions: that of a sanitizer,
/// which is linked into the program and has a second name for it, or that of the C library.
pub(crate) fn find_next(name: &CStr) -> *mut c_void {
    const PREFIX: &[u8] = b"__interceptor_";
    let Some(find) = loaders_dlsym() else { return std::ptr::null_mut() };
    let mut intercepted = [0_u8; 64];
    let name_with_nul = name.to_bytes_with_nul();
    if let Some(rest) = intercepted[PREFIX.len()..].get_mut(..name_with_nul.len()) {
        rest.copy_from_slice(name_with_nul);
        intercepted[..PREFIX.len()].copy_from_slice(PREFIX);
        // SAFETY: `dlsym` takes `RTLD_DEFAULT` and a name that ends with NUL: `name_with_nul` does, and fits behind the
        // prefix.
        let function = unsafe { find(RTLD_DEFAULT, intercepted.as_ptr().cast()) };
        if !function.is_null() {
            return function;
        }
    }
    // SAFETY: `dlsym` takes `RTLD_NEXT` and a name that ends with NUL, as a `CStr` does.
    unsafe { find(RTLD_NEXT, name.as_ptr()) }
}

/// Returns the function or variable of that name that comes first in the process.
pub(super) fn find_first(name: &CStr) -> *mut c_void {
    // SAFETY: `dlsym` takes `RTLD_DEFAULT` and a name that ends with NUL, as a `CStr` does.
    loaders_dlsym().map_or(std::ptr::null_mut(), |find| unsafe { find(RTLD_DEFAULT, name.as_ptr()) })
}

/// The function `$name` that the library would find without this crate's definitions, with the given type.
macro_rules! next {
    ($name:literal, $ty:ty) => {{
        static KNOWN: std::sync::atomic::AtomicPtr<std::ffi::c_void> =
            std::sync::atomic::AtomicPtr::new(std::ptr::null_mut());
        let mut function = KNOWN.load(std::sync::atomic::Ordering::Relaxed);
        if function.is_null() {
            const NAME: &std::ffi::CStr = match std::ffi::CStr::from_bytes_with_nul(concat!($name, "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => panic!(),
            };
            function = crate::runtime::threads::find_next(NAME);
            KNOWN.store(function, std::sync::atomic::Ordering::Relaxed);
        }
        // SAFETY: the address is null, which is `None`, or that of the function. Each user of this macro names the type
        // that the function has.
        unsafe { std::mem::transmute::<*mut std::ffi::c_void, Option<$ty>>(function) }
    }};
}
pub(crate) use next;
