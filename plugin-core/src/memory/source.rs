//! The source of a library's memory. [`host_allocator`](super::host_allocator) explains how it changes.

use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::abi::HostMemory;

/// The host's functions, or [`SYSTEM`], or null as long as the library has no host.
pub(super) static MEMORY: AtomicPtr<HostMemory> = AtomicPtr::new(null_mut());

/// The value of [`MEMORY`] for libc. No functions have this address.
pub(super) const SYSTEM: *mut HostMemory = NonNull::dangling().as_ptr();

/// The source of new blocks.
#[derive(Clone, Copy)]
pub(super) enum Source {
    Early,
    System,
    Host(&'static HostMemory),
}

impl Source {
    #[inline(always)]
    pub(super) fn of(memory: *mut HostMemory) -> Self {
        // One comparison recognises the usual case.
        if memory.addr() > SYSTEM.addr() {
            // SAFETY: `common::bind` stored the pointer, and by its `# Safety` the functions are valid as long as this
            // library is mapped.
            Source::Host(unsafe { &*memory })
        } else if memory == SYSTEM {
            Source::System
        } else {
            Source::Early
        }
    }

    #[inline(always)]
    pub(super) fn now() -> Self {
        Source::of(MEMORY.load(Ordering::Acquire))
    }
}

/// True once this library has allocated with its [`HostAllocator`](crate::HostAllocator).
pub(super) static REACHED: AtomicBool = AtomicBool::new(false);

/// Returns the value of [`MEMORY`] for a library with this host.
pub(super) fn source_of(memory: &HostMemory) -> *mut HostMemory {
    if memory.system.is_here() { SYSTEM } else { std::ptr::from_ref(memory).cast_mut() }
}

#[cfg(all(test, any(target_os = "linux", target_os = "macos")))]
mod tests {
    use super::*;

    /// The functions here are compared and never called.
    #[test]
    fn a_host_that_has_the_systems_is_not_asked() {
        use std::ffi::c_void;

        use crate::abi::SystemAllocator;

        unsafe extern "C" fn alloc(_: usize, _: usize, _: *const c_void) -> *mut u8 {
            null_mut()
        }
        unsafe extern "C" fn dealloc(_: *mut u8, _: usize, _: usize, _: *const c_void) {}
        unsafe extern "C" fn realloc(_: *mut u8, _: usize, _: usize, _: usize, _: *const c_void) -> *mut u8 {
            null_mut()
        }
        let mut memory = HostMemory {
            size: size_of::<HostMemory>(),
            library: null_mut(),
            alloc,
            alloc_zeroed: alloc,
            dealloc,
            realloc,
            is_common: 1,
            system: SystemAllocator::here().unwrap(),
            hand_over: None,
            take_over: None,
        };
        assert_eq!(source_of(&memory), SYSTEM);
        memory.system = SystemAllocator::NONE;
        assert_eq!(source_of(&memory).cast_const(), &raw const memory);
        for function in 0..SystemAllocator::FUNCTIONS {
            memory.system = SystemAllocator::here().unwrap().without(function);
            assert_eq!(source_of(&memory).cast_const(), &raw const memory, "function {function} is another");
        }
    }
}
