//! [`CallError`]: the reasons why a call without types gives no value.

use plugin_core::Fault;
use thiserror::Error;

use crate::error::Error;

/// The reason why a call without types gave no value.
///
/// # Example
///
/// ```standalone_crate
/// use plugin_core::plugin_export;
/// use plugin_host::{CallError, Host};
///
/// #[plugin_export]
/// fn double(n: u32) -> u32 {
///     n * 2
/// }
///
/// # #[cfg(feature = "json")] {
/// let host = Host::linked()?;
/// let error = host.call_json("double", &serde_json::json!([-1])).unwrap_err();
/// assert!(matches!(error, CallError::Argument { index: 1, .. }));
/// # }
/// # Ok::<(), plugin_host::Error>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CallError {
    /// The export was not found, or the plugin panicked while it gave access to a static.
    #[error(transparent)]
    Lookup(#[from] Error),

    /// The export's type is unknown to this host's version of the SDK. A plugin with another version may have such
    /// types.
    #[error("cannot use `{export}`: this host's version of the SDK does not know its type")]
    #[non_exhaustive]
    UnknownType {
        /// The plugin and the export.
        export: String,
    },

    /// The export's signature has a type that is not data.
    #[error("cannot use `{export}` without its types: not all of `{declaration}` is data")]
    #[non_exhaustive]
    NotData {
        /// The plugin and the export.
        export: String,
        /// The declaration of the export.
        declaration: String,
    },

    /// The export is a static, but it was called.
    #[error("cannot call `{export}`: it is a static, `{declaration}`")]
    #[non_exhaustive]
    NotAFunction {
        /// The plugin and the export.
        export: String,
        /// The declaration of the export.
        declaration: String,
    },

    /// The export is a function, but it was read as a static.
    #[error("cannot read `{export}`: it is a function, `{declaration}`")]
    #[non_exhaustive]
    NotAStatic {
        /// The plugin and the export.
        export: String,
        /// The declaration of the export.
        declaration: String,
    },

    /// The function changes an argument, and the method that was called cannot return the change.
    #[error("cannot call `{export}`: it changes its argument {index} (`{name}`); use `call_json_mut`")]
    #[non_exhaustive]
    Changes {
        /// The plugin and the export.
        export: String,
        /// The number of the argument, from 1.
        index: usize,
        /// The argument's name.
        name: String,
    },

    /// The number of arguments that were given is not the number that the function takes.
    #[error("cannot call `{export}`: {found} given, `{declaration}` takes {expected}", found = counted(*found))]
    #[non_exhaustive]
    ArgumentCount {
        /// The plugin and the export.
        export: String,
        /// The declaration of the export.
        declaration: String,
        /// The number of arguments that the function takes.
        expected: usize,
        /// The number of arguments that were given.
        found: usize,
    },

    /// The input is not a list of arguments.
    #[error("cannot call `{export}`: {message}")]
    #[non_exhaustive]
    Arguments {
        /// The plugin and the export.
        export: String,
        /// The reason.
        message: String,
    },

    /// An argument does not fit the type that the function takes.
    #[error("cannot call `{export}`: argument {index} (`{place}`): {message}")]
    #[non_exhaustive]
    Argument {
        /// The plugin and the export.
        export: String,
        /// The number of the argument, from 1.
        index: usize,
        /// The argument's name, and the path to the part that does not fit: `points[3].x`.
        place: String,
        /// The reason.
        message: String,
    },

    /// The output format cannot represent a value: the result of a function that was called, an argument that it
    /// changed, or the value of a static.
    #[error("{what} of `{export}` cannot be represented: {message}")]
    #[non_exhaustive]
    Unrepresentable {
        /// The plugin and the export.
        export: String,
        /// The value, and the path to the part that cannot be represented: the result `result[3]`, an argument, or the
        /// value of a static.
        what: String,
        /// The reason.
        message: String,
    },

    /// The static is a poisoned lock: a thread panicked while it held the lock for writing.
    #[error("cannot read `{export}`: the lock is poisoned")]
    #[non_exhaustive]
    Poisoned {
        /// The plugin and the export.
        export: String,
    },

    /// The memory for a result or for the value of a static could not be allocated.
    #[error("cannot use `{export}`: {message}")]
    #[non_exhaustive]
    NoMemory {
        /// The plugin and the export.
        export: String,
        /// The number of bytes that were needed.
        message: String,
    },

    /// The plugin panicked during the call.
    #[error(transparent)]
    Fault(Box<Fault>),
}

pub(super) fn counted(found: usize) -> String {
    if found == 1 { "1 argument".to_owned() } else { format!("{found} arguments") }
}
