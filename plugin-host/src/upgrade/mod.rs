//! [`Host::reload`]: the upgrade of a plugin to another version while it is being called.
//!
//! # The problem
//!
//! A plugin may have a state, which its old version saves and its new version restores. Other threads call the plugin through
//! `Live` handles all the time. A call that changed the old version's state after the save would be lost. A call that began in
//! the new version before the restore would find no state. And each step may fail or take too long. Then the old version must go
//! on as if the upgrade had never begun.
//!
//! # The idea
//!
//! Every step that can be refused comes before the first step that other threads can see: the new version is mapped beside the
//! old one, compared with the handles in use, and initialized. The thread that will unload the old version is started. Then:
//!
//! 1. [`Held`] publishes a version without functions. Calls through `Live` handles that begin now wait for the next version.
//! 2. It waits until no call is in progress in the old version, at most for the hand-over's timeout.
//! 3. `save` and `restore` run, one after the other on one thread ([`Handover`]).
//! 4. Under the lock of the registry, handles that were made meanwhile are compared, and the new version is published in the
//!    registry and in the plugin's [`Lineage`]. The calls that wait go on in it.
//!
//! Without a state, only the last step is needed: calls in progress simply end in the old version.
//!
//! # Why no call is lost
//!
//! - A call announces the version it reads before it uses it (`plugin-core`, `live/`). So after step 2, no call through a
//!   `Live` handle runs in the old version, and none begins before step 4, because no version with functions is published.
//! - A new `Live` handle does not publish a version while calls are held back (`Followed::held`).
//! - If step 2, 3 or 4 fails, [`Held`] is dropped, which publishes the old version again. It was never changed: it stays in the
//!   registry until step 4, which has no step after it that can fail.
//!
//! Calls through [`Function`](crate::Function)s are not held back. They belong to one version for ever, and that version's
//! library stays mapped for them.

mod handover;
pub(crate) mod lineage;
pub(crate) mod live_all;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use plugin_core::host::descriptor::Node;
use plugin_core::{FunctionType, Live};

use crate::backend::{Backend, Offer, check_reach};
use crate::error::at::{At as _, FileError};
use crate::error::{Error, TypeMismatch};
use crate::event::Event;
use crate::file::resolve::{is_bare, resolve};
use crate::host::Host;
use crate::inspect::description::Description;
use crate::load::{Input, NewVersion};
use crate::plugin::{Place, Plugin, normal};
use crate::schema::difference::Sides;
use crate::schema::signature::Signature;
use crate::upgrade::handover::{Handover, Held};
use crate::upgrade::lineage::{Drain, Draining, Lineage, Retired};

impl Host {
    /// Upgrades a loaded plugin to another version. If `plugin` is a name, the version is read from the file that the plugin was
    /// loaded from; otherwise `plugin` is the path of the file. Returns the new version.
    ///
    /// 1. The file is read, trusted, inspected and mapped beside the version that serves. Calls and look-ups go on.
    /// 2. Every handle in use must fit: the new version must have the handle's export, with the same type or one that has
    ///    grown. Exports without a handle may change, or be missing.
    /// 3. The init hooks of the new version run.
    /// 4. If the old version [saves](plugin_core::plugin_export#state) a state, the new one restores it. Calls through
    ///    [`Live`] handles that begin meanwhile wait. The host waits for calls in progress, but not for longer than
    ///    [the hand-over's timeout](Self::with_handover_timeout).
    /// 5. The new version takes the place of the old one at once, for look-ups and for all `Live` handles.
    /// 6. Calls in progress, [`Function`](crate::Function)s and other handles and values stay with the old version. When
    ///    the last of them is dropped, the old version is unloaded in the background: its shutdown hooks run, and its library
    ///    is closed. Then the host sends an [`Event`]. Until then the old version is [`draining`](Self::draining).
    ///
    /// Upgrades of one plugin happen one after the other. The second waits, and reads the file as it is then. On a thread that
    /// the old version has not started, also on this one, the destructors of its thread-locals run only if the thread ends
    /// before the old version is closed.
    ///
    /// # Errors
    ///
    /// After any error, the old version goes on serving, with its state as it was after the save. If the new version was
    /// attached, its shutdown hooks have run, and its library is unloaded as usual. Which plugin: [`Error::NoSuchPlugin`],
    /// [`Error::NothingToReplace`], [`Error::Linked`], [`Error::Unloading`], [`Error::OtherPlugin`]. Its file: those of
    /// [`load`](Self::load); with [`Mapping::InPlace`](crate::Mapping::InPlace), the file that is mapped is
    /// [`Error::AlreadyMapped`], until another is renamed over it. The handles in use: [`Error::InUse`]. The state:
    /// [`Error::StateNotRestored`],
    /// [`Error::StateMismatch`], [`Error::Busy`], [`Error::SavePanicked`], [`Error::RestoreFailed`],
    /// [`Error::RestorePanicked`], [`Error::HookTimedOut`]. The system: [`Error::NoThread`].
    ///
    /// # Example
    ///
    /// ```no_run
    /// use plugin_host::{Host, Trust};
    ///
    /// // SAFETY: only plugins built with the SDK are in the directories that this program searches.
    /// let host = Host::new(unsafe { Trust::any() }).with_event_handler(|event| eprintln!("{event}"));
    /// host.load("greeter")?;
    /// let greet = host.live::<fn(&str) -> String>("greet")?;
    /// println!("{}", greet("World"));
    /// // The plugin is built again. Then:
    /// if let Err(error) = host.reload("greeter") {
    ///     eprintln!("{error}"); // The old version goes on.
    /// }
    /// println!("{}", greet("World"));
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn reload(&self, plugin: impl AsRef<Path>) -> Result<Plugin, Error> {
        self.upgrade_unless(plugin.as_ref(), |_| false)
    }

