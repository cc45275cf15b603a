//! Functions on bytes that the compiler can evaluate in constants.

/// Copies `bytes` into `out` from `at` on, and returns where they end. The compiler copies them at once in a constant,
/// and would interpret a loop step by step.
///
/// # Panics
///
/// If there is no room for the bytes.
pub(super) const fn put(out: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    assert!(at <= out.len() && bytes.len() <= out.len() - at);
    // SAFETY: the assertion above says that `bytes.len()` bytes are in `out` from `at` on. `out` is borrowed mutably, so
    // the two do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), out.as_mut_ptr().add(at), bytes.len()) }
    at + bytes.len()
}

/// Returns true if two rows of bytes are equal.
pub(super) const fn are_equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Returns the bytes before the first space.
pub(super) const fn first_word(text: &[u8]) -> &[u8] {
    let mut end = 0;
    while end < text.len() && text[end] != b' ' {
        end += 1;
    }
    text.split_at(end).0
}
