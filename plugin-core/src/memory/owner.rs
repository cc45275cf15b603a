//! The owners of buffers: how a buffer says which library frees it.

use std::alloc::{Layout, dealloc};

use crate::abi::{Free, Owner};

impl Owner {
    pub(crate) const fn new(free: Free) -> Self {
        Owner { free }
    }

    /// The most elements that there may be room for besides those in a buffer of this kind.
    pub(super) const MOST_SPARE: usize = align_of::<Owner>() / 2 - 1;
}

/// The owner of the buffers of this library's own allocator.
pub(super) static OWN: Owner = Owner::new(free_own);

unsafe extern "C" fn free_own(ptr: *mut u8, size: usize, align: usize) {
    if size != 0 {
        // SAFETY: the pointer comes from `BufferRepr::own` in this same library, or in one that has its memory from this
        // one, with this size and alignment.
        unsafe { dealloc(ptr, Layout::from_size_align_unchecked(size, align)) }
    }
}

/// The owner of the buffers of the common allocator, if that allocator is this library's.
pub(super) fn own() -> &'static Owner {
    &OWN
}
