//! Our contender, with the host's allocator.

mod exports;

plugin_core::use_host_allocator!();
