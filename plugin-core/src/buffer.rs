//! Memory that crosses the boundary, with the function that frees it.

use std::alloc::{Layout, dealloc};

use crate::allocator;

/// Frees `size` bytes aligned to `align` at the pointer, with the allocator that made them.
pub type Free = unsafe extern "C" fn(*mut u8, size: usize, align: usize);

/// `len` elements of some [`Repr`](crate::PluginType::Repr) in a row.
///
/// The two sides may have different allocators, so the buffer carries the function that frees it: whoever receives it
/// copies the elements and calls that. A buffer whose `free` is the receiver's own, or that of the host from which the
/// receiver has its memory, comes from the receiver's own allocator and is adopted instead of copied. A buffer without one is lent: it belongs to the sender and is good for
/// the length of the call, or, if it is (part of) a result, until that is lifted.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct BufferRepr {
    ptr: *mut u8,
    len: usize,
    capacity: usize,
    free: Option<Free>,
}

const _: () = assert!(size_of::<BufferRepr>() == 4 * size_of::<usize>());

/// Frees what this library allocated. Never inlined: its address is what it is known by.
#[inline(never)]
pub(crate) unsafe extern "C" fn free_own(ptr: *mut u8, size: usize, align: usize) {
    if size != 0 {
        // SAFETY: the pointer comes from `BufferRepr::own` in this same library, or in one that has its memory from this
        // one, with this size and alignment.
        unsafe { dealloc(ptr, Layout::from_size_align_unchecked(size, align)) }
    }
}

impl BufferRepr {
    /// Gives the elements of `elements` away.
    pub(crate) fn own<T>(elements: Vec<T>) -> Self {
        let mut elements = std::mem::ManuallyDrop::new(elements);
        let (ptr, len, capacity) = (elements.as_mut_ptr().cast(), elements.len(), elements.capacity());
        BufferRepr { ptr, len, capacity, free: Some(allocator::give(ptr, capacity * size_of::<T>())) }
    }

    /// Gives away `len` bytes at `ptr` that others may be reading, so that the receiver must not write there. They are
    /// not to be adopted: `free`, which gets `len` as the size, knows how they were allocated.
    pub(crate) fn freed_by(ptr: *const u8, len: usize, free: Free) -> Self {
        BufferRepr { ptr: ptr.cast_mut(), len, capacity: len, free: Some(free) }
    }

    /// Whether the buffer came from this library, with this `free`.
    pub(crate) fn is_freed_by(&self, free: Free) -> bool {
        self.free.is_some_and(|own| std::ptr::fn_addr_eq(own, free))
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Lends `len` elements at `ptr`.
    pub(crate) const fn lent<T>(ptr: *const T, len: usize) -> Self {
        BufferRepr { ptr: ptr as *mut u8, len, capacity: len, free: None }
    }

    /// Lends the elements of `slice` to be changed.
    pub(crate) fn lent_mut<T>(slice: &mut [T]) -> Self {
        BufferRepr { ptr: slice.as_mut_ptr().cast(), len: slice.len(), capacity: slice.len(), free: None }
    }

    pub(crate) fn as_ptr<T>(&self) -> *const T {
        self.ptr.cast()
    }

    /// The elements, for as long as the caller knows them to live.
    ///
    /// # Safety
    ///
    /// The buffer holds initialised `T`s that outlive `'a`.
    pub(crate) unsafe fn as_slice<'a, T>(&self) -> &'a [T] {
        // SAFETY: `own` and `lent` both take their pointer from a slice, so it is aligned and not null.
        unsafe { std::slice::from_raw_parts(self.as_ptr(), self.len) }
    }

    /// The elements, to be changed.
    ///
    /// # Safety
    ///
    /// As for [`as_slice`](Self::as_slice); the buffer is from [`lent_mut`](Self::lent_mut), and nobody else uses it
    /// during `'a`.
    pub(crate) unsafe fn as_slice_mut<'a, T>(&self) -> &'a mut [T] {
        // SAFETY: `lent_mut` took the pointer from a slice, so it is aligned and not null.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.cast(), self.len) }
    }

    /// Takes the elements, moving them out of the buffer: adopted if it is from this library's allocator, else copied
    /// and freed (or left alone where it is lent).
    ///
    /// # Safety
    ///
    /// The buffer holds `T`s that nobody else will use, and has not been taken or freed before; or it is lent, and `T`
    /// may be copied bit by bit.
    pub(crate) unsafe fn take<T>(self) -> Vec<T> {
        let size = self.capacity * size_of::<T>();
        // SAFETY: nobody else will use the buffer, by the caller's promise, and here it is not used otherwise.
        if self.free.is_some_and(|free| unsafe { allocator::adopt(self.ptr, size, align_of::<T>(), free) }) {
            // SAFETY: `own` took these from a `Vec<T>` (or one of the same layout) and forgot it, and its memory is of the
            // allocator that this library has.
            return unsafe { Vec::from_raw_parts(self.ptr.cast(), self.len, self.capacity) };
        }
        let mut elements = Vec::with_capacity(self.len);
        // SAFETY: the source holds `len` elements, the target has room for them and is new.
        unsafe {
            std::ptr::copy_nonoverlapping(self.as_ptr::<T>(), elements.as_mut_ptr(), self.len);
            elements.set_len(self.len);
            self.free_memory::<T>();
        }
        elements
    }

    /// Frees the buffer, not what its elements own.
    ///
    /// # Safety
    ///
    /// As for [`take`](Self::take); the elements are not used after.
    pub(crate) unsafe fn free_memory<T>(self) {
        if let Some(free) = self.free {
            // SAFETY: the buffer was made by `own` on a `Vec` of elements of this size and alignment.
            unsafe { free(self.ptr, self.capacity * size_of::<T>(), align_of::<T>()) }
        }
    }
}

/// For a host that knows the elements only from a descriptor.
#[cfg(feature = "host")]
impl BufferRepr {
    /// Gives away elements that a `Vec` may hold.
    ///
    /// # Safety
    ///
    /// `Vec::from_raw_parts` would be right with these for elements of the size and alignment that the receiver takes.
    pub unsafe fn from_raw_parts(ptr: *mut u8, len: usize, capacity: usize) -> Self {
        BufferRepr { ptr, len, capacity, free: Some(free_own) }
    }

    /// Lends elements, also to be changed where the receiver changes them.
    pub fn from_lent_parts(ptr: *mut u8, len: usize) -> Self {
        BufferRepr { ptr, len, capacity: len, free: None }
    }

    /// Where the elements are, and how many.
    pub fn raw_parts(&self) -> (*mut u8, usize) {
        (self.ptr, self.len)
    }

    /// The same buffer with only the first `len` elements.
    pub fn shortened(self, len: usize) -> Self {
        BufferRepr { len: len.min(self.len), ..self }
    }

    /// Frees the buffer, not what its elements own.
    ///
    /// # Safety
    ///
    /// It was not taken or freed before, its elements are of this size and alignment, and the library that made it is
    /// still loaded.
    pub unsafe fn free_raw(self, size: usize, align: usize) {
        if let Some(free) = self.free {
            // SAFETY: the caller's promise.
            unsafe { free(self.ptr, self.capacity * size, align) }
        }
    }
}
