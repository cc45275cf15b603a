//! [`SharedBackend`]: a plugin's backend, of which every handle has a share.

use std::ops::Deref;
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};

use crate::backend::Backend;
use crate::work::activity::{Activities, Activity};

/// The backend of a plugin. Each [`Plugin`](crate::Plugin), each handle and each value that leads back into the plugin has a share of it.
/// With the last share, the plugin is detached.
pub(crate) struct SharedBackend {
    /// There until the drop.
    backend: Option<Box<dyn Backend>>,
    /// The receiver that detaches it after its last use. Without one, the drop itself does.
    when_unused: OnceLock<Unused>,
}

/// The channel to the thread that detaches a plugin after its last use.
pub(crate) struct Unused {
    pub(crate) sender: Sender<(Box<dyn Backend>, Activity)>,
    pub(crate) activities: Arc<Activities>,
}

impl SharedBackend {
    pub(crate) fn new(backend: Box<dyn Backend>) -> Arc<Self> {
        Arc::new(SharedBackend { backend: Some(backend), when_unused: OnceLock::new() })
    }

    /// Sets the channel to which the backend is sent after its last use. Only the first call has an effect.
    pub(crate) fn when_unused(&self, unused: Unused) {
        _ = self.when_unused.set(unused);
    }

    /// Takes the backend out of its last share.
    pub(crate) fn into_inner(mut self) -> Box<dyn Backend> {
        self.backend.take().expect("taken by this and by the drop alone")
    }
}

impl Deref for SharedBackend {
    type Target = dyn Backend;

    fn deref(&self) -> &Self::Target {
        self.backend.as_deref().expect("there until the drop")
    }
}

impl Drop for SharedBackend {
    fn drop(&mut self) {
        if let (Some(backend), Some(unused)) = (self.backend.take(), self.when_unused.take()) {
            let activity = unused.activities.begin();
            // If the receiver was dropped, the backend comes back in the error, and is dropped here.
            drop(unused.sender.send((backend, activity)));
        }
    }
}
