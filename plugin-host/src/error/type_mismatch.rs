//! [`TypeMismatch`]: how the type of an export differs from the type that was asked for.

use thiserror::Error;

use crate::schema::signature::Signature;

/// An export has another type than was asked for: the inside of [`Error::TypeMismatch`](crate::Error::TypeMismatch).
///
/// # Example
///
/// ```standalone_crate
/// use plugin_core::plugin_export;
/// use plugin_host::{Error, Host};
///
/// #[plugin_export]
/// fn double(n: u32) -> u32 {
///     n * 2
/// }
///
/// let host = Host::linked()?;
/// let Err(Error::TypeMismatch(mismatch)) = host.get::<fn(u64) -> u32>("double") else { panic!("found") };
/// assert_eq!(mismatch.difference, "argument 1: u64 in the host, u32 in the plugin");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Error)]
#[error(
    "export `{name}` of plugin `{plugin}` has another type\n  asked for: {asked}\n  exported:  {exported}\n  \
     difference:{}{}", indented(.difference), from_modules(.origins)
)]
#[non_exhaustive]
pub struct TypeMismatch {
    /// The plugin.
    pub plugin: String,
    /// The export.
    pub name: String,
    /// The signature that the host asked for.
    pub asked: Signature,
    /// The signature that the plugin exports.
    pub exported: Signature,
    /// The differences, one in each line: the first eight, and the number of the rest. A line that begins with `hint: `
    /// says what could be done.
    pub difference: String,
    /// The modules of types that differ inside, one type in each line. A type is listed if the two sides have it from different
    /// modules, because it may be two types of one name. Empty if no type is listed.
    pub origins: String,
}

/// The same as `Display`: a `main` that returns an error prints it with `Debug`.
impl std::fmt::Debug for TypeMismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The lines that tell types of one name apart.
fn from_modules(origins: &str) -> String {
    origins.lines().map(|origin| format!("\n  {origin}")).collect()
}

/// One line beside what comes before, several below it.
pub(super) fn indented(lines: &str) -> String {
    if lines.contains('\n') { format!("\n    {}", lines.replace('\n', "\n    ")) } else { format!(" {lines}") }
}
