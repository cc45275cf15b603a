//! The file of a plugin: how it is found, opened, copied, and told from another.

pub(crate) mod contents;
pub(crate) mod copy;
pub(crate) mod mapping;
pub(crate) mod open;
pub(crate) mod resolve;
pub(crate) mod source;
pub(crate) mod stamp;
#[cfg(target_os = "linux")]
pub(crate) mod symbols;
