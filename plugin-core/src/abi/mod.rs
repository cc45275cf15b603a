//! The C-compatible types and the numbers that the two sides agree on.

pub mod table;
