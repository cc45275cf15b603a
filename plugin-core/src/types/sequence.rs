//! `Vec`, `VecDeque` and boxed slices.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::{drop_in_place, slice_from_raw_parts_mut};

use super::{PluginType, held, is_plain, with_room};
use crate::abi::BufferRepr;
use crate::describe::{Node, Tag};
use crate::memory::Arena;
use crate::origin::Origin;

// SAFETY: plain elements cross unchanged. Others cross one by one, in order.
#[diagnostic::do_not_recommend]
unsafe impl<T: PluginType> PluginType for Vec<T> {
    type Repr = BufferRepr;
    const NODE: &'static Node = {
        assert_sized::<T>();
        &Node::Of { head: &Tag::Vec.head(), parts: &[T::NODE] }
    };
    const DEEP: bool = T::DEEP;

    #[inline]
    fn lower(self) -> BufferRepr {
        if is_plain::<T>() {
            BufferRepr::own(self)
        } else {
            with_room(T::DEEP, || BufferRepr::own(converted(self, T::lower)))
        }
    }
    #[inline]
    fn lend(&self, arena: &mut Arena) -> BufferRepr {
        lend_slice(self, arena)
    }
    #[inline]
    unsafe fn lift(repr: BufferRepr, origin: &Origin) -> Self {
        if is_plain::<T>() {
            // SAFETY: plain elements in a buffer are laid out as `T`, and may be copied. By `# Safety` of
            // `PluginType::lift`, the buffer is lent, or taken once.
            unsafe { repr.take::<T>() }
        } else {
            // SAFETY: `lower` and `lend` make a buffer of `T::Repr`s. By `# Safety` of `PluginType::lift`, it is lent,
            // or taken once. Each `Repr` is lifted once.
            unsafe { with_room(T::DEEP, || converted(repr.take::<T::Repr>(), |element| T::lift(element, origin))) }
        }
    }
    #[inline]
    unsafe fn hold(repr: &BufferRepr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: `lend` and `lower` make a buffer of plain elements, which are laid out as `T`, or of `Repr`s, which
        // may be held as the vector may (`# Safety` of `PluginType::hold`). The caller uses the vector as `held::vec`
        // asks: behind `&` only, and while the memory exists.
        unsafe {
            let first = if is_plain::<T>() { repr.first() } else { held::repr_elements(repr, origin, arena) };
            held::vec(first, repr.len())
        }
    }
}

/// Converts each element, in place if both types have the same layout. If one conversion unwinds, the other elements
/// are dropped.
#[inline]
fn converted<A, B>(elements: Vec<A>, convert: impl Fn(A) -> B) -> Vec<B> {
    if size_of::<A>() != size_of::<B>() || align_of::<A>() != align_of::<B>() {
        return elements.into_iter().map(convert).collect();
    }
    let mut elements = ManuallyDrop::new(elements);
    let (first, len, capacity) = (elements.as_mut_ptr(), elements.len(), elements.capacity());
    let mut half = HalfConverted::<A, B> { first, len, capacity, at: 0, converted: PhantomData };
    for at in 0..len {
        half.at = at;
        // SAFETY: `at` is less than the length. The element there is moved out once. The converted element has the same
        // size and alignment, and takes its place.
        unsafe {
            let place = first.add(at);
            place.cast::<B>().write(convert(place.read()));
        }
    }
    std::mem::forget(half);
    // SAFETY: these are the parts of a `Vec`. All elements are `B`s now, and the memory was allocated for their layout.
    unsafe { Vec::from_raw_parts(first.cast(), len, capacity) }
}

/// The parts of a `Vec` during the conversion of its elements. It has `B`s before `at`, an empty place at `at`, and
/// `A`s after it.
struct HalfConverted<A, B> {
    first: *mut A,
    len: usize,
    capacity: usize,
    at: usize,
    converted: PhantomData<B>,
}

impl<A, B> Drop for HalfConverted<A, B> {
    // This is inlined, so that the fields can stay in registers.
    #[inline(always)]
    fn drop(&mut self) {
        /// # Safety
        ///
        /// The first three arguments are the parts of a `Vec` of `A`s or of `B`s. There are `B`s before `at`, and `A`s
        /// after it. Neither is used afterwards.
        #[cold]
        unsafe fn drop_half<A, B>(first: *mut A, len: usize, capacity: usize, at: usize) {
            // SAFETY: by `# Safety`, these are the parts of a `Vec`, and the two ranges are initialised. The `Vec` has
            // the length 0, so each element is dropped once.
            unsafe {
                let memory = Vec::from_raw_parts(first, 0, capacity);
                drop_in_place(slice_from_raw_parts_mut(first.cast::<B>(), at));
                drop_in_place(slice_from_raw_parts_mut(first.add(at + 1), len - at - 1));
                drop(memory);
            }
        }
        // SAFETY: `converted` keeps the fields right, and forgets `self` if no conversion unwinds. So the element at
        // `at` was moved out, and this is the only use of the others.
        unsafe { drop_half::<A, B>(self.first, self.len, self.capacity, self.at) }
    }
}

