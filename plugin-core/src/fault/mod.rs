//! Why a call did not return, and the one place where a panic is stopped.
//!
//! [`Fault`] and [`Location`] are for everybody. The rest is public for `plugin-host` and for the shims that the attribute
//! makes, and has no examples for that reason.

pub(crate) mod value;

pub use value::*;
