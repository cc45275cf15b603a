//! `Box`.

use super::PluginType;
use super::sequence::lend_slice;
use crate::buffer::BufferRepr;
use crate::descriptor::{Node, Tag};
use crate::origin::Origin;

// SAFETY: crosses as the `Vec` of its one value does.
unsafe impl<T: PluginType> PluginType for Box<T> {
    type Repr = BufferRepr;
    const NODE: &'static Node = &Node { head: &Tag::Box.head(), parts: &[T::NODE] };

    #[inline]
    fn lower(self) -> BufferRepr {
        let one: Box<[T]> = Box::new([*self]);
        Vec::from(one).lower()
    }
    #[inline]
    fn lend(&self) -> BufferRepr {
        lend_slice(std::slice::from_ref(&**self))
    }
    #[inline]
    unsafe fn lift(repr: BufferRepr, origin: &Origin) -> Self {
        // SAFETY: the caller promises a lowered or lent `Box<T>`, which is a buffer of one `T`.
        let one = unsafe { Vec::<T>::lift(repr, origin) };
        match one.into_iter().next() {
            Some(value) => Box::new(value),
            None => panic!("a lowered `Box` is empty: its sender is broken or lies"),
        }
    }
}
