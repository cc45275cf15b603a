//! A call: the look-up of an export by its type, the handle that is called, and the call itself.
//!
//! The function may run in this process or elsewhere. `proxy.rs` describes how a look-up settles this, so that a call does
//! not have to.

mod callee;
mod function;
mod lookup;
mod proxy;
// `fn(A)` and `fn(&B)` are different types for every `A` and `B`; the lint asks whether that is relied on. It is.
#[allow(coherence_leak_check)]
mod signature;

pub(crate) use callee::{Callee, Handle};
pub use function::{Function, FunctionType};
pub(crate) use lookup::Sealed;
pub use lookup::{Lookup, Site};
pub use proxy::{AnyEntry, ProxyHead};
#[cfg(test)]
pub(crate) use signature::without_mut;
