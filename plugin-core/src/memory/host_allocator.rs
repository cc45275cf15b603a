//! A plugin's memory from its host, so that what owns memory moves between the two without a copy.
//!
//! [`HostAllocator`] is the plugin's global allocator. It starts with the system's, because a library allocates before it
//! has a host, or never has one, and goes over to the host's functions when the host binds the library.
//!
//! | [`Source`] | new blocks are | a block that is freed was |
//! | --- | --- | --- |
//! | `Early` | the system's, and noted in [`EARLY`] | the system's |
//! | `System`, for good | the system's | the system's |
//! | `Host`, for good | the host's | the host's, or the system's if it is noted |
//!
//! `Early` becomes `Host` when the library is bound; or `System`, if the host says that it has the system's allocator, and
//! both [find](crate::memory::malloc) that they mean the same one. Before that it becomes `System` when there are more early blocks
//! than can be noted. All are one exchange of [`MEMORY`], so that one of them wins. A thread that still sees `Early` after
//! that has a block of the system's, which is noted before anybody else can have it; and whoever frees a block has it from
//! the one that allocated it, so sees at least what that one saw.
//!
//! # The common allocator
//!
//! It is that of the host which is no plugin itself, and of all below it that have their memory from it, but for what has it
//! from a plugin whose memory is tracked. A buffer of its moves between them as it is. What a library has to do with
//! it is one of [`common`], and is decided once.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::Ordering;

use super::early::EARLY;
use super::source::{MEMORY, REACHED, SYSTEM, Source};
use crate::abi::HostMemory;

/// Has this plugin allocate with its host's allocator, so that its values move to the host and back without a copy.
///
/// Once, anywhere in the plugin: it defines the `#[global_allocator]`. See [the crate](crate#memory) for what comes of it.
/// In a program that the plugin is linked into, and in its tests, it is the system's allocator.
///
/// # Example
///
/// ```
/// use plugin_core::plugin_export;
///
/// plugin_core::use_host_allocator!();
///
/// /// A megabyte, which the host receives as it is.
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
                // SAFETY: it is the global allocator, and nothing is around it.
                unsafe { $crate::HostAllocator::new() };
        };
    };
}

/// The global allocator that [`use_host_allocator!`](crate::use_host_allocator) sets. The example is there.
#[derive(Debug)]
pub struct HostAllocator(());

impl HostAllocator {
    /// The allocator, for [`use_host_allocator!`](crate::use_host_allocator) to make.
    ///
    /// # Safety
    ///
    /// It is the `#[global_allocator]`, and not part of another that is: what it gives out is taken to be what `Vec` and
    /// `Box` have, and is handed to the host.
    pub const unsafe fn new() -> Self {
        HostAllocator(())
    }
}

/// Allocates before there is a host.
#[cold]
fn alloc_early(
    layout: Layout,
    from_system: impl FnOnce() -> *mut u8,
    from_host: impl FnOnce(&HostMemory) -> *mut u8,
) -> *mut u8 {
    REACHED.store(true, Ordering::Relaxed);
    let block = from_system();
    if block.is_null() || EARLY.note(block) {
        if MEMORY.load(Ordering::Acquire) == SYSTEM {
            // Since just now, and no search needs it.
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
    // The host came in between.
    // SAFETY: from the system just now, with this layout.
    unsafe { System.dealloc(block, layout) };
    from_host(memory)
}

// SAFETY: the system's allocator or the host's, which is one as well; each block goes back to where it is from, as the
// table above says.
unsafe impl GlobalAlloc for HostAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // They own the layout, which is otherwise written to memory also where this has a host.
        let from_host =
            // SAFETY: as this is called, so are these.
            move |memory: &HostMemory| unsafe { (memory.alloc)(layout.size(), layout.align(), memory.library) };
        // SAFETY: as above.
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
            // SAFETY: as this is called, so are these.
            move |memory: &HostMemory| unsafe { (memory.alloc_zeroed)(layout.size(), layout.align(), memory.library) };
        // SAFETY: as above.
        let from_system = move || unsafe { System.alloc_zeroed(layout) };
        match Source::now() {
            Source::Host(memory) => from_host(memory),
            Source::System => from_system(),
            Source::Early => alloc_early(layout, from_system, from_host),
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let memory = match Source::now() {
            Source::Host(memory) if !EARLY.forget(block) => Some(memory),
            Source::Early => {
                EARLY.forget(block);
                None
            }
            _ => None,
        };
        match memory {
            // SAFETY: the block is the host's, and this is called with its layout.
            Some(memory) => unsafe { (memory.dealloc)(block, layout.size(), layout.align(), memory.library) },
            // SAFETY: the block is the system's, and this is called with its layout.
            None => unsafe { System.dealloc(block, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: each block is reallocated where it is from, as this is called.
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
        // SAFETY: it is no global allocator here, but nothing of it becomes a value.
        let allocator = unsafe { HostAllocator::new() };
        let layout = Layout::from_size_align(24, 8).unwrap();
        // More than are noted, so that the last ones are not.
        // SAFETY: allocated, moved and freed with the layouts that they had.
        unsafe {
            let blocks: Vec<_> = (0..3 * Blocks::MOST).map(|_| allocator.alloc_zeroed(layout)).collect();
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
