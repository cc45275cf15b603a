//! The system's allocator, by which a host and a plugin find out that they have the same one.

use std::ffi::c_void;

use crate::abi::SystemAllocator;

impl SystemAllocator {
    /// None: the library's own allocator is another, or may be.
    #[cfg(feature = "host")]
    pub const NONE: Self = SystemAllocator([std::ptr::null(); SystemAllocator::FUNCTIONS]);

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
        let functions: [unsafe extern "C" fn(); SystemAllocator::FUNCTIONS] =
            [system::malloc, system::calloc, system::realloc, system::posix_memalign, system::free];
        Some(SystemAllocator(functions.map(|function| function as *const c_void)))
    }

    /// This library's, where it is known.
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    pub fn here() -> Option<Self> {
        None
    }

    /// Whether it is this library's too.
    pub(crate) fn is_here(&self) -> bool {
        SystemAllocator::here().is_some_and(|here| here.0 == self.0)
    }

    /// The same but for one of the functions.
    #[cfg(all(test, any(target_os = "linux", target_os = "macos")))]
    pub(crate) fn without(mut self, function: usize) -> Self {
        self.0[function] = std::ptr::null();
        self
    }
}
