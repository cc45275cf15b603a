//! Reads bytes from any format, and lowers them to `BytesRepr`.

use std::ffi::c_void;
use std::fmt;
use std::sync::Arc;

use serde::de::{Error, SeqAccess, Visitor};

use crate::untyped::reprs::BytesRepr;

/// Reads bytes, which a format may have as bytes, as a text, or as a sequence of numbers.
pub(crate) struct BytesVisitor;

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
pub(crate) fn lower_bytes(bytes: Arc<Vec<u8>>) -> BytesRepr {
    let (ptr, len) = (bytes.as_ptr(), bytes.len());
    let owner = Arc::into_raw(bytes).cast_mut().cast();
    BytesRepr { ptr, len, owner, free: Some(free_bytes), share: share_bytes }
}

/// Frees a share.
unsafe extern "C" fn free_bytes(owner: *mut c_void) {
    // Dropping a `Vec` of bytes runs no user code, so nothing can panic here.
    // SAFETY: `owner` is from `lower_bytes`, and the receiver frees its share once.
    drop(unsafe { Arc::from_raw(owner.cast::<Vec<u8>>()) });
}

/// Makes another share.
unsafe extern "C" fn share_bytes(owner: *const c_void) -> BytesRepr {
    // SAFETY: `owner` is from `lower_bytes`, and its share is not freed yet. The `ManuallyDrop` keeps that share.
    let share = std::mem::ManuallyDrop::new(unsafe { Arc::from_raw(owner.cast::<Vec<u8>>()) });
    lower_bytes(Arc::clone(&share))
}
