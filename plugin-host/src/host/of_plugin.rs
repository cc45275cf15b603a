//! The host's functions about one plugin, on [`Plugin`] itself: each does the same as the one of [`Host`] that takes a name.

use std::sync::RwLock;
use std::time::{Duration, Instant};

use plugin_core::{FunctionType, Live};

use crate::error::Error;
use crate::host::Host;
use crate::plugin::Plugin;
use crate::registry::Registry;
use crate::unload::outcome::Unload;
#[cfg(feature = "watch")]
use crate::watch::watches::Watch;
use crate::work::activity::Activity;

impl Plugin {
    /// Looks up a function of this plugin by name and type, and gives a handle that follows the upgrades of this plugin.
    ///
    /// [`Host::live`] does the same with the only plugin that exports the name. Where several plugins export one name, ask each
    /// of them with this function, or all of them with [`Host::live_all`]. If this `Plugin` is an older version, the handle is to
    /// the version that serves.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchExport`], [`Error::TypeMismatch`], [`Error::NoFaults`], [`Error::Unloading`], [`Error::Unloaded`], and
    /// [`Error::HostDropped`]. A handle that exists is not affected by the drop of its host.
    ///
    /// # Example
    ///
    /// ```standalone_crate
    /// use plugin_core::plugin_export;
    /// use plugin_host::Host;
    ///
    /// #[plugin_export]
    /// fn greet(name: &str) -> String {
    ///     format!("Hello, {name}!")
    /// }
    ///
    /// let host = Host::linked()?;
    /// for plugin in host.plugins() {
    ///     let greet = plugin.live::<fn(&str) -> String>("greet")?;
    ///     // Calls the version of this plugin that serves.
    ///     assert_eq!(greet("World"), "Hello, World!");
    /// }
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn live<F: FunctionType>(&self, name: &str) -> Result<Live<F>, Error> {
        let (_activity, host) = self.host(|plugin| format!("follow `{name}` of plugin `{plugin}`"))?;
        let registry = host.read();
        registry.follow(registry.serving(self)?, name)
    }

    /// Upgrades this plugin to the version that is in its file now. Returns the new version.
    ///
    /// This is [`Host::reload`] for this very plugin, with the same steps. The file is the one that the serving version was
    /// loaded from. For a version in another file, use [`Host::reload`] with the path. The old `Plugin` keeps the old version
    /// mapped, so assign the new one to it.
    ///
    /// If the host is dropped on another thread meanwhile, that drop waits for this upgrade, as for every other.
    ///
    /// # Errors
    ///
    /// Those of [`Host::reload`] with a name, and [`Error::Unloaded`] and [`Error::HostDropped`].
    ///
    /// # Example
    ///
    /// ```no_run
    /// # let host = plugin_host::Host::new(plugin_host::Trust::none());
    /// let mut greeter = host.load("greeter")?;
    /// // The plugin is built again. Then:
    /// greeter = greeter.reload()?;
    /// assert_eq!(greeter.revision(), 2);
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn reload(&self) -> Result<Plugin, Error> {
        let (activity, host) = self.host(|plugin| format!("reload plugin `{plugin}`"))?;
        activity.run(|| {
            let host = host;
            let serving = || host.read().serving(self).cloned();
            host.upgrade_lineage(self.lineage(), serving, None, |_| false)
        })
    }

    /// Unloads this plugin, as [`Host::unload`] does with a name. `timeout` is the longest time that this waits.
    ///
    /// A drop of the host on another thread waits until this returns, but not longer than for hooks.
    ///
    /// Every `Plugin` keeps its plugin, so this one is dropped first, and clones of it keep the plugin serving. After
    /// [`Unload::Pinned`], use [`Host::unload`] to go on. After an error, the plugin is as it was before.
    ///
    /// # Errors
    ///
    /// Those of [`Host::unload`] but [`Error::NoSuchPlugin`], and [`Error::Unloaded`] and [`Error::HostDropped`].
    ///
    /// # Example
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # let host = plugin_host::Host::new(plugin_host::Trust::none());
    /// let greeter = host.load("greeter")?;
    /// println!("the greeter is {}", greeter.unload(Duration::from_secs(5))?);
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn unload(self, timeout: Duration) -> Result<Unload, Error> {
        let deadline = Instant::now().checked_add(timeout);
        let (activity, host) = self.host(|plugin| format!("unload plugin `{plugin}`"))?;
        activity.run(|| {
            let host = host;
            host.unload_plugin(self, deadline)
        })
    }

    /// Upgrades this plugin whenever its file changes, as [`Host::watch`] does with a name, until the [`Watch`] is dropped.
    ///
    /// # Errors
    ///
    /// Those of [`Host::watch`] but [`Error::NoSuchPlugin`], and [`Error::Unloaded`] and [`Error::HostDropped`].
    ///
    /// # Example
    ///
    /// ```no_run
    /// # let host = plugin_host::Host::new(plugin_host::Trust::none());
    /// let mut watches = Vec::new();
    /// for plugin in host.plugins() {
    ///     watches.push(plugin.watch()?);
    /// }
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    #[cfg(feature = "watch")]
    pub fn watch(&self) -> Result<Watch, Error> {
        let (_activity, host) = self.host(|plugin| format!("watch the file of plugin `{plugin}`"))?;
        let serving = host.read().serving(self)?.clone();
        host.watch_plugin(serving)
    }

    /// Returns an activity of the plugin's host, and the host. A drop of the host waits for the activity, which ends last.
    /// `operation` says for an error the use that the caller has for the host.
    fn host(&self, operation: impl FnOnce(&str) -> String) -> Result<(Activity, Host), Error> {
        let registry = self.lineage().host().and_then(|registry| registry.downcast::<RwLock<Registry>>().ok());
        let host = registry.map(Host::borrowed);
        let begun = host.and_then(|host| host.config.activities.begin_if_open().map(|activity| (activity, host)));
        begun.ok_or_else(|| Error::HostDropped { operation: operation(self.name()) })
    }
}
