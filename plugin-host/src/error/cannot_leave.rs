//! [`CannotLeave`]: why an export of a plugin that runs elsewhere cannot be used here.

use thiserror::Error;

use crate::schema::signature::Signature;

/// The plugin runs elsewhere, and the type of its export keeps the export there: the inside of
/// [`Error::CannotLeave`](crate::Error::CannotLeave).
///
/// # Example
///
/// ```
/// use plugin_host::Error;
///
/// /// Returns the remedy for a look-up that failed.
/// fn remedy(error: &Error) -> Option<&str> {
///     if let Error::CannotLeave(inside) = error { Some(&inside.reason) } else { None }
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Error)]
#[error(
    "export `{name}` of plugin `{plugin}` cannot be used here, because the plugin runs elsewhere\n  exported:  {exported}\n  \
     reason:    {reason}"
)]
#[non_exhaustive]
pub struct CannotLeave {
    /// The plugin.
    pub plugin: String,
    /// The export.
    pub name: String,
    /// The signature that the plugin exports.
    pub exported: Signature,
    /// The part of the signature that cannot leave, and the remedy.
    pub reason: String,
}

impl CannotLeave {
    pub(crate) fn new(plugin: &str, name: &str, descriptor: &[u8]) -> Self {
        let exported = Signature::read(descriptor);
        let reason = exported.reason_to_stay();
        CannotLeave { plugin: plugin.to_owned(), name: name.to_owned(), exported, reason }
    }
}

/// The same as `Display`: a `main` that returns an error prints it with `Debug`.
impl std::fmt::Debug for CannotLeave {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
