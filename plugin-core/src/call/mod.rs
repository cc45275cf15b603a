//! How a host looks an export up and calls it.

pub(crate) mod closure;
pub(crate) mod lookup;
// `fn(A)` and `fn(&B)` are different types for every `A` and `B`; the lint asks whether that is relied on. It is.
#[allow(coherence_leak_check)]
pub(crate) mod signature;
