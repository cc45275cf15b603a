//! [`HostAllocator`]: a plugin's global allocator, which takes the plugin's memory from its host.
//!
//! # The problem
//!
//! A library allocates before it has a host, because its constructors run while it is loaded. It may also never have a
//! host. Later its memory comes from the host. Each block must be freed by the allocator that it came from.
//!
//! # The idea
//!
//! [`MEMORY`] names the present source of memory. A library starts as `Early`, and changes its source at most once.
//!
//! | [`Source`] | a new block comes from | a freed block came from |
//! | --- | --- | --- |
//! | `Early` | libc, and is noted in [`EARLY`] | libc |
//! | `System`, for good | libc | libc |
//! | `Host`, for good | the host | libc if the block is noted, otherwise the host |
//!
//! `Early` becomes `Host` when a host binds the library. It becomes `System` instead if host and library find that they use
//! the same libc allocator (see `malloc.rs`), or if the library has more early blocks than can be noted.
//!
//! One block comes from neither: the buffer of std's standard output is a static of the library (see `stdout_room.rs`).
//!
//! # The proof
//!
//! *The source changes once.* Each change is one exchange of `MEMORY` that expects null. So one change wins, and the
//! others use its result.
//!
//! *An early block goes back to libc.* A thread that sees `Early` takes a block from libc, and notes it before any
//! other thread can have it. If the list is full and the source is `Host` by then, the thread gives the block back, and
//! takes another from the host.
//!
//! *A thread that frees a block knows enough.* It got the block from the thread that allocated it, perhaps through
//! others. So it sees the note, and at least the source that the allocating thread saw. If it still sees `Early`, the
//! block came from libc.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::Ordering;

use super::early::EARLY;
use super::source::{MEMORY, REACHED, SYSTEM, Source};
use super::stdout_room;
use crate::abi::HostMemory;

/// Makes this plugin allocate with the allocator of its host, so that its values move to the host and back without a
/// copy.
///
/// Write it once, anywhere in the plugin: it defines the `#[global_allocator]`. See [the crate](crate#memory) for the
/// consequences. In the plugin's tests, and in a program into which the plugin is linked, memory comes from libc.
///
/// # Example
///
/// ```
/// use plugin_core::plugin_export;
///
/// plugin_core::use_host_allocator!();
///
/// /// Returns a megabyte, which the host receives without a copy.
/// #[plugin_export]
/// fn noise() -> Vec<u8> {
///     vec![4; 1 << 20]
/// }
/// # assert_eq!(noise().len(), 1 << 20);
/// ```
#[macro_export]
macro_rules! use_host_allocator {
    () => {
        const _: () = {
            #[$crate::__private::core::prelude::v1::global_allocator]
            static HOST_ALLOCATOR: $crate::HostAllocator =
                // SAFETY: the static is the global allocator itself, and not a part of another allocator.
                unsafe { $crate::HostAllocator::new() };
        };
    };
}

/// The global allocator that [`use_host_allocator!`](crate::use_host_allocator) sets. For an example see that macro.
#[derive(Debug)]
pub struct HostAllocator(());

impl HostAllocator {
    /// Makes the allocator, for [`use_host_allocator!`](crate::use_host_allocator).
    ///
    /// # Safety
    ///
    /// The value is the `#[global_allocator]` itself, and not a part of another allocator. This crate relies on it: it
    /// hands the blocks of `Vec`s and `Box`es to the host, as blocks of this allocator.
    pub const unsafe fn new() -> Self {
        HostAllocator(())
    }
}

/// Allocates as long as the library has no host.
#[cold]
fn alloc_early(
    layout: Layout,
    from_system: impl FnOnce() -> *mut u8,
    from_host: impl FnOnce(&HostMemory) -> *mut u8,
) -> *mut u8 {
    REACHED.store(true, Ordering::Relaxed);
    if let Some(room) = stdout_room::take(layout) {
        return room.as_ptr();
    }
    let block = from_system();
    if block.is_null() || EARLY.note(block) {
        if MEMORY.load(Ordering::Acquire) == SYSTEM {
            // The source has changed since, and a block of libc needs no note any more.
            EARLY.forget(block);
        }
        return block;
    }
    let memory = match MEMORY.compare_exchange(null_mut(), SYSTEM, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => SYSTEM,
        Err(memory) => memory,
    };
    let Source::Host(memory) = Source::of(memory) else {
        return block;
    };
    // A host has bound the library meanwhile.
    // SAFETY: libc has given the block with this layout just now, and no other code has it.
    unsafe { System.dealloc(block, layout) };
    from_host(memory)
}

