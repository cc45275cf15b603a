//! A plugin that is detached, with what is left of its versions.

use std::sync::Arc;
use std::time::Instant;

use crate::unload::detached_library::DetachedLibrary;
use crate::unload::outcome::Unload;
use crate::upgrade::lineage::Lineage;

/// A plugin that is detached, with what is left of its versions.
pub(crate) struct DetachedPlugin {
    pub(crate) last: DetachedLibrary,
    pub(crate) lineage: Arc<Lineage>,
}

impl DetachedPlugin {
    /// Waits until all of it is gone, but not for longer than until `deadline`; without one, for ever.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Unload {
        let mut reasons = match self.last.wait(deadline) {
            Unload::Unmapped => Vec::new(),
            Unload::Pinned(reasons) => reasons,
        };
        reasons.extend(self.lineage.wait_for_retired(deadline));
        if reasons.is_empty() { Unload::Unmapped } else { Unload::Pinned(reasons) }
    }
}
