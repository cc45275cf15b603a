//! The common allocator: which buffers move between two libraries as they are.

use std::alloc::Layout;
use std::ptr::null_mut;
use std::sync::atomic::Ordering;

use super::early::{EARLY, relation};
use super::owner;
use super::source::{MEMORY, REACHED, SYSTEM, Source, source_of};
use crate::abi::{HostMemory, Owner};
use crate::runtime::services::services;

/// Whether this library allocates with [`HostAllocator`]: whether it has it, and, if its std is in a library of its own,
/// whether that asks it.
fn is_in_place() -> bool {
    let layout = Layout::new::<u64>();
    // SAFETY: allocated and freed as one layout. A part that is not used is not left out, because its address is looked at.
    unsafe {
        let block = std::hint::black_box(std::alloc::alloc(layout));
        if !block.is_null() {
            std::alloc::dealloc(block, layout);
        }
    }
    REACHED.load(Ordering::Relaxed)
}

/// The owner of the buffers of the common allocator.
pub(crate) fn common_owner() -> &'static Owner {
    match services() {
        // SAFETY: the host keeps it there as long as this library.
        Some(services) => unsafe { &*services.common },
        None => owner::own(),
    }
}

/// The owner of the buffers of the common allocator, and whether this library's allocator is that: for a host, before it has
/// its first plugin.
#[cfg(feature = "host")]
pub(crate) fn common_of_host() -> (&'static Owner, bool) {
    if EARLY.exchange_relation(relation::UNDECIDED, relation::PLAIN) {
        // If this has a `HostAllocator`, that will never have a host: all its blocks are the system's.
        _ = MEMORY.compare_exchange(null_mut(), SYSTEM, Ordering::AcqRel, Ordering::Relaxed);
        EARLY.forget_all();
    }
    // A block on a list of this library's must not be freed past the list.
    (common_owner(), EARLY.relation() == relation::PLAIN)
}

/// Has a host from now on; not if this library is one without a host.
pub(crate) fn accept_host() -> bool {
    EARLY.exchange_relation(relation::UNDECIDED, relation::APART)
}

/// Goes over to the host's memory, if this library wants it and the host lends it.
///
/// # Safety
///
/// The memory is null, or valid for as long as this library is mapped. It is that of what
/// [`services`](services) gives, and nobody has got anything from the host.
pub(crate) unsafe fn bind(memory: *const HostMemory) {
    if memory.is_null() || !is_in_place() {
        return;
    }
    // SAFETY: not null, and valid as the caller promises.
    let memory = unsafe { &*memory };
    let (is_common, is_tracked) = (memory.is_common != 0, memory.take_over.is_some());
    let source = source_of(memory);
    if MEMORY.compare_exchange(null_mut(), source, Ordering::AcqRel, Ordering::Relaxed).is_err_and(|is| is != source) {
        return;
    }
    if source == SYSTEM {
        // They go back to where all others do.
        EARLY.forget_all();
    }
    if is_tracked {
        // The host counts what is left of the plugin's when it goes. Std's standard output, which is flushed then, is not
        // the plugin's doing; so it is made now, while nothing counts.
        _ = std::io::stdout();
    }
    if is_common {
        EARLY.exchange_relation(relation::APART, if is_tracked { relation::TRACKED } else { relation::PLAIN });
    }
}

/// Whether what a `Vec` of this library's has is of the common allocator, and may just be given away: none of it is early.
#[inline(always)]
pub(crate) fn gives_common() -> bool {
    EARLY.state.load(Ordering::Acquire) == relation::PLAIN
}

/// Whether it is this library's own, and stays so.
#[inline(always)]
pub(crate) fn gives_own() -> bool {
    matches!(EARLY.relation(), relation::APART | relation::UNDECIDED)
}

/// Lets go of a block that a `Vec` of this library's has. Returns whether it is of the common allocator.
pub(crate) fn give(block: *mut u8, size: usize) -> bool {
    // A block of the system's goes back through this library.
    if !matches!(EARLY.relation(), relation::PLAIN | relation::TRACKED) || EARLY.has(block) {
        return false;
    }
    if let (Source::Host(HostMemory { library, hand_over: Some(hand_over), .. }), 1..) = (Source::now(), size) {
        // SAFETY: the host gave the block to this library, which lets go of it.
        unsafe { hand_over(block, *library) }
    }
    true
}

/// Whether what is of the common allocator may just become a `Vec` of this library's.
#[inline(always)]
pub(crate) fn adopts_common() -> bool {
    EARLY.state.load(Ordering::Acquire) % 2 == relation::PLAIN
}

/// Takes a block of the common allocator, if it may become that of a `Vec` of this library's.
///
/// # Safety
///
/// A buffer of the common allocator with this block, size and alignment was received, and is not used otherwise.
pub(crate) unsafe fn adopt(block: *mut u8, size: usize, align: usize) -> bool {
    if EARLY.relation() == relation::APART {
        return false;
    }
    if let (Source::Host(HostMemory { library, take_over: Some(take_over), .. }), 1..) = (Source::now(), size) {
        // SAFETY: a block of the host's, which is this library's by the caller's promise.
        unsafe { take_over(block, size, align, *library) }
    }
    true
}
