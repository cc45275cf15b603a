//! Bytes, as any format may have them, and shares in bytes of the host's.

use std::ffi::c_void;
use std::fmt;
use std::sync::Arc;

use serde::de::{Error, SeqAccess, Visitor};

use crate::untyped::reprs::BytesRepr;

/// Bytes, as any format may have them.
pub(super) struct BytesVisitor;

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

/// Gives away a share in bytes of the host's.
pub(super) fn give_bytes(bytes: Arc<Vec<u8>>) -> BytesRepr {
    let (ptr, len) = (bytes.as_ptr(), bytes.len());
    let owner = Arc::into_raw(bytes).cast_mut().cast();
    BytesRepr { ptr, len, owner, free: Some(free_bytes), share: share_bytes }
}

/// Gives up a share.
unsafe extern "C" fn free_bytes(owner: *mut c_void) {
    // It is a `Vec` of bytes, so no code of an author's runs here, and nothing can panic.
    // SAFETY: given away by `give_bytes`, and given up once.
    drop(unsafe { Arc::from_raw(owner.cast::<Vec<u8>>()) });
}

/// Makes another share.
unsafe extern "C" fn share_bytes(owner: *const c_void) -> BytesRepr {
    // SAFETY: given away by `give_bytes`, and not given up yet: it is only borrowed here.
    let share = std::mem::ManuallyDrop::new(unsafe { Arc::from_raw(owner.cast::<Vec<u8>>()) });
    give_bytes(Arc::clone(&share))
}
