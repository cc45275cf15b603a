//! The common allocator: the buffers that move between two libraries without a copy.
//!
//! # The problem
//!
//! A value that owns memory crosses as a buffer. If both sides used one allocator, the receiver could keep the block of
//! the buffer. But a library cannot see the allocator of another one. A plugin with a
//! [`HostAllocator`](crate::HostAllocator) also has early blocks, which are not the host's. And a host may keep a list
//! of the blocks of a plugin.
//!
//! # The idea
//!
//! One allocator of the process is the *common allocator*: that of the host which is not a plugin itself. A buffer says
//! whether its block came from the common allocator. Each library has a [`relation`] to the common allocator, which is
//! decided once, before the first buffer crosses:
//!
//! | relation | the library | it gives common buffers | it adopts common buffers |
//! | --- | --- | --- | --- |
//! | `UNDECIDED` | has no host and no plugin so far | no | no such buffer reaches it |
//! | `PLAIN` | allocates with the common allocator: it is the outermost host, or has its memory from such a library | yes, except for early blocks | yes |
//! | `TRACKED` | allocates with the common allocator, and its host keeps a list of its blocks | yes, except for early blocks; the block leaves the list | yes; the block joins the list |
//! | `APART` | has a host and other memory | no | no |
//!
//! A plugin may be a host, too. If it is `TRACKED` or `APART`, the memory that it lends to its own plugins is not
//! common. Otherwise a block could be freed past a list.
//!
//! # The proof
//!
//! *An adopted block returns to its allocator.* The sender marks a buffer as common only if the sender is `PLAIN` or
//! `TRACKED` and the block is not early. So the block came from the common allocator. The receiver adopts it only if
//! the receiver frees with the common allocator. The block is not in the receiver's list of early blocks, because all
//! blocks in that list are in use, and two blocks that are in use have different addresses.
//!
//! *A list is exact.* `give` takes a block off the list before the buffer leaves, and `adopt` puts a block on the list
//! before the library uses it.
//!
//! *A decision is early enough.* [`accept_host`] and [`bind`] run before the host calls anything else in the library.
//! [`common_of_host`] runs before a host binds its first plugin.

use std::alloc::Layout;
use std::ptr::null_mut;
use std::sync::atomic::Ordering;

use super::early::{EARLY, relation};
use super::source::{MEMORY, REACHED, SYSTEM, Source, source_of};
use super::{owner, stdout_room};
use crate::abi::{HostMemory, Owner};
use crate::runtime::services::services;

/// Returns true if this library allocates with [`HostAllocator`](crate::HostAllocator). If std is in a library of its
/// own, std may have another allocator.
fn is_in_place() -> bool {
    let layout = Layout::new::<u64>();
    // SAFETY: the block is allocated and freed with one layout. `black_box` stops the compiler from removing the two
    // calls.
    unsafe {
        let block = std::hint::black_box(std::alloc::alloc(layout));
        if !block.is_null() {
            std::alloc::dealloc(block, layout);
        }
    }
    REACHED.load(Ordering::Relaxed)
}

/// Returns the owner of the buffers of the common allocator.
pub(crate) fn common_owner() -> &'static Owner {
    match services() {
        // SAFETY: the host keeps everything behind its services, such as the owner, valid as long as this library is
        // mapped (`PluginTable::bind`).
        Some(services) => unsafe { &*services.common },
        None => owner::own(),
    }
}

/// The owner of the buffers of the common allocator, and whether this library allocates with the common allocator. A
/// host calls this before it binds its first plugin.
#[cfg(feature = "host")]
pub(crate) fn common_of_host() -> (&'static Owner, bool) {
    if EARLY.exchange_relation(relation::UNDECIDED, relation::PLAIN) {
        // This library will never have a host. So a `HostAllocator` in it takes all blocks from libc, and the early
        // ones need no notes.
        _ = MEMORY.compare_exchange(null_mut(), SYSTEM, Ordering::AcqRel, Ordering::Relaxed);
        EARLY.forget_all();
    }
    // A block on the list of this library must not be freed past the list, so a tracked library does not share its
    // memory.
    (common_owner(), EARLY.relation() == relation::PLAIN)
}

