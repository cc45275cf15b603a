//! The C-compatible types and the numbers on which the two sides agree.
//!
//! The folder has layouts only. The functions that make and read these values are in the folders of their subjects.

mod buffer;
mod export;
mod lock;
mod object;
mod outcome;
mod services;
mod table;

pub use buffer::{BufferRepr, Free, Owner, SliceRepr};
pub use export::{Export, Invoke};
#[cfg(feature = "host")]
pub use lock::LockedHead;
pub use lock::{LockFunctions, LockRepr, LockedRepr};
pub use object::{Keeper, ObjectRepr, ObjectVtable};
pub(crate) use object::{ShareRepr, Words};
pub use outcome::{Context, FaultRepr, Outcome};
pub use services::{Environment, HostMemory, HostServices, Run, SystemAllocator};
pub use table::{
    ABI_VERSION, Escaped, HEADER_SIZE, MAGIC, PluginTable, Registered, TABLE_SYMBOL, TABLE_V1_SIZE, bound, escaped,
};
