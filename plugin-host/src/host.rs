//! [`Host`]: what is loaded, and how it is looked up.

use std::any::Any;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use plugin_core::record::Kind;
use plugin_core::{Fault, Lookup, Origin, Site};

use crate::activity::Activities;
use crate::difference::Sides;
use crate::error::{Error, TypeMismatch, no_nul};
use crate::event::Event;
use crate::faults::Faults;
use crate::file::{self, Mapping, Opened, Source, Stamp};
use crate::handler::Handler;
use crate::inspect::{AbortPlugins, ExportInfo, Inspected, PanicStrategy, PluginInfo};
use crate::library::{Entry, Library, Settings};
use crate::limits::Limits;
use crate::linked::{self, LinkedPlugin};
use crate::manifest::Manifest;
use crate::memory::{Leak, Memory};
use crate::pin::PinReason;
use crate::signature::Signature;
use crate::succession::{Departed, Succession};
use crate::trust::{Grant, Trust};
use crate::unload::{Closed, Pauses, Unload, left};
use crate::upgrade::HANDOVER_DEADLINE;

/// Loads plugins and looks up what they export.
///
/// It may be shared between threads. Dropping it lets its plugins go; each stays loaded for as long as a handle to
/// anything of it is left. Dropping waits for the shutdown hooks of the others, for upgrades in progress, and for faults that
/// are being reported, but for each not longer than [a hook may take](Self::with_hook_timeout). It never waits for handles,
/// nor for itself when it is dropped where events or faults are handled. [`close`](Self::close) does the same with a time
/// limit, and says what has become of each plugin.
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
    pub(crate) config: Config,
    pub(crate) state: Arc<RwLock<State>>,
    /// Whether this is the host of the program's, rather than one that its own threads make for a moment.
    pub(crate) is_owner: bool,
}

/// How long a hook may take, unless the host says otherwise.
const HOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// The settings that the host's author chose.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) trust: Trust,
    pub(crate) limits: Limits,
    directories: Vec<PathBuf>,
    abort_plugins: AbortPlugins,
    pub(crate) settings: Settings,
    pub(crate) on_event: Handler<Event>,
    pub(crate) activities: Arc<Activities>,
    pub(crate) handover_deadline: Duration,
    #[cfg(feature = "watch")]
    pub(crate) watch: crate::watch::Times,
}

#[derive(Default)]
pub(crate) struct State {
    /// In the order they were loaded.
    plugins: Vec<Plugin>,
    /// Names that are taken: of the plugins above, and of those that are being loaded or unloaded; with where from.
    names: HashMap<String, PathBuf>,
    /// The exporters of each name.
    exports: HashMap<Box<str>, Exporters, RandomState>,
    /// The plugins that are being unloaded, by name.
    leaving: HashMap<String, Arc<Manifest>>,
    /// The plugins that were detached and could not be unmapped at once, by name, the newest of a name last.
    departed: HashMap<String, Vec<Arc<Departed>>>,
    #[cfg(feature = "watch")]
    pub(crate) watches: crate::watch::Watches,
}

