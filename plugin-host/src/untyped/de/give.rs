//! Buffers that the host gives away.

use std::ffi::OsString;
use std::mem::ManuallyDrop;

use plugin_core::repr::BufferRepr;

/// What the elements of a `Vec` are given away as.
pub(super) fn give<T: Copy>(elements: Vec<T>) -> BufferRepr {
    let mut elements = ManuallyDrop::new(elements);
    // SAFETY: taken apart and forgotten.
    unsafe {
        let (ptr, len, capacity) = (elements.as_mut_ptr().cast(), elements.len(), elements.capacity());
        BufferRepr::from_raw_parts(ptr, len, capacity, size_of::<T>(), align_of::<T>())
    }
}

#[cfg(not(windows))]
pub(super) fn os_units(text: OsString) -> Vec<u8> {
    use std::os::unix::ffi::OsStringExt;
    text.into_vec()
}

#[cfg(windows)]
pub(super) fn os_units(text: OsString) -> Vec<u16> {
    use std::os::windows::ffi::OsStrExt;
    text.encode_wide().collect()
}
