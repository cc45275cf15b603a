//! [`Event`]: what happens to plugins in the background, or at the request of others.

use std::error::Error as _;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use plugin_core::fault::discard;

use crate::error::Error;
use crate::unload::Unload;

/// What has happened to a plugin. It displays as a line for a log.
///
/// # Example
///
/// ```
/// use plugin_host::{Event, Host, Trust};
///
/// let host = Host::new(Trust::none()).with_event_handler(|event| match event {
///     Event::Upgraded { plugin, revision, .. } => println!("{plugin} is now at revision {revision}"),
///     event => eprintln!("{event}"),
/// });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Another version of a plugin serves now.
    Upgraded {
        /// The plugin's name.
        plugin: String,
        /// The version of its package.
        version: String,
        /// Its number: see [`Plugin::revision`](crate::Plugin::revision).
        revision: u64,
        /// The file it is from.
        path: PathBuf,
    },
    /// A version that was replaced is not in use any more, and has been unloaded.
    Retired {
        /// The plugin's name.
        plugin: String,
        /// The version's number.
        revision: u64,
        /// What has come of it.
        outcome: Unload,
    },
    /// A file that is watched has changed, and the plugin could not be upgraded to it. The version before serves on.
    NotUpgraded {
        /// The plugin's name.
        plugin: String,
        /// The file.
        path: PathBuf,
        /// Why.
        error: Error,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Upgraded { plugin, version, revision, path } => {
                let path = path.display();
                write!(f, "plugin `{plugin}` is upgraded to revision {revision}, version {version} from `{path}`")
            }
            Event::Retired { plugin, revision, outcome } => {
                write!(f, "revision {revision} of plugin `{plugin}` is {outcome}")
            }
            Event::NotUpgraded { plugin, path, error } => {
                write!(f, "plugin `{plugin}` is not upgraded to `{}`: {error}", path.display())?;
                std::iter::successors(error.source(), |error| (*error).source())
                    .try_for_each(|error| write!(f, ": {error}"))
            }
        }
    }
}

/// Who is told; nobody, if nobody asked.
#[derive(Clone, Default)]
pub(crate) struct EventHandler(Option<Arc<Handle>>);

type Handle = dyn Fn(&Event) + Send + Sync;

impl EventHandler {
    pub(crate) fn new(handler: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        EventHandler(Some(Arc::new(handler)))
    }

    /// What becomes of the host's handler is not the upgrade's affair.
    pub(crate) fn tell(&self, event: &Event) {
        let Some(handler) = &self.0 else { return };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| handler(event))) {
            discard(payload);
            eprintln!("the event handler panicked on: {event}");
        }
    }
}