impl Host {
    /// A host without plugins. It searches for bare names beside the program's executable, after the directories given
    /// by [`with_search_dir`](Self::with_search_dir).
    pub fn new(trust: Trust) -> Self {
        let settings = Settings {
            mapping: Mapping::default(),
            backtraces: false,
            crash_reports: false,
            faults: Arc::default(),
            memory: Memory::default(),
            on_leak: Handler::default(),
            hook_timeout: Some(HOOK_TIMEOUT),
            quiet: BTreeSet::new(),
        };
        let config = Config {
            trust,
            limits: Limits::default(),
            directories: Vec::new(),
            abort_plugins: AbortPlugins::default(),
            settings,
            on_event: Handler::default(),
            activities: Arc::default(),
            handover_deadline: HANDOVER_DEADLINE,
            #[cfg(feature = "watch")]
            watch: crate::watch::Times::default(),
        };
        Host { config, state: Arc::default(), is_owner: true }
    }

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
        for LinkedPlugin { info, entries } in plugins {
            let reserved = Reserved::new(&self, &info.name, Path::new(""))?;
            self.write().add(self.plugin_of(info.into(), None, attached.clone(), &entries, Place::first()));
            reserved.keep();
        }
        Ok(self)
    }

    /// Searches `directory` for bare names, after those given before and ahead of the executable's own.
    #[must_use]
    pub fn with_search_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.config.directories.push(directory.into());
        self
    }

    pub(crate) fn search_dirs(&self) -> Vec<PathBuf> {
        let exe = std::env::current_exe().ok();
        let beside = exe.as_deref().and_then(Path::parent).map(Path::to_owned);
        self.config.directories.iter().cloned().chain(beside).collect()
    }

    /// Chooses the file that the loader maps: by default, a private copy of each file. For an example see [`Mapping`].
    #[must_use]
    pub fn with_mapping(mut self, mapping: Mapping) -> Self {
        self.config.settings.mapping = mapping;
        self
    }

    /// Sets the largest files that this host reads. For an example see [`Limits`].
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// Chooses how to treat plugins that are built with `panic = "abort"`: by default, a look-up that asks for a [`Fault`] in one
    /// is [`Error::NoFaults`]. So is an upgrade to one, if a [`Live`](crate::Live) handle asks for that.
    ///
    /// The setting counts for plugins that are loaded or linked later. A linked plugin is built as the program is. A call without
    /// types (`Plugin::call_json`) is never refused, though a panic ends the process there as well. For an example see
    /// [`AbortPlugins`].
    #[must_use]
    pub fn with_abort_plugins(mut self, abort_plugins: AbortPlugins) -> Self {
        self.config.abort_plugins = abort_plugins;
        self
    }

    /// Returns true if no look-up in that plugin may ask for a [`Fault`].
    pub(crate) fn refuses_faults(&self, manifest: &Manifest) -> bool {
        manifest.panic() == PanicStrategy::Abort && self.config.abort_plugins == AbortPlugins::RefuseFaults
    }

    /// A plugin of this host's.
    pub(crate) fn plugin_of(
        &self,
        manifest: Manifest,
        file: Option<(PathBuf, Stamp)>,
        library: Arc<dyn Any + Send + Sync>,
        entries: &[Entry],
        place: Place,
    ) -> Plugin {
        let refuses_faults = self.refuses_faults(&manifest);
        Plugin::new(manifest, refuses_faults, file, library, entries, place)
    }

    /// Has each [`Fault`] carry a backtrace. A plugin that has made one keeps the files it read for it mapped, also
    /// after it is gone.
    #[must_use]
    pub fn with_backtraces(mut self, backtraces: bool) -> Self {
        self.config.settings.backtraces = backtraces;
        self
    }

    /// Has a crash in a plugin's code name the plugin. Before the process ends by SIGSEGV, SIGBUS, SIGILL, SIGFPE or SIGABRT, a
    /// line like this one is written to the standard error:
    ///
    /// ```text
    /// fatal signal 11 (SIGSEGV) at address 0x10: in plugin `greeter` (`/opt/libgreeter.so`) at offset 0x7a31, 0x21 after the export `greet`
    /// ```
    ///
    /// - The offset is for `addr2line -e /opt/libgreeter.so 0x7a31`. The export is the last one before that place in the file,
    ///   which is not always the one that was called.
    /// - If the code is not a plugin's, but the C library's, for example, the line says `in code that was called by plugin ..`.
    ///   For that the stack is searched for an address in a plugin's code. It may be left from a call that has returned.
    /// - Otherwise the line says `in no plugin's code`. The code of a plugin that is linked into the program is the program's.
    ///
    /// By default, no crash is reported. The handler of the signals is installed once for the process, and stays. After the
    /// report, it calls the handler that was installed before: std's, which reports stack overflows, or the program's own. If
    /// there is none, the process ends by the signal, and leaves a core file if the system allows it. A program that recovers
    /// from such signals should install its own handler after this call, and pass unknown signals on to this one. An earlier
    /// handler may also recover, and leave by `siglongjmp`. `sigsetjmp` must have been asked to save the blocked signals then,
    /// or crashes of that thread by other signals are not reported.
    ///
    /// The setting counts for plugins that are loaded later. Reports are made on Linux, on x86-64 and AArch64. On other systems
    /// this function does nothing.
    ///
    /// # Example
    ///
    /// ```
    /// use plugin_host::{Host, Trust};
    ///
    /// let host = Host::new(Trust::none()).with_crash_reports(true);
    /// ```
    #[must_use]
    pub fn with_crash_reports(mut self, crash_reports: bool) -> Self {
        if crash_reports {
            crate::crash::install();
        }
        self.config.settings.crash_reports = crash_reports;
        self
    }

    /// Passes the faults that no call returns to `handler`: panics of threads that a plugin started, and failures of
    /// shutdown hooks. Without this, they are printed to standard error.
    ///
    /// The handler may be called from any thread, soon after what it reports. It may drop handles and hosts.
    ///
    /// # Example
    ///
    /// ```
    /// use plugin_host::{Host, Trust};
    ///
    /// let host = Host::new(Trust::none())
    ///     .with_search_dir("/opt/editor/plugins")
    ///     .with_backtraces(cfg!(debug_assertions))
    ///     .with_fault_handler(|fault| eprintln!("[plugins] {fault}"));
    /// ```
    #[must_use]
    pub fn with_fault_handler(mut self, handler: impl Fn(&Fault) + Send + Sync + 'static) -> Self {
        let handler = Handler::new("fault", handler);
        self.config.settings.faults = Arc::new(Faults::new(handler, self.config.activities.clone()));
        self
    }

    /// Chooses how plugins that use this program's allocator get their memory. For an example see [`Memory`].
    #[must_use]
    pub fn with_memory(mut self, memory: Memory) -> Self {
        self.config.settings.memory = memory;
        self
    }

    /// Passes what plugins leave behind to `handler`, if their memory is [tracked](Memory::Tracked). It is freed by then.
    /// For an example see [`Memory`].
    ///
    /// The handler is called after the library is unmapped, on the thread that let go of it last. That may be one that is
    /// ending. It may drop handles and hosts.
    #[must_use]
    pub fn with_leak_handler(mut self, handler: impl Fn(&Leak) + Send + Sync + 'static) -> Self {
        self.config.settings.on_leak = Handler::new("leak", handler);
        self
    }

    /// Vouches for a library that plugins use, by its file name: `libz.so.1`. On Linux a plugin that uses a C or C++ library,
    /// other than the C library itself, is not unmapped without this ([`PinReason::Libraries`]), as the library may have
    /// threads, keys or callbacks that lead back into the plugin. The library itself always stays mapped.
    ///
    /// # Safety
    ///
    /// When a plugin that uses the library is detached, which is after its shutdown hooks have run, nothing of the library
    /// leads to the plugin: no thread that runs or will run the plugin's functions, no registered callback, no pointer to
    /// the plugin's memory that the library will use. The same holds for the libraries that it opens by itself.
    ///
    /// The library of C++, `libstdc++.so.6`, needs no care for statics and for `thread_local` variables: the host knows of
    /// these. But it starts each `std::thread`, which the plugin must have joined, and it keeps what is given to
    /// `std::set_terminate`, `std::set_new_handler` and `std::locale::global`.
    ///
    /// # Example
    ///
    /// ```
    /// use plugin_host::{Host, Trust};
    ///
    /// // SAFETY: it has no threads, and calls back only in the course of a call.
    /// let host = unsafe { Host::new(Trust::none()).with_quiet_library("libz.so.1") };
    /// ```
    #[must_use]
    pub unsafe fn with_quiet_library(mut self, file_name: impl Into<String>) -> Self {
        self.config.settings.quiet.insert(file_name.into());
        self
    }

    /// Passes events to `handler`: that a version replaces another, and that the replaced one is gone or kept.
    ///
    /// The handler may be called from any thread, and the operation that it is told of may wait for it. It may drop handles
    /// and hosts, but must leave it to another thread to upgrade or unload the plugin that it is told of: it would wait for
    /// itself. For an example see [`Event`].
    #[must_use]
    pub fn with_event_handler(mut self, handler: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.config.on_event = Handler::new("event", handler);
        self
    }

    /// How long to wait, when a plugin that is [replaced](Self::reload) hands its state over, for calls through
    /// [`Live`](crate::Live) handles to end; others wait meanwhile. Without this, a second. The time that the plugin itself
    /// takes to save and to restore comes on top.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use plugin_host::{Host, Trust};
    ///
    /// // Rather no upgrade now than one that is noticed.
    /// let host = Host::new(Trust::none()).with_handover_deadline(Duration::from_millis(2));
    /// ```
    #[must_use]
    pub fn with_handover_deadline(mut self, deadline: Duration) -> Self {
        self.config.handover_deadline = deadline;
        self
    }

    /// How long each hook of a plugin may take: one that inits it, shuts it down, and saves or restores its state. Without
    /// this, 30 seconds.
    ///
    /// Hooks run on a thread that the host starts for them. If one takes longer, it is left alone there: an init hook is
    /// [`Error::HookTimedOut`], as is one that saves or restores, and then the old version serves on; a shutdown hook is
    /// reported to the [fault handler](Self::with_fault_handler). The library stays mapped until the hook returns
    /// ([`PinReason::Hook`]).
    ///
    /// With `None`, hooks run on the thread that loads, replaces or releases the plugin, which waits for them however long they
    /// take. This is for plugins that must be started on a certain thread, as user interfaces must on some systems.
    ///
    /// The limit does not apply to the hooks of plugins that are linked into the program, nor to the destructors of
    /// thread-locals that a plugin has on the thread that releases it: these run on that very thread.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use plugin_host::{Host, Trust};
    ///
    /// let host = Host::new(Trust::none()).with_hook_timeout(Some(Duration::from_secs(5)));
    /// ```
    #[must_use]
    pub fn with_hook_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.config.settings.hook_timeout = timeout;
        self
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads a plugin from a path, or by a bare name from the search directories, and runs its init hooks.
    ///
    /// A bare name is one word without an extension: `greeter` stands for `libgreeter.so`, `greeter.dll` or
    /// `libgreeter.dylib`.
    ///
    /// # Errors
    ///
    /// Each phase has its own, and leaves nothing behind. Resolve and read: [`Error::NotFound`],
    /// [`Error::IsDirectory`], [`Error::NotAFile`], [`Error::Read`], [`Error::Changed`], [`Error::NulInName`],
    /// [`Error::FileTooLarge`], [`Error::TooManyFiles`]. Trust: [`Error::NotTrusted`]. Inspect: those of the other [limits](Limits),
    /// [`Error::Empty`], [`Error::NotALibrary`], [`Error::Damaged`], [`Error::WrongTarget`], [`Error::NotAPlugin`],
    /// [`Error::AbiVersion`], [`Error::TableTooShort`], [`Error::DuplicateExport`], [`Error::DuplicateHook`],
    /// [`Error::AlreadyLoaded`], [`Error::Unloading`]. Map: [`Error::Map`], [`Error::TooManyFiles`], [`Error::AlreadyMapped`],
    /// [`Error::IsHost`]. Attach: [`Error::NotRegistered`], [`Error::InitFailed`], [`Error::InitPanicked`],
    /// [`Error::HookTimedOut`].
    pub fn load(&self, plugin: impl AsRef<Path>) -> Result<Plugin, Error> {
        let path = file::resolve(plugin.as_ref(), || self.search_dirs())?;
        let candidate = self.read_plugin(path)?;
        let reserved = Reserved::new(self, candidate.name(), &candidate.path)?;
        let (library, entries) = self.map(&candidate)?;
        let Candidate { path, stamp, inspected: Inspected { manifest, .. }, .. } = candidate;
        let library = library.attach(&entries, manifest.name(), &path)?;
        let plugin = self.plugin_of(manifest, Some((path, stamp)), Arc::new(library), &entries, Place::first());
        self.write().add(plugin.clone());
        reserved.keep();
        Ok(plugin)
    }

    /// Reads, trusts and inspects a file. The trust decides before the file is read if it needs no digest.
    pub(crate) fn read_plugin(&self, path: PathBuf) -> Result<Candidate, Error> {
        let Config { trust, limits, settings: Settings { mapping, .. }, .. } = &self.config;
        let opened = Opened::new(&path)?;
        let stamp = opened.stamp.clone();
        let by_digest = trust.ask(&path, *mapping)? == Grant::ByDigest;
        let (source, digest) = Source::read(&path, opened, *mapping, limits, by_digest)?;
        if by_digest {
            trust.check(&path, &digest.expect("it was asked for"))?;
        }
        let inspected = source.inspect(&path, limits)?;
        // The program may change its directory before the file is read again.
        let path = std::path::absolute(&path).unwrap_or(path);
        Ok(Candidate { path, stamp, source, inspected })
    }

    /// Maps a file that was trusted and inspected, and reads what it has registered.
    pub(crate) fn map(&self, candidate: &Candidate) -> Result<(Library, Vec<Entry>), Error> {
        let Candidate { path, source, inspected, .. } = candidate;
        if let Some(reason) = source.not_sealed() {
            self.config.on_event.tell(&Event::Copied { path: path.clone(), reason: reason.to_owned() });
        }
        let library = Library::map(path, source, inspected, &self.config.settings)?;
        let entries = library.entries();
        let exports = entries.iter().filter(|entry| entry.kind == Kind::Export);
        let mut registered: Vec<&str> = exports.map(|entry| entry.item.name).collect();
        registered.sort_unstable();
        match inspected.manifest.exports().iter().find(|name| registered.binary_search(&name.as_str()).is_err()) {
            Some(missing) => Err(Error::NotRegistered { path: path.to_owned(), name: missing.clone() }),
            None => Ok((library, entries)),
        }
    }

    /// Unloads a plugin: waits until it is not in use, runs its shutdown hooks, and unmaps it. Returns whether it is gone,
    /// or the reasons that keep it. A `deadline` of zero asks once; none is too long.
    ///
    /// 1. The host answers no look-up in it any more.
    /// 2. Until the deadline it waits for the end of every handle, [`Plugin`] and value that leads back into the
    ///    library, and so of every call. If one is left, nothing has been done: the plugin serves on.
    /// 3. The shutdown hooks run, each for as long as [a hook may take](Self::with_hook_timeout). They stop the plugin's
    ///    threads. So do the destructors of its thread-locals on this thread; those of other threads of the host's that end
    ///    later never run. The plugin is detached: from here on it does not serve again, even if it is kept, and another
    ///    may be loaded under its name.
    /// 4. Until the deadline it waits for the threads that the plugin started.
    /// 5. The library is closed, and the process is searched for remains of it.
    /// 6. Until the deadline it waits for versions that were [replaced](Self::reload) and are still mapped.
    ///
    /// After [`Unload::Pinned`], ask again: unless another plugin of that name was loaded meanwhile, this goes on where it
    /// stopped. It may be asked from anywhere. Asked from within the plugin, it waits in vain, and the plugin is pinned by
    /// its running code.
    ///
    /// Where the platform does not tell when a library may be unmapped (anything but Linux with glibc on x86-64 or
    /// AArch64), this ends with step 3 and [`PinReason::Platform`].
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchPlugin`], [`Error::Linked`] if it has no library of its own, [`Error::Unloading`] if another
    /// thread is unloading it, [`Error::Upgrading`] if one is replacing it, and [`Error::NulInName`].
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
    pub fn unload(&self, name: &str, deadline: Duration) -> Result<Unload, Error> {
        self.unload_until(name, Instant::now().checked_add(deadline), false)
    }

    /// As [`unload`](Self::unload); in a `hurry`, each shutdown hook may take only until the deadline.
    fn unload_until(&self, name: &str, deadline: Option<Instant>, hurry: bool) -> Result<Unload, Error> {
        match self.find_to_unload(name)? {
            ToUnload::Loaded(leaving) => Ok(leaving.unload(deadline, hurry)),
            ToUnload::Departed(departed) => {
                let outcome = departed.wait(deadline);
                if outcome == Unload::Unmapped {
                    let mut state = self.write();
                    let key = normal(name);
                    if let Some(known) = state.departed.get_mut(&key) {
                        known.retain(|known| !Arc::ptr_eq(known, &departed));
                        if known.is_empty() {
                            state.departed.remove(&key);
                        }
                    }
                }
                Ok(outcome)
            }
        }
    }

    /// Takes a plugin out of the tables.
    fn find_to_unload(&self, name: &str) -> Result<ToUnload<'_>, Error> {
        no_nul(name)?;
        let key = normal(name);
        let mut state = self.write();
        state.not_leaving(&key)?;
        let Some(place) = state.plugins.iter().position(|plugin| plugin.is_named(&key)) else {
            let departed = state.departed.get(&key).and_then(|departed| departed.last()).cloned();
            return departed.map(ToUnload::Departed).ok_or_else(|| state.no_such_plugin(name));
        };
        if state.plugins[place].path().is_none() {
            return Err(Error::Linked { plugin: state.plugins[place].name().to_owned() });
        }
        if state.plugins[place].succession().is_upgrading() {
            return Err(Error::Upgrading { plugin: state.plugins[place].name().to_owned() });
        }
        let plugin = state.plugins.remove(place);
        state.index();
        state.leaving.insert(key.clone(), plugin.0.manifest.clone());
        Ok(ToUnload::Loaded(Leaving { host: self, key, plugin: Some(plugin), departed: None }))
    }

    /// The loaded plugin of that name.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchPlugin`], with the loaded one whose name is most like it, and [`Error::Unloading`].
    pub fn plugin(&self, name: &str) -> Result<Plugin, Error> {
        self.read().plugin(name).cloned()
    }

    /// Every loaded plugin, in the order they were loaded, but for those that are being unloaded.
    pub fn plugins(&self) -> Vec<Plugin> {
        self.read().plugins.clone()
    }

    /// Looks up an export by name and type in all loaded plugins. For an example see [`Host`].
    ///
    /// The type is a function's, `fn(&str) -> String`, and gives a [`Function`](crate::Function); or a static's,
    /// `&str`, and gives a [`Static`](crate::Static).
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchExport`], [`Error::Ambiguous`] if several plugins export the name, [`Error::TypeMismatch`],
    /// [`Error::NoFaults`], [`Error::Access`] if a static's plugin panics, and [`Error::Unloading`] if the only plugin that exports it is
    /// being unloaded.
    pub fn get<F: Lookup>(&self, name: &str) -> Result<F::Handle, Error> {
        let state = self.read();
        if let Some(Exporters::One(export)) = state.exports.get(name)
            && let Some(site) = export.fitting::<F>()
        {
            // Binding may run the plugin's code.
            drop(state);
            return bind::<F>(site);
        }
        drop(state);
        self.exporter(name)?.get::<F>(name)
    }

    /// The one plugin that exports `name`.
    pub(crate) fn exporter(&self, name: &str) -> Result<Plugin, Error> {
        self.read().exporter(name).cloned()
    }

    /// Looks up an export by name and type in every plugin that has it, in the order they were loaded. There may be
    /// none. Those that are being unloaded are left out.
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
    /// [`Error::TypeMismatch`] if one exports the name with another type, [`Error::NoFaults`], and [`Error::Access`] if a
    /// static's plugin panics.
    pub fn get_all<F: Lookup>(&self, name: &str) -> Result<Vec<(Plugin, F::Handle)>, Error> {
        no_nul(name)?;
        let plugins: Vec<Plugin> = self.read().exporters(name).cloned().collect();
        plugins.into_iter().map(|plugin| plugin.get::<F>(name).map(|handle| (plugin, handle))).collect()
    }
}

impl Host {
    /// Unloads all plugins, those that were loaded last first, as [`unload`](Self::unload) does, and drops the host. Returns
    /// what has become of each plugin, also of those that were unloaded before and are still mapped. Plugins that are linked
    /// into the program are not among them.
    ///
    /// `timeout` is for all of it together, shutdown hooks included, but for the first tenth of a second of each; zero asks
    /// once. A plugin that is in use serves on for its handles, and goes with the last of them.
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
        // Everything is waited for here already.
        self.is_owner = false;
        let state = self.read();
        let loaded = state.plugins.iter().rev().filter(|plugin| plugin.path().is_some());
        let names: Vec<String> = loaded.map(|plugin| plugin.name().to_owned()).collect();
        let departed = state.departed.iter().flat_map(|(name, all)| all.iter().map(|one| (name.clone(), one.clone())));
        let departed: Vec<_> = departed.collect();
        drop(state);
        let close = |plugin: String| {
            let outcome = self.unload_until(&plugin, deadline, true).unwrap_or_else(|error| match error {
                // It has just gone by itself.
                Error::NoSuchPlugin { .. } => Unload::Unmapped,
                _ => Unload::Pinned(vec![PinReason::Upgrading]),
            });
            Closed { plugin, outcome }
        };
        let mut closed: Vec<Closed> = names.into_iter().map(close).collect();
        closed.extend(departed.into_iter().map(|(plugin, one)| Closed { plugin, outcome: one.wait(deadline) }));
        self.release(deadline);
        closed
    }

    /// Ends the host's watches, and waits for the activities of its threads.
    fn end(&self, deadline: Option<Instant>) {
        self.config.activities.close();
        #[cfg(feature = "watch")]
        self.write().watches.end_all();
        self.let_go_of_replaced();
        self.config.activities.wait(deadline);
    }

    /// Lets those replaced versions go that have no call in progress any more. Calls send no message when they end, so the
    /// thread that waits for such a version may not have looked yet.
    fn let_go_of_replaced(&self) {
        for plugin in self.plugins() {
            plugin.succession().forget_gone(&plugin);
        }
    }

    /// Lets all plugins go, the last first, and waits for the host's threads to report what that leads to.
    fn release(&self, deadline: Option<Instant>) {
        self.let_go_of_replaced();
        // Not while locked: a plugin that is dropped runs its shutdown hooks.
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

/// A file that is trusted, and its contents as far as they are known without running it.
pub(crate) struct Candidate {
    pub(crate) path: PathBuf,
    pub(crate) stamp: Stamp,
    pub(crate) source: Source,
    pub(crate) inspected: Inspected,
}

impl Candidate {
    /// The plugin's name.
    pub(crate) fn name(&self) -> &str {
        self.inspected.manifest.name()
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("trust", &self.config.trust)
            .field("plugins", &self.read().plugins)
            .finish_non_exhaustive()
    }
}

impl State {
    fn add(&mut self, plugin: Plugin) {
        let place = self.plugins.partition_point(|other| other.0.place.number < plugin.0.place.number);
        self.plugins.insert(place, plugin);
        if place + 1 == self.plugins.len() {
            self.index_from(place);
        } else {
            self.index();
        }
    }

    fn index(&mut self) {
        self.exports.clear();
        self.index_from(0);
    }

    fn index_from(&mut self, first: usize) {
        for (place, plugin) in self.plugins.iter().enumerate().skip(first) {
            for (name, export) in &plugin.0.exports {
                match self.exports.get_mut(&**name) {
                    Some(exporters) => *exporters = Exporters::Several,
                    None => {
                        _ = self.exports.insert(
                            (*name).into(),
                            Exporters::One(Exported::new(place, export, plugin.0.refuses_faults)),
                        )
                    }
                }
            }
        }
    }

    /// The plugins that export `name`.
    fn exporters(&self, name: &str) -> impl Iterator<Item = &Plugin> {
        self.plugins.iter().filter(move |plugin| plugin.0.exports.contains_key(name))
    }

    /// The loaded plugin of that name.
    pub(crate) fn plugin(&self, name: &str) -> Result<&Plugin, Error> {
        no_nul(name)?;
        let wanted = normal(name);
        if let Some(found) = self.plugins.iter().find(|plugin| plugin.is_named(&wanted)) {
            return Ok(found);
        }
        self.not_leaving(&wanted)?;
        Err(self.no_such_plugin(name))
    }

    /// The one plugin that exports `name`.
    pub(crate) fn exporter(&self, name: &str) -> Result<&Plugin, Error> {
        match self.exports.get(name) {
            Some(Exporters::One(export)) => Ok(&self.plugins[export.plugin]),
            Some(Exporters::Several) => Err(Error::Ambiguous {
                name: name.to_owned(),
                plugins: self.exporters(name).map(|plugin| plugin.name().to_owned()).collect(),
            }),
            None => {
                no_nul(name)?;
                let exports_it = |plugin: &&Arc<Manifest>| plugin.exports().iter().any(|export| export == name);
                if let Some(leaving) = self.leaving.values().find(exports_it) {
                    return Err(Error::Unloading { plugin: leaving.name().to_owned() });
                }
                Err(Error::no_such_export(name, None, self.exports.keys().map(|name| &**name)))
            }
        }
    }

    /// Takes all plugins out of the tables.
    fn take_all(&mut self) -> Vec<Plugin> {
        self.exports.clear();
        std::mem::take(&mut self.plugins)
    }

    /// Whether this very version is in the tables. It is not, once its host is being dropped.
    pub(crate) fn has(&self, plugin: &Plugin) -> bool {
        self.plugins.iter().any(|other| Arc::ptr_eq(&other.0, &plugin.0))
    }

    /// Puts `new` in the place of `old`, which is in the tables.
    pub(crate) fn replace(&mut self, old: &Plugin, new: Plugin) {
        let place = self.plugins.partition_point(|other| other.0.place.number < old.0.place.number);
        if let Some(path) = new.path() {
            self.names.insert(normal(new.name()), path.to_owned());
        }
        let same = old.0.manifest.exports() == new.0.manifest.exports();
        #[cfg(feature = "watch")]
        self.watches.replaced(&normal(new.name()));
        self.plugins[place] = new;
        if !same {
            return self.index();
        }
        for (name, export) in &self.plugins[place].0.exports {
            if let Some(Exporters::One(only)) = self.exports.get_mut(&**name) {
                *only = Exported::new(place, export, self.plugins[place].0.refuses_faults);
            }
        }
    }

    /// The names of the plugins that are or were here, and all there is of each.
    pub(crate) fn successions(&self) -> Vec<(String, Arc<Succession>)> {
        let here = self.plugins.iter().map(|plugin| (plugin.name().to_owned(), plugin.succession().clone()));
        let gone = self.departed.iter();
        let gone = gone.flat_map(|(name, all)| all.iter().map(|departed| (name.clone(), departed.succession.clone())));
        here.chain(gone).collect()
    }

    fn not_leaving(&self, key: &str) -> Result<(), Error> {
        self.leaving.get(key).map_or(Ok(()), |plugin| Err(Error::Unloading { plugin: plugin.name().to_owned() }))
    }

    fn no_such_plugin(&self, name: &str) -> Error {
        Error::no_such_plugin(name, self.plugins.iter().map(Plugin::name))
    }
}

/// The exporters of one name.
enum Exporters {
    One(Exported),
    Several,
}

/// The parts of an export that a look-up needs, in one place: with many exports, each step to another place is a miss of
/// the cache.
struct Exported {
    /// Its plugin's place in `State::plugins`.
    plugin: usize,
    /// The descriptor in the library, which the plugin keeps loaded.
    descriptor: &'static [u8],
    /// Weak, because shares are handles. The plugin's own lives as long as the plugin is in the tables.
    site: Weak<Site>,
    refuses_faults: bool,
}

impl Exported {
    fn new(plugin: usize, export: &Export, refuses_faults: bool) -> Self {
        Exported { plugin, descriptor: export.descriptor, site: Arc::downgrade(&export.site), refuses_faults }
    }

    /// The site, if the descriptors are equal, and no fault is asked for that the plugin cannot return.
    fn fitting<F: Lookup>(&self) -> Option<Fitting> {
        if F::TAKES_FAULT && self.refuses_faults {
            return None;
        }
        if F::FLAT.matches(self.descriptor) { self.site.upgrade().map(Fitting) } else { None }
    }
}

/// Plugins are named like packages, where `-` and `_` are the same.
pub(crate) fn normal(name: &str) -> String {
    name.replace('-', "_")
}

/// A name that is taken while its plugin is being loaded, so that it is not loaded twice at once.
struct Reserved<'a> {
    host: &'a Host,
    name: Option<String>,
}

impl<'a> Reserved<'a> {
    fn new(host: &'a Host, name: &str, path: &Path) -> Result<Self, Error> {
        let key = normal(name);
        let mut state = host.write();
        state.not_leaving(&key)?;
        if let Some(loaded) = state.names.get(&key) {
            return Err(Error::AlreadyLoaded { path: path.to_owned(), name: name.to_owned(), loaded: loaded.clone() });
        }
        state.names.insert(key.clone(), path.to_owned());
        Ok(Reserved { host, name: Some(key) })
    }

    /// The plugin is loaded: the name stays taken.
    fn keep(mut self) {
        self.name = None;
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            self.host.write().names.remove(&name);
        }
    }
}

/// The plugin that an unload finds under a name.
enum ToUnload<'a> {
    Loaded(Leaving<'a>),
    /// It was detached before.
    Departed(Arc<Departed>),
}

/// A plugin that is out of the host's tables, for as long as it is being unloaded. Its name stays taken.
struct Leaving<'a> {
    host: &'a Host,
    key: String,
    /// Until it is detached. It goes back into the tables.
    plugin: Option<Plugin>,
    /// If it is detached, and not gone.
    departed: Option<Arc<Departed>>,
}

impl Leaving<'_> {
    fn unload(mut self, deadline: Option<Instant>, hurry: bool) -> Unload {
        let mut pauses = Pauses::new(Duration::from_millis(2));
        while let Some(plugin) = self.plugin.take() {
            let succession = plugin.succession().clone();
            let plugin = match plugin.into_library() {
                Ok(library) => {
                    /// The time that a hook may take in any case.
                    const LEAST: Duration = Duration::from_millis(100);
                    let most = left(deadline).filter(|_| hurry).map(|left| left.max(LEAST));
                    let departed = Arc::new(Departed { last: library.detach(most), succession });
                    let outcome = departed.wait(deadline);
                    self.departed = (outcome != Unload::Unmapped).then_some(departed);
                    return outcome;
                }
                Err(plugin) => self.plugin.insert(plugin),
            };
            let left = left(deadline);
            if left.is_some_and(|left| left.is_zero()) {
                let reasons = plugin.in_use();
                // Without a reason, the last has just gone.
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

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut state = self.host.write();
        state.leaving.remove(&self.key);
        if let Some(plugin) = self.plugin.take() {
            return state.add(plugin);
        }
        state.names.remove(&self.key);
        #[cfg(feature = "watch")]
        state.watches.end(&self.key);
        if let Some(departed) = self.departed.take() {
            state.departed.entry(std::mem::take(&mut self.key)).or_default().push(departed);
        }
    }
}

/// A loaded plugin. It is cheap to clone and keeps its library loaded.
///
/// # Example
///
/// ```standalone_crate
/// use plugin_core::plugin_export;
/// use plugin_host::Host;
///
/// /// Doubles.
/// #[plugin_export]
/// fn double(n: u32) -> u32 {
///     n * 2
/// }
///
/// let host = Host::linked()?;
/// for plugin in host.plugins() {
///     println!("{} {}", plugin.name(), plugin.version());
///     for export in plugin.exports() {
///         assert_eq!(export.to_string(), "fn double(n: u32) -> u32");
///         assert_eq!(export.docs, "Doubles.");
///     }
/// }
/// # Ok::<(), plugin_host::Error>(())
/// ```
#[derive(Clone)]
pub struct Plugin(Arc<Loaded>);

