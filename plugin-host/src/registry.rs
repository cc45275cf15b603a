//! The plugins of a host, by their names and by the names of their exports.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use foldhash::fast::RandomState;
use plugin_core::host::Site;
use plugin_core::{FunctionType, Live, Lookup};

use crate::config::Config;
use crate::error::Error;
use crate::error::names::no_nul;
use crate::inspect::description::Description;
use crate::plugin::{Fitting, Plugin, normal};
use crate::unload::detached_plugin::DetachedPlugin;
use crate::upgrade::lineage::Lineage;
#[cfg(feature = "watch")]
use crate::watch::watches::Watches;

/// The plugins of a host.
pub(crate) struct Registry {
    /// The host's settings, for handles that lead to the host.
    pub(crate) config: Arc<Config>,
    /// The plugins that serve, in the order they were loaded.
    plugins: Vec<Plugin>,
    /// The states of the plugins, by their [normal](normal) names. A name that is not here is free.
    states: HashMap<String, State>,
    /// The exporters of each name.
    exports: HashMap<Box<str>, Exporters, RandomState>,
    /// The plugins that are detached and not yet unmapped, by name, the newest of a name last. The name may be taken again.
    detached: HashMap<String, Vec<Arc<DetachedPlugin>>>,
    #[cfg(feature = "watch")]
    pub(crate) watches: Watches,
}

/// The state of a plugin that has a name of its own in the host. The architecture's page has all states.
enum State {
    /// The host is reading and mapping this file, or runs the plugin's init hooks.
    Loading(PathBuf),
    /// The plugin is in the tables.
    Serving,
    /// The plugin is out of the tables. The host waits for the plugin's handles, or runs its shutdown hooks.
    Unloading(Arc<Description>),
}

/// A plugin that is to be unloaded.
pub(crate) enum ToUnload {
    /// The plugin was taken out of the tables. Its name stays taken until [`Registry::end_unload`].
    Serving(Plugin),
    /// An earlier unload has detached the plugin.
    Detached(Arc<DetachedPlugin>),
}

/// The outcome of an unload.
pub(crate) enum Unloaded {
    /// The plugin is in use, and goes on serving.
    Serving(Plugin),
    /// The plugin is detached, and not unmapped.
    Detached(Arc<DetachedPlugin>),
    /// The plugin is unmapped, or a panic has interrupted its unload.
    Gone,
}