// SAFETY: libc's allocator and the host's are allocators, and neither unwinds. Each block goes back to the allocator
// that it came from, by the proof above.
unsafe impl GlobalAlloc for HostAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // The closures own the layout. If they borrowed it, the layout would be written to memory in every allocation.
        let from_host =
            // SAFETY: the host's function is its `GlobalAlloc::alloc` (`HostMemory`), which asks for a layout whose
            // size is not 0, as this function does. `library` came with the function.
            move |memory: &HostMemory| unsafe { (memory.alloc)(layout.size(), layout.align(), memory.library) };
        // SAFETY: libc's `alloc` asks for a layout whose size is not 0, as this function does.
        let from_system = move || unsafe { System.alloc(layout) };
        match Source::now() {
            Source::Host(memory) => from_host(memory),
            Source::System => from_system(),
            Source::Early => alloc_early(layout, from_system, from_host),
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let from_host =
            // SAFETY: the host's function is its `GlobalAlloc::alloc_zeroed` (`HostMemory`), which asks for a layout
            // whose size is not 0, as this function does. `library` came with the function.
            move |memory: &HostMemory| unsafe { (memory.alloc_zeroed)(layout.size(), layout.align(), memory.library) };
        // SAFETY: libc's `alloc_zeroed` asks for a layout whose size is not 0, as this function does.
        let from_system = move || unsafe { System.alloc_zeroed(layout) };
        match Source::now() {
            Source::Host(memory) => from_host(memory),
            Source::System => from_system(),
            Source::Early => alloc_early(layout, from_system, from_host),
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if stdout_room::is_room(block, layout) {
            return;
        }
        let memory = match Source::now() {
            Source::Host(memory) if !EARLY.forget(block) => Some(memory),
            Source::Early => {
                EARLY.forget(block);
                None
            }
            _ => None,
        };
        match memory {
            // SAFETY: by the proof above, the block came from the host, because the source is the host and the block
            // was not noted. The caller of `dealloc` passes the block's layout.
            Some(memory) => unsafe { (memory.dealloc)(block, layout.size(), layout.align(), memory.library) },
            // SAFETY: by the proof above, the block came from libc, because it was noted or the source is not the host.
            // The caller of `dealloc` passes the block's layout.
            None => unsafe { System.dealloc(block, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if stdout_room::is_room(block, layout) {
            // SAFETY: `is_room` is true for the block, and the caller of `realloc` passes its layout and a valid new size.
            return unsafe { stdout_room::move_out(self, block, size) };
        }
        // SAFETY: by the proof above, the block came from the host if that is the source and the block is not noted,
        // otherwise from libc. The caller of `realloc` passes the block's layout and a valid new size.
        unsafe {
            match Source::now() {
                Source::Host(memory) if !EARLY.has(block) => {
                    (memory.realloc)(block, layout.size(), layout.align(), size, memory.library)
                }
                Source::System => System.realloc(block, layout, size),
                _ => EARLY.realloc(block, layout, size),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::early::Blocks;
    use super::*;

    #[test]
    fn without_a_host_it_is_the_systems() {
        // SAFETY: it is not the global allocator here, but no value of std gets its blocks.
        let allocator = unsafe { HostAllocator::new() };
        let layout = Layout::from_size_align(24, 8).unwrap();
        // The test allocates more blocks than can be noted.
        // SAFETY: each block is allocated, moved and freed with the layout that it has each time.
        unsafe {
            let blocks: Vec<_> = (0..3 * Blocks::MAX).map(|_| allocator.alloc_zeroed(layout)).collect();
            let larger = Layout::from_size_align(4096, 8).unwrap();
            for block in blocks {
                assert!((0..24).all(|offset| block.add(offset).read() == 0));
                block.write(7);
                let moved = allocator.realloc(block, layout, larger.size());
                assert_eq!(moved.read(), 7);
                allocator.dealloc(moved, larger);
            }
        }
    }
}
