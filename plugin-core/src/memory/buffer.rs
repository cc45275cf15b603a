//! Buffers: how a `Vec` becomes a buffer, and a buffer becomes a `Vec`.

use std::alloc::{Layout, realloc};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::common;
use super::owner::OWN;
use crate::abi::{BufferRepr, Owner, SliceRepr};
use crate::cold::cold_path;

/// The owner of a buffer, as [`BufferRepr::owner`] encodes it.
#[derive(Clone, Copy)]
enum Ownership {
    Lent,
    Common { capacity: usize },
    Owner { owner: *const Owner, spare: usize },
}

impl Ownership {
    /// Reads [`BufferRepr::owner`].
    #[inline(always)]
    fn of(owner: *const u8) -> Self {
        let number = owner.addr();
        if number % 2 == 1 {
            Ownership::Common { capacity: number / 2 }
        } else if owner.is_null() {
            Ownership::Lent
        } else {
            let beside = number % align_of::<Owner>();
            Ownership::Owner { owner: owner.wrapping_sub(beside).cast(), spare: beside / 2 }
        }
    }
}

/// Takes the elements of a buffer in the unusual cases, where the buffer cannot be adopted at once. Returns their
/// address and the capacity.
///
/// # Safety
///
/// As for [`BufferRepr::take`], of a buffer of these parts.
#[inline(never)]
unsafe fn taken<T>(ptr: *mut u8, len: usize, owner: *const u8) -> (*mut T, usize) {
    match Ownership::of(owner) {
        Ownership::Common { capacity } => {
            // SAFETY: by `# Safety`, the buffer has no other user. It is of the common allocator, and this adopts it.
            if unsafe { common::adopt(ptr, capacity * size_of::<T>(), align_of::<T>()) } {
                return (ptr.cast(), capacity);
            }
        }
        Ownership::Owner { owner, spare } if std::ptr::eq(owner, &OWN) => return (ptr.cast(), len + spare),
        Ownership::Lent | Ownership::Owner { .. } => {}
    }
    let mut copy = ManuallyDrop::new(Vec::<T>::with_capacity(len));
    // SAFETY: by `# Safety`, the source has `len` elements, which may be copied or have no other user. The target is
    // new and has room for them. The buffer was made for elements of this size and alignment, and is not used
    // afterwards.
    unsafe {
        std::ptr::copy_nonoverlapping(ptr.cast(), copy.as_mut_ptr(), len);
        free(ptr, len, owner, size_of::<T>(), align_of::<T>());
    }
    (copy.as_mut_ptr(), copy.capacity())
}

/// Frees a buffer's memory.
///
/// # Safety
///
/// These are the parts of a buffer that was made for elements of this size and alignment, and that was neither taken
/// nor freed before. Nothing uses its memory afterwards. The library that made it is still loaded.
#[inline(always)]
unsafe fn free(ptr: *mut u8, len: usize, owner: *const u8, size: usize, align: usize) {
    let (owner, capacity) = match Ownership::of(owner) {
        Ownership::Lent => return,
        Ownership::Common { capacity } => (common::common_owner(), capacity),
        // SAFETY: the number is the address of an `Owner` of the library that made the buffer. By `# Safety`, this
        // library is still loaded.
        Ownership::Owner { owner, spare } => (unsafe { &*owner }, len + spare),
    };
    // SAFETY: the owner's function asks for the size and alignment that the buffer was made with, and to be called
    // once. By `# Safety`, the buffer was made for `capacity` elements of this size and alignment, and was not freed
    // before.
    unsafe { (owner.free)(ptr, capacity * size, align) }
}

/// Returns the [`BufferRepr::owner`] of a buffer of the common allocator. A capacity is at most `isize::MAX`, so twice
/// the capacity fits.
#[inline(always)]
fn common_with(capacity: usize) -> *const u8 {
    std::ptr::without_provenance(capacity * 2 + 1)
}

/// Returns the [`BufferRepr::owner`] of a buffer of this library with this spare capacity.
#[inline(always)]
fn own_with(spare: usize) -> *const u8 {
    std::ptr::from_ref(&OWN).cast::<u8>().wrapping_add(spare * 2)
}

/// Gives away the memory of a `Vec` in the unusual cases, where more is necessary than naming the owner. Returns the
/// address and the [owner](BufferRepr::owner).
///
/// # Safety
///
/// As for [`BufferRepr::from_vec`].
#[inline(never)]
unsafe fn given(ptr: *mut u8, len: usize, capacity: usize, size: usize, align: usize) -> (*mut u8, *const u8) {
    if common::gives_own() && capacity - len <= Owner::MAX_SPARE {
        return (ptr, own_with(capacity - len));
    }
    // SAFETY: by `# Safety`, these are the parts of a `Vec`, as `given_otherwise` asks.
    unsafe { given_otherwise(ptr, len, capacity, size, align) }
}

