//! [`Host::load`], and the phases that a file goes through until its plugin serves: [`Host::bring_up`].

pub(crate) mod digest;
pub(crate) mod memory;
pub(crate) mod trust;

use std::path::{Path, PathBuf};

use crate::backend::Backend;
use crate::backend::loaded::LoadedLibrary;
use crate::config::Config;
use crate::error::Error;
use crate::error::at::{At as _, FileError, without_neighbours};
use crate::error::names::no_nul;
use crate::event::Event;
use crate::file::mapping::Mapping;
use crate::file::open::Opened;
use crate::file::resolve::{is_bare, resolve};
use crate::file::source::Source;
use crate::file::stamp::Stamp;
use crate::host::Host;
use crate::inspect::Inspected;
use crate::inspect::description::Description;
use crate::library::items::Items;
use crate::library::{Library, Settings};
use crate::load::digest::Digest;
use crate::load::trust::Grant;
use crate::plugin::{Place, Plugin};

impl Host {
    /// Loads a plugin from a path, or by a bare name from the search directories, and runs its init hooks.
    ///
    /// A bare name is one word without an extension: `greeter` stands for `libgreeter.so`, `greeter.dll` or
    /// `libgreeter.dylib`. Anything else is a path. A file name without a directory, such as `libgreeter.so`, is the path of a
    /// file in the current directory.
    ///
    /// # Errors
    ///
    /// Each phase has its own errors, and leaves nothing behind. Resolve and read: [`Error::NotFound`],
    /// [`Error::IsDirectory`], [`Error::NotAFile`], [`Error::Read`], [`Error::Changed`], [`Error::NulInName`],
    /// [`Error::FileTooLarge`], [`Error::TooManyFiles`]. Trust: [`Error::NotTrusted`]. Inspect: those of the other
    /// [limits](crate::Limits), [`Error::Empty`], [`Error::NotALibrary`], [`Error::Damaged`], [`Error::WrongTarget`],
    /// [`Error::NotAPlugin`], [`Error::AbiVersion`], [`Error::TableTooShort`], [`Error::DuplicateExport`],
    /// [`Error::DuplicateHook`], [`Error::AlreadyLoaded`], [`Error::Unloading`]. Map: [`Error::Map`], [`Error::TooManyFiles`],
    /// [`Error::AlreadyMapped`], [`Error::IsHost`]. Attach: [`Error::NotRegistered`], [`Error::InitFailed`],
    /// [`Error::InitPanicked`], [`Error::HookTimedOut`].
    pub fn load(&self, plugin: impl AsRef<Path>) -> Result<Plugin, Error> {
        let path = resolve(plugin.as_ref(), || self.config.search_dirs())?;
        self.load_first(Input::File(path), None)
    }

    /// Loads a plugin under a name of its own. So one library can be loaded several times: each instance has statics, hooks and a
    /// state of its own, and is upgraded, followed and unloaded by its name, or through its [`Plugin`].
    ///
    /// The name stands in the place of the package's everywhere: in look-ups of plugins, faults, events and reports. Only
    /// [`PluginInfo::name`](crate::PluginInfo::name) stays that of the package, because the file says it. A next version that is in
    /// another file is loaded with [`reload_as`](Self::reload_as).
    ///
    /// With [`Mapping::InPlace`], a file is one library for the system. So a second instance is [`Error::AlreadyMapped`]. A linked
    /// plugin is a part of the program, which there is once.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load), and [`Error::UnusableName`] for a name that looks like a path.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # let host = plugin_host::Host::new(plugin_host::Trust::none());
    /// let left = host.load_as("reverb", "left")?;
    /// let right = host.load_as("reverb", "right")?;
    /// left.get::<fn(f32)>("set_room_size")?(0.3);
    /// right.get::<fn(f32)>("set_room_size")?(0.9);
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn load_as(&self, plugin: impl AsRef<Path>, name: &str) -> Result<Plugin, Error> {
        no_nul(name)?;
        if !is_bare(Path::new(name)) {
            return Err(Error::UnusableName { name: name.to_owned() });
        }
        let path = resolve(plugin.as_ref(), || self.config.search_dirs())?;
        self.load_first(Input::File(path), Some(name))
    }

