//! Memory that crosses between the two sides, and the owner that frees it.

/// Frees `size` bytes aligned to `align` at the pointer, with the allocator that made them.
pub type Free = unsafe extern "C" fn(*mut u8, size: usize, align: usize);

/// The owner that frees a buffer. The owner is known by its address, which is aligned so that there is room beside it for
/// [`BufferRepr`]'s number.
#[derive(Debug)]
#[repr(C, align(1024))]
pub struct Owner {
    pub(crate) free: Free,
}

/// `len` elements of some [`Repr`](crate::PluginType::Repr) in a row.
///
/// The two sides may have different allocators, so the buffer says whose it is:
///
/// | `owner` | the buffer is | its capacity |
/// | --- | --- | --- |
/// | null | lent: good for the length of the call, or, if it is (part of) a result, until that is lifted | |
/// | an odd number | of the common allocator: see `host_allocator.rs` | half of the number |
/// | the address of an [`Owner`], plus an even number | that one's | `len` and half of the number |
///
/// A receiver adopts a buffer of its own allocator. Of any other buffer, the receiver copies the elements and has the buffer
/// freed.
///
/// It is as large as a `Vec`, so that a `Vec` of them is made of a `Vec` of `String`s in place.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct BufferRepr {
    pub(crate) ptr: *mut u8,
    pub(crate) len: usize,
    pub(crate) owner: *const u8,
}

const _: () = assert!(size_of::<BufferRepr>() == size_of::<Vec<u8>>());

/// `len` elements in a row that are lent for the length of a call, as a whole argument. On most systems C passes two words in
/// registers.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SliceRepr {
    pub(crate) ptr: *mut u8,
    pub(crate) len: usize,
}
