//! The places where a plugin's code runs: a library that is loaded (see `library`), or this program.

pub(crate) mod linked;
#[cfg(feature = "loopback")]
pub(crate) mod loopback;

use std::path::Path;

use crate::backend::linked::LinkedPlugin;
use crate::error::Error;
use crate::host::Host;
use crate::load::Reserved;
use crate::load::trust::Trust;
use crate::plugin::{Place, Plugin, PluginSource};

impl Host {
    /// A host that serves the plugins which are linked into this program, and loads no files.
    ///
    /// Each package of the program that exports something is a plugin. Depend on it, and name it in the source
    /// (`use greeter as _;`), or the compiler leaves it out. Their init hooks run when the first such host is made, in the
    /// order of the packages' names, and their shutdown hooks when the last handle of the last such host is gone.
    ///
    /// # Errors
    ///
    /// [`Error::InitFailed`] or [`Error::InitPanicked`] if an init hook does not succeed, and
    /// [`Error::DuplicateExport`] if a package exports a name twice, and [`Error::InHook`] if it is called in one of the
    /// hooks that it runs.
    ///
    /// # Example
    ///
    /// ```standalone_crate
    /// use plugin_core::plugin_export;
    /// use plugin_host::Host;
    ///
    /// #[plugin_export]
    /// fn double(n: u32) -> u32 {
    ///     n * 2
    /// }
    ///
    /// let host = Host::linked()?;
    /// assert_eq!(host.get::<fn(u32) -> u32>("double")?(21), 42);
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn linked() -> Result<Self, Error> {
        Host::new(Trust::none()).with_linked()
    }

    /// Serves the plugins that are linked into this program too, as [`linked`](Self::linked) does.
    ///
    /// # Errors
    ///
    /// Those of [`linked`](Self::linked), and [`Error::AlreadyLoaded`] if a plugin of the same name is loaded.
    ///
    /// # Example
    ///
    /// ```standalone_crate
    /// use plugin_core::plugin_export;
    /// use plugin_host::{Host, Trust};
    ///
    /// /// A command that is built in.
    /// #[plugin_export]
    /// fn shout(text: &str) -> String {
    ///     text.to_uppercase()
    /// }
    ///
    /// // SAFETY: only plugins built with the SDK are in that directory.
    /// let host = Host::new(unsafe { Trust::any() }).with_search_dir("/opt/editor/plugins").with_linked()?;
    /// let commands = host.get_all::<fn(&str) -> String>("shout")?;
    /// assert_eq!(commands.len(), 1);
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn with_linked(self) -> Result<Self, Error> {
        let (plugins, attached) = linked::attach(&self.config.settings.faults)?;
        for LinkedPlugin { info, items } in plugins {
            let reserved = Reserved::new(&self, &info.name, Path::new(""))?;
            let description = info.into();
            let refuses_faults = self.config.refuses_faults(&description);
            let plugin = Plugin::new(
                description,
                refuses_faults,
                PluginSource::Program,
                attached.clone(),
                &items,
                Place::first(self.link()),
            );
            self.write().add(plugin);
            reserved.keep();
        }
        Ok(self)
    }
}