    /// Upgrades the plugin with this name to the version in a file, as [`reload`](Self::reload) does. The file says which package it
    /// is of, and must say the same as before. This is for [instances](Self::load_as): `reload` with a path upgrades the plugin that
    /// has the package's name.
    ///
    /// # Errors
    ///
    /// Those of [`reload`](Self::reload).
    ///
    /// # Example
    ///
    /// ```no_run
    /// # let host = plugin_host::Host::new(plugin_host::Trust::none());
    /// host.load_as("reverb-1.0/libreverb.so", "left")?;
    /// host.load_as("reverb-1.0/libreverb.so", "right")?;
    /// // The other instance stays as it is.
    /// host.reload_as("reverb-1.1/libreverb.so", "left")?;
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn reload_as(&self, plugin: impl AsRef<Path>, name: &str) -> Result<Plugin, Error> {
        let file = resolve(plugin.as_ref(), || self.config.search_dirs())?;
        self.upgrade_loaded(&|| self.replaced(name, Some(&file)), Some(Input::File(file.clone())), |_| false)
    }

    /// Upgrades a plugin, unless `will_do` accepts the version that serves after earlier upgrades have ended.
    pub(crate) fn upgrade_unless(&self, asked: &Path, will_do: impl FnOnce(&Plugin) -> bool) -> Result<Plugin, Error> {
        // A name means one plugin. A path does not: the name of the plugin is in the file.
        let by_name = asked.to_str().filter(|_| is_bare(asked)).map(|name| self.plugin(name));
        let (asked_for, file) = match by_name {
            Some(Ok(plugin)) => (plugin.name().to_owned(), None),
            Some(Err(error @ Error::Unloading { .. })) => return Err(error),
            not_loaded => {
                let file = match (resolve(asked, || self.config.search_dirs()), not_loaded) {
                    // No file has this name, so the caller meant a loaded plugin.
                    (Err(Error::NotFound { .. }), Some(Err(error))) => return Err(error),
                    (found, _) => found?,
                };
                (self.read_plugin(Input::File(file.clone()))?.name().to_owned(), Some(file))
            }
        };
        let shown = file.as_deref().filter(|_| !is_bare(asked));
        let loaded = || self.replaced(&asked_for, shown);
        self.upgrade_loaded(&loaded, file.clone().map(Input::File), will_do)
    }

    /// Upgrades the plugin that `input` has the next version of.
    pub(crate) fn upgrade_to(&self, input: Input<'_>) -> Result<Plugin, Error> {
        let candidate = self.read_plugin(input.clone())?;
        // The copy of the library is not kept meanwhile.
        let (name, path) = (candidate.name().to_owned(), candidate.path);
        self.upgrade_loaded(&|| self.replaced(&name, Some(&path)), Some(input), |_| false)
    }

    /// Returns the loaded plugin with that name. If there is none, the error names the library that would replace it, if `path`
    /// leads to one.
    fn replaced(&self, name: &str, path: Option<&Path>) -> Result<Plugin, Error> {
        match (self.plugin(name), path) {
            (Err(Error::NoSuchPlugin { .. }), Some(path)) => {
                Err(Error::NothingToReplace { plugin: name.to_owned(), path: path.to_owned() })
            }
            (plugin, _) => plugin,
        }
    }

