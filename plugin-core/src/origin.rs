//! Which loaded library a value came from.

use std::any::Any;
use std::sync::Arc;

/// Keeps the library a value came from loaded, for as long as the value is there.
///
/// [`PluginType::lift`](crate::PluginType::lift) receives the origin of what it lifts. Plain data has no use for it;
/// a value that leads back into the library (a closure, an object) keeps a clone.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
///
/// use plugin_core::Origin;
///
/// let library = Arc::new("whatever unloads the library when it is dropped");
/// let origin = Origin::of(library.clone());
/// drop(library);
/// assert!(origin.library().is_some(), "it is still there");
/// assert!(Origin::HOST.library().is_none(), "the host is always there");
/// ```
#[derive(Clone)]
pub struct Origin(Option<Arc<dyn Any + Send + Sync>>);

impl Origin {
    /// The origin of what comes from the host, or from code linked into it: never unloaded before its receiver is.
    pub const HOST: Origin = Origin(None);

    /// The origin of what comes from the library that `library` keeps loaded.
    pub fn of(library: Arc<dyn Any + Send + Sync>) -> Self {
        Origin(Some(library))
    }

    /// What keeps the library loaded, if this is not [`Origin::HOST`].
    pub fn library(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.0.as_ref()
    }
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Origin(library)" } else { "Origin(host)" })
    }
}
