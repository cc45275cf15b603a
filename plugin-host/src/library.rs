//! A library between map and unmap: attached by running its init hooks, detached by running its shutdown hooks.

use std::ffi::c_void;
use std::path::Path;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use plugin_core::fault::{Context, FaultRepr, Outcome};
use plugin_core::record::{Item, Kind, RawRecord};
use plugin_core::table::{Export, HEADER_SIZE, PluginTable, TABLE_SYMBOL, bound, stay_mapped};
use plugin_core::{Fault, Origin, PluginType};

use crate::error::Error;
use crate::file::{Image, Mapping, Source};
use crate::inspect::{Header, Inspected};
use crate::memory::{LeakHandler, Memory};
use crate::services::{FaultHandler, Services, handle_leak};
use crate::unload::{Closed, Departure, PinReason};

/// One annotated item as registered: what to call, and what its record says.
///
/// The texts lie in the library; whoever holds an entry holds the library.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) item: Item<'static>,
    pub(crate) entry: *const c_void,
    #[cfg(feature = "serde")]
    pub(crate) invoke: Option<plugin_core::table::Invoke>,
}

// SAFETY: the entry is a function, which may be called from any thread.
unsafe impl Send for Entry {}
// SAFETY: as above.
unsafe impl Sync for Entry {}

impl Entry {
    /// # Safety
    ///
    /// The export's library stays mapped for as long as the entry is used.
    pub(crate) unsafe fn new(export: &Export) -> Option<Self> {
        // SAFETY: the caller's promise.
        let (record, _) = RawRecord::read(unsafe { export.record() }).ok()??;
        Some(Entry {
            kind: Kind::from_byte(record.kind)?,
            item: Item::read(&record)?,
            entry: export.entry(),
            #[cfg(feature = "serde")]
            invoke: export.invoke(),
        })
    }

    /// Runs an init or shutdown hook.
    fn run_hook(&self) -> Result<Result<(), String>, Fault> {
        // SAFETY: the entry of a hook has this type, as its descriptor says.
        let entry =
            unsafe { std::mem::transmute::<*const c_void, unsafe extern "C" fn(Context) -> HookOutcome>(self.entry) };
        // SAFETY: called in a library that is mapped.
        unsafe { lift_hook(entry(std::ptr::null())) }
    }

    /// A fault of this hook of the plugin's.
    pub(crate) fn fault_of(&self, plugin: &str, mut fault: Fault) -> Box<Fault> {
        fault.export = Some(format!("{plugin}::{}", self.item.name));
        Box::new(fault)
    }
}

/// What a hook returns.
pub(crate) type HookOutcome = Outcome<<Result<(), String> as PluginType>::Repr>;

/// # Safety
///
/// A hook has returned it, of a plugin that is loaded, and it is lifted once.
pub(crate) unsafe fn lift_hook(outcome: HookOutcome) -> Result<Result<(), String>, Fault> {
    // SAFETY: the caller's promise.
    unsafe { outcome.lift(&Origin::HOST).map_err(|fault| FaultRepr::take(fault)) }
}

/// The hooks of a plugin in the order they run: those of the crates it depends on, by package name, then its own;
/// within a crate by module, then by line.
pub(crate) struct Hooks {
    init: Vec<Entry>,
    shutdown: Vec<Entry>,
}

impl Hooks {
    pub(crate) fn new(entries: &[Entry], plugin: &str) -> Self {
        let of = |kind| {
            let mut hooks: Vec<Entry> = entries.iter().filter(|entry| entry.kind == kind).cloned().collect();
            hooks.sort_by_key(|hook| {
                let item = &hook.item;
                (item.package == plugin, item.package, item.module, item.line, item.column)
            });
            hooks
        };
        Hooks { init: of(Kind::Init), shutdown: of(Kind::Shutdown) }
    }

    /// Runs the init hooks, up to the first that fails.
    pub(crate) fn run_init(&self, plugin: &str, path: &Path) -> Result<(), Error> {
        for hook in &self.init {
            let name = hook.item.name;
            match hook.run_hook() {
                Ok(Ok(())) => {}
                Ok(Err(message)) => {
                    return Err(Error::InitFailed {
                        plugin: plugin.to_owned(),
                        hook: name.to_owned(),
                        message,
                        path: path.to_owned(),
                    });
                }
                Err(fault) => {
                    let fault = hook.fault_of(plugin, fault);
                    return Err(Error::InitPanicked { plugin: plugin.to_owned(), fault, path: path.to_owned() });
                }
            }
        }
        Ok(())
    }

    /// Runs the shutdown hooks, all of them; what goes wrong is reported.
    pub(crate) fn run_shutdown(&self, services: &Services) {
        for hook in self.shutdown.iter().rev() {
            let fault = match hook.run_hook() {
                Ok(Ok(())) => continue,
                Ok(Err(message)) => Fault::from_message(format!("the shutdown hook failed: {message}")),
                Err(fault) => fault,
            };
            services.report(fault, hook.item.name);
        }
    }
}

