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
pub struct Origin(Source);

#[derive(Clone)]
enum Source {
    Stays,
    Library(Arc<dyn Any + Send + Sync>),
    Leaves,
}

impl Origin {
    /// The origin of what comes from the host, or from code linked into it: never unloaded before its receiver is.
    pub const HOST: Origin = Origin(Source::Stays);

    /// The origin of what comes from a library that may go as soon as the lift is done, and which nothing keeps: what would
    /// lead back into it is copied.
    pub const LEAVES: Origin = Origin(Source::Leaves);

    /// The origin of what comes from the library that `library` keeps loaded.
    pub fn of(library: Arc<dyn Any + Send + Sync>) -> Self {
        Origin(Source::Library(library))
    }

    /// What keeps the library loaded, if something must.
    pub fn library(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        match &self.0 {
            Source::Library(library) => Some(library),
            Source::Stays | Source::Leaves => None,
        }
    }

    /// Whether nothing that is lifted may lead back into the library.
    pub fn leaves(&self) -> bool {
        matches!(self.0, Source::Leaves)
    }
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Source::Stays => "Origin(host)",
            Source::Library(_) => "Origin(library)",
            Source::Leaves => "Origin(a library that leaves)",
        })
    }
}
