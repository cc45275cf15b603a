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
#[must_use = "a plugin that is pinned is still there; `unmapped()?` makes that an error"]
#[non_exhaustive]
pub enum Unload {
    /// The code and the statics of the library are not in the process any more. The host has checked this. Memory that the
    /// statics owned has been freed if it was [tracked](crate::Memory), and is lost otherwise.
    Unmapped,
    /// The library is still mapped, for these reasons. Unload it again when they no longer hold.
    Pinned(Vec<PinReason>),
}

impl Unload {
    /// Returns an error if the library is still mapped, for a caller that needs it gone. Only on Linux are libraries
    /// unmapped, so this is always an error on other systems.
    ///
    /// # Errors
    ///
    /// [`Pinned`], with the reasons.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # let host = plugin_host::Host::new(plugin_host::Trust::none());
    /// host.load("greeter")?;
    /// // The first `?` is for an unload that could not begin, and the second for a library that stays.
    /// host.unload("greeter", Duration::from_secs(5))?.unmapped()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unmapped(self) -> Result<(), Pinned> {
        match self {
            Unload::Unmapped => Ok(()),
            Unload::Pinned(reasons) => Err(Pinned { reasons }),
        }
    }
}

/// The error of [`Unload::unmapped`]: the library is still mapped. For an example see there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the plugin's library is still mapped: {}", list(reasons, "; "))]
#[non_exhaustive]
pub struct Pinned {
    /// The reasons. Unload the plugin again when they no longer hold.
    pub reasons: Vec<PinReason>,
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