pub(crate) struct Loaded {
    manifest: Arc<Manifest>,
    /// Whether it may not be asked for faults.
    refuses_faults: bool,
    file: Option<(PathBuf, Stamp)>,
    place: Place,
    /// By the names as they stand in the library.
    exports: HashMap<&'static str, Export, RandomState>,
    /// The entry of the hook that saves the state.
    save: Option<Entry>,
    /// Keeps the library, also if it exports nothing. The last field: the values before may lie in it.
    library: Arc<dyn Any + Send + Sync>,
}

/// Where a plugin stands among others.
#[derive(Clone)]
pub(crate) struct Place {
    /// In the order of loading.
    number: u64,
    /// Among the versions that have replaced each other, from 1.
    revision: u64,
    succession: Arc<Succession>,
}

impl Place {
    fn first() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Place { number: NEXT.fetch_add(1, Ordering::Relaxed), revision: 1, succession: Succession::new() }
    }

    /// That of the next version.
    pub(crate) fn next(&self) -> Self {
        Place { revision: self.revision + 1, ..self.clone() }
    }
}

pub(crate) struct Export {
    /// The descriptor in the library, which `site` keeps loaded.
    pub(crate) descriptor: &'static [u8],
    pub(crate) site: Arc<Site>,
    /// The function that calls the entry with arguments by address.
    #[cfg(feature = "serde")]
    pub(crate) invoke: Option<plugin_core::table::Invoke>,
    /// The data of calls without types, made by the first such call.
    #[cfg(feature = "serde")]
    pub(crate) prepared: std::sync::OnceLock<crate::dynamic::Prepared>,
}

