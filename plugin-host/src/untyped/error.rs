//! [`CallError`]: why a call without types gave no value.

use plugin_core::Fault;
use thiserror::Error;

use crate::error::Error;

/// Why a call without types gave no value.
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

    /// The export's type is one that this host does not know, as a later SDK's may be.
    #[error("cannot use `{export}`: this host's version of the SDK does not know its type")]
    UnknownType {
        /// The plugin and the export.
        export: String,
    },

    /// A type in the export's signature is something else than data.
    #[error("cannot use `{export}` without its types: not all of `{declaration}` is data")]
    NotData {
        /// The plugin and the export.
        export: String,
        /// What it is.
        declaration: String,
    },

    /// A static was called.
    #[error("cannot call `{export}`: it is a static, `{declaration}`")]
    NotAFunction {
        /// The plugin and the export.
        export: String,
        /// What it is.
        declaration: String,
    },

    /// A function was read as if it were a static.
    #[error("cannot read `{export}`: it is a function, `{declaration}`")]
    NotAStatic {
        /// The plugin and the export.
        export: String,
        /// What it is.
        declaration: String,
    },

    /// The function changes an argument, and the way it was called has no place for that.
    #[error("cannot call `{export}`: it changes its argument {index} (`{name}`); use `call_json_mut`")]
    Changes {
        /// The plugin and the export.
        export: String,
        /// Which argument, from 1.
        index: usize,
        /// The argument's name.
        name: String,
    },

    /// Another number of arguments was given than the function takes.
    #[error("cannot call `{export}`: {found} given, `{declaration}` takes {expected}", found = counted(*found))]
    ArgumentCount {
        /// The plugin and the export.
        export: String,
        /// What it is.
        declaration: String,
        /// How many it takes.
        expected: usize,
        /// How many were given.
        found: usize,
    },

    /// What was given is no list of arguments.
    #[error("cannot call `{export}`: {message}")]
    Arguments {
        /// The plugin and the export.
        export: String,
        /// What is wrong.
        message: String,
    },

    /// An argument is not what the function takes.
    #[error("cannot call `{export}`: argument {index} (`{place}`): {message}")]
    Argument {
        /// The plugin and the export.
        export: String,
        /// Which argument, from 1.
        index: usize,
        /// The argument's name, and where in it: `points[3].x`.
        place: String,
        /// What is wrong.
        message: String,
    },

    /// The function was called, but the format has nothing for what it returned or changed; or a static could not be
    /// represented.
    #[error("{what} of `{export}` cannot be represented: {message}")]
    Unrepresentable {
        /// The plugin and the export.
        export: String,
        /// What could not be, and where in it: the result `result[3]`, an argument, the value of a static.
        what: String,
        /// What is wrong.
        message: String,
    },

    /// A lock was read that is poisoned: somebody panicked while they changed what it guards.
    #[error("cannot read `{export}`: the lock is poisoned")]
    Poisoned {
        /// The plugin and the export.
        export: String,
    },

    /// There is no memory for the result, or for the value of a static.
    #[error("cannot use `{export}`: {message}")]
    NoMemory {
        /// The plugin and the export.
        export: String,
        /// How much it would take.
        message: String,
    },

    /// The plugin panicked.
    #[error(transparent)]
    Fault(Box<Fault>),
}

pub(super) fn counted(found: usize) -> String {
    if found == 1 { "1 argument".to_owned() } else { format!("{found} arguments") }
}
