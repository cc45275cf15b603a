//! A hint for the compiler about unlikely paths.

/// Marks the path on which it is called as unlikely. The compiler then lays out the other path in a straight line.
#[cold]
#[inline]
pub(crate) fn cold_path() {}
