//! Exported statics and locks.

pub(crate) mod locks;
pub(crate) mod plugin_static;
