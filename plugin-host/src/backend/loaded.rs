//! Plugins whose library is loaded into this process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::state::StateHooks;
use crate::backend::{Backend, Detached, Offer, PluginSource};
use crate::error::at::FileError;
use crate::file::stamp::Stamp;
use crate::library::Library;
use crate::library::items::Items;
use crate::services::objects::Shares;

/// A library that is loaded.
pub(crate) struct LoadedLibrary {
    library: Library,
    items: Items,
    source: PluginSource,
}

impl LoadedLibrary {
    /// A library, and the items that it has registered. `path` is that of its file, or the label of bytes in memory, which have no stamp.
    pub(crate) fn new((library, items): (Library, Items), path: PathBuf, stamp: Option<Stamp>) -> Self {
        let source = match stamp {
            Some(stamp) => PluginSource::File(path, stamp),
            None => PluginSource::Memory(path),
        };
        LoadedLibrary { library, items, source }
    }

    /// Runs the init hooks. From here on, the end of this value runs the shutdown hooks.
    pub(crate) fn attach(self, plugin: &str) -> Result<Self, FileError> {
        let library = self.library.attach(&self.items.hooks, plugin)?;
        Ok(LoadedLibrary { library, ..self })
    }
}

// SAFETY: the entries, the texts and the descriptors are the library's own, which stays mapped while `library` exists. The library has
// registered each entry with its descriptor, and `plugin_export` makes both from one item.
unsafe impl Backend for LoadedLibrary {
    fn source(&self) -> &PluginSource {
        &self.source
    }

    fn exports(&self) -> Box<dyn Iterator<Item = Offer> + '_> {
        Box::new(self.items.offers())
    }

    fn state_hooks(&self) -> StateHooks {
        StateHooks::of_library(&self.items.hooks, &self.library.threads())
    }

    fn shares(&self) -> Option<Arc<Shares>> {
        Some(self.library.shares())
    }

    fn is_inside(&self) -> bool {
        self.library.threads().is_inside()
    }

    fn detach(self: Box<Self>, hook_limit: Option<Duration>) -> Arc<dyn Detached> {
        Arc::new(self.library.detach(hook_limit))
    }
}
