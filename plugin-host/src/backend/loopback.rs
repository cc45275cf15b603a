//! Loopback: a plugin of this process that is reached only by messages, as one of another process is. Only for tests.
//!
//! A loopback proves the seam before any child process exists. Its far side is a host in this process. Between the two sides there are
//! only bytes. So a round trip through a loopback tests everything of a plugin that runs elsewhere but the way of the bytes.
//!
//! The near side has the plugin's place among the plugins of its host: the plugin is unloaded and upgraded there, also to and from a
//! version whose library is loaded. Its end is the end of the plugin on the far side, and with the last plugin the far host ends. A plugin
//! that is linked into the program has no end alone, with a loopback as without. A loopback has no file, so it is not reloaded by name.
//!
//! A loopback refuses atomics and locks, with [`Error::CannotLeave`].

use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use plugin_core::Fault;

use crate::backend::state::{StateHook, StateHooks};
use crate::backend::{Backend, Detached, Offer, PluginSource};
use crate::error::Error;
use crate::error::at::At as _;
use crate::host::Host;
use crate::inspect::description::Description;
use crate::load::trust::Trust;
use crate::load::{NewVersion as _, Reserved};
use crate::plugin::{Place, Plugin};
use crate::unload::outcome::Unload;
use crate::unload::pin::PinReason;
use crate::untyped::answer::answer;
use crate::untyped::carrier::{Carrier, Recipient};
use crate::untyped::remote::Remote;
use crate::untyped::remote_state::RemoteHook;
use crate::upgrade::NextVersion;
use crate::work::deadline::{Pauses, left};

/// A host whose plugins are reached only by messages.
///
/// # Example
///
/// ```no_run
/// # use plugin_host::{Host, Trust, __private::Loopback};
/// # let [near, far] = [(); 2].map(|()| Host::new(Trust::none()));
/// near.load("greeter")?;
/// far.load("greeter-1.1/libgreeter.so")?;
/// // The next version runs elsewhere.
/// Loopback::new(far).upgrade(&near, "greeter")?;
/// # Ok::<(), plugin_host::Error>(())
/// ```
pub struct Loopback {
    far: Arc<Host>,
    way: Arc<Way>,
}

