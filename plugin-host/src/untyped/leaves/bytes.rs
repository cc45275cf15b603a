//! `Bytes`.

use std::ffi::c_void;
use std::fmt;
use std::sync::Arc;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserializer, Serializer};

use super::leaf::Leaf;
use crate::untyped::buffer::slice;
use crate::untyped::walk::Here;

pub(crate) enum Bytes {}

/// The `Repr` of `Bytes`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct BytesRepr {
    pub(crate) ptr: *const u8,
    pub(crate) len: usize,
    pub(crate) owner: *mut c_void,
    pub(crate) free: Option<unsafe extern "C" fn(*mut c_void)>,
    pub(crate) share: unsafe extern "C" fn(*const c_void) -> BytesRepr,
}

// SAFETY: `BytesRepr` has the layout of the `Repr` of `Bytes`, and `lower_bytes` gives a share away.
unsafe impl Leaf for Bytes {
    type Repr = BytesRepr;
    const OWNS: bool = true;

    unsafe fn write<S: Serializer>(BytesRepr { ptr, len, .. }: BytesRepr, _: Here, to: S) -> Result<S::Ok, S::Error> {
        // SAFETY: by `# Safety` of this function, there are `Bytes`, which have `len` bytes at `ptr`. These stay unchanged.
        to.serialize_bytes(unsafe { slice((ptr.cast_mut(), len)) })
    }

    fn read<'de, D: Deserializer<'de>>(from: D, _: Here) -> Result<BytesRepr, D::Error> {
        Ok(lower_bytes(Arc::new(from.deserialize_byte_buf(BytesVisitor)?)))
    }

    unsafe fn free(repr: BytesRepr) {
        if let Some(free) = repr.free {
            // SAFETY: `free` is the function for this owner, and it is called once, because the value is not used again.
            unsafe { free(repr.owner) }
        }
    }
}

/// Reads bytes, which a format may have as bytes, as a text, or as a sequence of numbers.
struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("byte array")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
        Ok(text.as_bytes().to_vec())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = sequence.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

/// Lowers a share in bytes of the host.
fn lower_bytes(bytes: Arc<Vec<u8>>) -> BytesRepr {
    let (ptr, len) = (bytes.as_ptr(), bytes.len());
    let owner = Arc::into_raw(bytes).cast_mut().cast();
    BytesRepr { ptr, len, owner, free: Some(free_bytes), share: share_bytes }
}

/// Frees a share.
///
/// # Safety
///
/// `owner` is that of a [`BytesRepr`] from [`lower_bytes`]. The share is not used afterwards.
unsafe extern "C" fn free_bytes(owner: *mut c_void) {
    // Dropping a `Vec` of bytes runs no user code, so nothing can panic here.
    // SAFETY: `lower_bytes` has got `owner` from `Arc::into_raw`, and this function's caller gives its share up, so it is
    // dropped once.
    drop(unsafe { Arc::from_raw(owner.cast::<Vec<u8>>()) });
}

/// Makes another share.
///
/// # Safety
///
/// `owner` is that of a [`BytesRepr`] from [`lower_bytes`], whose share was not freed.
unsafe extern "C" fn share_bytes(owner: *const c_void) -> BytesRepr {
    // SAFETY: `lower_bytes` has got `owner` from `Arc::into_raw`, and its share was not freed, as this function demands. The
    // `ManuallyDrop` does not free it either.
    let share = std::mem::ManuallyDrop::new(unsafe { Arc::from_raw(owner.cast::<Vec<u8>>()) });
    lower_bytes(Arc::clone(&share))
}