impl Export {
    /// How many handles there are to it.
    fn handles(&self) -> usize {
        Arc::strong_count(&self.site) - 1
    }
}

impl Plugin {
    pub(crate) fn new(
        manifest: Manifest,
        refuses_faults: bool,
        file: Option<(PathBuf, Stamp)>,
        library: Arc<dyn Any + Send + Sync>,
        entries: &[Entry],
        place: Place,
    ) -> Self {
        let save = entries.iter().find(|entry| entry.kind == Kind::Save).cloned();
        // Entries of the same type get the same descriptor, so that it is found in the cache.
        let mut descriptors = HashSet::with_capacity_and_hasher(manifest.exports().len(), RandomState::default());
        let mut exports = HashMap::with_capacity_and_hasher(manifest.exports().len(), RandomState::default());
        exports.extend(entries.iter().filter(|entry| entry.kind == Kind::Export).map(|entry| {
            let name = entry.item.name;
            descriptors.insert(entry.item.descriptor);
            let label = [manifest.name(), "::", name].concat();
            let site = Arc::new(Site { origin: Origin::of(library.clone()), entry: entry.entry, label });
            let export = Export {
                descriptor: descriptors.get(entry.item.descriptor).expect("just inserted"),
                site,
                #[cfg(feature = "serde")]
                invoke: entry.invoke,
                #[cfg(feature = "serde")]
                prepared: std::sync::OnceLock::new(),
            };
            (name, export)
        }));
        Plugin(Arc::new(Loaded { manifest: Arc::new(manifest), refuses_faults, file, place, exports, save, library }))
    }