    /// Loads the first version of a plugin, under the name of its package or under this name.
    fn load_first(&self, input: Input<'_>, name: Option<&str>) -> Result<Plugin, Error> {
        let mut first = FirstVersion { host: self, name, reserved: None };
        let plugin = self.bring_up(input, &mut first)?;
        self.write().add(plugin.clone());
        first.reserved.into_iter().for_each(Reserved::keep);
        Ok(plugin)
    }

    /// Takes a library through all phases: read, trust, inspect, map, attach. If a phase fails, the earlier ones are undone, except
    /// that a library whose code has run may stay mapped.
    ///
    /// `version` may refuse the plugin between the phases. The plugin is not in the tables yet.
    pub(crate) fn bring_up(&self, input: Input<'_>, version: &mut impl NewVersion) -> Result<Plugin, Error> {
        let mut candidate = self.read_plugin(input)?;
        version.admit(&mut candidate.inspected.description, &candidate.path)?;
        let library = self.map(&candidate)?;
        let Candidate { path, stamp, inspected: Inspected { description, .. }, .. } = candidate;
        let refuses_faults = self.config.refuses_faults(&description);
        let library = LoadedLibrary::new(library, path.clone(), stamp);
        version.check(&library, refuses_faults).at(&path)?;
        let library = library.attach(description.name()).at(&path)?;
        Ok(Plugin::new(description, refuses_faults, Box::new(library), version.place()))
    }

    /// Reads, trusts and inspects a library. The trust decides before the library is read if it needs no digest.
    pub(crate) fn read_plugin(&self, input: Input<'_>) -> Result<Candidate, Error> {
        match input {
            Input::File(path) => self.read_file(path),
            Input::Memory(label, bytes) => self.read_bytes(label, bytes).map_err(without_neighbours),
        }
    }

    fn read_bytes(&self, label: &str, bytes: &[u8]) -> Result<Candidate, Error> {
        // An empty path stands for the program in messages.
        let path = PathBuf::from(if label.is_empty() { "bytes in memory" } else { label });
        if self.config.settings.mapping == Mapping::InPlace {
            let reason =
                "and `Mapping::InPlace` maps files only; use `Mapping::Private`, or load it from a file".to_owned();
            return Err(Error::InMemory { label: path, reason });
        }
        let limits = &self.config.limits;
        let read = |by_digest| Source::of_bytes(&path, bytes, limits, by_digest);
        let (source, inspected) = self.read_trusted(&path, read).at(&path)?;
        Ok(Candidate { path, stamp: None, source, inspected })
    }

    fn read_file(&self, path: PathBuf) -> Result<Candidate, Error> {
        let Config { limits, settings: Settings { mapping, .. }, .. } = &*self.config;
        let opened = Opened::new(&path)?;
        let stamp = Some(opened.stamp.clone());
        let read = |by_digest| Source::read(&path, opened, *mapping, limits, by_digest);
        let (source, inspected) = self.read_trusted(&path, read).at(&path)?;
        // The program may change its directory before the file is read again.
        let path = std::path::absolute(&path).unwrap_or(path);
        Ok(Candidate { path, stamp, source, inspected })
    }

    /// Asks the trust, reads the library with `read`, which also gives the digest if it is told to, and inspects it.
    fn read_trusted(
        &self,
        path: &Path,
        read: impl FnOnce(bool) -> Result<(Source, Option<Digest>), FileError>,
    ) -> Result<(Source, Inspected), FileError> {
        let Config { trust, limits, settings: Settings { mapping, .. }, .. } = &*self.config;
        let by_digest = trust.ask(*mapping)? == Grant::ByDigest;
        let (source, digest) = read(by_digest)?;
        if by_digest {
            trust.check(&digest.expect("it was asked for"))?;
        }
        let inspected = source.inspect(path, limits)?;
        Ok((source, inspected))
    }

