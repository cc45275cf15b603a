//! `Box`.

use std::mem::ManuallyDrop;

use super::sequence::lend_slice;
use super::{PluginType, held};
use crate::abi::BufferRepr;
use crate::describe::{Node, Tag};
use crate::memory::Arena;
use crate::origin::Origin;

// SAFETY: a `Box` crosses as the `Vec` of its one value does.
#[diagnostic::do_not_recommend]
unsafe impl<T: PluginType> PluginType for Box<T> {
    type Repr = BufferRepr;
    const NODE: &'static Node = &Node::Of { head: &Tag::Box.head(), parts: &[T::NODE] };
    const DEEP: bool = T::DEEP;

    #[inline]
    fn lower(self) -> BufferRepr {
        // SAFETY: `into_raw` gave the pointer, and an array of one element is laid out as the element. The box is
        // converted in place, because its value may be too large for the stack.
        let one = unsafe { Box::from_raw(Box::into_raw(self).cast::<[T; 1]>()) };
        Vec::from(one as Box<[T]>).lower()
    }
    #[inline]
    fn lend(&self, arena: &mut Arena) -> BufferRepr {
        lend_slice(std::slice::from_ref(&**self), arena)
    }
    #[inline]
    unsafe fn lift(repr: BufferRepr, origin: &Origin) -> Self {
        // SAFETY: `lower` and `lend` make `repr` as they do for a `Vec` of this one value. By `# Safety` of
        // `PluginType::lift`, it is lifted once, or lent.
        let one = unsafe { Vec::<T>::lift(repr, origin) };
        assert_one(one.len());
        // SAFETY: `into_raw` gave the pointer. The slice has one element, as `assert_one` has checked, so it is laid
        // out as the element.
        unsafe { Box::from_raw(Box::into_raw(one.into_boxed_slice()).cast::<T>()) }
    }
    #[inline]
    unsafe fn hold(repr: &BufferRepr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        assert_one(repr.len());
        // SAFETY: `lend` and `lower` make the buffer of a slice of one `T`, and the caller uses the result as
        // `# Safety` of `PluginType::hold` asks. `into_raw` gave the pointer, and a slice of one element is laid out as
        // the element.
        unsafe {
            let one = ManuallyDrop::into_inner(held::boxed_slice::<T>(repr, origin, arena));
            ManuallyDrop::new(Box::from_raw(Box::into_raw(one).cast::<T>()))
        }
    }
}

fn assert_one(len: usize) {
    assert_eq!(len, 1, "a lowered `Box` does not hold one value: its sender is broken or lies");
}