    /// The library that it was loaded from, if no [`Plugin`], no handle and no value of it exists elsewhere. Then none can
    /// be made either.
    fn into_library(mut self) -> Result<Library, Plugin> {
        self.succession().forget_gone(&self);
        if !self.is_sole() {
            return Err(self);
        }
        let loaded = Arc::into_inner(self.0).expect("the sole `Plugin`");
        drop(loaded.exports);
        let library = loaded.library.downcast::<Library>().ok().and_then(Arc::into_inner);
        Ok(library.expect("a library from a file, of which this is the only share"))
    }

    /// Whether no other code has a share of it. In this order: a `Plugin` gives handles, handles give values.
    fn is_sole(&mut self) -> bool {
        let Some(loaded) = Arc::get_mut(&mut self.0) else { return false };
        let Loaded { exports, library, .. } = loaded;
        if !exports.values_mut().all(|export| Arc::get_mut(&mut export.site).is_some()) {
            return false;
        }
        // No other code has a site. Each site has a share of the library. The sites give up their shares for a moment, to
        // see whether others exist.
        let mut give = |origin: &dyn Fn() -> Origin| {
            exports
                .values_mut()
                .filter_map(|export| Arc::get_mut(&mut export.site))
                .for_each(|site| site.origin = origin());
        };
        give(&|| Origin::HOST);
        if Arc::get_mut(library).is_some() {
            return true;
        }
        give(&|| Origin::of(library.clone()));
        false
    }

