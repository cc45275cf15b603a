//! `bytes::Bytes`, shared between the two sides.

use std::ffi::c_void;

use ::bytes::Bytes;

use super::PluginType;
use crate::descriptor::{Node, Tag};
use crate::origin::Origin;

/// The `Repr` of a `Bytes`: what it shows, and the one share of it that the receiver gives up in the end.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct BytesRepr {
    ptr: *const u8,
    len: usize,
    owner: *mut c_void,
    /// Gives up the share, on any thread.
    free: unsafe extern "C" fn(owner: *mut c_void),
}

unsafe extern "C" fn free_bytes(owner: *mut c_void) {
    // SAFETY: `lower` in this same library boxed it, and it is freed once.
    drop(unsafe { Box::from_raw(owner.cast::<Bytes>()) });
}

/// A share of the sender's bytes.
struct Share {
    repr: BytesRepr,
    /// Dropped after the share is given up, which is done by the sender's code.
    _origin: Origin,
}

// SAFETY: what is shared is a `Bytes`, which may be used, cloned and dropped on any thread, and so may the origin.
unsafe impl Send for Share {}
// SAFETY: as above.
unsafe impl Sync for Share {}

impl AsRef<[u8]> for Share {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: from the sender's `Bytes`, which keeps them until it is freed.
        unsafe { std::slice::from_raw_parts(self.repr.ptr, self.repr.len) }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // SAFETY: freed once, by the function that came with it; the origin keeps that loaded.
        unsafe { (self.repr.free)(self.repr.owner) }
    }
}

// SAFETY: the receiver has a share of the very same bytes, which nobody changes.
unsafe impl PluginType for Bytes {
    type Repr = BytesRepr;
    const NODE: &'static Node = &Node::Of { head: &Tag::Bytes.head(), parts: &[] };

    fn lower(self) -> BytesRepr {
        let (ptr, len) = (self.as_ptr(), self.len());
        BytesRepr { ptr, len, owner: Box::into_raw(Box::new(self)).cast(), free: free_bytes }
    }
    fn lend(&self) -> BytesRepr {
        // Another share of them: the receiver may keep it for longer than the loan.
        self.clone().lower()
    }
    unsafe fn lift(repr: BytesRepr, origin: &Origin) -> Self {
        let share = Share { repr, _origin: origin.clone() };
        if origin.leaves() { Bytes::copy_from_slice(share.as_ref()) } else { Bytes::from_owner(share) }
    }
}
