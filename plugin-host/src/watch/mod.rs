//! [`Host::watch`]: a plugin is upgraded when its file changes.

mod observer;
mod service;
pub(crate) mod times;
mod watcher;
pub(crate) mod watches;
mod way;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use crate::error::Error;
use crate::file::stamp::Stamp;
use crate::host::Host;
use crate::plugin::{Plugin, normal};
use crate::registry::Registry;
use crate::watch::observer::lock;
use crate::watch::service::{Message, Service};
use crate::watch::watcher::{Serving, WatchedHost, Watcher, not_watched};
use crate::watch::watches::Watch;

impl Host {
    /// Upgrades a loaded plugin, as [`reload`](Self::reload) does, whenever its file changes, until the [`Watch`] is dropped.
    /// The outcome is an event: [`Upgraded`](crate::Event::Upgraded), or [`NotUpgraded`](crate::Event::NotUpgraded) if the
    /// version before goes on serving.
    ///
    /// The file may be replaced by renaming, be removed and created again, or be written in place and in pieces. The host looks
    /// at the file when it has not changed for [a while](Self::with_watch_quiet). The host ignores the file as long as it is not
    /// complete: missing, empty, cut short, not a library, or, on Linux, still open for writing. A file that stays incomplete
    /// [for seconds](Self::with_watch_patience) is an error. A file with the same bytes is not a change. After the host has
    /// refused a file, it tries the file again when the file changes, even if only its time does. After an upgrade has failed
    /// for a reason that may pass (calls in progress, no thread, no descriptor), the host tries again by itself. The time
    /// between two attempts grows to 30 seconds.
    ///
    /// Symbolic links are followed. If the file, or a directory on the way to it, is a link that is switched to another target,
    /// the plugin's file is the one at the new target. The same holds for a directory that is renamed into place.
    ///
    /// A host has one thread for all its watches. An upgrade runs on a thread of its own, so it does not delay the others.
    /// A [handler of events](Self::with_event_handler) that takes long may delay the others.
    ///
    /// The watch belongs to the plugin. When [`reload`](Self::reload) upgrades the plugin from another file, the host watches
    /// that file from then on. A change between the load of the plugin and this call counts, too. An unload ends the watch. If
    /// a plugin of that name is loaded again, it needs a new watch.
    ///
    /// # What is not seen
    ///
    /// The kernel watches directories: that of the file, and on Linux all that lead to it; elsewhere only those of symbolic
    /// links. It does not report a change under another name of the same file. Network file systems do not report changes by
    /// other machines. With [`Mapping::InPlace`](crate::Mapping::InPlace), a write to the file is a write to the running
    /// plugin, and then [`Error::AlreadyMapped`]: rename the next version over the file.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchPlugin`], [`Error::Unloading`], [`Error::Linked`] if the plugin has no file, [`Error::AlreadyWatched`],
    /// and [`Error::NotWatched`] if the file's directory does not exist, or the kernel allows no more watches.
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
    /// let _watch = host.watch("greeter")?;
    /// loop {
    ///     // Build the greeter anew, and see it change.
    ///     println!("{}", greet("World"));
    ///     std::thread::sleep(std::time::Duration::from_secs(1));
    /// }
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn watch(&self, name: &str) -> Result<Watch, Error> {
        self.watch_plugin(self.plugin(name)?)
    }

    /// Watches the file of a plugin that serves.
    pub(crate) fn watch_plugin(&self, plugin: Plugin) -> Result<Watch, Error> {
        let name = plugin.name().to_owned();
        let path = plugin.need_file()?.to_owned();
        let not_watched = |source| not_watched(&name, &path, source);
        let host: Arc<dyn WatchedHost> = Arc::new(WithoutShare { registry: Arc::downgrade(&self.registry) });
        let (service, bell) = {
            let mut registry = self.write();
            let service = match &registry.watches.service {
                Some(service) => service.clone(),
                None => Service::start(&self.config, host.clone()).map_err(not_watched)?,
            };
            registry.watches.service = Some(service.clone());
            let bell = registry.watches.insert(normal(&name), &service);
            (service, bell.ok_or_else(|| Error::AlreadyWatched { plugin: name.clone() })?)
        };
        lock(service.observer()).follow(bell.id, &path, true).map_err(not_watched)?;
        let serving = Serving::of(&plugin);
        drop(plugin);
        let alive = Arc::downgrade(&bell);
        let watcher = Watcher::new(bell.id, alive, &name, self.config.clone(), host, &serving);
        service.send(Message::Begin(Box::new(watcher)));
        Ok(Watch { plugin: name, _bell: bell })
    }

    /// Sets how long a [watched](Self::watch) file must be unchanged before the host looks at it. The default is 100
    /// milliseconds. The host never looks at a file that changes all the time.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use plugin_host::{Host, Trust};
    ///
    /// // Files come slowly, over a network.
    /// let host = Host::new(Trust::none())
    ///     .with_watch_quiet(Duration::from_secs(2))
    ///     .with_watch_patience(Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn with_watch_quiet(self, quiet: Duration) -> Self {
        // So that it can be added to a time.
        self.configured(|config| config.watch.quiet = quiet.min(Duration::from_secs(365 * 24 * 60 * 60)))
    }

    /// Sets how long a [watched](Self::watch) file may be missing or incomplete after its last change, before the host sends
    /// [`NotUpgraded`](crate::Event::NotUpgraded). The default is 5 seconds. For an example see
    /// [`with_watch_quiet`](Self::with_watch_quiet).
    #[must_use]
    pub fn with_watch_patience(self, patience: Duration) -> Self {
        self.configured(|config| config.watch.patience = patience)
    }
}

/// A host without a share in it.
struct WithoutShare {
    registry: Weak<RwLock<Registry>>,
}

impl WithoutShare {
    /// The host, for a moment.
    fn host(&self) -> Option<Host> {
        self.registry.upgrade().map(Host::borrowed)
    }
}

impl WatchedHost for WithoutShare {
    fn serving(&self, plugin: &str) -> Option<Result<Serving, Error>> {
        let host = self.host()?;
        let serving = host.read().plugin(plugin).cloned();
        // A version in memory has no file to watch.
        serving.map(|plugin| plugin.path().is_some().then(|| Serving::of(&plugin))).transpose()
    }

    fn upgrade(&self, plugin: &str, unless: Option<&Stamp>) -> Option<Result<Serving, Error>> {
        let upgraded = self.host()?.upgrade_unless(Path::new(plugin), |serving| serving.stamp() == unless);
        match upgraded {
            Err(Error::InMemory { .. }) => None,
            upgraded => Some(upgraded.map(|plugin| Serving::of(&plugin))),
        }
    }

    fn retire(&self) -> bool {
        let Some(registry) = self.registry.upgrade() else { return true };
        let mut registry = registry.write().unwrap_or_else(PoisonError::into_inner);
        registry.watches.retire()
    }
}
