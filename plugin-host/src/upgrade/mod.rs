//! [`Host::reload`]: one version of a plugin replaces another while it is being called.

pub(crate) mod lineage;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use plugin_core::descriptor::Node;
use plugin_core::record::{Item, Kind};
use plugin_core::{FunctionType, Live};

use crate::error::{Error, TypeMismatch};
use crate::event::Event;
use crate::file::resolve::{is_bare, resolve};
use crate::host::Host;
use crate::library::entry::Entry;
use crate::load::{Candidate, NewVersion};
use crate::plugin::{Place, Plugin};
use crate::schema::difference::Sides;
use crate::schema::signature::Signature;
use crate::services::threads::{RunningHooks, Threads};
use crate::upgrade::lineage::{Drain, Draining, Lineage, Retired};
use crate::work::deadline::{Pauses, left};
use crate::work::timeout::{self, Steps};

impl Host {
    /// Replaces a loaded plugin by another version of it, which is read from the file it was loaded from, if it is asked
    /// for by its name, or from the file that is named. Returns the new version.
    ///
    /// 1. The file is read, trusted, inspected and mapped, beside the version that serves. Calls and look-ups go on.
    /// 2. Every handle that is in use must still fit: each must find its export in the new version, with the same type or
    ///    one that has grown. Exports without a handle may change and go.
    /// 3. The init hooks of the new version run.
    /// 4. If the old version [saves](plugin_core::plugin_export#state) a state, the new one restores it. Calls through
    ///    [`Live`] handles that begin meanwhile wait. Those in progress are waited for, but not for longer than
    ///    [the hand-over's deadline](Self::with_handover_deadline).
    /// 5. The new version takes the place of the old one at once, for look-ups and for all `Live` handles.
    /// 6. Calls in progress, [`Function`](crate::Function)s and other handles and values stay with the old version. When
    ///    the last is gone, it is unloaded in the background: its shutdown hooks run, and its library is closed. An
    ///    [`Event`] tells; until then it is [`draining`](Self::draining).
    ///
    /// Upgrades of one plugin happen one after the other. The second waits, and reads the file as it is then. The old
    /// version's thread-local destructors on threads of the host's, this one among them, never run.
    ///
    /// # Errors
    ///
    /// After any error, the old version serves on, with its state as it was after the save. If the new one has been
    /// attached, its shutdown hooks have run, and it is let go as any library is. Which plugin: [`Error::NoSuchPlugin`],
    /// [`Error::NothingToReplace`], [`Error::Linked`], [`Error::Unloading`], [`Error::OtherPlugin`]. Its file: those of
    /// [`load`](Self::load); with [`Mapping::InPlace`](crate::Mapping::InPlace), the file that is mapped is
    /// [`Error::AlreadyMapped`], until another is renamed over it. What is in use: [`Error::InUse`]. The state: [`Error::StateNotRestored`],
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
    /// // The plugin is built anew; then:
    /// if let Err(error) = host.reload("greeter") {
    ///     eprintln!("{error}"); // and what was there goes on
    /// }
    /// println!("{}", greet("World"));
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn reload(&self, plugin: impl AsRef<Path>) -> Result<Plugin, Error> {
        self.upgrade_unless(plugin.as_ref(), |_| false)
    }

    /// Replaces a plugin, unless by the time that it is its turn the version that serves will do.
    pub(crate) fn upgrade_unless(&self, asked: &Path, will_do: impl FnOnce(&Plugin) -> bool) -> Result<Plugin, Error> {
        // By the name, it is that plugin or none; a file says which it is.
        let by_name = asked.to_str().filter(|_| is_bare(asked)).map(|name| self.plugin(name));
        let (asked_for, file) = match by_name {
            Some(Ok(plugin)) => (plugin.name().to_owned(), None),
            Some(Err(error @ Error::Unloading { .. })) => return Err(error),
            not_loaded => {
                let file = match (resolve(asked, || self.config.search_dirs()), not_loaded) {
                    // A name means a plugin that is loaded.
                    (Err(Error::NotFound { .. }), Some(Err(error))) => return Err(error),
                    (found, _) => found?,
                };
                (self.read_plugin(file.clone())?.name().to_owned(), Some(file))
            }
        };
        let loaded = || match (self.plugin(&asked_for), &file) {
            (Err(Error::NoSuchPlugin { .. }), Some(path)) if !is_bare(asked) => {
                Err(Error::NothingToReplace { plugin: asked_for.clone(), path: path.clone() })
            }
            (plugin, _) => plugin,
        };
        let lineage = loaded()?.lineage().clone();
        let _turn = lineage.begin_upgrade();
        let old = loaded()?;
        if !Arc::ptr_eq(old.lineage(), &lineage) {
            // Unloaded while this waited for its turn, and loaded again.
            return Err(Error::Unloading { plugin: asked_for });
        }
        let Some(last) = old.path() else { return Err(Error::Linked { plugin: old.name().to_owned() }) };
        if will_do(&old) {
            return Ok(old);
        }
        // Not earlier: the second of two upgrades must not bring back the version that the first has replaced.
        let path = file.unwrap_or_else(|| last.to_owned());
        let mut next = NextVersion { old: &old, lineage: &lineage, checked: None };
        let new = self.bring_up(path, &mut next)?;
        let Some((next, handover)) = next.checked else { unreachable!("it was checked before it was attached") };
        let (name, path) = (new.name().to_owned(), next.path.clone());
        let (handler, activities) = (self.config.on_event.clone(), self.config.activities.clone());
        let mut drain = Drain::start(&name, &path, handler, activities)?;

        let held = match handover {
            Some(handover) => {
                let held = Held::new(&lineage, &old, self.config.handover_deadline)?;
                handover.run(&old, &new, &path, self.config.settings.hook_timeout)?;
                Some(held)
            }
            None => None,
        };
        {
            let mut registry = self.write();
            // Some may have come since; now none can.
            next.check_followers(&lineage)?;
            if !registry.has(&old) {
                return Err(Error::Unloading { plugin: name });
            }
            registry.upgrade(&old, new.clone());
            lineage.serve(&new);
        }
        held.into_iter().for_each(Held::release);
        // Told before that the old one is gone.
        self.config.on_event.tell(&Event::Upgraded {
            plugin: name.clone(),
            version: new.version().to_owned(),
            revision: new.revision(),
            path,
        });
        let library = old.library().expect("a plugin that was upgraded has a library");
        drain.take_unused().into_iter().for_each(|unused| library.when_unused(unused));
        lineage.retire(name, old.version(), Retired::new(old.revision(), old.sites(), old.downgrade()), drain);
        Ok(new)
    }

