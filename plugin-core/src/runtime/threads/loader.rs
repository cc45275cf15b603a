//! The loader's functions: how the real functions are found, and which symbols and libraries the plugin finds and opens by
//! itself.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::{FUNCTIONS, escape, noted};
use crate::abi::table::escaped;
use crate::runtime::process::{image_of, is_own};
use crate::runtime::services;

/// Stands for all libraries, in the order of the loader's search for symbols.
const RTLD_DEFAULT: *mut c_void = std::ptr::null_mut();
/// Stands for the libraries after the caller's own.
const RTLD_NEXT: *mut c_void = -1_isize as *mut c_void;

/// Defines a function that calls the loader's own `dlvsym`. This library defines another function of that name. The
/// reference has a version, that of the first glibc for the processor, and no definition here has one. The function is a
/// jump, so that the loader takes this library for the caller.
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
    fn loaders_dlvsym(handle: *mut c_void, symbol: *const c_char, version: *const c_char) -> *mut c_void;
}

type Find = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;

/// The loader's own `dlsym`, which has one of few versions: that of the first glibc for the processor, or that of the one
/// which took it over from a library of its own.
fn loaders_dlsym() -> Option<Find> {
    static KNOWN: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    let mut function = KNOWN.load(Ordering::Relaxed);
    for version in [c"GLIBC_2.34", c"GLIBC_2.2.5", c"GLIBC_2.17"] {
        if function.is_null() {
            // SAFETY: names that end with NUL.
            function = unsafe { loaders_dlvsym(RTLD_NEXT, c"dlsym".as_ptr(), version.as_ptr()) };
        }
    }
    KNOWN.store(function, Ordering::Relaxed);
    // SAFETY: the function of that name has that type; null is `None`.
    unsafe { std::mem::transmute::<*mut c_void, Option<Find>>(function) }
}

/// The function of that name that there would be without this module: a sanitizer's, which is linked into the program and
/// has a second name for it, or the C library's.
pub(crate) fn find_next(name: &CStr) -> *mut c_void {
    const PREFIX: &[u8] = b"__interceptor_";
    let Some(find) = loaders_dlsym() else { return std::ptr::null_mut() };
    let mut intercepted = [0_u8; 64];
    let name_with_nul = name.to_bytes_with_nul();
    if let Some(rest) = intercepted[PREFIX.len()..].get_mut(..name_with_nul.len()) {
        rest.copy_from_slice(name_with_nul);
        intercepted[..PREFIX.len()].copy_from_slice(PREFIX);
        // SAFETY: a name that ends with NUL.
        let function = unsafe { find(RTLD_DEFAULT, intercepted.as_ptr().cast()) };
        if !function.is_null() {
            return function;
        }
    }
    // SAFETY: a name that ends with NUL.
    unsafe { find(RTLD_NEXT, name.as_ptr()) }
}

/// The function or variable of that name that comes first in the process.
pub(super) fn find_first(name: &CStr) -> *mut c_void {
    // SAFETY: a name that ends with NUL.
    loaders_dlsym().map_or(std::ptr::null_mut(), |find| unsafe { find(RTLD_DEFAULT, name.as_ptr()) })
}

/// The function that `$name` would be without this module, of the type given.
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
        // SAFETY: the function of that name has that type; null is `None`.
        unsafe { std::mem::transmute::<*mut std::ffi::c_void, Option<$ty>>(function) }
    }};
}
pub(crate) use next;

