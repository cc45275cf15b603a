//! The system's allocator, by which a host and a plugin find out that they have the same one.

use std::ffi::c_void;

/// What [`std::alloc::System`] calls in one library. Two libraries in which that is the same can free each other's blocks.
///
/// It differs, for example, where a program is linked with a `malloc` of its own, which its plugins do not see.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SystemAllocator {
    malloc: *const c_void,
    calloc: *const c_void,
    realloc: *const c_void,
    posix_memalign: *const c_void,
    free: *const c_void,
}

impl SystemAllocator {
    /// None: the library's own allocator is another, or may be.
    #[cfg(feature = "host")]
    pub const NONE: Self = SystemAllocator {
        malloc: std::ptr::null(),
        calloc: std::ptr::null(),
        realloc: std::ptr::null(),
        posix_memalign: std::ptr::null(),
        free: std::ptr::null(),
    };

    /// This library's, where it is known.
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    pub fn here() -> Option<Self> {
        /// Declared only to be told apart.
        mod system {
            unsafe extern "C" {
                pub(super) fn malloc();
                pub(super) fn calloc();
                pub(super) fn realloc();
                pub(super) fn posix_memalign();
                pub(super) fn free();
            }
        }
        let address = |function: unsafe extern "C" fn()| function as *const c_void;
        Some(SystemAllocator {
            malloc: address(system::malloc),
            calloc: address(system::calloc),
            realloc: address(system::realloc),
            posix_memalign: address(system::posix_memalign),
            free: address(system::free),
        })
    }

    /// This library's, where it is known.
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    pub fn here() -> Option<Self> {
        None
    }

    /// Whether it is this library's too.
    pub(crate) fn is_here(&self) -> bool {
        let functions = |of: &Self| [of.malloc, of.calloc, of.realloc, of.posix_memalign, of.free];
        SystemAllocator::here().is_some_and(|here| functions(&here) == functions(self))
    }
}