    /// The handles and values of it that exist elsewhere.
    fn in_use(&self) -> Vec<PinReason> {
        let loaded = &*self.0;
        let handles = self.handles().map(|(name, _, plain, live)| (name.to_owned(), plain + live));
        let plugins = Arc::strong_count(&self.0) - 1;
        // This one, and that of each site. A handle may have another.
        let values = Arc::strong_count(&loaded.library) - 1 - loaded.exports.len();
        PinReason::in_use(handles, plugins, values)
    }

    /// The exports with handles in use, and their types. Handles that follow upgrades do not count.
    pub(crate) fn exports_in_use(&self) -> Vec<(&str, &'static [u8])> {
        self.succession().forget_gone(self);
        let in_use = self.handles().filter(|(_, _, plain, _)| *plain != 0);
        in_use.map(|(name, export, ..)| (name, export.descriptor)).collect()
    }

    /// The exports with handles. Each comes with the number that stay with this version, and the number that follow
    /// upgrades.
    fn handles(&self) -> impl Iterator<Item = (&str, &Export, usize, usize)> {
        let exports = self.0.exports.iter().filter(|(_, export)| export.handles() != 0);
        exports.map(|(&name, export)| match self.succession().live_handles(name) {
            // Those that follow have one between them.
            Some(live) => (name, export, export.handles().saturating_sub(1), live),
            None => (name, export, export.handles(), 0),
        })
    }

