//! What the compiler is told of likelihoods.

/// Where this is called, the program seldom comes: what does not go there is laid out in a straight line.
#[cold]
#[inline]
pub(crate) fn cold_path() {}