impl Registry {
    /// A registry without plugins.
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Registry {
            config,
            plugins: Vec::new(),
            states: HashMap::new(),
            exports: HashMap::default(),
            detached: HashMap::new(),
            #[cfg(feature = "watch")]
            watches: Watches::default(),
        }
    }

    /// The plugins that serve, in the order they were loaded.
    pub(crate) fn plugins(&self) -> &[Plugin] {
        &self.plugins
    }

    /// Takes a name for a plugin that is being loaded.
    pub(crate) fn reserve(&mut self, name: &str, path: &Path) -> Result<(), Error> {
        let key = normal(name);
        let loaded = match self.states.get(&key) {
            Some(State::Unloading(description)) => {
                return Err(Error::Unloading { plugin: description.name().to_owned() });
            }
            Some(State::Loading(path)) => path.clone(),
            Some(State::Serving) => {
                let plugin = self.plugins.iter().find(|plugin| plugin.is_named(&key));
                plugin.map_or(Path::new(""), Plugin::shown_path).to_owned()
            }
            None => {
                self.states.insert(key, State::Loading(path.to_owned()));
                return Ok(());
            }
        };
        Err(Error::AlreadyLoaded { path: path.to_owned(), name: name.to_owned(), loaded })
    }

    /// Frees the name of a plugin whose load has failed.
    pub(crate) fn free(&mut self, name: &str) {
        self.states.remove(&normal(name));
    }

    /// Puts a plugin into the tables whose name is reserved.
    pub(crate) fn add(&mut self, plugin: Plugin) {
        self.states.insert(normal(plugin.name()), State::Serving);
        let place = self.place_of(&plugin);
        self.plugins.insert(place, plugin);
        if place + 1 == self.plugins.len() {
            self.index_from(place);
        } else {
            self.index();
        }
    }

    /// Returns the index of a plugin in the order of loading.
    fn place_of(&self, plugin: &Plugin) -> usize {
        self.plugins.partition_point(|other| other.place().number() < plugin.place().number())
    }

    fn index(&mut self) {
        self.exports.clear();
        self.index_from(0);
    }

    fn index_from(&mut self, first: usize) {
        for (place, plugin) in self.plugins.iter().enumerate().skip(first) {
            for (name, site) in plugin.sites() {
                match self.exports.get_mut(name) {
                    Some(exporters) => *exporters = Exporters::Several,
                    None => _ = self.exports.insert(name.into(), Exporters::One(place, Arc::downgrade(site))),
                }
            }
        }
    }

    /// The site of an export that only one plugin has, if it has the very type that is asked for.
    #[inline]
    pub(crate) fn fitting<F: Lookup>(&self, name: &str) -> Option<Fitting<F>> {
        match self.exports.get(name)? {
            Exporters::One(_, site) => Fitting::of(site.upgrade()?),
            Exporters::Several => None,
        }
    }

    /// The plugins that export `name`.
    pub(crate) fn exporters(&self, name: &str) -> impl Iterator<Item = &Plugin> {
        self.plugins.iter().filter(move |plugin| plugin.has(name))
    }

    /// The loaded plugin of that name.
    pub(crate) fn plugin(&self, name: &str) -> Result<&Plugin, Error> {
        no_nul(name)?;
        let wanted = normal(name);
        if let Some(found) = self.plugins.iter().find(|plugin| plugin.is_named(&wanted)) {
            return Ok(found);
        }
        self.not_unloading(&wanted)?;
        Err(self.no_such_plugin(name))
    }

    /// The version that serves of the plugin that `version` is a version of.
    pub(crate) fn serving(&self, version: &Plugin) -> Result<&Plugin, Error> {
        let lineage = version.lineage();
        if let Some(serving) = self.plugins.iter().find(|plugin| Arc::ptr_eq(plugin.lineage(), lineage)) {
            return Ok(serving);
        }
        self.not_unloading(&normal(version.name()))?;
        Err(Error::Unloaded { plugin: version.name().to_owned() })
    }

    /// The one plugin that exports `name`.
    pub(crate) fn exporter(&self, name: &str) -> Result<&Plugin, Error> {
        match self.exports.get(name) {
            Some(&Exporters::One(plugin, _)) => Ok(&self.plugins[plugin]),
            Some(Exporters::Several) => Err(Error::Ambiguous {
                name: name.to_owned(),
                plugins: self.exporters(name).map(|plugin| plugin.name().to_owned()).collect(),
            }),
            None => {
                no_nul(name)?;
                let unloading = self.states.values().find_map(|state| match state {
                    State::Unloading(plugin) if plugin.exports().iter().any(|export| export == name) => Some(plugin),
                    _ => None,
                });
                match unloading {
                    Some(plugin) => Err(Error::Unloading { plugin: plugin.name().to_owned() }),
                    None => Err(Error::no_such_export(name, None, self.exports.keys().map(|name| &**name))),
                }
            }
        }
    }

    /// Takes all plugins out of the tables.
    pub(crate) fn take_all(&mut self) -> Vec<Plugin> {
        self.exports.clear();
        std::mem::take(&mut self.plugins)
    }

    /// Returns true if this very version is in the tables. It is not, once its host is being dropped.
    pub(crate) fn has(&self, plugin: &Plugin) -> bool {
        self.plugins.iter().any(|other| other.is_same(plugin))
    }

    /// Returns a handle that follows the upgrades of `plugin`, a version that serves.
    pub(crate) fn follow<F: FunctionType>(&self, plugin: &Plugin, export: &str) -> Result<Live<F>, Error> {
        plugin.check_type::<F>(export)?;
        debug_assert!(self.has(plugin));
        // SAFETY: the export has the type, as was checked. Each caller has found the plugin in these tables, and has locked them.
        // So no other version is put in its place meanwhile.
        Ok(unsafe { plugin.lineage().follow(plugin, export) })
    }

    /// Puts `new` in the place of `old`, which is in the tables.
    pub(crate) fn upgrade(&mut self, old: &Plugin, new: Plugin) {
        let place = self.place_of(old);
        let same = old.export_names() == new.export_names();
        #[cfg(feature = "watch")]
        {
            let key = normal(new.name());
            match new.path() {
                Some(_) => self.watches.upgraded(&key),
                None => self.watches.end(&key),
            }
        }
        self.plugins[place] = new;
        if !same {
            return self.index();
        }
        let plugin = &self.plugins[place];
        for (name, site) in plugin.sites() {
            if let Some(Exporters::One(_, only)) = self.exports.get_mut(name) {
                *only = Arc::downgrade(site);
            }
        }
    }

    /// The names of the plugins that are or were here, and all there is of each.
    pub(crate) fn lineages(&self) -> Vec<(String, Arc<Lineage>)> {
        let here = self.plugins.iter().map(|plugin| (plugin.name().to_owned(), plugin.lineage().clone()));
        let gone = self.detached.iter();
        let gone = gone.flat_map(|(name, all)| all.iter().map(|detached| (name.clone(), detached.lineage.clone())));
        here.chain(gone).collect()
    }

    /// Takes a plugin out of the tables.
    pub(crate) fn begin_unload(&mut self, name: &str) -> Result<ToUnload, Error> {
        no_nul(name)?;
        let key = normal(name);
        self.not_unloading(&key)?;
        let Some(place) = self.plugins.iter().position(|plugin| plugin.is_named(&key)) else {
            let detached = self.detached.get(&key).and_then(|detached| detached.last()).cloned();
            return detached.map(ToUnload::Detached).ok_or_else(|| self.no_such_plugin(name));
        };
        let plugin = &self.plugins[place];
        let named = || plugin.name().to_owned();
        if plugin.is_linked() {
            return Err(Error::Linked { plugin: named() });
        }
        if plugin.lineage().is_upgrading() {
            return Err(Error::Upgrading { plugin: named() });
        }
        self.states.insert(key, State::Unloading(plugin.description().clone()));
        let plugin = self.plugins.remove(place);
        self.index();
        Ok(ToUnload::Serving(plugin))
    }

    /// Notes how the unload of a plugin has ended.
    pub(crate) fn end_unload(&mut self, name: &str, unloaded: Unloaded) {
        let detached = match unloaded {
            Unloaded::Serving(plugin) => return self.add(plugin),
            Unloaded::Detached(detached) => Some(detached),
            Unloaded::Gone => None,
        };
        let key = normal(name);
        self.states.remove(&key);
        #[cfg(feature = "watch")]
        self.watches.end(&key);
        if let Some(detached) = detached {
            self.detached.entry(key).or_default().push(detached);
        }
    }

    /// Forgets a plugin that is unmapped at last.
    pub(crate) fn forget(&mut self, name: &str, detached: &Arc<DetachedPlugin>) {
        let key = normal(name);
        if let Some(known) = self.detached.get_mut(&key) {
            known.retain(|known| !Arc::ptr_eq(known, detached));
            if known.is_empty() {
                self.detached.remove(&key);
            }
        }
    }

    /// The plugins that are detached and not known to be unmapped, with their names.
    pub(crate) fn detached(&self) -> Vec<(String, Arc<DetachedPlugin>)> {
        let detached = self.detached.iter().flat_map(|(name, all)| all.iter().map(|one| (name.clone(), one.clone())));
        detached.collect()
    }

    fn not_unloading(&self, key: &str) -> Result<(), Error> {
        match self.states.get(key) {
            Some(State::Unloading(plugin)) => Err(Error::Unloading { plugin: plugin.name().to_owned() }),
            _ => Ok(()),
        }
    }

    fn no_such_plugin(&self, name: &str) -> Error {
        Error::no_such_plugin(name, self.plugins.iter().map(Plugin::name))
    }
}

/// The exporters of one name.
enum Exporters {
    /// The index of the only exporter in `Registry::plugins`, and the export's site. The reference is weak, because shares are
    /// handles. The plugin's own share lives as long as the plugin is in the tables.
    One(usize, Weak<Site>),
    Several,
}