/// # Safety
///
/// As for [`given`].
#[cold]
unsafe fn given_otherwise(
    ptr: *mut u8,
    len: usize,
    capacity: usize,
    size: usize,
    align: usize,
) -> (*mut u8, *const u8) {
    if common::give(ptr, capacity * size) {
        return (ptr, common_with(capacity));
    }
    let (mut ptr, mut spare) = (ptr, capacity - len);
    if spare > Owner::MAX_SPARE {
        spare = Owner::MAX_SPARE;
        // SAFETY: by `# Safety`, the global allocator gave the block for `capacity` elements of this size and
        // alignment. The new size is smaller, and it is not 0, because neither `spare` nor `size` is 0.
        unsafe {
            let layout = Layout::from_size_align_unchecked(capacity * size, align);
            ptr = realloc(ptr, layout, (len + spare) * size);
            if ptr.is_null() {
                std::alloc::handle_alloc_error(layout);
            }
        }
    }
    (ptr, own_with(spare))
}

// These functions pass the three words of a buffer one by one. A buffer that is passed by its address is written in
// three pieces and read in larger ones, and the processor has to wait for that. Each unusual case is one call, so that
// the usual case saves no registers.

impl BufferRepr {
    /// Gives the elements away.
    #[inline(always)]
    pub(crate) fn own<T>(elements: Vec<T>) -> Self {
        // This is not checked in a constant. The type in a `Box` may have no size; then the function is compiled, but
        // it is not called.
        assert!(size_of::<T>() != 0, "a capacity is a number of bytes, too");
        let mut elements = ManuallyDrop::new(elements);
        let (ptr, len, capacity) = (elements.as_mut_ptr().cast(), elements.len(), elements.capacity());
        // SAFETY: these are the parts of a `Vec` of `T`s, which is forgotten.
        unsafe { Self::from_vec(ptr, len, capacity, size_of::<T>(), align_of::<T>()) }
    }

    /// Gives away the memory of a `Vec`.
    ///
    /// # Safety
    ///
    /// The caller could pass these parts to `Vec::from_raw_parts`, for elements of this size, which is not 0, and
    /// alignment.
    #[inline(always)]
    unsafe fn from_vec(ptr: *mut u8, len: usize, capacity: usize, size: usize, align: usize) -> Self {
        let (ptr, owner) = if common::gives_common() {
            (ptr, common_with(capacity))
        } else {
            cold_path();
            // SAFETY: by `# Safety`, these are the parts of a `Vec`, as `given` asks.
            unsafe { given(ptr, len, capacity, size, align) }
        };
        BufferRepr { ptr, len, owner }
    }

    /// Gives away `len` bytes at `ptr` that other code may read, so the receiver must not write there. The receiver
    /// does not adopt the bytes, because only `owner` knows how they were allocated. `owner` gets `len` as the size.
    pub(crate) fn owned_by(ptr: *const u8, len: usize, owner: &'static Owner) -> Self {
        BufferRepr { ptr: ptr.cast_mut(), len, owner: std::ptr::from_ref(owner).cast() }
    }

