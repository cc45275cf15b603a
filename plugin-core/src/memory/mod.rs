//! Memory: the allocators of the two sides, and the owner of each buffer that crosses.

mod arena;
mod buffer;
mod common;
mod early;
mod host_allocator;
mod malloc;
mod owner;
mod source;
mod stdout_room;

pub use arena::Arena;
#[cfg(feature = "host")]
pub(crate) use common::common_of_host;
pub(crate) use common::{accept_host, bind};
pub use host_allocator::HostAllocator;
