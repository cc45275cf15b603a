//! Paths that differ in their text and lead to one file.

/// A way from a directory to itself, which is another text for each number: `/` is a zero, and 16 in a row are a fifteen.
pub(crate) fn spelling(mut number: u64) -> String {
    let mut path = String::new();
    while number != 0 {
        path.extend(std::iter::repeat_n('/', 1 + (number % 16) as usize));
        path.push('.');
        number /= 16;
    }
    path
}
