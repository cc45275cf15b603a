//! The identity of libc's allocator. A host and a plugin compare it to find out that they use the same allocator.

#[cfg(any(target_os = "linux", target_os = "macos"))]
use std::ffi::c_void;

use crate::abi::SystemAllocator;

impl SystemAllocator {
    /// No functions: the library does not allocate with libc, or may not.
    #[cfg(feature = "host")]
    pub const NONE: Self = SystemAllocator([std::ptr::null(); SystemAllocator::FUNCTIONS]);

    /// Returns the functions of this library, if the platform tells them.
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    pub fn here() -> Option<Self> {
        /// Declared only for their addresses.
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

    /// Returns the functions of this library, if the platform tells them.
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    pub fn here() -> Option<Self> {
        None
    }

    /// Returns true if this library uses the same functions.
    pub(crate) fn is_here(&self) -> bool {
        SystemAllocator::here().is_some_and(|here| here.0 == self.0)
    }

    /// Returns the same functions except for one.
    #[cfg(all(test, any(target_os = "linux", target_os = "macos")))]
    pub(crate) fn without(mut self, function: usize) -> Self {
        self.0[function] = std::ptr::null();
        self
    }
}