    pub(crate) fn place(&self) -> &Place {
        &self.0.place
    }

    pub(crate) fn succession(&self) -> &Arc<Succession> {
        &self.0.place.succession
    }

    pub(crate) fn sites(&self) -> impl Iterator<Item = (&str, &Arc<Site>)> {
        self.0.exports.iter().map(|(name, export)| (*name, &export.site))
    }

    pub(crate) fn site(&self, export: &str) -> Option<&Arc<Site>> {
        self.0.exports.get(export).map(|export| &export.site)
    }

    /// The entry of the hook that saves the state.
    pub(crate) fn save(&self) -> Option<&Entry> {
        self.0.save.as_ref()
    }

    /// Its library, if it is not linked.
    pub(crate) fn library(&self) -> Option<&Library> {
        self.0.library.downcast_ref()
    }

    /// References that tell whether it and its library still exist.
    pub(crate) fn downgrade(&self) -> (Weak<Loaded>, Weak<dyn Any + Send + Sync>) {
        (Arc::downgrade(&self.0), Arc::downgrade(&self.0.library))
    }

    /// Whether that is its name.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        normal(self.name()) == normal(name)
    }

    /// The number of this version: 1 for the one that [`Host::load`] loaded, and one more with each [`Host::reload`].
    pub fn revision(&self) -> u64 {
        self.0.place.revision
    }

    /// Its name: that of the package it was built from.
    pub fn name(&self) -> &str {
        self.0.manifest.name()
    }

    /// Its package's version.
    pub fn version(&self) -> &str {
        self.0.manifest.version()
    }

    /// The file it was loaded from; `None` if it is linked.
    pub fn path(&self) -> Option<&Path> {
        self.0.file.as_ref().map(|(path, _)| &**path)
    }

    /// The stamp that tells whether the file is still the one it was loaded from.
    #[cfg(feature = "watch")]
    pub(crate) fn stamp(&self) -> Option<&Stamp> {
        self.0.file.as_ref().map(|(_, stamp)| stamp)
    }

    /// The plugin's description of itself.
    pub fn info(&self) -> &PluginInfo {
        self.0.manifest.info()
    }

    /// The plugin's exports, in the order of the names.
    pub fn exports(&self) -> &[ExportInfo] {
        &self.info().exports
    }

    /// Looks up an export of this plugin by name and type, as [`Host::get`] does in all.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchExport`], [`Error::TypeMismatch`], [`Error::NoFaults`], and [`Error::Access`] if the plugin panics
    /// while it gives access to a static.
    pub fn get<F: Lookup>(&self, name: &str) -> Result<F::Handle, Error> {
        bind::<F>(self.fitting::<F>(name)?)
    }

    /// The site of an export that has this type.
    fn fitting<F: Lookup>(&self, name: &str) -> Result<Fitting, Error> {
        Ok(Fitting(self.check_type::<F>(name)?.site.clone()))
    }

    /// The export with that name, if it may be used as the type that is asked for.
    pub(crate) fn check_type<F: Lookup>(&self, name: &str) -> Result<&Export, Error> {
        let export = self.export(name)?;
        if !F::FLAT.matches(export.descriptor) {
            self.check(name, export.descriptor, Signature::of::<F>(), &F::NODE.to_modules())?;
        }
        if F::TAKES_FAULT && self.0.refuses_faults {
            return Err(Error::NoFaults { plugin: self.name().to_owned(), name: name.to_owned() });
        }
        Ok(export)
    }

    /// The export with that name.
    pub(crate) fn export(&self, name: &str) -> Result<&Export, Error> {
        let Some(export) = self.0.exports.get(name) else {
            no_nul(name)?;
            let exports = self.0.manifest.exports().iter().map(String::as_str);
            return Err(Error::no_such_export(name, Some(self.name()), exports));
        };
        Ok(export)
    }

    /// The modules of an export's types, one a line, as far as they are known.
    pub(crate) fn modules(&self, name: &str) -> &str {
        let entries = self.library().map(Library::entries).unwrap_or_default();
        let export = entries.into_iter().find(|entry| entry.kind == Kind::Export && entry.item.name == name);
        export.map(|entry| entry.item.modules).unwrap_or_default()
    }

    /// Whether an export whose descriptor has other bytes than the asked one's may still be used.
    #[cold]
    fn check(&self, name: &str, descriptor: &[u8], asked: Signature, modules: &str) -> Result<(), Error> {
        let exported = Signature::read(descriptor);
        if asked.accepts(&exported) {
            return Ok(());
        }
        let difference = asked.difference(&exported, Sides::LOOK_UP);
        let origins = asked.origins(&exported, Sides::LOOK_UP, [modules, self.modules(name)]);
        let (plugin, name) = (self.name().to_owned(), name.to_owned());
        Err(Error::TypeMismatch(Box::new(TypeMismatch { plugin, name, asked, exported, difference, origins })))
    }
}