    /// Upgrades the plugin that `loaded` finds by its name.
    fn upgrade_loaded(
        &self,
        loaded: &dyn Fn() -> Result<Plugin, Error>,
        input: Option<Input<'_>>,
        will_do: impl FnOnce(&Plugin) -> bool,
    ) -> Result<Plugin, Error> {
        let lineage = loaded()?.lineage().clone();
        self.upgrade_lineage(&lineage, loaded, input, will_do)
    }

    /// Upgrades the plugin of a lineage, unless `will_do` accepts the version that serves after earlier upgrades have ended.
    /// `serving` returns that version. Without an `input`, the next version is in the file that this one was loaded from.
    pub(crate) fn upgrade_lineage(
        &self,
        lineage: &Arc<Lineage>,
        serving: impl Fn() -> Result<Plugin, Error>,
        input: Option<Input<'_>>,
        will_do: impl FnOnce(&Plugin) -> bool,
    ) -> Result<Plugin, Error> {
        self.upgrade_with(lineage, serving, will_do, |old, next| {
            // The file is read only here: the second of two upgrades must not bring back the version before the first.
            let input = match input {
                Some(input) => input,
                None => Input::File(old.need_file()?.to_owned()),
            };
            self.bring_up(input, next)
        })
    }

    /// Upgrades the plugin of a lineage to the version that `bring_up` makes, as [`upgrade_lineage`](Self::upgrade_lineage) does.
    pub(crate) fn upgrade_with(
        &self,
        lineage: &Arc<Lineage>,
        serving: impl Fn() -> Result<Plugin, Error>,
        will_do: impl FnOnce(&Plugin) -> bool,
        bring_up: impl FnOnce(&Plugin, &mut NextVersion<'_>) -> Result<Plugin, Error>,
    ) -> Result<Plugin, Error> {
        let _turn = lineage.begin_upgrade();
        let old = serving()?;
        if !Arc::ptr_eq(old.lineage(), lineage) {
            // The plugin was unloaded and loaded again while this upgrade waited for its turn.
            return Err(Error::Unloading { plugin: old.name().to_owned() });
        }
        if old.is_linked() {
            return Err(Error::Linked { plugin: old.name().to_owned() });
        }
        if will_do(&old) {
            return Ok(old);
        }
        let mut next = NextVersion { old: &old, lineage, checked: None };
        let new = bring_up(&old, &mut next)?;
        let Some((next, handover)) = next.checked else { unreachable!("it was checked before it was attached") };
        let name = new.name().to_owned();
        let path = new.shown_path().to_owned();
        let (handler, activities) = (self.config.on_event.clone(), self.config.activities.clone());
        let (drain, unused) = Drain::start(&name, handler, activities).at(&path)?;

        let held = match handover {
            Some(handover) => {
                let held = Held::new(lineage, &old, self.config.handover_timeout)?;
                handover.run(&old, &new, self.config.settings.hook_timeout).at(&path)?;
                Some(held)
            }
            None => None,
        };
        {
            let mut registry = self.write();
            // Handles may have been made since the first check. While the registry is locked, none can be.
            next.check_followers(lineage).at(&path)?;
            if !registry.has(&old) {
                return Err(Error::Unloading { plugin: name });
            }
            registry.upgrade(&old, new.clone());
            lineage.serve(&new);
        }
        held.into_iter().for_each(Held::release);
        // This event comes before the one that says that the old version is unmapped.
        self.config.on_event.tell(&Event::Upgraded {
            plugin: name.clone(),
            version: new.version().to_owned(),
            revision: new.revision(),
            path,
        });
        old.backend().when_unused(unused);
        lineage.retire(
            old.name().to_owned(),
            old.version(),
            Retired::new(old.revision(), old.sites(), old.downgrade(), old.shares()),
            drain,
        );
        Ok(new)
    }

    /// Looks up a function by name and type in all loaded plugins, as [`get`](Self::get) does, and gives a handle that
    /// follows the upgrades of its plugin. For an example see [`reload`](Self::reload).
    ///
    /// Where several plugins export the name, use [`Plugin::live`] or [`live_all`](Self::live_all).
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchExport`], [`Error::Ambiguous`] if several plugins export the name, [`Error::TypeMismatch`],
    /// [`Error::NoFaults`], and [`Error::Unloading`] if the only plugin that exports it is being unloaded.
    pub fn live<F: FunctionType>(&self, name: &str) -> Result<Live<F>, Error> {
        let registry = self.read();
        registry.follow(registry.exporter(name)?, name)
    }

    /// Returns the old versions of plugins that were upgraded and are still mapped, each with the reasons that keep it.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # let host = plugin_host::Host::new(plugin_host::Trust::none());
    /// for old in host.draining() {
    ///     // revision 1 of plugin `greeter` is pinned: 1 handle to its exports is alive: `greet` (1)
    ///     println!("{old}");
    /// }
    /// ```
    pub fn draining(&self) -> Vec<Draining> {
        let lineages = self.read().lineages();
        lineages.iter().flat_map(|(plugin, lineage)| lineage.draining(plugin)).collect()
    }
}

/// The new version of an upgrade, from its file on.
pub(crate) struct NextVersion<'a> {
    old: &'a Plugin,
    lineage: &'a Lineage,
    /// Set when the version is mapped and fits the handles in use.
    checked: Option<(Next<'a>, Option<Handover>)>,
}

impl NewVersion for NextVersion<'_> {
    fn admit(&mut self, description: &mut Description, path: &Path) -> Result<(), Error> {
        let (expected, found) = (self.old.description().package(), description.package());
        if normal(expected) == normal(found) {
            description.rename(self.old.name());
            return Ok(());
        }
        let (expected, found) = (expected.to_owned(), found.to_owned());
        Err(Error::OtherPlugin { path: path.to_owned(), expected, found })
    }

