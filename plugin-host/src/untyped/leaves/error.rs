//! `Box<dyn Error>`, which crosses as the messages of its chain.

use plugin_core::repr::BufferRepr;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

use super::leaf::Leaf;
use crate::untyped::buffer::{lower_buffer, slice, text};
use crate::untyped::walk::Here;

pub(crate) enum Error {}

// SAFETY: the `Repr` is a buffer of texts.
unsafe impl Leaf for Error {
    type Repr = BufferRepr;
    const OWNS: bool = true;

    unsafe fn write<S: Serializer>(repr: BufferRepr, _: Here, to: S) -> Result<S::Ok, S::Error> {
        // SAFETY: by `# Safety` of this function, there is a buffer of texts, which stays unchanged.
        let messages = unsafe { slice::<BufferRepr>(repr.raw_parts()) };
        // SAFETY: each message is a buffer of UTF-8.
        to.collect_seq(messages.iter().map(|message| unsafe { text(*message) }))
    }

    fn read<'de, D: Deserializer<'de>>(from: D, _: Here) -> Result<BufferRepr, D::Error> {
        let messages = Vec::<String>::deserialize(from)?;
        if messages.is_empty() {
            return Err(D::Error::invalid_length(0, &"at least one message"));
        }
        let messages: Vec<BufferRepr> =
            messages.into_iter().map(|message| lower_buffer(message.into_bytes())).collect();
        Ok(lower_buffer(messages))
    }

    unsafe fn free(repr: BufferRepr) {
        // SAFETY: by `# Safety` of this function, there is a buffer of texts, which is not used afterwards. Each text is a buffer of bytes.
        unsafe {
            for message in slice::<BufferRepr>(repr.raw_parts()) {
                message.free_raw(1, 1);
            }
            repr.free_raw(size_of::<BufferRepr>(), align_of::<BufferRepr>());
        }
    }
}
