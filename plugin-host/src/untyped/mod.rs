//! Calls without types: the host builds, reads and drops values by their descriptors alone.
//!
//! | file | |
//! | --- | --- |
//! | `layout.rs` | the layout of each `Repr`: size, alignment, offsets |
//! | `ser.rs` | reads a value at an address and writes it to a serde serializer |
//! | `de.rs` | reads a value from a serde deserializer and builds it at an address |
//! | `free.rs` | drops a value at an address |
//! | `leaves/` | the types without parts: the layout, the reading, the writing and the dropping of each |
//! | `buffer.rs`, `names.rs` | buffers, and names of fields and variants |
//! | `prepared.rs` | an export's layouts and its way of access, computed once from the descriptor |
//! | `call.rs`, `statics.rs`, `outcome.rs` | a call of a function, a read of a static, and the fault of either |
//! | `api.rs`, `json.rs` | the public methods of `Plugin` and `Host` |
//! | `remote.rs`, `proxy.rs`, `remote_static.rs` | the near side of an export that runs elsewhere: a function, or a static |
//! | `remote_state.rs` | the state of a version that runs elsewhere, and the near side of its hooks |
//! | `wire.rs`, `carrier.rs` | the bytes of calls and values, and their way |
//! | `answer.rs` | the far side: it answers requests to a plugin of this process |
//! | `walk.rs` | the depth, the path and the form of a walk through a value |
//!
//! Each type is written in the same form as serde's own implementations and derives write it. Messages have a form of their own,
//! which is close to that ([`Form::Wire`](walk::Form::Wire)).

#[cfg(feature = "loopback")]
pub(crate) mod answer;
mod api;
mod buffer;
mod call;
#[cfg(feature = "loopback")]
pub(crate) mod carrier;
pub(crate) mod de;
mod error;
pub(crate) mod free;
#[cfg(feature = "json")]
mod json;
pub(crate) mod layout;
mod leaves;
mod names;
mod outcome;
pub(crate) mod prepared;
#[cfg(feature = "loopback")]
mod proxy;
#[cfg(feature = "loopback")]
pub(crate) mod remote;
#[cfg(feature = "loopback")]
pub(crate) mod remote_state;
#[cfg(feature = "loopback")]
mod remote_static;
pub(crate) mod ser;
mod statics;
#[cfg(all(test, feature = "json"))]
mod tests;
pub(crate) mod walk;
#[cfg(feature = "loopback")]
pub(crate) mod wire;

pub use error::CallError;
