//! Our contender, with an allocator of its own.

#[path = "../../ours/src/exports.rs"]
mod exports;
