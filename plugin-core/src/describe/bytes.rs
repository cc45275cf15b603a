//! Functions on bytes that the compiler can evaluate in constants.

/// Copies `bytes` into `out` from `at` on, and returns where they end.
pub(super) const fn put(out: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    let mut i = 0;
    while i < bytes.len() {
        out[at + i] = bytes[i];
        i += 1;
    }
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
