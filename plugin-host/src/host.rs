//! [`Host`]: the loaded plugins, and look-ups in them.

mod of_plugin;
mod settings;

use std::any::Any;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use plugin_core::Lookup;

use crate::config::Config;
use crate::error::Error;
use crate::error::names::no_nul;
use crate::load::trust::Trust;
use crate::plugin::Plugin;
use crate::registry::Registry;

/// Loads plugins and looks up what they export.
///
/// Threads may share a host. When the host is dropped, each plugin stays loaded as long as a handle to it exists, and the
/// other plugins are unloaded. The drop waits for their shutdown hooks, for upgrades in progress, and for faults that are
/// being reported, but for each not longer than [a hook may take](Self::with_hook_timeout). It never waits for handles. If a
/// handler of events or faults drops the host, the drop does not wait for that handler. [`close`](Self::close) does the same
/// with a time limit, and returns the outcome for each plugin.
///
/// # Example
///
/// ```no_run
/// use plugin_host::{Host, Trust};
///
/// // SAFETY: only plugins built with the SDK are in the directories that this program searches.
/// let host = Host::new(unsafe { Trust::any() });
/// host.load("greeter")?;
/// println!("{}", *host.get::<&str>("GREETER")?);
/// let greet = host.get::<fn(&str) -> String>("greet")?;
/// println!("{}", greet("World"));
/// # Ok::<(), plugin_host::Error>(())
/// ```
pub struct Host {
    /// The registry has a share in the same settings.
    pub(crate) config: Arc<Config>,
    pub(crate) registry: Arc<RwLock<Registry>>,
    /// Whether this value belongs to the program. The host's own threads, and the functions of [`Plugin`], make other values for a
    /// moment. Dropping these has no effect.
    pub(crate) is_owner: bool,
}

impl Host {
    /// Creates a host without plugins. It searches for bare names in the directories of
    /// [`with_search_dir`](Self::with_search_dir), and then beside the program's executable.
    pub fn new(trust: Trust) -> Self {
        let config = Arc::new(Config::new(trust));
        Host { registry: Arc::new(RwLock::new(Registry::new(config.clone()))), config, is_owner: true }
    }

    /// Returns a host with this registry and its settings. It does not belong to the program.
    pub(crate) fn borrowed(registry: Arc<RwLock<Registry>>) -> Self {
        let config = registry.read().unwrap_or_else(PoisonError::into_inner).config.clone();
        Host { config, registry, is_owner: false }
    }

    /// Returns the link from a plugin's lineage to its host, without a share in the host.
    pub(crate) fn link(&self) -> Weak<dyn Any + Send + Sync> {
        let registry: Weak<RwLock<Registry>> = Arc::downgrade(&self.registry);
        registry
    }

