//! The types without parts.

pub(crate) mod bytes;
pub(crate) mod json;
pub(crate) mod uuid;
