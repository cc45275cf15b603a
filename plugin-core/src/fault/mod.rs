//! Faults: the reason why a call did not return, and the one place where a panic is stopped.

pub(crate) mod boundary;
mod returned;
pub(crate) mod unwind;
pub(crate) mod value;

pub use boundary::outcome;
pub use returned::Return;
pub(crate) use returned::raise;
pub use unwind::{discard, drop_rest};
pub use value::{Cause, Fault, Location};
