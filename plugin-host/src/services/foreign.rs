//! The libraries that a plugin uses, as its host notes them.

/// A library that a plugin uses, and whose behaviour is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(not(all(target_os = "linux", target_env = "gnu")), allow(dead_code))] // Elsewhere nobody looks for them.
pub(crate) struct Foreign {
    /// Its file name, if it was found.
    pub(crate) name: String,
    /// Whether it was found, and will never be unmapped. Only then can it be vouched for.
    pub(crate) kept: bool,
}