/// The names of the functions that this module defines, with their places in [`FUNCTIONS`].
pub(super) const DEFINED: [(&CStr, usize); 19] = [
    (c"__cxa_thread_atexit_impl", 1),
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

/// `dlsym` of the library. If it finds a function that this module defines, it gives the definition: otherwise, a thread
/// could be started past the host.
///
/// # Safety
///
/// As for the loader's function of that name.
pub(super) unsafe extern "C" fn symbol(handle: *mut c_void, name: *const c_char) -> *mut c_void {
    let Some(find) = loaders_dlsym() else { return std::ptr::null_mut() };
    // SAFETY: forwarded as it came. The loader takes this library for the caller, as this function is in it.
    let symbol = unsafe { find(handle, name) };
    // SAFETY: the caller's promise.
    unsafe { found(symbol, name) }
}

/// `dlvsym` of the library, which does as [`symbol`] does.
///
/// # Safety
///
/// As for the loader's function of that name.
pub(super) unsafe extern "C" fn symbol_of_version(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
) -> *mut c_void {
    // SAFETY: forwarded as it came. The loader takes this library for the caller, because this function is in it.
    let symbol = unsafe { loaders_dlvsym(handle, name, version) };
    // SAFETY: the caller's promise.
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
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) };
    // Another library may have a function of its own by such a name. The C library may have one for each version.
    let is_the_systems = || image_of(find_next(name)) == image_of(symbol);
    if let Some((_, place)) = DEFINED.iter().find(|(defined, _)| *defined == name).filter(|_| is_the_systems()) {
        return FUNCTIONS[*place].0.cast_mut().cast();
    }
    if let Some((noted, kind, _)) = noted::NAMES.iter().find(|(noted, ..)| *noted == name).filter(|_| is_the_systems())
    {
        // A function that is looked for will be called.
        escape(*kind, noted, std::ptr::null());
    }
    // A host's `putenv` keeps an entry as the C library's does.
    if name == c"putenv" {
        escape(escaped::MEMORY, c"putenv", std::ptr::null());
    }
    if !is_own(symbol) && !CONTROLLED.get() {
        tell_found(symbol);
    }
    symbol
}

/// Addresses that were found before the library was attached.
static FOUND: [AtomicPtr<c_void>; 32] = [const { AtomicPtr::new(std::ptr::null_mut()) }; 32];

/// Tells the host of an address that was found, which may be in a library that the host knows nothing of. This does not
/// allocate, because an allocator may look its functions up.
fn tell_found(symbol: *mut c_void) {
    if let Some(services) = services() {
        // SAFETY: the host's service with the host's context, and an address in a library that is loaded.
        return unsafe { (services.symbol_found)(services.library, symbol) };
    }
    let is_kept = FOUND.iter().any(|place| {
        let kept = place.compare_exchange(std::ptr::null_mut(), symbol, Ordering::AcqRel, Ordering::Acquire);
        kept.is_ok() || kept == Err(symbol)
    });
    if !is_kept {
        escape(escaped::LIBRARY, c"dlsym", symbol);
    }
    // The host may have come meanwhile.
    report_found();
}

/// Tells the host, if there is one, of the addresses that were found before.
pub(crate) fn report_found() {
    let Some(services) = services() else { return };
    for place in &FOUND {
        let symbol = place.swap(std::ptr::null_mut(), Ordering::AcqRel);
        if !symbol.is_null() {
            // SAFETY: the host's service with the host's context, and an address that the loader has found.
            unsafe { (services.symbol_found)(services.library, symbol) };
        }
    }
}

thread_local! {
    /// Whether this thread opens libraries for a host that is in this library.
    static CONTROLLED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `open`, which opens a library that this library's own host controls.
#[cfg(feature = "host")]
pub(crate) fn opening_controlled<R>(open: impl FnOnce() -> R) -> R {
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            CONTROLLED.set(self.0);
        }
    }
    let _back = Back(CONTROLLED.replace(true));
    open()
}

/// `dlopen` of the library. The host hears of the library that is opened, which may come to call this one.
///
/// # Safety
///
/// As for the loader's function of that name.
pub(super) unsafe extern "C" fn open(file: *const c_char, flags: c_int) -> *mut c_void {
    let handle = match next!("dlopen", unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void) {
        // SAFETY: forwarded as it came. The loader takes this library for the caller, as this function is in it.
        Some(function) => unsafe { function(file, flags) },
        None => std::ptr::null_mut(),
    };
    if handle.is_null() || file.is_null() || CONTROLLED.get() {
        return handle;
    }
    match services() {
        // SAFETY: the host's service with the host's context, and a handle that was just opened.
        Some(services) => unsafe { (services.library_opened)(services.library, handle) },
        None => escape(escaped::LIBRARY, c"dlopen", std::ptr::null()),
    }
    handle
}
