//! Memory that crosses between the two sides, and the owner that frees it.

/// A function that frees `size` bytes with the alignment `align` at the pointer. It uses the allocator that made them.
pub type Free = unsafe extern "C" fn(*mut u8, size: usize, align: usize);

/// The owner of buffers, which frees them. Its address identifies the owner. The address is aligned, so that its low
/// bits are free for the number in a [`BufferRepr`].
#[derive(Debug)]
#[repr(C, align(1024))]
pub struct Owner {
    pub(crate) free: Free,
}

/// `len` elements of some [`Repr`](crate::PluginType::Repr) in a row.
///
/// The two sides may have different allocators, so the buffer names its owner:
///
/// | `owner` | the buffer is | its capacity |
/// | --- | --- | --- |
/// | null | lent: valid during the call, or, if the buffer is in a result, until the result is lifted | |
/// | an odd number | of the common allocator: see `memory/common.rs` | half of the number |
/// | the address of an [`Owner`], plus an even number | that owner's | `len` plus half of the number |
///
/// A receiver adopts a buffer of its own allocator. It copies the elements of any other buffer, and calls the owner to
/// free that buffer.
///
/// A buffer is as large as a `Vec`, so a `Vec` of `String`s can become a `Vec` of buffers in place.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct BufferRepr {
    pub(crate) ptr: *mut u8,
    pub(crate) len: usize,
    pub(crate) owner: *const u8,
}

const _: () = assert!(size_of::<BufferRepr>() == size_of::<Vec<u8>>());

/// A whole argument: `len` elements in a row that are lent during a call. Most C calling conventions pass these two
/// words in registers.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SliceRepr {
    pub(crate) ptr: *mut u8,
    pub(crate) len: usize,
}
