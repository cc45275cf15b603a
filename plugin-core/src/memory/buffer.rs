//! Memory that crosses the boundary, and whose it is.

use std::alloc::{Layout, realloc};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::common;
use super::owner::OWN;
use crate::abi::{BufferRepr, Owner, SliceRepr};
use crate::cold::cold_path;

/// Whose a buffer is.
#[derive(Clone, Copy)]
enum Whose {
    Lent,
    Common { capacity: usize },
    Owner { owner: *const Owner, spare: usize },
}

impl Whose {
    /// Reads [`BufferRepr::owner`].
    #[inline(always)]
    fn of(owner: *const u8) -> Self {
        let number = owner.addr();
        if number % 2 == 1 {
            Whose::Common { capacity: number / 2 }
        } else if owner.is_null() {
            Whose::Lent
        } else {
            let beside = number % align_of::<Owner>();
            Whose::Owner { owner: owner.wrapping_sub(beside).cast(), spare: beside / 2 }
        }
    }
}

/// Takes a buffer's elements, where it takes more than knowing that they may be adopted. Returns where they are then, and
/// the capacity.
///
/// # Safety
///
/// As for [`BufferRepr::take`], of a buffer of these parts.
#[inline(never)]
unsafe fn taken<T>(ptr: *mut u8, len: usize, owner: *const u8) -> (*mut T, usize) {
    match Whose::of(owner) {
        Whose::Common { capacity } => {
            // SAFETY: nobody else will use the buffer, by the caller's promise, and it is adopted here.
            if unsafe { common::adopt(ptr, capacity * size_of::<T>(), align_of::<T>()) } {
                return (ptr.cast(), capacity);
            }
        }
        Whose::Owner { owner, spare } if std::ptr::eq(owner, &OWN) => return (ptr.cast(), len + spare),
        Whose::Lent | Whose::Owner { .. } => {}
    }
    let mut copy = ManuallyDrop::new(Vec::<T>::with_capacity(len));
    // SAFETY: the source holds `len` elements, the target has room for them and is new; what is freed was made by `own`
    // on a `Vec` of elements of this size and alignment.
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
/// As for [`BufferRepr::free_raw`], of a buffer of these parts.
#[inline(always)]
unsafe fn free(ptr: *mut u8, len: usize, owner: *const u8, size: usize, align: usize) {
    let (owner, capacity) = match Whose::of(owner) {
        Whose::Lent => return,
        Whose::Common { capacity } => (common::common_owner(), capacity),
        // SAFETY: a static of the sender's, which is still loaded.
        Whose::Owner { owner, spare } => (unsafe { &*owner }, len + spare),
    };
    // SAFETY: the caller's promise.
    unsafe { (owner.free)(ptr, capacity * size, align) }
}

/// [`BufferRepr::owner`] for a buffer of the common allocator. A capacity is at most `isize::MAX`.
#[inline(always)]
fn common_with(capacity: usize) -> *const u8 {
    std::ptr::without_provenance(capacity * 2 + 1)
}

/// [`BufferRepr::owner`] for a buffer of this library's with room for so many more elements.
#[inline(always)]
fn own_with(spare: usize) -> *const u8 {
    std::ptr::from_ref(&OWN).cast::<u8>().wrapping_add(spare * 2)
}

/// Gives away what a `Vec` has, where it takes more than saying whose it is. Returns where it is then, and the
/// [owner](BufferRepr::owner).
///
/// # Safety
///
/// As for [`BufferRepr::from_vec`].
#[inline(never)]
unsafe fn given(ptr: *mut u8, len: usize, capacity: usize, size: usize, align: usize) -> (*mut u8, *const u8) {
    if common::gives_own() && capacity - len <= Owner::MOST_SPARE {
        return (ptr, own_with(capacity - len));
    }
    // SAFETY: the caller's promise.
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
    if spare > Owner::MOST_SPARE {
        spare = Owner::MOST_SPARE;
        // SAFETY: the block was allocated so, by the caller's promise; the new size is not 0, and less.
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

// Buffers are made and taken in scalars: one that is passed by its address is copied, in other pieces than it was written in,
// and for that the processor has to wait. The unusual cases are one call, so that the usual one has no registers to save.

impl BufferRepr {
    /// Gives the elements of `elements` away.
    #[inline(always)]
    pub(crate) fn own<T>(elements: Vec<T>) -> Self {
        // Not a constant: the type of a box may have no size, and this function is then compiled but not called.
        assert!(size_of::<T>() != 0, "a capacity is a number of bytes, too");
        let mut elements = ManuallyDrop::new(elements);
        let (ptr, len, capacity) = (elements.as_mut_ptr().cast(), elements.len(), elements.capacity());
        // SAFETY: a `Vec` has these, and forgets them.
        unsafe { Self::from_vec(ptr, len, capacity, size_of::<T>(), align_of::<T>()) }
    }

    /// Gives away what a `Vec` has.
    ///
    /// # Safety
    ///
    /// `Vec::from_raw_parts` would be right with these, for elements of this size and alignment.
    #[inline(always)]
    unsafe fn from_vec(ptr: *mut u8, len: usize, capacity: usize, size: usize, align: usize) -> Self {
        let (ptr, owner) = if common::gives_common() {
            (ptr, common_with(capacity))
        } else {
            cold_path();
            // SAFETY: the caller's promise.
            unsafe { given(ptr, len, capacity, size, align) }
        };
        BufferRepr { ptr, len, owner }
    }

    /// Gives away `len` bytes at `ptr` that others may be reading, so that the receiver must not write there. They are
    /// not to be adopted: `owner`, which gets `len` as the size, knows how they were allocated.
    pub(crate) fn owned_by(ptr: *const u8, len: usize, owner: &'static Owner) -> Self {
        BufferRepr { ptr: ptr.cast_mut(), len, owner: std::ptr::from_ref(owner).cast() }
    }

    /// Whether the buffer came from this library, with this owner.
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

    /// The address of the first element, if there is one.
    ///
    /// # Safety
    ///
    /// The buffer is [`own`](Self::own)ed or [lent](Self::lent), so the address is of a slice.
    #[inline(always)]
    pub(crate) unsafe fn first<T>(&self) -> NonNull<T> {
        // SAFETY: a slice's address is not null.
        unsafe { NonNull::new_unchecked(self.ptr.cast()) }
    }

    /// The same elements as a whole argument.
    #[inline(always)]
    pub(crate) fn as_whole(&self) -> SliceRepr {
        SliceRepr { ptr: self.ptr, len: self.len }
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

    /// Takes the elements, moving them out of the buffer: adopted if it is from this library's allocator, else copied
    /// and freed (or left alone where it is lent).
    ///
    /// # Safety
    ///
    /// The buffer holds `T`s that nobody else will use, and has not been taken or freed before; or it is lent, and `T`
    /// may be copied bit by bit.
    #[inline(always)]
    pub(crate) unsafe fn take<T>(self) -> Vec<T> {
        let BufferRepr { ptr, len, owner } = self;
        let (ptr, capacity) = if owner.addr() % 2 == 1 && common::adopts_common() {
            (ptr.cast(), owner.addr() / 2)
        } else {
            cold_path();
            // SAFETY: the caller's promise.
            unsafe { taken::<T>(ptr, len, owner) }
        };
        // SAFETY: `own` took these from a `Vec<T>` (or one of the same layout) and forgot it, and its memory is of the
        // allocator that this library has; or it is a copy, which is a `Vec`'s.
        unsafe { Vec::from_raw_parts(ptr, len, capacity) }
    }

    /// Frees the buffer, not what its elements own.
    ///
    /// # Safety
    ///
    /// As for [`take`](Self::take); the elements are not used after.
    pub(crate) unsafe fn free_memory<T>(self) {
        // SAFETY: the buffer was made by `own` on a `Vec` of elements of this size and alignment.
        unsafe { free(self.ptr, self.len, self.owner, size_of::<T>(), align_of::<T>()) }
    }
}

impl SliceRepr {
    /// Lends elements.
    #[inline(always)]
    pub(crate) fn new<T>(elements: &[T]) -> Self {
        SliceRepr { ptr: elements.as_ptr().cast_mut().cast(), len: elements.len() }
    }

    /// Lends elements to be changed.
    #[inline(always)]
    pub(crate) fn new_mut<T>(elements: &mut [T]) -> Self {
        SliceRepr { ptr: elements.as_mut_ptr().cast(), len: elements.len() }
    }

    /// The elements, for as long as the caller knows them to live.
    ///
    /// # Safety
    ///
    /// They are initialised `T`s, which outlive `'a`.
    #[inline(always)]
    pub(crate) unsafe fn as_slice<'a, T>(self) -> &'a [T] {
        // SAFETY: from a slice, so it is aligned and not null.
        unsafe { std::slice::from_raw_parts(self.ptr.cast(), self.len) }
    }

    /// The elements, to be changed.
    ///
    /// # Safety
    ///
    /// As for [`as_slice`](Self::as_slice); they are from [`new_mut`](Self::new_mut), and nobody else uses them during `'a`.
    #[inline(always)]
    pub(crate) unsafe fn as_slice_mut<'a, T>(self) -> &'a mut [T] {
        // SAFETY: from a slice, so it is aligned and not null.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.cast(), self.len) }
    }

    /// Where the elements are, and how many.
    ///
    /// # Safety
    ///
    /// The address is of a slice.
    #[inline(always)]
    pub(crate) unsafe fn parts<T>(self) -> (NonNull<T>, usize) {
        // SAFETY: a slice's address is not null.
        (unsafe { NonNull::new_unchecked(self.ptr.cast()) }, self.len)
    }

    /// Lends elements of which only the descriptor is known, also to be changed where the receiver changes them.
    #[cfg(feature = "host")]
    pub fn from_raw_parts(ptr: *mut u8, len: usize) -> Self {
        SliceRepr { ptr, len }
    }

    /// Where the elements are, and how many.
    #[cfg(feature = "host")]
    pub fn raw_parts(&self) -> (*mut u8, usize) {
        (self.ptr, self.len)
    }
}

/// For a host that knows the elements only from a descriptor.
#[cfg(feature = "host")]
impl BufferRepr {
    /// Gives away elements that a `Vec` may hold.
    ///
    /// # Safety
    ///
    /// `Vec::from_raw_parts` would be right with these for elements of the size and alignment that the receiver takes,
    /// which are these.
    pub unsafe fn from_raw_parts(ptr: *mut u8, len: usize, capacity: usize, size: usize, align: usize) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::from_vec(ptr, len, capacity, size, align) }
    }

    /// A buffer of elements that are lent, to be read.
    pub fn of_slice(SliceRepr { ptr, len }: SliceRepr) -> Self {
        Self::lent(ptr, len)
    }

    /// Where the elements are, and how many.
    pub fn raw_parts(&self) -> (*mut u8, usize) {
        (self.ptr, self.len)
    }

    /// Frees the buffer, not what its elements own.
    ///
    /// # Safety
    ///
    /// It was not taken or freed before, its elements are of this size and alignment, and the library that made it is
    /// still loaded.
    pub unsafe fn free_raw(self, size: usize, align: usize) {
        // SAFETY: the caller's promise.
        unsafe { free(self.ptr, self.len, self.owner, size, align) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Here is no host, so that the buffers are of this library's own.
    #[test]
    fn room_that_there_is_besides_the_elements_comes_back() {
        let most = Owner::MOST_SPARE;
        for (len, spare) in [(0, 0), (3, 0), (0, 1), (0, most), (7, most), (0, most + 1), (7, most + 1), (7, 100_000)] {
            let mut elements = Vec::with_capacity(len + spare);
            elements.extend((0..len).map(|n| n as u32));
            let room = elements.capacity().min(len + most);
            let expected = elements.clone();
            let buffer = BufferRepr::own(elements);
            // SAFETY: given away just here, and taken once.
            let taken = unsafe { buffer.take::<u32>() };
            assert_eq!((&taken, taken.capacity()), (&expected, room), "{len} elements and room for {spare}");
        }
    }

    #[test]
    fn what_is_lent_is_copied() {
        let elements = vec![1_u8, 2];
        // SAFETY: the elements are there, and may be copied.
        let copy = unsafe { BufferRepr::lent(elements.as_ptr(), elements.len()).take::<u8>() };
        assert_eq!(copy, elements);
        assert_ne!(copy.as_ptr(), elements.as_ptr());
    }

    /// Frees nothing, and says that it was asked to.
    unsafe extern "C" fn note(ptr: *mut u8, size: usize, align: usize) {
        // SAFETY: below it is the address of these.
        unsafe { *ptr.cast::<(usize, usize)>() = (size, align) }
    }
    static OTHER: Owner = Owner::new(note);

    #[test]
    fn what_is_anothers_is_copied_and_freed_by_it() {
        let mut noted = (1_usize, 2_usize);
        let buffer = BufferRepr::owned_by((&raw mut noted).cast(), size_of_val(&noted), &OTHER);
        // SAFETY: so many bytes, of which the owner knows what they are.
        let copy = unsafe { buffer.take::<u8>() };
        assert_eq!(copy[..size_of::<usize>()], 1_usize.to_ne_bytes());
        assert_eq!(noted, (size_of_val(&noted), 1));
    }
}