/// A mapped library. Dropping it detaches it, and unmaps it where and when that is safe.
pub(crate) struct Library {
    mapped: Option<Mapped>,
    table: &'static PluginTable,
    services: Arc<Services>,
    hooks: Option<Hooks>,
    /// Whether its linker marked it as never to be unmapped.
    no_delete: bool,
    /// The file that is mapped, as the system knows it.
    inode: Option<u64>,
    on_leak: LeakHandler,
    /// Who detaches it when it is dropped, if that is not who drops it.
    when_unused: OnceLock<Sender<Library>>,
}

/// What the system's loader gave, and the file it came from, in the order they are let go.
struct Mapped {
    loaded: libloading::Library,
    /// Kept where backtraces are read from it.
    image: Option<Image>,
}

/// Held while the system's loader maps or unmaps, and while what was read of a file is unmapped. The loader has such a lock
/// of its own; this one is for those who watch memory (ThreadSanitizer does), and cannot see that something was unmapped
/// before a library came to lie in its place.
pub(crate) fn loader() -> MutexGuard<'static, ()> {
    static LOADER: Mutex<()> = Mutex::new(());
    LOADER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the library that has this table is gone. Where that cannot be told, it is not.
#[cfg(target_os = "linux")]
fn is_unmapped(table: *const PluginTable) -> bool {
    let mut found = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: the address is looked up, not used; there is a place for what is found.
    unsafe { libc::dladdr(table.cast(), found.as_mut_ptr()) == 0 }
}

/// As above.
#[cfg(not(target_os = "linux"))]
fn is_unmapped(_: *const PluginTable) -> bool {
    false
}

/// Whether a plugin can put its threads and thread-locals under the host's control: see `plugin-core`, `build.rs`.
const CONTROLLABLE: bool =
    cfg!(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")));

/// Has the system's loader map an image.
///
/// # Safety
///
/// The image's constructors are sound to run.
#[cfg(not(windows))]
unsafe fn load(image: &Image, _: Mapping) -> Result<libloading::Library, libloading::Error> {
    // SAFETY: the caller's promise.
    unsafe { libloading::Library::new(image.path()) }
}

/// As above.
///
/// # Safety
///
/// As above.
#[cfg(windows)]
unsafe fn load(image: &Image, mapping: Mapping) -> Result<libloading::Library, libloading::Error> {
    use libloading::os::windows::{LOAD_WITH_ALTERED_SEARCH_PATH, Library};
    let flags = match mapping {
        Mapping::Private => 0,
        // Searches the image's directory for the libraries that it needs.
        Mapping::InPlace => LOAD_WITH_ALTERED_SEARCH_PATH,
    };
    // SAFETY: the caller's promise.
    unsafe { Library::load_with_flags(image.path(), flags) }.map(Into::into)
}

/// What the system's loader said.
fn reason(error: &libloading::Error) -> String {
    let said = std::error::Error::source(error).unwrap_or(error).to_string();
    if !cfg!(windows) {
        return said;
    }
    // Windows says that a module is not found, but not that it is another one.
    const MODULE_NOT_FOUND: &str = "(os error 126)";
    if said.ends_with(MODULE_NOT_FOUND) {
        return format!("a library that it needs is not found (beside it, only with `Mapping::InPlace`): {said}");
    }
    said.replace("%1", "it")
}

/// How the host wants its libraries.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) mapping: Mapping,
    pub(crate) backtraces: bool,
    pub(crate) on_fault: FaultHandler,
    pub(crate) memory: Memory,
    pub(crate) on_leak: LeakHandler,
}

/// Finds the table, and checks it as far as that can be done before it is used.
fn checked_table(loaded: &libloading::Library, path: &Path) -> Result<*const PluginTable, Error> {
    // SAFETY: a symbol is only looked up; the pointer is not used before what it points at is checked.
    let table = unsafe { loaded.get::<*const PluginTable>(TABLE_SYMBOL) };
    let table = *table.map_err(|_| Error::NotAPlugin { path: path.to_owned() })?;
    // SAFETY: a library with this symbol has at least a table's header there, as inspection has checked; the file's and
    // the mapped library's differ only in place.
    let header = unsafe { std::slice::from_raw_parts(table.cast::<u8>(), HEADER_SIZE) };
    Header::parse(header).ok_or_else(|| Error::NotAPlugin { path: path.to_owned() })?.check(path, None)?;
    Ok(table)
}

