//! The watches of a host.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};

use crate::watch::observer::{Change, Id};
use crate::watch::service::{Bell, Message, Service};

/// A plugin's file is being watched, until this is dropped. For an example see [`Host::watch`](crate::Host::watch).
///
/// It does not keep the host: without that, nothing is upgraded any more. Dropping it waits for nothing: an upgrade that has
/// begun takes place, and none begins after it. It may be dropped anywhere, also where events are handled.
#[must_use = "dropping it ends the watch"]
pub struct Watch {
    pub(super) plugin: String,
    pub(super) _bell: Arc<Bell>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}

/// The watches of a host, by the names of the plugins. Dropping it ends them.
#[derive(Default)]
pub(crate) struct Watches {
    /// The thread and the observer of this host, while a plugin is watched.
    pub(super) service: Option<Arc<Service>>,
    bells: HashMap<String, Weak<Bell>>,
    /// The number of watches that were ever begun.
    begun: Id,
}

impl Watches {
    /// The bell of a new watch, or nothing if the plugin is watched.
    pub(super) fn insert(&mut self, plugin: String, service: &Service) -> Option<Arc<Bell>> {
        let known = self.bells.entry(plugin).or_default();
        if known.strong_count() != 0 {
            return None;
        }
        self.begun += 1;
        let bell = Arc::new(service.bell(self.begun));
        *known = Arc::downgrade(&bell);
        Some(bell)
    }

    /// Notes an upgrade of the plugin, perhaps from another file.
    pub(crate) fn upgraded(&self, plugin: &str) {
        if let Some(bell) = self.bells.get(plugin).and_then(Weak::upgrade) {
            bell.send(Message::Changed(bell.id, Change::Something));
        }
    }

    /// Ends the watch of a plugin that was unloaded.
    pub(crate) fn end(&mut self, plugin: &str) {
        if let Some(bell) = self.bells.remove(plugin).and_then(|bell| bell.upgrade()) {
            bell.send(Message::End(bell.id));
        }
    }

    /// Drops the service if no plugin is watched. Returns true if there is no service any more.
    pub(super) fn retire(&mut self) -> bool {
        self.bells.retain(|_, bell| bell.strong_count() != 0);
        if self.bells.is_empty() {
            self.service = None;
        }
        self.service.is_none()
    }
}

impl Watches {
    /// The host is being dropped.
    pub(crate) fn end_all(&self) {
        if let Some(service) = &self.service {
            service.send(Message::Close);
        }
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        self.end_all();
    }
}