/// The site of an export that was found to have the type which is asked for.
struct Fitting(Arc<Site>);

/// Makes a handle to an export that `site` found to have the same type.
fn bind<F: Lookup>(Fitting(site): Fitting) -> Result<F::Handle, Error> {
    // SAFETY: the descriptors say the same, except for the gains of types that may grow, which are made for that. The
    // site's origin keeps the library loaded.
    unsafe { F::bind(site) }.map_err(|fault| Error::Access(Box::new(fault)))
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name())
            .field("version", &self.version())
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use plugin_core::descriptor::Tag;
    use plugin_core::record::Item;

    use super::*;
    use crate::inspect::PanicStrategy;
    use crate::sample::*;

    /// A plugin with exports of these names, which are not called.
    fn plugin(name: &str, exports: &[&'static str], place: Place) -> Plugin {
        let entry = |name: &&'static str| {
            let (package, version, module, docs, arguments) = ("", "", "", "", "");
            let descriptor = <fn() as Lookup>::NODE.to_bytes().leak();
            let (line, column, in_library) = (1, 1, true);
            Entry {
                kind: Kind::Export,
                item: Item {
                    package,
                    version,
                    module,
                    line,
                    column,
                    name,
                    docs,
                    arguments,
                    descriptor,
                    in_library,
                    modules: "",
                },
                entry: std::ptr::null(),
                #[cfg(feature = "serde")]
                invoke: None,
            }
        };
        let info = |name: &&str| ExportInfo {
            name: (*name).to_owned(),
            docs: String::new(),
            signature: Signature::of::<fn()>(),
            arguments: Vec::new(),
            module: String::new(),
            line: 1,
        };
        let info = PluginInfo {
            name: name.to_owned(),
            version: String::new(),
            sdk: String::new(),
            rustc: String::new(),
            target: String::new(),
            panic: PanicStrategy::Unwind,
            exports: exports.iter().map(info).collect(),
        };
        let entries: Vec<_> = exports.iter().map(entry).collect();
        Plugin::new(info.into(), false, None, Arc::new(()), &entries, place)
    }

    #[test]
    fn names_lead_to_those_that_are_loaded() {
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
            let removed = host.write().plugins.remove(place);
            host.write().index();
            removed
        };
        expect(["none"; 3]);
        let (a, b) = (plugin("a", &["x", "y"], Place::first()), plugin("b", &["y", "z"], Place::first()));
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
        host.write().replace(&a, same.clone());
        expect(["a::x", "a or b", "b::z"]);
        let _handle = host.get::<fn()>("x").unwrap();
        assert_eq!((a.exports_in_use().len(), same.exports_in_use().len()), (0, 1), "it is the new version's");
        let without = plugin("a", &["x"], same.place().next());
        host.write().replace(&same, without.clone());
        expect(["a::x", "b::y", "b::z"]);
        host.write().replace(&without, plugin("a", &["x", "y", "z"], without.place().next()));
        expect(["a::x", "a or b", "a or b"]);
        remove(1);
        expect(["a::x", "a::y", "a::z"]);
        remove(0);
        expect(["none"; 3]);
    }

    #[test]
    fn a_look_up_allows_for_growth_and_nothing_else() {
        let plugin = plugin("newer", &[], Place::first());
        let config = |more: &[Bytes]| {
            let path = field("path", leaf(Tag::PathBuf));
            takes(named("Config", growing(&[&[path], more].concat())))
        };
        let check = |exported: &[u8]| plugin.check("run", exported, signature(&config(&[])), "");
        check(&config(&[default("retries", leaf(Tag::U32))])).unwrap();

        let error = check(&config(&[field("retries", leaf(Tag::U32)), default("delay", leaf(Tag::U8))])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "export `run` of plugin `newer` has another type
  asked for: fn(Config)
  exported:  fn(Config)
  difference:
    argument 1: Config: field `retries: u32` only in the plugin, and without a default
    hint: a struct that may grow gets new fields only after all others, and each with `#[plugin_type(default)]`"
        );
        let error = check(&[0]).unwrap_err();
        assert!(error.to_string().contains("exported:  (a type of a later SDK)\n"), "{error}");
    }
}