    /// Maps a file that was trusted and inspected, and reads what it has registered.
    pub(crate) fn map(&self, candidate: &Candidate) -> Result<(Library, Items), Error> {
        let Candidate { path, source, inspected, .. } = candidate;
        if let Some(reason) = source.not_sealed() {
            self.config.on_event.tell(&Event::Copied { path: path.clone(), reason: reason.to_owned() });
        }
        let (library, items) = Library::map(path, source, inspected, &self.config.settings)?;
        let mut registered: Vec<&str> = items.exports.iter().map(|(item, _)| item.name).collect();
        registered.sort_unstable();
        match inspected.description.exports().iter().find(|name| registered.binary_search(&name.as_str()).is_err()) {
            Some(missing) => Err(Error::NotRegistered { path: path.to_owned(), name: missing.clone() }),
            None => Ok((library, items)),
        }
    }
}

/// The place of a library that is to be loaded.
#[derive(Clone)]
pub(crate) enum Input<'a> {
    /// A file with this path.
    File(PathBuf),
    /// A label, and the bytes.
    Memory(&'a str, &'a [u8]),
}

/// The steps of a load that differ between the first version of a plugin and the new version of an upgrade.
pub(crate) trait NewVersion {
    /// Decides from the file at `path` whether it may be mapped, and gives the plugin its name. No code of it has run.
    fn admit(&mut self, description: &mut Description, path: &Path) -> Result<(), Error>;

    /// Decides from the exports and hooks whether the init hooks may run. The constructors of the library have run. `refuses_faults` is
    /// true if look-ups in the plugin may not ask for faults.
    fn check(&mut self, backend: &dyn Backend, refuses_faults: bool) -> Result<(), FileError>;

    /// Returns the plugin's place among the others.
    fn place(&self) -> Place;
}

/// The first version of a plugin: no other plugin of its name is loaded.
struct FirstVersion<'a> {
    host: &'a Host,
    /// The name of the instance, if it is not that of the package.
    name: Option<&'a str>,
    /// Set when the plugin's name is known.
    reserved: Option<Reserved<'a>>,
}

impl NewVersion for FirstVersion<'_> {
    fn admit(&mut self, description: &mut Description, path: &Path) -> Result<(), Error> {
        if let Some(name) = self.name {
            description.rename(name);
        }
        self.reserved = Some(Reserved::new(self.host, description.name(), path)?);
        Ok(())
    }

    fn check(&mut self, _: &dyn Backend, _: bool) -> Result<(), FileError> {
        Ok(())
    }

    fn place(&self) -> Place {
        Place::first(self.host.link())
    }
}

/// A library that is trusted, and the facts about it that are known without running it.
pub(crate) struct Candidate {
    /// The path of the file, or the label of bytes in memory.
    pub(crate) path: PathBuf,
    /// The stamp of the file, if there is one.
    pub(crate) stamp: Option<Stamp>,
    pub(crate) source: Source,
    pub(crate) inspected: Inspected,
}

impl Candidate {
    /// Returns the plugin's name.
    pub(crate) fn name(&self) -> &str {
        self.inspected.description.name()
    }
}

/// The name of a plugin that is being loaded. No other load can take the name meanwhile.
pub(crate) struct Reserved<'a> {
    host: &'a Host,
    name: Option<String>,
}

impl<'a> Reserved<'a> {
    pub(crate) fn new(host: &'a Host, name: &str, path: &Path) -> Result<Self, Error> {
        host.write().reserve(name, path)?;
        Ok(Reserved { host, name: Some(name.to_owned()) })
    }

    /// Keeps the name taken, because the plugin is loaded.
    pub(crate) fn keep(mut self) {
        self.name = None;
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            self.host.write().free(&name);
        }
    }
}
