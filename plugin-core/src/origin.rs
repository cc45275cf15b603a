//! The origin of a value: the library that the value came from.

use std::any::Any;
use std::sync::Arc;

/// The library that a value came from. An origin keeps its library loaded while the value exists.
///
/// [`PluginType::lift`](crate::PluginType::lift) receives the origin of the lifted value. Plain data does not need the
/// origin. A value that leads back into the library keeps a clone of it.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
///
/// use plugin_core::Origin;
///
/// let library = Arc::new("unloads the library when it is dropped");
/// let origin = Origin::of(library.clone());
/// drop(library);
/// assert!(origin.library().is_some(), "the origin keeps the library");
/// assert!(Origin::HOST.library().is_none(), "the host is never unloaded");
/// ```
#[derive(Clone)]
pub struct Origin(Source);

#[derive(Clone)]
enum Source {
    Host,
    Library(Arc<dyn Any + Send + Sync>),
    Leaves,
}

impl Origin {
    /// The origin of values from the host, from code that is linked into it, or from the receiver's own library. None
    /// of these is unloaded before the receiver.
    pub const HOST: Origin = Origin(Source::Host);

    /// The origin of values from a library that may be unmapped directly after the lift. Nothing keeps such a library,
    /// so values that would lead back into it are copied.
    pub const LEAVES: Origin = Origin(Source::Leaves);

    /// Makes the origin of values from the library that `library` keeps loaded.
    pub fn of(library: Arc<dyn Any + Send + Sync>) -> Self {
        Origin(Source::Library(library))
    }

    /// Returns the value that keeps the library loaded, if the library can be unmapped at all.
    pub fn library(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        match &self.0 {
            Source::Library(library) => Some(library),
            Source::Host | Source::Leaves => None,
        }
    }

    /// Returns true if no lifted value may lead back into the library.
    pub fn leaves(&self) -> bool {
        matches!(self.0, Source::Leaves)
    }
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Source::Host => "Origin(host)",
            Source::Library(_) => "Origin(library)",
            Source::Leaves => "Origin(a library that leaves)",
        })
    }
}
