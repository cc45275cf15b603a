//! A wide pointer as two words, and back, in the library that stands behind the pointer.

use crate::abi::Words;

/// A static whose address stands for this library.
pub(super) static HOME: u8 = 1;

/// Returns a wide pointer as two words.
pub(super) fn words_of<D: ?Sized>(closure: *const D) -> Words {
    const { assert!(size_of::<*const D>() == size_of::<Words>()) }
    // SAFETY: both types have the same size, so all bytes of the words come from the pointer.
    unsafe { std::mem::transmute_copy(&closure) }
}

/// Returns the wide pointer that the words were.
///
/// # Safety
///
/// [`words_of`] in this library has made the words of a pointer of this type.
pub(crate) unsafe fn pointer_of<D: ?Sized>(words: Words) -> *mut D {
    // SAFETY: by `# Safety`, these are all bytes of such a pointer.
    unsafe { std::mem::transmute_copy(&words) }
}