/// Notes that this library has a host from now on. Returns false if this library is a host without a host.
pub(crate) fn accept_host() -> bool {
    EARLY.exchange_relation(relation::UNDECIDED, relation::APART)
}

/// Changes the source of memory to the host, if this library has a `HostAllocator` and the host lends its memory.
///
/// # Safety
///
/// `memory` is null, or valid as long as this library is mapped. It belongs to the host of [`services`], and no buffer
/// has crossed yet.
pub(crate) unsafe fn bind(memory: *const HostMemory) {
    if memory.is_null() || !is_in_place() {
        return;
    }
    // SAFETY: the pointer is not null, so by `# Safety` it is valid as long as this library is mapped.
    let memory = unsafe { &*memory };
    let (is_common, is_tracked) = (memory.is_common != 0, memory.take_over.is_some());
    // While the library allocates as it does without a host: only then the buffer gets the room.
    stdout_room::make_buffer();
    let source = source_of(memory);
    if MEMORY.compare_exchange(null_mut(), source, Ordering::AcqRel, Ordering::Relaxed).is_err_and(|is| is != source) {
        return;
    }
    if source == SYSTEM {
        // Early blocks are freed as all other blocks are, so they need no notes.
        EARLY.forget_all();
    }
    if is_common {
        EARLY.exchange_relation(relation::APART, if is_tracked { relation::TRACKED } else { relation::PLAIN });
    }
}

/// Returns true if every block of this library came from the common allocator, is not on a list, and is not early. Then
/// a buffer may be given away as it is.
#[inline(always)]
pub(crate) fn gives_common() -> bool {
    EARLY.state.load(Ordering::Acquire) == relation::PLAIN
}

/// Returns true if this library gives its buffers as its own.
#[inline(always)]
pub(crate) fn gives_own() -> bool {
    matches!(EARLY.relation(), relation::APART | relation::UNDECIDED)
}

/// Prepares a block for leaving this library in a buffer. Returns true if the block came from the common allocator.
pub(crate) fn give(block: *mut u8, size: usize) -> bool {
    // An early block has to come back to this library, which frees it with libc.
    if !matches!(EARLY.relation(), relation::PLAIN | relation::TRACKED) || EARLY.has(block) {
        return false;
    }
    if let (Source::Host(HostMemory { library, hand_over: Some(hand_over), .. }), 1..) = (Source::now(), size) {
        // SAFETY: `hand_over` asks for a block on the host's list of this library. The library has its memory from this
        // host, and the block is not early, so it is on the list.
        unsafe { hand_over(block, *library) }
    }
    true
}

/// Returns true if a `Vec` of this library may own a block of the common allocator as it is.
#[inline(always)]
pub(crate) fn adopts_common() -> bool {
    EARLY.state.load(Ordering::Acquire) % 2 == relation::PLAIN
}

/// Takes a block of the common allocator into this library. Returns false if a `Vec` of this library must not own such
/// a block.
///
/// # Safety
///
/// The block came in a buffer of the common allocator, with this size and alignment, and has no other user.
pub(crate) unsafe fn adopt(block: *mut u8, size: usize, align: usize) -> bool {
    if EARLY.relation() == relation::APART {
        return false;
    }
    if let (Source::Host(HostMemory { library, take_over: Some(take_over), .. }), 1..) = (Source::now(), size) {
        // SAFETY: `take_over` asks for a block of the host's that belongs to this library from now on. By `# Safety`,
        // the block is of the common allocator and has no other user. The common allocator is the host's, because this
        // library has its memory from the host and is not `APART`.
        unsafe { take_over(block, size, align, *library) }
    }
    true
}