impl Library {
    /// Maps what is at `path`, which was trusted and inspected, and binds the library to its services.
    pub(crate) fn map(path: &Path, source: &Source, inspected: &Inspected, settings: &Settings) -> Result<Self, Error> {
        let map_error = |reason: String| Error::Map { path: path.to_owned(), reason };
        let image = Image::new(path, source, settings.mapping).map_err(|error| map_error(error.to_string()))?;
        let loaded = {
            let _one_at_a_time = loader();
            // SAFETY: the trust covers the file: its constructors are sound to run.
            unsafe { load(&image, settings.mapping) }
        };
        let loaded = loaded.map_err(|error| {
            map_error(reason(&error).replace(&*image.path().to_string_lossy(), &path.to_string_lossy()))
        })?;
        let table = match checked_table(&loaded, path) {
            Ok(table) => table,
            Err(error) => {
                // Its constructors have run, and nothing tells what they have left with the system.
                std::mem::forget(loaded);
                return Err(error);
            }
        };
        // SAFETY: of this version and at least this long; it is there until the library is unmapped, by `Drop`.
        let table: &'static PluginTable = unsafe { &*table };
        let Settings { backtraces, memory, on_fault, on_leak, .. } = settings.clone();
        let services = Services::new(inspected.manifest.name().to_owned(), backtraces, memory, on_fault);
        // SAFETY: the services are kept until after the library is unmapped.
        match unsafe { (table.bind)(services.table()) } {
            // Another has mapped it, and keeps it.
            bound::ALREADY => return Err(Error::AlreadyMapped { path: path.to_owned() }),
            bound::IS_HOST => {
                // What it has loaded may call it.
                std::mem::forget(loaded);
                return Err(Error::IsHost { path: path.to_owned() });
            }
            _ => {}
        }
        if let Some(blocks) = &services.blocks {
            blocks.bound();
        }
        let inode = image.inode();
        let image = backtraces.then_some(image);
        let mapped = Some(Mapped { loaded, image });
        Ok(Library {
            mapped,
            table,
            services,
            hooks: None,
            no_delete: inspected.no_delete,
            inode,
            on_leak,
            when_unused: OnceLock::new(),
        })
    }

    /// What the library has registered.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        unsafe extern "C" fn visit(entries: *mut c_void, export: *const Export) {
            // SAFETY: the vector below, and an export of the library that is being visited, whose entries are used only
            // while it is mapped.
            unsafe { (*entries.cast::<Vec<Entry>>()).extend(Entry::new(&*export)) }
        }
        let mut entries: Vec<Entry> = Vec::new();
        // SAFETY: the function takes what it is given here.
        unsafe { (self.table.visit_exports)((&raw mut entries).cast(), visit) };
        entries
    }

    /// Runs the init hooks. From here on, dropping the library runs the shutdown hooks.
    pub(crate) fn attach(&mut self, entries: &[Entry], plugin: &str, path: &Path) -> Result<(), Error> {
        self.hooks.insert(Hooks::new(entries, plugin)).run_init(plugin, path)
    }
}

impl Library {
    /// Runs the shutdown hooks, and closes it as soon as nothing of it runs.
    pub(crate) fn detach(mut self) -> Departure {
        self.depart()
    }

    /// Has the library sent there when nobody has it any more. Only the first time counts.
    pub(crate) fn when_unused(&self, unused: Sender<Library>) {
        _ = self.when_unused.set(unused);
    }

    fn depart(&mut self) -> Departure {
        let closed = Arc::new(Closed::default());
        let address = std::ptr::from_ref(self.table).addr();
        let departure = Departure::new(self.services.threads.clone(), closed.clone(), address, self.inode);
        // These come first, because they are what stops the plugin's threads.
        if let Some(hooks) = self.hooks.take() {
            hooks.run_shutdown(&self.services);
        }
        self.services.threads.run_destructors_at_detach();
        // SAFETY: no handle is left, so no export is called any more.
        unsafe { (self.table.unbind)() };
        let Some(mapped) = self.mapped.take() else {
            return departure;
        };
        let (table, services) = (self.table, self.services.clone());
        let (no_delete, on_leak) = (self.no_delete, self.on_leak.take());
        self.services.threads.close_when_quiet(move || {
            // SAFETY: the library is still mapped.
            if unsafe { (table.controlled)() } == 0 {
                // What it registered with the system directly, and threads that the services do not know of, would run on
                // after it is gone. So it stays, and with it what it calls.
                let reason = match services.threads.is_reached() {
                    _ if !CONTROLLABLE => PinReason::Platform,
                    true => PinReason::Registered,
                    false => PinReason::StdElsewhere,
                };
                std::mem::forget((mapped.loaded, services));
                stay_mapped();
                return closed.set(Err(reason));
            }
            let gone = {
                let _one_at_a_time = loader();
                drop(mapped.loaded);
                is_unmapped(table)
            };
            drop(mapped.image);
            if !gone {
                // Something else keeps it: it may still call.
                std::mem::forget(services);
                stay_mapped();
                return closed.set(Err(if no_delete { PinReason::NoDelete } else { PinReason::StillMapped }));
            }
            // SAFETY: it is gone.
            if let Some(leak) = unsafe { services.reclaim() } {
                handle_leak(&on_leak, &leak);
            }
            closed.set(Ok(()));
        });
        departure
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        if self.mapped.is_none() {
            return;
        }
        let Some(unused) = self.when_unused.take() else {
            self.depart();
            return;
        };
        let library = Library {
            mapped: self.mapped.take(),
            table: self.table,
            services: self.services.clone(),
            hooks: self.hooks.take(),
            no_delete: self.no_delete,
            inode: self.inode,
            on_leak: self.on_leak.take(),
            when_unused: OnceLock::new(),
        };
        // If nobody is there, it comes back, and is dropped here.
        drop(unused.send(library));
    }
}
