//! Memory: the allocators of the two sides, and which buffer belongs to which allocator.

pub(crate) mod arena;
pub(crate) mod buffer;
pub(crate) mod host_allocator;
pub(crate) mod malloc;
