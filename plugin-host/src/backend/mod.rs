//! The places where a plugin's code runs, behind one trait: [`Backend`].
//!
//! | file | the place |
//! | --- | --- |
//! | `loaded.rs` | a library that is loaded into this process (see `library`) |
//! | `linked.rs` | this program |
//! | `loopback.rs` | a plugin of this process that is reached only by messages; for tests |
//!
//! The rest of the host asks every place the same questions, so a version of a plugin may run in another place than the version before.
//! `docs/seam.md` tells how a call gets to each place.

pub(crate) mod linked;
pub(crate) mod loaded;
#[cfg(feature = "loopback")]
pub(crate) mod loopback;
pub(crate) mod shared;
pub(crate) mod state;

use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plugin_core::host::Context;
use plugin_core::host::table::Invoke;

use crate::backend::state::StateHooks;
use crate::error::{CannotLeave, Error};
use crate::file::stamp::Stamp;
use crate::services::objects::Shares;
use crate::unload::outcome::Unload;

/// A place where a plugin's code runs, with the plugin.
///
/// Dropping it detaches the plugin, as [`detach`](Self::detach) does.
///
/// # Safety
///
/// While the backend exists, all that its [`exports`](Self::exports) and its [`state_hooks`](Self::state_hooks) refer to stays valid. Each
/// entry, or the proxy behind the context, and each by-address form is of an item with the descriptor that is beside it.
pub(crate) unsafe trait Backend: Send + Sync + 'static {
    /// Returns the place that the plugin was loaded from.
    fn source(&self) -> &PluginSource;

    /// Returns the exports.
    fn exports(&self) -> Box<dyn Iterator<Item = Offer> + '_>;

    /// Returns the hooks that save and restore the plugin's state.
    fn state_hooks(&self) -> StateHooks;

    /// Returns the objects of the plugin that other code has, if it has a library.
    fn shares(&self) -> Option<Arc<Shares>> {
        None
    }

    /// Returns true if this thread is in the plugin's code by another way than a call.
    fn is_inside(&self) -> bool {
        false
    }

    /// Ends the plugin when nothing can reach it any more: runs its shutdown hooks, each for the host's timeout or for `hook_limit`,
    /// whichever is shorter, and gives its code back as soon as that is possible.
    fn detach(self: Box<Self>, hook_limit: Option<Duration>) -> Arc<dyn Detached>;
}

/// A plugin that is detached, until its code is given back.
pub(crate) trait Detached: Send + Sync {
    /// Waits until the plugin's code is given back, but not beyond `deadline`. Without a deadline, waits without limit.
    fn wait(&self, deadline: Option<Instant>) -> Unload;
}

/// An export as its backend offers it. `'static` stands for the time while the backend exists.
pub(crate) struct Offer {
    pub(crate) name: &'static str,
    pub(crate) descriptor: &'static [u8],
    /// The modules of the types, one a line, as far as they are known.
    pub(crate) modules: &'static str,
    /// The entry, or null if the export does not run in this process.
    pub(crate) entry: *const c_void,
    /// The data of a proxy, or null.
    pub(crate) context: Context,
    /// The by-address form. Statics have none.
    pub(crate) invoke: Option<Invoke>,
}

/// Returns an error if an export of `plugin` cannot be used from this process: if it has neither an entry nor a proxy.
pub(crate) fn check_reach(
    plugin: &str,
    (name, descriptor): (&str, &[u8]),
    entry: *const c_void,
    context: Context,
) -> Result<(), Error> {
    if !entry.is_null() || !context.is_null() {
        return Ok(());
    }
    Err(Error::CannotLeave(Box::new(CannotLeave::new(plugin, name, descriptor))))
}

/// The place that a version was loaded from.
pub(crate) enum PluginSource {
    /// A file, as it was then.
    File(
        PathBuf,
        #[cfg_attr(not(feature = "watch"), expect(dead_code, reason = "a watch alone compares stamps"))] Stamp,
    ),
    /// Bytes in memory, with this label.
    Memory(PathBuf),
    /// The program that the plugin is linked into.
    Program,
}
