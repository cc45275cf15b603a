//! [`Event`]: a change of a plugin in the background, or at the request of other code.

use std::error::Error as _;
use std::fmt;
use std::path::PathBuf;

use crate::error::Error;
use crate::unload::outcome::Unload;

/// A change of a plugin. It displays as a line for a log.
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
    /// A plugin was upgraded: another version serves now.
    #[non_exhaustive]
    Upgraded {
        /// The plugin's name.
        plugin: String,
        /// The version of its package.
        version: String,
        /// The version's number: see [`Plugin::revision`](crate::Plugin::revision).
        revision: u64,
        /// The file of the version.
        path: PathBuf,
    },
    /// The old version of an upgrade is not in use any more, and was unloaded.
    #[non_exhaustive]
    Retired {
        /// The plugin's name.
        plugin: String,
        /// The version's number.
        revision: u64,
        /// The outcome of its unload.
        outcome: Unload,
    },
    /// A file that is watched has changed, and the plugin could not be upgraded to it. The version
    /// before goes on serving.
    #[non_exhaustive]
    NotUpgraded {
        /// The plugin's name.
        plugin: String,
        /// The file.
        path: PathBuf,
        /// The reason.
        error: Error,
    },
    /// The private copy of a plugin is a temporary file instead of sealed memory, because the kernel or the confinement of
    /// this process denies sealed memory. The file has no name, and only this process has it open. Sent on Linux alone.
    #[non_exhaustive]
    Copied {
        /// The file that was copied.
        path: PathBuf,
        /// The step that was denied, and the error.
        reason: String,
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
            Event::Copied { path, reason } => {
                let path = path.display();
                write!(
                    f,
                    "`{path}` is copied to a temporary file, because it cannot be kept in sealed memory: {reason}"
                )
            }
        }
    }
}
