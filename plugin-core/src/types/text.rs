//! `String`.

use super::PluginType;
use crate::buffer::BufferRepr;
use crate::descriptor::{Node, Tag};
use crate::origin::Origin;

// SAFETY: the bytes cross as they are, and are UTF-8 on both sides.
unsafe impl PluginType for String {
    type Repr = BufferRepr;
    const NODE: &'static Node = &Node::Of { head: &Tag::String.head(), parts: &[] };

    #[inline]
    fn lower(self) -> BufferRepr {
        BufferRepr::own(self.into_bytes())
    }
    #[inline]
    fn lend(&self) -> BufferRepr {
        BufferRepr::lent(self.as_ptr(), self.len())
    }
    #[inline]
    unsafe fn lift(repr: BufferRepr, _: &Origin) -> Self {
        // SAFETY: the caller promises a lowered or lent `String`: bytes, and UTF-8.
        unsafe { String::from_utf8_unchecked(repr.take::<u8>()) }
    }
}