/// Refuses elements without a size: there may be more of them than there is memory for their `Repr`s.
///
/// The descriptor of each sequence calls this. A generic type's definition has descriptors with stand-ins for the
/// elements, which have a size. The conversions of the generic type therefore evaluate the descriptors for the real
/// elements too.
pub(crate) const fn assert_sized<T>() {
    assert!(size_of::<T>() != 0, "a sequence of a type without size does not cross: pass its length");
}

/// Lends the items of an iterator. The arena contains the `Repr`s.
#[inline]
pub(super) fn lend_all<I, R: Copy>(
    deep: bool,
    values: impl ExactSizeIterator<Item = I>,
    arena: &mut Arena,
    lend: impl Fn(I, &mut Arena) -> R,
) -> BufferRepr {
    let room = values.len();
    let first = arena.alloc::<R>(room);
    let mut count = 0;
    with_room(deep, || {
        for value in values.take(room) {
            // SAFETY: the arena has given room for `room` `Repr`s, and `take` ends the loop there.
            unsafe { first.add(count).write(lend(value, arena)) }
            count += 1;
        }
    });
    BufferRepr::lent(first.as_ptr(), count)
}

/// Lends the elements of a slice.
#[inline]
pub(super) fn lend_slice<T: PluginType>(slice: &[T], arena: &mut Arena) -> BufferRepr {
    if is_plain::<T>() {
        BufferRepr::lent(slice.as_ptr(), slice.len())
    } else {
        lend_all(T::DEEP, slice.iter(), arena, T::lend)
    }
}

// SAFETY: a `VecDeque` crosses as the `Vec` of its elements in order.
#[diagnostic::do_not_recommend]
unsafe impl<T: PluginType> PluginType for VecDeque<T> {
    type Repr = BufferRepr;
    const NODE: &'static Node = {
        assert_sized::<T>();
        &Node::Of { head: &Tag::VecDeque.head(), parts: &[T::NODE] }
    };
    const DEEP: bool = T::DEEP;

    #[inline]
    fn lower(self) -> BufferRepr {
        Vec::from(self).lower()
    }
    #[inline]
    fn lend(&self, arena: &mut Arena) -> BufferRepr {
        match self.as_slices() {
            (all, []) => lend_slice(all, arena),
            // The elements are in two pieces, so their `Repr`s are collected. If `T` is plain, they are laid out as the
            // values.
            _ => lend_all(T::DEEP, self.iter(), arena, T::lend),
        }
    }
    #[inline]
    unsafe fn lift(repr: BufferRepr, origin: &Origin) -> Self {
        // SAFETY: `lower` and `lend` make the `Repr` of a `Vec` with the same elements. By `# Safety` of
        // `PluginType::lift`, it is lifted once, or lent.
        unsafe { Vec::lift(repr, origin) }.into()
    }
    #[inline]
    unsafe fn hold(repr: &BufferRepr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: `lend` and `lower` make the `Repr` of a `Vec` with the same elements, which may be held as the
        // `VecDeque` may (`# Safety` of `PluginType::hold`). The result keeps the buffer, and is used in the same way.
        let vec = unsafe { Vec::hold(repr, origin, arena) };
        // std promises that this conversion keeps the buffer of the `Vec`.
        ManuallyDrop::new(ManuallyDrop::into_inner(vec).into())
    }
}

// SAFETY: a boxed slice crosses as the `Vec` of its elements does.
#[diagnostic::do_not_recommend]
unsafe impl<T: PluginType> PluginType for Box<[T]> {
    type Repr = BufferRepr;
    const NODE: &'static Node = {
        assert_sized::<T>();
        &Node::Of { head: &Tag::BoxSlice.head(), parts: &[T::NODE] }
    };
    const DEEP: bool = T::DEEP;

    #[inline]
    fn lower(self) -> BufferRepr {
        self.into_vec().lower()
    }
    #[inline]
    fn lend(&self, arena: &mut Arena) -> BufferRepr {
        lend_slice(self, arena)
    }
    #[inline]
    unsafe fn lift(repr: BufferRepr, origin: &Origin) -> Self {
        // SAFETY: `lower` and `lend` make the `Repr` of a `Vec` with the same elements. By `# Safety` of
        // `PluginType::lift`, it is lifted once, or lent.
        unsafe { Vec::lift(repr, origin) }.into_boxed_slice()
    }
    #[inline]
    unsafe fn hold(repr: &BufferRepr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: `lend` and `lower` make the `Repr` of a `Vec` with the same elements. The conditions of
        // `held::boxed_slice` are those of this function (`# Safety` of `PluginType::hold`).
        unsafe { held::boxed_slice(repr, origin, arena) }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn when_one_unwinds_the_others_are_dropped() {
        let alive = Arc::new(());
        for bad in 0..3 {
            let elements: Vec<_> = (0..3).map(|n| Box::new((n, alive.clone()))).collect();
            let result = catch_unwind(|| {
                converted(elements, |element| {
                    assert_ne!(element.0, bad);
                    Arc::new(element)
                })
            });
            result.unwrap_err();
            assert_eq!(Arc::strong_count(&alive), 1, "{bad}");
        }
    }
}