    /// Returns true if the buffer came from this library with this owner.
    pub(crate) fn is_owned_by(&self, owner: &'static Owner) -> bool {
        std::ptr::eq(self.owner, std::ptr::from_ref(owner).cast())
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Lends `len` elements at `ptr`.
    pub(crate) const fn lent<T>(ptr: *const T, len: usize) -> Self {
        BufferRepr { ptr: ptr as *mut u8, len, owner: std::ptr::null() }
    }

    /// Returns true if the elements are lent.
    #[inline(always)]
    pub(crate) fn is_lent(&self) -> bool {
        self.owner.is_null()
    }

    pub(crate) fn as_ptr<T>(&self) -> *const T {
        self.ptr.cast()
    }

    /// Returns the address of the first element. For an empty buffer, it is any aligned address.
    ///
    /// # Safety
    ///
    /// The address is that of a slice, as in each buffer of [`own`](Self::own), and of [`lent`](Self::lent) for a
    /// slice.
    #[inline(always)]
    pub(crate) unsafe fn first<T>(&self) -> NonNull<T> {
        // SAFETY: by `# Safety`, the address is that of a slice, which is not null.
        unsafe { NonNull::new_unchecked(self.ptr.cast()) }
    }

    /// Returns the same elements as a whole argument.
    #[inline(always)]
    pub(crate) fn as_whole(&self) -> SliceRepr {
        SliceRepr { ptr: self.ptr, len: self.len }
    }

    /// Returns the elements. The caller chooses the lifetime.
    ///
    /// # Safety
    ///
    /// The buffer contains initialised `T`s that outlive `'a` and do not change during `'a`. Its address is that of a
    /// slice.
    pub(crate) unsafe fn as_slice<'a, T>(&self) -> &'a [T] {
        // SAFETY: by `# Safety`, the buffer contains initialised `T`s during `'a`. Its maker took the address from a
        // slice, so the address is aligned and not null.
        unsafe { std::slice::from_raw_parts(self.as_ptr(), self.len) }
    }

    /// Moves the elements out of the buffer. A buffer of this library's allocator is adopted. The elements of another
    /// buffer are copied, and the buffer is freed, unless it is lent.
    ///
    /// # Safety
    ///
    /// The buffer contains `T`s, and was made for elements of their size and alignment. The library that made it is
    /// still loaded. Either the buffer is lent, and `T` may be copied bit by bit. Or the buffer was neither taken nor
    /// freed before, and the `T`s have no other user. (Bytes of [`owned_by`](Self::owned_by) may have other readers.)
    #[inline(always)]
    pub(crate) unsafe fn take<T>(self) -> Vec<T> {
        let BufferRepr { ptr, len, owner } = self;
        let (ptr, capacity) = if owner.addr() % 2 == 1 && common::adopts_common() {
            (ptr.cast(), owner.addr() / 2)
        } else {
            cold_path();
            // SAFETY: the conditions of `taken` are those of this function (`# Safety`).
            unsafe { taken::<T>(ptr, len, owner) }
        };
        // SAFETY: `taken` returns the parts of a `Vec` of this library. Otherwise the buffer is of the common
        // allocator, which is this library's (`adopts_common`): `from_vec` got the parts from a `Vec` with elements of
        // this size and alignment. By `# Safety`, the buffer is taken once.
        unsafe { Vec::from_raw_parts(ptr, len, capacity) }
    }

    /// Frees the buffer, but not the memory that its elements own.
    ///
    /// # Safety
    ///
    /// The buffer was made for elements of the size and alignment of `T`, and was neither taken nor freed before. The
    /// elements are not used afterwards. The library that made the buffer is still loaded.
    pub(crate) unsafe fn free_memory<T>(self) {
        // SAFETY: by `# Safety`, the buffer was made for elements of this size and alignment and was not freed before,
        // and its library is still loaded.
        unsafe { free(self.ptr, self.len, self.owner, size_of::<T>(), align_of::<T>()) }
    }
}

impl SliceRepr {
    /// Lends elements.
    #[inline(always)]
    pub(crate) fn new<T>(elements: &[T]) -> Self {
        SliceRepr { ptr: elements.as_ptr().cast_mut().cast(), len: elements.len() }
    }

    /// Lends elements, for changes.
    #[inline(always)]
    pub(crate) fn new_mut<T>(elements: &mut [T]) -> Self {
        SliceRepr { ptr: elements.as_mut_ptr().cast(), len: elements.len() }
    }

    /// Returns the elements. The caller chooses the lifetime.
    ///
    /// # Safety
    ///
    /// The elements are initialised `T`s that outlive `'a` and do not change during `'a`. Their address is that of a
    /// slice.
    #[inline(always)]
    pub(crate) unsafe fn as_slice<'a, T>(self) -> &'a [T] {
        // SAFETY: by `# Safety`, the elements are initialised `T`s during `'a`. Their address came from a slice, so it
        // is aligned and not null.
        unsafe { std::slice::from_raw_parts(self.ptr.cast(), self.len) }
    }

    /// Returns the elements, for changes.
    ///
    /// # Safety
    ///
    /// The elements came from [`new_mut`](Self::new_mut). They are initialised `T`s that outlive `'a`, and have no
    /// other user during `'a`.
    #[inline(always)]
    pub(crate) unsafe fn as_slice_mut<'a, T>(self) -> &'a mut [T] {
        // SAFETY: by `# Safety`, the elements are initialised `T`s without another user during `'a`. `new_mut` took
        // their address from a slice, so it is aligned and not null.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.cast(), self.len) }
    }

