//! The libraries that a plugin uses, as its host notes them.

/// A library that a plugin uses, and whose behaviour is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(not(all(target_os = "linux", target_env = "gnu")), allow(dead_code))] // Other systems do not look for them.
pub(crate) struct Foreign {
    /// The library's file name, if the library was found.
    pub(crate) name: String,
    /// Whether the library was found, and will never be unmapped. Only then can the host vouch for it.
    pub(crate) kept: bool,
}
