//! The outcome of an unload.

use std::fmt;

use crate::unload::pin::{PinReason, list};

/// The outcome of [`Host::unload`](crate::Host::unload).
///
/// # Example
///
/// ```no_run
/// use std::time::Duration;
///
/// use plugin_host::{Host, PinReason, Trust, Unload};
///
/// // SAFETY: only plugins built with the SDK are in the directories that this program searches.
/// let host = Host::new(unsafe { Trust::any() });
/// host.load("greeter")?;
/// match host.unload("greeter", Duration::from_secs(1))? {
///     Unload::Unmapped => println!("gone"),
///     Unload::Pinned(reasons) => {
///         if reasons.iter().any(PinReason::is_serving) {
///             println!("it goes on, because it is in use");
///         }
///         for reason in reasons {
///             println!("{reason}");
///         }
///     }
///     _ => {}
/// }
/// # Ok::<(), plugin_host::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a plugin that is pinned is still there"]
#[non_exhaustive]
pub enum Unload {
    /// The code and the statics of the library are not in the process any more. The host has checked this. Memory that the
    /// statics owned has been freed if it was [tracked](crate::Memory), and is lost otherwise.
    Unmapped,
    /// The library is still mapped, for these reasons. Unload it again when they no longer hold.
    Pinned(Vec<PinReason>),
}

impl fmt::Display for Unload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unload::Unmapped => f.write_str("unmapped"),
            Unload::Pinned(reasons) => write!(f, "pinned: {}", list(reasons, "; ")),
        }
    }
}

/// The outcome for one plugin when its host was [closed](crate::Host::close). It displays as a line for a log.
///
/// # Example
///
/// ```no_run
/// use std::time::Duration;
///
/// use plugin_host::Unload;
///
/// # let host = plugin_host::Host::new(plugin_host::Trust::none());
/// let closed = host.close(Duration::from_secs(5));
/// let left = closed.iter().filter(|closed| closed.outcome != Unload::Unmapped);
/// left.for_each(|closed| eprintln!("{closed}"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// The plugin's name.
    pub plugin: String,
    /// The outcome of its unload.
    pub outcome: Unload,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugin `{}` is {}", self.plugin, self.outcome)
    }
}