    /// Returns the address of the elements, and their number.
    ///
    /// # Safety
    ///
    /// The address is that of a slice.
    #[inline(always)]
    pub(crate) unsafe fn parts<T>(self) -> (NonNull<T>, usize) {
        // SAFETY: by `# Safety`, the address is that of a slice, which is not null.
        (unsafe { NonNull::new_unchecked(self.ptr.cast()) }, self.len)
    }

    /// Lends elements whose type is known only from a descriptor. The receiver may change them if the argument is
    /// `&mut`.
    #[cfg(feature = "host")]
    #[doc(hidden)]
    pub fn from_raw_parts(ptr: *mut u8, len: usize) -> Self {
        SliceRepr { ptr, len }
    }

    /// Returns the address of the elements, and their number.
    #[cfg(feature = "host")]
    #[doc(hidden)]
    pub fn raw_parts(&self) -> (*mut u8, usize) {
        (self.ptr, self.len)
    }
}

/// Functions for a host that knows the elements only from a descriptor.
#[cfg(feature = "host")]
#[doc(hidden)]
impl BufferRepr {
    /// Gives away elements as a `Vec` does.
    ///
    /// # Safety
    ///
    /// The caller could pass these parts to `Vec::from_raw_parts`, for elements of this size, which is not 0, and
    /// alignment. The receiver's elements have the same size and alignment.
    pub unsafe fn from_raw_parts(ptr: *mut u8, len: usize, capacity: usize, size: usize, align: usize) -> Self {
        // SAFETY: by `# Safety`, these are the parts of a `Vec`, as `from_vec` asks.
        unsafe { Self::from_vec(ptr, len, capacity, size, align) }
    }

    /// Makes a buffer of lent elements.
    pub fn of_slice(SliceRepr { ptr, len }: SliceRepr) -> Self {
        Self::lent(ptr, len)
    }

    /// Returns the address of the elements, and their number.
    pub fn raw_parts(&self) -> (*mut u8, usize) {
        (self.ptr, self.len)
    }

    /// Frees the buffer, but not the memory that its elements own.
    ///
    /// # Safety
    ///
    /// The buffer was neither taken nor freed before. Its elements have this size and alignment. The library that made
    /// it is still loaded.
    pub unsafe fn free_raw(self, size: usize, align: usize) {
        // SAFETY: the conditions of `free` are those of this function (`# Safety`).
        unsafe { free(self.ptr, self.len, self.owner, size, align) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This test has no host, so the buffers belong to this library.
    #[test]
    fn room_that_there_is_besides_the_elements_comes_back() {
        let most = Owner::MAX_SPARE;
        for (len, spare) in [(0, 0), (3, 0), (0, 1), (0, most), (7, most), (0, most + 1), (7, most + 1), (7, 100_000)] {
            let mut elements = Vec::with_capacity(len + spare);
            elements.extend((0..len).map(|n| n as u32));
            let room = elements.capacity().min(len + most);
            let expected = elements.clone();
            let buffer = BufferRepr::own(elements);
            // SAFETY: the buffer was given away above, and is taken once.
            let taken = unsafe { buffer.take::<u32>() };
            assert_eq!((&taken, taken.capacity()), (&expected, room), "{len} elements and room for {spare}");
        }
    }

    #[test]
    fn what_is_lent_is_copied() {
        let elements = vec![1_u8, 2];
        // SAFETY: `elements` outlives the buffer, and bytes may be copied.
        let copy = unsafe { BufferRepr::lent(elements.as_ptr(), elements.len()).take::<u8>() };
        assert_eq!(copy, elements);
        assert_ne!(copy.as_ptr(), elements.as_ptr());
    }

    /// Frees nothing, but notes the size and the alignment.
    unsafe extern "C" fn note(ptr: *mut u8, size: usize, align: usize) {
        // SAFETY: the pointer is the address of two numbers, as the test below passes it.
        unsafe { *ptr.cast::<(usize, usize)>() = (size, align) }
    }
    static OTHER: Owner = Owner::new(note);

    #[test]
    fn what_is_anothers_is_copied_and_freed_by_it() {
        let mut noted = (1_usize, 2_usize);
        let buffer = BufferRepr::owned_by((&raw mut noted).cast(), size_of_val(&noted), &OTHER);
        // SAFETY: the buffer has as many bytes, and `note` does not free them.
        let copy = unsafe { buffer.take::<u8>() };
        assert_eq!(copy[..size_of::<usize>()], 1_usize.to_ne_bytes());
        assert_eq!(noted, (size_of_val(&noted), 1));
    }
}
