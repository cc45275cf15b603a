//! Questions to the operating system.

pub(crate) mod descriptors;
pub(crate) mod loader;
pub(crate) mod maps;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) mod names;
pub(crate) mod stderr;
