//! Buffers that the host lowers or reads.

use std::mem::ManuallyDrop;

use plugin_core::repr::BufferRepr;

/// Lowers a `Vec` to a buffer. The `Repr`s in it belong to the buffer.
pub(crate) fn lower_buffer<T: Copy>(elements: Vec<T>) -> BufferRepr {
    let mut elements = ManuallyDrop::new(elements);
    // SAFETY: these are the parts of a `Vec`, which is not dropped, so the buffer is their only owner.
    unsafe {
        let (ptr, len, capacity) = (elements.as_mut_ptr().cast(), elements.len(), elements.capacity());
        BufferRepr::from_raw_parts(ptr, len, capacity, size_of::<T>(), align_of::<T>())
    }
}

/// Makes a slice of the parts of a buffer.
///
/// # Safety
///
/// During `'a`, there are `len` `T`s at `ptr`, and nothing changes them.
pub(crate) unsafe fn slice<'a, T>((ptr, len): (*mut u8, usize)) -> &'a [T] {
    // SAFETY: by `# Safety` of this function, there are `len` elements. An empty buffer may have any address, so it is not used.
    if len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(ptr.cast(), len) } }
}

/// Returns the text of a buffer.
///
/// # Safety
///
/// As for [`slice`](fn@slice), and the bytes are UTF-8.
pub(crate) unsafe fn text<'a>(buffer: BufferRepr) -> &'a str {
    // SAFETY: by `# Safety` of this function, the bytes are UTF-8.
    unsafe { std::str::from_utf8_unchecked(slice(buffer.raw_parts())) }
}
