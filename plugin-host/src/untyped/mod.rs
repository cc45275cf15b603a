//! Calls without types: values are built, read and dropped by their descriptors alone.
//!
//! | file | |
//! | --- | --- |
//! | `layout.rs`, `reprs.rs` | where everything is in a `Repr` |
//! | `ser.rs` | gives what is at an address to any of serde's serializers |
//! | `de.rs` | builds at an address what any of serde's deserializers gives |
//! | `free.rs` | drops what is at an address |
//! | `prepared.rs` | an export, worked out from its descriptor |
//! | `call.rs`, `statics.rs`, `outcome.rs` | bring them together |
//! | `api.rs`, `json.rs` | what a host offers |
//! | `walk.rs` | where in a value a walk is, and how deep |
//!
//! How a type is written is what serde's own implementations and derives make of it.

mod api;
mod call;
pub(crate) mod de;
mod error;
pub(crate) mod free;
#[cfg(feature = "json")]
mod json;
pub(crate) mod layout;
mod outcome;
pub(crate) mod prepared;
mod reprs;
pub(crate) mod ser;
mod statics;
#[cfg(all(test, feature = "json"))]
mod tests;
pub(crate) mod walk;

pub use error::CallError;
