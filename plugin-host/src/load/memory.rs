//! Libraries that are in memory, and not in a file.

use std::path::Path;

use crate::error::Error;
use crate::error::at::{At as _, without_neighbours};
use crate::error::names::no_nul;
use crate::file::contents::check_length;
use crate::host::Host;
use crate::inspect::info::PluginInfo;
use crate::inspect::inspect_in;
use crate::inspect::limits::Limits;
use crate::load::Input;
use crate::plugin::Plugin;

impl Host {
    /// Loads a plugin from memory, such as one that is embedded in the program or was just downloaded. `label` stands for the
    /// path in errors, events and reports, and may be any text without a NUL. If the library has only exports of crates that it
    /// depends on, the plugin has its name from the label, as it would have it from the file's name.
    ///
    /// The bytes go through the phases of [`load`](Self::load): the host's [`Trust`](crate::Trust) decides about them, they are
    /// inspected, and a copy of them is mapped, as a private copy of a file is. They are not needed after this call. The plugin
    /// has no [`path`](Plugin::path). Use [`reload_bytes`](Self::reload_bytes) to upgrade it.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load), with `label` as the path, and [`Error::InMemory`] with
    /// [`Mapping::InPlace`](crate::Mapping::InPlace), which maps files only.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use plugin_host::{Host, Trust};
    ///
    /// let bytes = std::fs::read("plugins/libgreeter.so")?;
    /// let reviewed = Trust::digest_of(&bytes);
    /// // SAFETY: we have built and reviewed exactly these bytes.
    /// let host = Host::new(unsafe { Trust::digests([reviewed]) });
    /// let greeter = host.load_bytes("the greeter of the download", &bytes)?;
    /// println!("{}", greeter.get::<fn(&str) -> String>("greet")?("World"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load_bytes(&self, label: &str, bytes: &[u8]) -> Result<Plugin, Error> {
        no_nul(label)?;
        self.load_first(Input::Memory(label, bytes), None)
    }

    /// Upgrades a loaded plugin to a version in memory, as [`reload`](Self::reload) does to one in a file. The bytes say which
    /// plugin it is. A watch of that plugin ends, because the new version has no file.
    ///
    /// # Errors
    ///
    /// Those of [`reload`](Self::reload) with a path, with `label` as the path, and [`Error::InMemory`] with
    /// [`Mapping::InPlace`](crate::Mapping::InPlace), which maps files only.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # let host = plugin_host::Host::new(plugin_host::Trust::none());
    /// # let download = |_: &str| Vec::new();
    /// host.load_bytes("greeter 1.0", &download("greeter/1.0"))?;
    /// let greet = host.live::<fn(&str) -> String>("greet")?;
    /// host.reload_bytes("greeter 1.1", &download("greeter/1.1"))?;
    /// println!("{}", greet("World"));
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn reload_bytes(&self, label: &str, bytes: &[u8]) -> Result<Plugin, Error> {
        no_nul(label)?;
        self.upgrade_to(Input::Memory(label, bytes))
    }
}

/// Reads a plugin's description of itself from memory, as [`inspect`](crate::inspect()) does from a file. `label` stands for the
/// path in errors, and may be any text. No code in the bytes is run.
///
/// # Errors
///
/// Every variant of [`Error`] about the contents of a file, with `label` as the path.
///
/// # Example
///
/// ```
/// let error = plugin_host::inspect_bytes("the download", b"<html>").unwrap_err();
/// assert!(error.to_string().starts_with("`the download` is not a shared library"));
/// ```
pub fn inspect_bytes(label: &str, bytes: &[u8]) -> Result<PluginInfo, Error> {
    inspect_bytes_with(label, bytes, &Limits::default())
}

/// Reads a plugin's description of itself, as [`inspect_bytes`] does, with other limits. For an example see [`Limits`].
///
/// # Errors
///
/// Those of [`inspect_bytes`].
pub fn inspect_bytes_with(label: &str, bytes: &[u8], limits: &Limits) -> Result<PluginInfo, Error> {
    let path = Path::new(label);
    check_length(bytes, limits).at(path)?;
    let inspected = inspect_in(path, bytes, limits).at(path).map_err(without_neighbours)?;
    Ok(inspected.description.into_info())
}