/// The way of the messages.
struct Way {
    max_bytes: usize,
    change: Box<dyn Fn(Message<'_>) + Send + Sync>,
}

/// A message on its way.
#[non_exhaustive]
pub enum Message<'m> {
    /// The arguments of a call, or a state to restore.
    Request(&'m mut Vec<u8>),
    /// The result of a call, the value of a static, or a state.
    Reply(&'m mut Vec<u8>),
}

/// Returns a host that serves a loopback of each plugin of `far`.
///
/// # Errors
///
/// [`Error::AlreadyLoaded`] if two plugins have one name, which those of one host do not.
pub fn loopback(far: Host) -> Result<Host, Error> {
    let near = Host::new(Trust::none());
    Loopback::new(far).load(&near)?;
    Ok(near)
}

impl Loopback {
    /// The plugins of `far`. A message may have a GiB, which is more than any test sends.
    pub fn new(far: Host) -> Self {
        Loopback { far: Arc::new(far), way: Arc::new(Way { max_bytes: 1 << 30, change: Box::new(|_| ()) }) }
    }

    /// Limits the length of a message in bytes. `change` sees each message on its way, and may change it.
    #[must_use]
    pub fn through(self, max_bytes: usize, change: impl Fn(Message<'_>) + Send + Sync + 'static) -> Self {
        Loopback { way: Arc::new(Way { max_bytes, change: Box::new(change) }), ..self }
    }

    /// Serves each plugin in the host `near`, under its name.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyLoaded`] if `near` has a plugin of that name. Then the earlier plugins serve.
    pub fn load(self, near: &Host) -> Result<(), Error> {
        for plugin in self.far.plugins() {
            let reserved = Reserved::new(near, plugin.name(), Path::new(""))?;
            let (description, refuses_faults, backend) = self.near_side(plugin);
            near.write().add(Plugin::new(description, refuses_faults, backend, Place::first(near.link())));
            reserved.keep();
        }
        Ok(())
    }

    /// Upgrades the plugin of this name in the host `near` to the one of the same name, as [`Host::reload`] does to a version in a file.
    ///
    /// # Errors
    ///
    /// Those of [`Host::reload`] but those of a file. [`Error::Linked`] if either version is linked into the program.
    pub fn upgrade(self, near: &Host, plugin: &str) -> Result<(), Error> {
        let next = self.far.plugin(plugin)?;
        if next.is_linked() {
            return Err(Error::Linked { plugin: plugin.to_owned() });
        }
        let serving = || near.plugin(plugin);
        let bring_up = |_: &Plugin, version: &mut NextVersion<'_>| {
            let path = next.shown_path().to_owned();
            let (mut description, refuses_faults, backend) = self.near_side(next);
            version.admit(&mut description, &path)?;
            version.check(&*backend, refuses_faults).at(&path)?;
            Ok(Plugin::new(description, refuses_faults, backend, version.place()))
        };
        near.upgrade_with(serving()?.lineage(), serving, |_| false, bring_up).map(drop)
    }

    fn near_side(&self, plugin: Plugin) -> (Description, bool, Box<dyn Backend>) {
        let description = plugin.info().clone().into();
        let refuses_faults = self.far.config.refuses_faults(&description);
        let source = match plugin.is_linked() {
            true => PluginSource::Program,
            false => PluginSource::Memory(format!("loopback of {}", plugin.shown_path().display()).into()),
        };
        let end = End { host: self.far.clone(), plugin: plugin.name().to_owned(), hook_limit: OnceLock::new() };
        let far = Arc::new(FarSide { plugin, way: self.way.clone(), ends: Ends(Arc::new(end)) });
        let near = |Offer { name, descriptor, modules, .. }: Offer| Near {
            name,
            descriptor,
            modules,
            remote: Remote::new(name, descriptor, far.clone()),
        };
        let exports = far.plugin.backend().exports().map(near).collect();
        (description, refuses_faults, Box::new(NearSide { exports, far, source }))
    }
}

/// The near side of a plugin: its exports, and a share in the far side.
struct NearSide {
    exports: Vec<Near>,
    far: Arc<FarSide>,
    source: PluginSource,
}

/// The near side of an export. The far side keeps the texts.
struct Near {
    name: &'static str,
    descriptor: &'static [u8],
    modules: &'static str,
    remote: Remote,
}

/// The plugin, which answers requests, and the way there and back. The near side has a share, and so has a hook that took too long.
struct FarSide {
    plugin: Plugin,
    way: Arc<Way>,
    /// Dropped after the share in the plugin.
    ends: Ends,
}

/// Unloads the plugin on the far side when it is dropped.
struct Ends(Arc<End>);

impl Drop for Ends {
    fn drop(&mut self) {
        // The outcome is asked for again by the `DetachedFarSide`, if there is one.
        _ = self.0.unload(Some(Instant::now()));
    }
}

/// The end of a plugin on a far side, which comes with the last share of the [`FarSide`].
struct End {
    host: Arc<Host>,
    plugin: String,
    /// The limit for each shutdown hook.
    hook_limit: OnceLock<Duration>,
}

impl End {
    fn unload(&self, deadline: Option<Instant>) -> Result<Unload, Error> {
        self.host.unload_until(&self.plugin, deadline, &|| self.hook_limit.get().copied())
    }
}

impl Carrier for FarSide {
    fn max_bytes(&self) -> usize {
        self.way.max_bytes
    }

    fn exchange(&self, recipient: Recipient<'_>, mut request: Vec<u8>) -> Result<Vec<u8>, Fault> {
        (self.way.change)(Message::Request(&mut request));
        let mut reply = answer(&self.plugin, recipient, &request, self.way.max_bytes);
        (self.way.change)(Message::Reply(&mut reply));
        Ok(reply)
    }
}

// SAFETY: the offers are of proxies in this value, each made of the descriptor beside it. This value has a share of the far side,
// which keeps the names, the descriptors and the texts of the hooks.
unsafe impl Backend for NearSide {
    fn source(&self) -> &PluginSource {
        &self.source
    }

    fn exports(&self) -> Box<dyn Iterator<Item = Offer> + '_> {
        let offer = |Near { name, descriptor, modules, remote }: &Near| remote.offer(name, descriptor, modules);
        Box::new(self.exports.iter().map(offer))
    }

    fn state_hooks(&self) -> StateHooks {
        let hooks = self.far.plugin.backend().state_hooks();
        let remote =
            |hook: StateHook| StateHook::Elsewhere(RemoteHook::new(hook.name(), hook.descriptor(), self.far.clone()));
        StateHooks { save: hooks.save.map(remote), restore: hooks.restore.map(remote) }
    }

    fn detach(self: Box<Self>, hook_limit: Option<Duration>) -> Arc<dyn Detached> {
        let end = self.far.ends.0.clone();
        if let Some(limit) = hook_limit {
            _ = end.hook_limit.set(limit);
        }
        let far = Arc::downgrade(&self.far);
        // The shutdown hooks run now, unless a hook is still running.
        drop(self);
        Arc::new(DetachedFarSide { far, end })
    }
}

/// A far side whose near side is gone.
struct DetachedFarSide {
    far: Weak<FarSide>,
    end: Arc<End>,
}

impl Detached for DetachedFarSide {
    fn wait(&self, deadline: Option<Instant>) -> Unload {
        let mut pauses = Pauses::new(Duration::from_millis(2));
        loop {
            if self.far.strong_count() == 0 {
                match self.end.unload(deadline) {
                    // The far side serves, but the near side does not.
                    Ok(Unload::Pinned(reasons)) if reasons.iter().any(PinReason::is_serving) => {}
                    Ok(outcome) => return outcome,
                    // It is unloaded already, or is never unloaded alone.
                    Err(Error::NoSuchPlugin { .. } | Error::Linked { .. }) => return Unload::Unmapped,
                    // Another thread unloads or upgrades it.
                    Err(_) => {}
                }
            }
            if left(deadline).is_some_and(|left| left.is_zero()) {
                return Unload::Pinned(vec![PinReason::Closing]);
            }
            pauses.sleep(deadline);
        }
    }
}