    fn check(&mut self, backend: &dyn Backend, refuses_faults: bool) -> Result<(), FileError> {
        let exports = backend.exports().map(|offer| (offer.name, offer)).collect();
        let next = Next { old: self.old, exports, refuses_faults };
        next.check_handles()?;
        next.check_followers(self.lineage)?;
        let handover = Handover::new(self.old.name(), self.old.backend().state_hooks(), backend.state_hooks())?;
        self.checked = Some((next, handover));
        Ok(())
    }

    fn place(&self) -> Place {
        self.old.place().next()
    }
}

/// The new version of an upgrade, while it is mapped beside the old one.
struct Next<'a> {
    old: &'a Plugin,
    /// The exports by name.
    exports: HashMap<&'static str, Offer>,
    /// Whether look-ups in it may not ask for faults.
    refuses_faults: bool,
}

impl Next<'_> {
    /// Checks that the new version has the exports for which handles to the old version exist. These handles stay with the old
    /// version, but code that has looked up an export is likely to look it up again.
    fn check_handles(&self) -> Result<(), FileError> {
        let in_use = self.old.exports_in_use();
        in_use.into_iter().try_for_each(|(name, descriptor)| {
            let fits = |new: &[u8]| new == descriptor;
            self.check(name, fits, || (Signature::read(descriptor), self.old.modules(name).to_owned()))
        })
    }

    /// Checks that the new version has the functions that `Live` handles will call in it.
    fn check_followers(&self, lineage: &Lineage) -> Result<(), FileError> {
        lineage.misfit(|name, node: &'static Node, takes_fault| {
            self.check(name, |new| node.matches(new), || (Signature::from_node(node), node.to_modules()))?;
            if takes_fault && self.refuses_faults {
                return Err(self.in_use(Error::NoFaults { plugin: self.old.name().to_owned(), name: name.to_owned() }));
            }
            Ok(())
        })
    }

    fn check(
        &self,
        name: &str,
        fits: impl Fn(&[u8]) -> bool,
        asked: impl Fn() -> (Signature, String),
    ) -> Result<(), FileError> {
        let plugin = self.old.name();
        let reach = |new: &Offer| {
            check_reach(plugin, (name, new.descriptor), new.entry, new.context).map_err(|problem| self.in_use(problem))
        };
        let problem = match self.exports.get(name) {
            Some(new) if fits(new.descriptor) => return reach(new),
            Some(new) => {
                let ((asked, modules), exported) = (asked(), Signature::read(new.descriptor));
                if asked.accepts(&exported) {
                    return reach(new);
                }
                let difference = asked.difference(&exported, Sides::HANDLE);
                let origins = asked.origins(&exported, Sides::HANDLE, [&modules, new.modules]);
                let (plugin, name) = (plugin.to_owned(), name.to_owned());
                Error::TypeMismatch(Box::new(TypeMismatch { plugin, name, asked, exported, difference, origins }))
            }
            None => Error::no_such_export(name, Some(plugin), self.exports.keys().copied()),
        };
        Err(self.in_use(problem))
    }

    /// Returns the error for a handle in use that would have this problem with the new version.
    fn in_use(&self, problem: Error) -> FileError {
        let (plugin, problem) = (self.old.name().to_owned(), Box::new(problem));
        FileError::new(|path| Error::InUse { plugin, path, problem })
    }
}
