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
/// use plugin_core::{Origin, PluginType};
///
/// let repr = String::from("hello").lower();
/// // SAFETY: `repr` was lowered from this type, in this program, and is lifted once.
/// let value: String = unsafe { PluginType::lift(repr, &Origin::HOST) };
/// assert_eq!(value, "hello");
/// ```
#[derive(Clone)]
pub struct Origin(Source);

#[derive(Clone)]
enum Source {
    Host,
    /// Only the drop of this share matters.
    Library(#[allow(dead_code)] Arc<dyn Any + Send + Sync>),
    Leaves,
}

impl Origin {
    /// The origin of values from the host, from code that is linked into it, or from the receiver's own library. None
    /// of these is unloaded before the receiver.
    pub const HOST: Origin = Origin(Source::Host);

    /// The origin of values from a library that may be unmapped directly after the lift. Nothing keeps such a library,
    /// so values that would lead back into it are copied.
    pub(crate) const LEAVES: Origin = Origin(Source::Leaves);

    /// Makes the origin of values from the library that `library` keeps loaded. This function is for `plugin-host`.
    #[doc(hidden)]
    pub fn of(library: Arc<dyn Any + Send + Sync>) -> Self {
        Origin(Source::Library(library))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_keeps_its_library() {
        let library = Arc::new("unloads the library when it is dropped");
        let is_loaded = Arc::downgrade(&library);
        let origin = Origin::of(library);
        let of_value = origin.clone();
        drop(origin);
        assert!(is_loaded.upgrade().is_some(), "the value's origin keeps the library");
        drop(of_value);
        assert!(is_loaded.upgrade().is_none(), "nothing else keeps the library");
    }
}
