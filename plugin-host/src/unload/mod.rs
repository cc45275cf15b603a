//! [`Host::unload`], and the drop of a host.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) mod dependencies;
pub(crate) mod detached_library;
pub(crate) mod detached_plugin;
pub(crate) mod outcome;
pub(crate) mod pin;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::HOOK_TIMEOUT;
use crate::error::Error;
use crate::host::Host;
use crate::plugin::Plugin;
use crate::registry::{ToUnload, Unloaded};
use crate::unload::detached_plugin::DetachedPlugin;
use crate::unload::outcome::{Closed, Unload};
use crate::unload::pin::PinReason;
use crate::work::deadline::{Pauses, left};

impl Host {
    /// Unloads a plugin: waits until it is not in use, runs its shutdown hooks, and unmaps it. Returns whether the plugin is
    /// unmapped, or the reasons that keep it. `timeout` is the longest time that the host waits for handles, threads and old
    /// versions. With zero, it checks once. No value is too large.
    ///
    /// 1. Look-ups no longer find the plugin.
    /// 2. Until the timeout has passed, the host waits until every handle, every [`Plugin`] and every value that leads back into
    ///    the library is dropped. Then every call has ended, too. If one is left, the plugin goes on serving as before.
    /// 3. The shutdown hooks run, each for as long as [a hook may take](Self::with_hook_timeout). They should stop the plugin's
    ///    threads. Then the destructors of its thread-locals on this thread run. On the host's other threads, these destructors
    ///    run only if the thread ends before the library is closed. The plugin is now detached: it does not serve again, even if
    ///    it stays mapped, and another plugin may be loaded under its name.
    /// 4. Until the timeout has passed, the host waits for the threads that the plugin started.
    /// 5. The host closes the library, and checks that it is unmapped.
    /// 6. Until the timeout has passed, the host waits for old versions, from before an [upgrade](Self::reload), that are still
    ///    mapped.
    ///
    /// After [`Unload::Pinned`], call this again: it goes on where it stopped, unless another plugin of that name was loaded
    /// meanwhile. It may be called on any thread. If the plugin itself calls it, it waits for the whole timeout, and the plugin is
    /// pinned by its running code.
    ///
    /// On all platforms but Linux with glibc on x86-64 or AArch64, the host cannot learn when a library may be unmapped. There
    /// this ends with step 3 and [`PinReason::Platform`].
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchPlugin`], [`Error::Linked`] if the plugin has no library of its own, [`Error::Unloading`] if another
    /// thread is unloading it, [`Error::Upgrading`] if another thread is upgrading it, and [`Error::NulInName`].
    ///
    /// # Example
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use plugin_host::{Host, Trust, Unload};
    ///
    /// // SAFETY: only plugins built with the SDK are in the directories that this program searches.
    /// let host = Host::new(unsafe { Trust::any() });
    /// host.load("greeter")?;
    /// let greet = host.get::<fn(&str) -> String>("greet")?;
    /// let pinned = host.unload("greeter", Duration::from_millis(100))?;
    /// assert_eq!(pinned.to_string(), "pinned: 1 handle to its exports is alive: `greet` (1)");
    /// drop(greet);
    /// assert_eq!(host.unload("greeter", Duration::from_secs(5))?, Unload::Unmapped);
    /// // A new version of the file is a new plugin.
    /// host.load("greeter")?;
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn unload(&self, name: &str, timeout: Duration) -> Result<Unload, Error> {
        self.unload_until(name, Instant::now().checked_add(timeout), &|| None)
    }

    /// Unloads a plugin as [`unload`](Self::unload) does. `hook_limit` returns the limit for each shutdown hook, beside the host's own,
    /// when the hooks are about to run.
    pub(crate) fn unload_until(
        &self,
        name: &str,
        deadline: Option<Instant>,
        hook_limit: &dyn Fn() -> Option<Duration>,
    ) -> Result<Unload, Error> {
        let to_unload = self.write().begin_unload(name)?;
        Ok(self.go_on_unloading(name, to_unload, deadline, hook_limit))
    }

    /// Unloads the plugin that `plugin` is a version of, as [`unload`](Self::unload) does.
    pub(crate) fn unload_plugin(&self, plugin: Plugin, deadline: Option<Instant>) -> Result<Unload, Error> {
        let name = plugin.name().to_owned();
        let to_unload = {
            let mut registry = self.write();
            registry.serving(&plugin)?;
            registry.begin_unload(&name)?
        };
        // This share must not keep the plugin.
        drop(plugin);
        Ok(self.go_on_unloading(&name, to_unload, deadline, &|| None))
    }

    fn go_on_unloading(
        &self,
        name: &str,
        to_unload: ToUnload,
        deadline: Option<Instant>,
        hook_limit: &dyn Fn() -> Option<Duration>,
    ) -> Unload {
        match to_unload {
            ToUnload::Serving(plugin) => {
                let unloading =
                    Unloading { host: self, name: plugin.name().to_owned(), plugin: Some(plugin), detached: None };
                unloading.run(deadline, hook_limit)
            }
            ToUnload::Detached(detached) => {
                let outcome = detached.wait(deadline);
                if outcome == Unload::Unmapped {
                    self.write().forget(name, &detached);
                }
                outcome
            }
        }
    }

    /// Unloads all plugins as [`unload`](Self::unload) does, the last loaded one first, and drops the host. Returns the outcome
    /// for each plugin, also for those that were unloaded before and are still mapped. Plugins that are linked into the program
    /// are not among them.
    ///
    /// `timeout` is the limit for all plugins together. It includes the shutdown hooks, but each hook may take a tenth of a
    /// second in any case. With zero, the host checks once. A plugin in use goes on serving its handles, and is unloaded when
    /// the last of them is dropped.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # let host = plugin_host::Host::new(plugin_host::Trust::none());
    /// for closed in host.close(Duration::from_secs(5)) {
    ///     println!("{closed}"); // plugin `greeter` is unmapped
    /// }
    /// ```
    pub fn close(mut self, timeout: Duration) -> Vec<Closed> {
        let deadline = Instant::now().checked_add(timeout);
        self.end(deadline);
        // `close` itself waits for all that the drop of a host waits for.
        self.is_owner = false;
        let (plugins, detached) = {
            let registry = self.read();
            (registry.plugins().to_vec(), registry.detached())
        };
        let loaded = plugins.into_iter().rev().filter(|plugin| !plugin.is_linked());
        let names: Vec<String> = loaded.map(|plugin| plugin.name().to_owned()).collect();
        let hook_limit = || {
            /// The time that each hook may take in any case.
            const MIN_HOOK_TIMEOUT: Duration = Duration::from_millis(100);
            left(deadline).map(|left| left.max(MIN_HOOK_TIMEOUT))
        };
        let close = |plugin: String| {
            let outcome = self.unload_until(&plugin, deadline, &hook_limit).unwrap_or_else(|error| match error {
                // The plugin was unloaded meanwhile.
                Error::NoSuchPlugin { .. } => Unload::Unmapped,
                _ => Unload::Pinned(vec![PinReason::Upgrading]),
            });
            Closed { plugin, outcome }
        };
        let mut closed: Vec<Closed> = names.into_iter().map(close).collect();
        closed.extend(detached.into_iter().map(|(plugin, one)| Closed { plugin, outcome: one.wait(deadline) }));
        self.release(deadline);
        closed
    }

