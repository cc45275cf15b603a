//! Buffers that the host lowers.

use std::ffi::OsString;
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

/// Returns the units of an `OsString`: bytes.
#[cfg(not(windows))]
pub(crate) fn os_units(text: OsString) -> Vec<u8> {
    use std::os::unix::ffi::OsStringExt;
    text.into_vec()
}

/// Returns the units of an `OsString`: UTF-16.
#[cfg(windows)]
pub(crate) fn os_units(text: OsString) -> Vec<u16> {
    use std::os::windows::ffi::OsStrExt;
    text.encode_wide().collect()
}