    /// Looks up a function by name and type in all loaded plugins, as [`get`](Self::get) does, and gives a handle that
    /// follows the upgrades of its plugin. For an example see [`reload`](Self::reload).
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchExport`], [`Error::Ambiguous`] if several plugins export the name, [`Error::TypeMismatch`],
    /// [`Error::NoFaults`], and [`Error::Unloading`] if the only plugin that exports it is being unloaded.
    pub fn live<F: FunctionType>(&self, name: &str) -> Result<Live<F>, Error> {
        // Locked, so that no upgrade comes in between.
        let registry = self.write();
        let plugin = registry.exporter(name)?;
        plugin.check_type::<F>(name)?;
        Ok(plugin.lineage().follow(plugin, name))
    }

    /// The versions of plugins that were replaced and are still mapped, each with the reasons that keep it.
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

/// A library's exports, by name.
fn exports(entries: &[Entry]) -> HashMap<&'static str, Item<'static>> {
    let exports = entries.iter().filter(|entry| entry.kind == Kind::Export);
    exports.map(|entry| (entry.item.name, entry.item.clone())).collect()
}

/// A version of a plugin that is to replace another.
struct NextVersion<'a> {
    old: &'a Plugin,
    lineage: &'a Lineage,
    /// Once it is mapped, and fits.
    checked: Option<(Next<'a>, Option<Handover>)>,
}

impl NewVersion for NextVersion<'_> {
    fn admit(&mut self, candidate: &Candidate) -> Result<(), Error> {
        let found = candidate.name();
        if self.old.is_named(found) {
            return Ok(());
        }
        let (expected, found) = (self.old.name().to_owned(), found.to_owned());
        Err(Error::OtherPlugin { path: candidate.path.clone(), expected, found })
    }

    fn check(&mut self, path: &Path, entries: &[Entry], refuses_faults: bool) -> Result<(), Error> {
        let next = Next { old: self.old, path: path.to_owned(), exports: exports(entries), refuses_faults };
        next.check_handles()?;
        next.check_followers(self.lineage)?;
        let handover = next.handover(entries)?;
        self.checked = Some((next, handover));
        Ok(())
    }

    fn place(&self) -> Place {
        self.old.place().next()
    }
}

/// A version that is mapped beside the one that it is to replace.
struct Next<'a> {
    old: &'a Plugin,
    path: PathBuf,
    exports: HashMap<&'static str, Item<'static>>,
    /// Whether it may not be asked for faults.
    refuses_faults: bool,
}

impl Next<'_> {
    /// Whether it has what handles to the old version use. They stay with that; but who has looked up an export will do so
    /// again.
    fn check_handles(&self) -> Result<(), Error> {
        let in_use = self.old.exports_in_use();
        in_use.into_iter().try_for_each(|(name, descriptor)| {
            let fits = |new: &[u8]| new == descriptor;
            self.check(name, fits, || (Signature::read(descriptor), self.old.modules(name).to_owned()))
        })
    }

    /// Whether it has what `Live` handles will call in it.
    fn check_followers(&self, lineage: &Lineage) -> Result<(), Error> {
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
    ) -> Result<(), Error> {
        let plugin = self.old.name();
        let problem = match self.exports.get(name) {
            Some(new) if fits(new.descriptor) => return Ok(()),
            Some(new) => {
                let ((asked, modules), exported) = (asked(), Signature::read(new.descriptor));
                if asked.accepts(&exported) {
                    return Ok(());
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

    /// The error that a handle in use would meet this problem.
    fn in_use(&self, problem: Error) -> Error {
        Error::InUse { plugin: self.old.name().to_owned(), path: self.path.clone(), problem: Box::new(problem) }
    }

    /// The handover of the state, if the plugin has a state.
    fn handover(&self, entries: &[Entry]) -> Result<Option<Handover>, Error> {
        let Some(save) = self.old.save() else { return Ok(None) };
        let (plugin, path) = (self.old.name().to_owned(), self.path.clone());
        let Some(restore) = entries.iter().find(|entry| entry.kind == Kind::Restore) else {
            return Err(Error::StateNotRestored { plugin, path });
        };
        if restore.item.descriptor != save.item.descriptor {
            let (restored, saved) = (Signature::read(restore.item.descriptor), Signature::read(save.item.descriptor));
            if !restored.accepts(&saved) {
                let difference = restored.difference(&saved, Sides::STATE);
                let (saved, restored) = (Box::new(saved), Box::new(restored));
                return Err(Error::StateMismatch { plugin, path, saved, restored, difference });
            }
        }
        Ok(Some(Handover { save: save.clone(), restore: restore.clone() }))
    }
}

/// The hooks that take a state from one version to the next. Their types fit each other.
struct Handover {
    save: Entry,
    restore: Entry,
}

impl Handover {
    /// Passes the state on, from one hook to the other on one thread. Both versions are loaded.
    fn run(self, old: &Plugin, new: &Plugin, path: &Path, timeout: Option<Duration>) -> Result<(), Error> {
        let [save, restore] = [self.save.item.name, self.restore.item.name];
        let [saver, restorer] = [old, new].map(|plugin| plugin.library().expect("both have libraries").threads());
        let saves = saver.hooks_start();
        let task = {
            let (plugin, path, new) = (old.name().to_owned(), path.to_owned(), new.clone());
            move |steps: &Steps| {
                let result = self.run_here(&plugin, path, steps, &saves, &restorer);
                saves.clean_up(steps);
                drop(saves);
                // The new version is let go only now, if this was abandoned.
                drop(new);
                result
            }
        };
        timeout::run(timeout, task, drop).unwrap_or_else(|late| {
            Err(Error::HookTimedOut {
                plugin: old.name().to_owned(),
                hook: [save, restore][late.step].to_owned(),
                timeout: timeout.unwrap_or_default(),
                path: path.to_owned(),
            })
        })
    }

    /// The same on this thread. While `saves` lives, the old version is mapped.
    fn run_here(
        &self,
        plugin: &str,
        path: PathBuf,
        steps: &Steps,
        saves: &RunningHooks,
        restorer: &Arc<Threads>,
    ) -> Result<(), Error> {
        let Handover { save, restore } = self;
        steps.begin(0);
        saves.begin(save.item.name);
        let state = match save.run_save() {
            Ok(state) => state,
            Err(fault) => {
                return Err(Error::SavePanicked { plugin: plugin.to_owned(), fault: save.fault_of(plugin, fault) });
            }
        };
        let restores = restorer.hooks_start();
        restores.begin(restore.item.name);
        saves.begin(restore.item.name);
        if !steps.begin(1) {
            // Only a restorer could drop what the state has; the box that it came in is freed.
            // SAFETY: the old version is mapped, and no other code has the state.
            unsafe { state.pass(|_| ()) };
            return Ok(());
        }
        // SAFETY: the old version is mapped, and the descriptors of the two hooks fit each other.
        let result = unsafe { restore.run_restore(state) };
        restores.clean_up(steps);
        let plugin = plugin.to_owned();
        match result {
            Ok(Ok(())) => Ok(()),
            Ok(Err(message)) => Err(Error::RestoreFailed { plugin, message, path }),
            Err(fault) => {
                let fault = restore.fault_of(&plugin, fault);
                Err(Error::RestorePanicked { plugin, fault, path })
            }
        }
    }
}

/// Holds back calls through `Live` handles. Dropping it lets them go on in the old version.
struct Held<'a> {
    lineage: &'a Lineage,
    old: &'a Plugin,
}

impl<'a> Held<'a> {
    /// Waits for calls in progress to end.
    fn new(lineage: &'a Lineage, old: &'a Plugin, limit: Duration) -> Result<Self, Error> {
        lineage.hold();
        let held = Held { lineage, old };
        let deadline = Instant::now().checked_add(limit);
        let mut pauses = Pauses::new(Duration::from_millis(1));
        while lineage.is_in_progress(old) {
            if left(deadline).is_some_and(|left| left.is_zero()) {
                return Err(Error::Busy { plugin: old.name().to_owned(), waited: limit });
            }
            pauses.sleep(deadline);
        }
        Ok(held)
    }

    /// Another version serves.
    fn release(self) {
        std::mem::forget(self);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.lineage.serve(self.old);
    }
}