    /// Changes the settings.
    pub(crate) fn configured(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        let before = std::mem::replace(&mut self.write().config, self.config.clone());
        // Dropped after the lock is released: a handler may own values whose drop uses the host.
        drop(before);
        self
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Registry> {
        self.registry.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the loaded plugin of that name.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchPlugin`], with the loaded plugin that has the most similar name, and [`Error::Unloading`].
    pub fn plugin(&self, name: &str) -> Result<Plugin, Error> {
        self.read().plugin(name).cloned()
    }

    /// Returns the loaded plugins in the order of loading, without those that are being unloaded.
    pub fn plugins(&self) -> Vec<Plugin> {
        self.read().plugins().to_vec()
    }

    /// Looks up an export by name and type in all loaded plugins.
    ///
    /// The type of a function, such as `fn(&str) -> String`, gives a [`Function`](crate::Function). The type of a static, such
    /// as `&str`, gives a [`Static`](crate::Static).
    ///
    /// # Example
    ///
    /// A program can wrap this function in a generic function of its own. [`Lookup`] is the bound for all exports.
    /// [`FunctionType`](crate::FunctionType) is the bound for functions alone.
    ///
    /// ```standalone_crate
    /// use plugin_core::plugin_export;
    /// use plugin_host::{Error, Function, FunctionType, Host, Lookup};
    ///
    /// /// Looks up an export under the program's own prefix.
    /// fn find<F: Lookup>(host: &Host, name: &str) -> Result<F::Handle, Error> {
    ///     host.get::<F>(&format!("editor.{name}"))
    /// }
    ///
    /// /// Looks up a function, and says which plugin it is from.
    /// fn find_function<F: FunctionType>(host: &Host, name: &str) -> Result<Function<F>, Error> {
    ///     let function = find::<F>(host, name)?;
    ///     println!("found {}", function.label());
    ///     Ok(function)
    /// }
    ///
    /// #[plugin_export(name = "editor.indent")]
    /// fn indent(line: &str) -> String {
    ///     format!("    {line}")
    /// }
    ///
    /// #[plugin_export(name = "editor.width")]
    /// static WIDTH: u32 = 120;
    ///
    /// let host = Host::linked()?;
    /// let indent = find_function::<fn(&str) -> String>(&host, "indent")?;
    /// assert_eq!(indent("end"), "    end");
    /// assert_eq!(*find::<u32>(&host, "width")?, 120);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchExport`], [`Error::Ambiguous`] if several plugins export the name, [`Error::TypeMismatch`],
    /// [`Error::NoFaults`], [`Error::Access`] if a static's plugin panics, and [`Error::Unloading`] if the only
    /// plugin that exports it is being unloaded.
    pub fn get<F: Lookup>(&self, name: &str) -> Result<F::Handle, Error> {
        // Not while the registry is locked: binding may run the plugin's code.
        let fitting = self.read().fitting::<F>(name);
        match fitting {
            Some(fitting) => fitting.bind(),
            None => self.exporter(name)?.get::<F>(name),
        }
    }

    /// Returns the only plugin that exports `name`.
    pub(crate) fn exporter(&self, name: &str) -> Result<Plugin, Error> {
        self.read().exporter(name).cloned()
    }

    /// Looks up an export by name and type in every plugin that has it, in the order of loading. The result may be empty.
    /// Plugins that are being unloaded are left out.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # let host = plugin_host::Host::new(plugin_host::Trust::none());
    /// for (plugin, check) in host.get_all::<fn(&str) -> Vec<String>>("check")? {
    ///     for remark in check("some text") {
    ///         println!("{}: {remark}", plugin.name());
    ///     }
    /// }
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::TypeMismatch`] if a plugin exports the name with another type, [`Error::NoFaults`], and [`Error::Access`] if a
    /// static's plugin panics.
    pub fn get_all<F: Lookup>(&self, name: &str) -> Result<Vec<(Plugin, F::Handle)>, Error> {
        no_nul(name)?;
        let plugins: Vec<Plugin> = self.read().exporters(name).cloned().collect();
        plugins.into_iter().map(|plugin| plugin.get::<F>(name).map(|handle| (plugin, handle))).collect()
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("trust", &self.config.trust)
            .field("plugins", &self.read().plugins())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::load::trust::Trust;
    use crate::plugin::Place;
    use crate::plugin::tests::plugin;
    use crate::registry::{ToUnload, Unloaded};

    #[test]
    fn look_ups_find_the_loaded_plugins() {
        let host = Host::new(Trust::none());
        let found = |name: &str| match host.get::<fn()>(name) {
            Ok(found) => found.label().to_owned(),
            Err(Error::Ambiguous { plugins, .. }) => plugins.join(" or "),
            Err(error) => {
                assert!(matches!(error, Error::NoSuchExport { .. }), "{error}");
                "none".to_owned()
            }
        };
        let expect = |names: [&str; 3]| assert_eq!(["x", "y", "z"].map(found), names);
        let remove = |place: usize| {
            let name = host.plugins()[place].name().to_owned();
            let Ok(ToUnload::Serving(removed)) = host.write().begin_unload(&name) else { panic!("it serves") };
            host.write().end_unload(&name, Unloaded::Gone);
            removed
        };
        expect(["none"; 3]);
        let (a, b) =
            (plugin("a", &["x", "y"], Place::first(host.link())), plugin("b", &["y", "z"], Place::first(host.link())));
        // Loaded in another order than they are added, as one is that was not unloaded after all.
        host.write().add(b.clone());
        host.write().add(a.clone());
        expect(["a::x", "a or b", "b::z"]);
        assert_eq!(host.get_all::<fn()>("y").unwrap().len(), 2);
        assert_eq!(remove(0).name(), "a");
        expect(["none", "b::y", "b::z"]);
        host.write().add(a.clone());
        expect(["a::x", "a or b", "b::z"]);

        // A version with the same exports, and others without.
        let same = plugin("a", &["x", "y"], a.place().next());
        host.write().upgrade(&a, same.clone());
        expect(["a::x", "a or b", "b::z"]);
        let _handle = host.get::<fn()>("x").unwrap();
        assert_eq!((a.exports_in_use().len(), same.exports_in_use().len()), (0, 1), "it is the new version's");
        let without = plugin("a", &["x"], same.place().next());
        host.write().upgrade(&same, without.clone());
        expect(["a::x", "b::y", "b::z"]);
        host.write().upgrade(&without, plugin("a", &["x", "y", "z"], without.place().next()));
        expect(["a::x", "a or b", "a or b"]);
        remove(1);
        expect(["a::x", "a::y", "a::z"]);
        remove(0);
        expect(["none"; 3]);
    }
}
