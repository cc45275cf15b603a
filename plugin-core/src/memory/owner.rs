//! The owner of this library's buffers, which frees them for the other side.

use std::alloc::{Layout, dealloc};

use crate::abi::{Free, Owner};

impl Owner {
    pub(crate) const fn new(free: Free) -> Self {
        Owner { free }
    }

    /// The largest spare capacity of a buffer with an owner, in elements.
    pub(super) const MAX_SPARE: usize = align_of::<Owner>() / 2 - 1;
}

/// The owner of the buffers of this library's own allocator.
pub(super) static OWN: Owner = Owner::new(free_own);

unsafe extern "C" fn free_own(ptr: *mut u8, size: usize, align: usize) {
    if size != 0 {
        // SAFETY: a receiver frees a buffer of this owner once, with the size and alignment for which it was allocated
        // (`# Safety` of `buffer::free`). The block came from this library's allocator: from `own` here, or from a
        // library that has its memory from this one.
        unsafe { dealloc(ptr, Layout::from_size_align_unchecked(size, align)) }
    }
}

/// Returns the owner of this library's buffers. In the outermost host, it is the owner of the common allocator's
/// buffers.
pub(super) fn own() -> &'static Owner {
    &OWN
}
