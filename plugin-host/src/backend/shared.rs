//! [`SharedBackend`]: a plugin's backend, of which every handle has a share.

use std::ops::Deref;
use std::sync::atomic::{Ordering, fence};
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock, Weak};

use crate::backend::Backend;
use crate::services::objects::Shares;
use crate::work::activity::{Activities, Activity};

/// The backend of a plugin. Each [`Plugin`](crate::Plugin), each handle and each value that leads back into the plugin has a share of it.
/// With the last share, the plugin is detached.
pub(crate) struct SharedBackend {
    /// There until the drop.
    backend: Option<Box<dyn Backend>>,
    /// The objects of the plugin that other code has, if it has a library.
    shares: Option<Arc<Shares>>,
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
        let shares = backend.shares();
        let shared = Arc::new(SharedBackend { backend: Some(backend), shares, when_unused: OnceLock::new() });
        if let Some(shares) = &shared.shares {
            let weak: Weak<SharedBackend> = Arc::downgrade(&shared);
            shares.serve(weak);
        }
        shared
    }

    /// Returns true if no other share exists. Then none can be made any more, also not for an object of the plugin.
    pub(crate) fn end_if_sole(this: &Arc<Self>) -> bool {
        let is_sole = || {
            let is_sole = Arc::strong_count(this) == 1;
            // All that was done with the other shares has been done before.
            fence(Ordering::Acquire);
            is_sole
        };
        match &this.shares {
            Some(shares) => shares.end_if(is_sole),
            None => is_sole(),
        }
    }

    /// The objects of the plugin that other code has, if it has a library.
    pub(crate) fn shares(&self) -> Option<&Arc<Shares>> {
        self.shares.as_ref()
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
        let Some(backend) = self.backend.take() else { return };
        if let Some(unused) = self.when_unused.take() {
            let activity = unused.activities.begin();
            // If the receiver was dropped, the backend comes back in the error, and is dropped here.
            drop(unused.sender.send((backend, activity)));
        } else if backend.is_inside() {
            // The plugin's shutdown hooks may wait for this thread. If no other thread can be started, the hooks' timeout ends that.
            drop(std::thread::Builder::new().name("plugin drain".to_owned()).spawn(move || drop(backend)));
        }
    }
}
