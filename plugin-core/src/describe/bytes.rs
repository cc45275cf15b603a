//! Functions on bytes that the compiler can evaluate in constants.

/// Copies `bytes` into `out` from `at` on, and returns where they end. In a constant, the compiler copies them at once,
/// and would interpret a loop step by step. Calls cost it the most time, so the function makes one.
///
/// # Panics
///
/// If there is no room for the bytes.
pub(super) const fn put(out: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    let [_, ..] = bytes else { return at };
    let len = bytes.len();
    // The indices are checked by the compiler's own operation, and `out.len()` would be a call. The first index is not larger than
    // the last.
    let (end, to) = (at + len, &raw mut out[at]);
    _ = out[end - 1];
    // SAFETY: `out` has `len` bytes from `at` on, because it has the byte before `end`. `out` is borrowed mutably, so the two do not
    // overlap.
    unsafe { std::ptr::copy_nonoverlapping(&raw const bytes[0], to, len) }
    end
}

/// Writes the array `$bytes`, of `$len` bytes, into the array `$out` from `$at` on. The compiler interprets this faster than a call.
macro_rules! put_array {
    ($out:ident, $at:expr, $bytes:expr => $len:literal) => {{
        let (at, bytes): (usize, [u8; $len]) = ($at, $bytes);
        _ = $out[at + $len - 1];
        let to = (&raw mut $out[at]) as *mut [u8; $len];
        // SAFETY: `$out` has `$len` bytes from `at` on, because it has the last of them. `$out` is a variable of this function's.
        unsafe { *to = bytes }
    }};
}
pub(super) use put_array;

/// Returns the bytes of a number. The compiler interprets this faster than the calls within `to_le_bytes`.
pub(super) const fn little_endian(number: u32) -> [u8; 4] {
    [number as u8, (number >> 8) as u8, (number >> 16) as u8, (number >> 24) as u8]
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
