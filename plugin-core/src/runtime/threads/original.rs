//! The functions that this library would find without its own definitions.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

#[cfg(feature = "host")]
use crate::runtime::image::image_of;
use crate::runtime::image::is_own;

/// A function that destroys the value of a key or of a thread-local.
pub(super) type Destructor = unsafe extern "C" fn(*mut c_void);
/// The function that a thread runs.
pub(super) type Start = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

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
    find_after(name)
}

/// Returns the function of that name in the libraries after this one.
fn find_after(name: &CStr) -> *mut c_void {
    // SAFETY: `dlsym` takes `RTLD_NEXT` and a name that ends with NUL, as a `CStr` does.
    loaders_dlsym().map_or(std::ptr::null_mut(), |find| unsafe { find(RTLD_NEXT, name.as_ptr()) })
}

/// Returns the function or variable of that name that comes first in the process.
pub(in crate::runtime) fn find_first(name: &CStr) -> *mut c_void {
    // SAFETY: `dlsym` takes `RTLD_DEFAULT` and a name that ends with NUL, as a `CStr` does.
    loaders_dlsym().map_or(std::ptr::null_mut(), |find| unsafe { find(RTLD_DEFAULT, name.as_ptr()) })
}

/// The definitions of the functions that change the environment which a library uses as long as it is not bound.
#[derive(Clone, Copy)]
pub(in crate::runtime) enum Source {
    /// Those that come first in the process.
    First,
    /// Those that come next after this library's.
    Next,
    /// This library's own.
    #[cfg(feature = "host")]
    Own,
}

/// Returns the definitions that this library uses as long as it is not bound.
pub(in crate::runtime) fn environment_source() -> Source {
    static SOURCE: OnceLock<Source> = OnceLock::new();
    *SOURCE.get_or_init(|| {
        let found = find_first(c"setenv");
        #[cfg(feature = "host")]
        if is_own(found) || found.is_null() || image_of(found) == image_of(find_first(c"gnu_get_libc_version")) {
            return Source::Own;
        }
        if is_own(found) { Source::Next } else { Source::First }
    })
}

/// Returns another library's function of that name, which changes the environment.
fn find_environment(name: &CStr) -> *mut c_void {
    match environment_source() {
        Source::First => find_first(name),
        _ => find_after(name),
    }
}

/// Makes a function for each name. It returns the function of that name to which a call is passed on, as the function before
/// the name finds it.
macro_rules! originals {
    ($($find:ident $name:ident: $ty:ty;)*) => {
        $(
            pub(in crate::runtime) fn $name() -> Option<$ty> {
                static KNOWN: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
                const NAME: &CStr = match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => panic!("a name has no NUL"),
                };
                // SAFETY: the address is null, which is `None`, or that of the function. The list below has the type that
                // the function of each name has.
                unsafe { std::mem::transmute::<*mut c_void, Option<$ty>>(find_once(&KNOWN, || $find(NAME))) }
            }
        )*

        /// Finds all functions of this file. Later calls of them do not ask the loader.
        pub(super) fn find_all() {
            $(_ = $name();)*
        }
    };
}

originals! {
    find_next __cxa_thread_atexit_impl: unsafe extern "C" fn(Destructor, *mut c_void, *mut c_void) -> c_int;
    find_next pthread_key_create: unsafe extern "C" fn(*mut u32, Option<Destructor>) -> c_int;
    find_next pthread_key_delete: unsafe extern "C" fn(u32) -> c_int;
    find_next pthread_setspecific: unsafe extern "C" fn(u32, *const c_void) -> c_int;
    find_next pthread_create: unsafe extern "C" fn(*mut c_void, *const c_void, Start, *mut c_void) -> c_int;
    find_next sigaction: unsafe extern "C" fn(c_int, *const c_void, *mut c_void) -> c_int;
    find_next signal: unsafe extern "C" fn(c_int, *const c_void) -> *const c_void;
    find_next dlopen: unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void;
    find_next exit: unsafe extern "C" fn(c_int) -> !;
    find_next abort: unsafe extern "C" fn() -> !;
    find_environment setenv: unsafe extern "C" fn(*const c_char, *const c_char, c_int) -> c_int;
    find_environment unsetenv: unsafe extern "C" fn(*const c_char) -> c_int;
    find_environment putenv: unsafe extern "C" fn(*mut c_char) -> c_int;
    find_environment clearenv: unsafe extern "C" fn() -> c_int;
}

/// Returns the function that `find` has found, this time or before.
pub(super) fn find_once(known: &AtomicPtr<c_void>, find: impl FnOnce() -> *mut c_void) -> *mut c_void {
    let mut function = known.load(Ordering::Relaxed);
    if function.is_null() {
        function = find();
        known.store(function, Ordering::Relaxed);
    }
    function
}
