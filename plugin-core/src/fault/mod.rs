//! Faults: the reason why a call did not return, and the one place where a panic is stopped.
//!
//! [`Fault`], [`Cause`] and [`Location`] are for all users. The other items are public for `plugin-host` and for the code that the
//! attribute emits, so they have no examples.

pub(crate) mod boundary;
mod returned;
pub(crate) mod unwind;
pub(crate) mod value;

pub use boundary::outcome;
pub use returned::Return;
pub use unwind::{discard, drop_rest};
pub use value::{Cause, Fault, Location};

pub use crate::abi::{Context, FaultRepr, Outcome};
#[cfg(feature = "host")]
pub use crate::runtime::panic_hook::observe_panics;
