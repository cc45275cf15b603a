//! A plugin after its unload, while libraries of its versions may still be mapped.

use std::sync::Arc;
use std::time::Instant;

use crate::backend::Detached;
use crate::unload::outcome::Unload;
use crate::upgrade::lineage::Lineage;

/// A plugin that is detached, and all its versions that are not unmapped yet.
pub(crate) struct DetachedPlugin {
    /// The version that served last.
    pub(crate) last: Arc<dyn Detached>,
    /// The older versions are in here.
    pub(crate) lineage: Arc<Lineage>,
}

impl DetachedPlugin {
    /// Waits until all versions are unmapped, but not beyond `deadline`. Without a deadline, waits without limit.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Unload {
        let mut reasons = match self.last.wait(deadline) {
            Unload::Unmapped => Vec::new(),
            Unload::Pinned(reasons) => reasons,
        };
        reasons.extend(self.lineage.wait_for_retired(deadline));
        if reasons.is_empty() { Unload::Unmapped } else { Unload::Pinned(reasons) }
    }
}