    /// Ends the host's watches, and waits for the activities of its threads.
    fn end(&self, deadline: Option<Instant>) {
        self.config.activities.close();
        #[cfg(feature = "watch")]
        self.write().watches.end_all();
        self.let_go_of_old_versions();
        self.config.activities.wait(deadline);
    }

    /// Drops the old versions that no call uses any more. The end of a call sends no message, so the thread that waits for such
    /// a version may not have seen it yet.
    fn let_go_of_old_versions(&self) {
        for plugin in self.plugins() {
            plugin.lineage().forget_gone(&plugin);
        }
    }

    /// Drops all plugins, the last loaded one first, and waits until the host's threads have reported the outcomes.
    fn release(&self, deadline: Option<Instant>) {
        self.let_go_of_old_versions();
        // Dropped after the lock is released: a plugin that is dropped runs its shutdown hooks.
        let mut plugins = self.write().take_all();
        while let Some(plugin) = plugins.pop() {
            drop(plugin);
        }
        self.config.activities.wait(deadline);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if !self.is_owner {
            return;
        }
        let timeout = self.config.settings.hook_timeout.unwrap_or(HOOK_TIMEOUT);
        let deadline = || Instant::now().checked_add(timeout);
        self.end(deadline());
        self.release(deadline());
    }
}

/// A plugin that is being unloaded, and is not in the host's tables. Its name stays taken.
struct Unloading<'a> {
    host: &'a Host,
    name: String,
    /// The plugin, until it is detached. If this value is dropped before, the plugin goes back into the tables.
    plugin: Option<Plugin>,
    /// The plugin, if it is detached and not unmapped.
    detached: Option<Arc<DetachedPlugin>>,
}

impl Unloading<'_> {
    fn run(mut self, deadline: Option<Instant>, hook_limit: &dyn Fn() -> Option<Duration>) -> Unload {
        let mut pauses = Pauses::new(Duration::from_millis(2));
        while let Some(plugin) = self.plugin.take() {
            let lineage = plugin.lineage().clone();
            let plugin = match plugin.into_backend() {
                Ok(backend) => {
                    let detached = Arc::new(DetachedPlugin { last: backend.detach(hook_limit()), lineage });
                    let outcome = detached.wait(deadline);
                    self.detached = (outcome != Unload::Unmapped).then_some(detached);
                    return outcome;
                }
                Err(plugin) => self.plugin.insert(plugin),
            };
            let left = left(deadline);
            if left.is_some_and(|left| left.is_zero()) {
                let reasons = plugin.in_use();
                // Without a reason, the last handle was just dropped.
                if !reasons.is_empty() {
                    return Unload::Pinned(reasons);
                }
            }
            // The end of a handle sends no message, so that calls and look-ups cost nothing.
            pauses.sleep(deadline);
        }
        unreachable!("the plugin is there until it is detached")
    }
}

impl Drop for Unloading<'_> {
    fn drop(&mut self) {
        let unloaded = match (self.plugin.take(), self.detached.take()) {
            (Some(plugin), _) => Unloaded::Serving(plugin),
            (None, Some(detached)) => Unloaded::Detached(detached),
            (None, None) => Unloaded::Gone,
        };
        self.host.write().end_unload(&self.name, unloaded);
    }
}
