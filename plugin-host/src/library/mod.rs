//! A library between map and unmap: attached by running its init hooks, detached by running its shutdown hooks.

#[cfg(windows)]
pub(crate) mod copies;
pub(crate) mod hooks;
pub(crate) mod image;
pub(crate) mod items;
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(crate) mod spelling;
#[cfg(target_os = "linux")]
pub(crate) mod unnamed;

use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plugin_core::host::table::{
    self, HEADER_SIZE, PluginTable, TABLE_SYMBOL, bound, escaped, forget_plugin, note_plugin, opening_controlled,
};
use plugin_core::{Cause, Fault};

use crate::backend::Detached as _;
use crate::error::Error;
use crate::error::at::{At as _, FileError};
use crate::file::mapping::Mapping;
use crate::file::source::Source;
use crate::inspect::Inspected;
use crate::inspect::header::Header;
use crate::library::hooks::Hooks;
use crate::library::image::Image;
use crate::library::items::Items;
use crate::os::descriptors::is_out_of_files;
use crate::os::loader::loader;
use crate::services::Services;
use crate::services::crash::Named;
use crate::services::faults::Faults;
use crate::services::memory::{Leak, Memory};
use crate::services::objects::Shares;
use crate::services::threads::Threads;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
use crate::unload::dependencies::keep_foreign;
use crate::unload::detached_library::{Closing, DetachedLibrary, Old, OldVersion};
use crate::unload::pin::{PinReason, Registered, Registration};
use crate::work::handler::Handler;
use crate::work::timeout::{self, Steps};

/// A mapped library. Dropping it detaches it, and unmaps it where and when that is safe.
pub(crate) struct Library {
    mapped: Option<Mapped>,
    table: &'static PluginTable,
    services: Arc<Services>,
    /// The version of the plugin's package.
    version: String,
    /// Set when the library is attached.
    hooks: Option<Arc<Hooks>>,
    hook_timeout: Option<Duration>,
    /// Whether the linker marked the library as never to be unmapped.
    no_delete: bool,
    /// The inode of the file that is mapped.
    inode: Option<u64>,
    on_leak: Handler<Leak>,
}

/// A library that the loader has mapped. Dropping it leaves the library mapped. Only [`close`](Self::close) gives it back,
/// so unwinding cannot close a library that still has threads, keys or thread-locals.
struct Mapped {
    loaded: ManuallyDrop<libloading::Library>,
    /// The file that backtraces are read from: the library's std opens it by its path.
    image: Option<Image>,
    /// The services that the library calls, once it is bound to them.
    services: Option<Arc<Services>>,
    /// The library's name in reports of crashes, if the host asked for these.
    named: Option<Named>,
}

impl Mapped {
    fn new(loaded: libloading::Library, image: Image) -> Self {
        Mapped { loaded: ManuallyDrop::new(loaded), image: Some(image), services: None, named: None }
    }

    /// Gives the library back to the loader, which unmaps it unless something else keeps it. Returns true if the
    /// library that had this table is unmapped.
    ///
    /// # Safety
    ///
    /// No code calls the library after this, unless other code keeps it mapped.
    unsafe fn close(mut self, table: *const PluginTable) -> bool {
        // SAFETY: only this function takes `loaded`. It consumes `self`, so that happens once. `drop` does not use `loaded`.
        let loaded = unsafe { ManuallyDrop::take(&mut self.loaded) };
        let gone = {
            // No other library may be mapped at this address before the host knows whether this one is unmapped.
            let _one_at_a_time = loader();
            drop(loaded);
            let gone = is_unmapped(table);
            if gone && let Some(named) = self.named.take() {
                named.unmapped();
            }
            gone
        };
        if gone {
            self.image = None;
            if self.services.take().is_some() {
                forget_plugin();
            }
        }
        gone
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // A library that stays may still call its services.
        std::mem::forget(self.services.take());
        // It may still make backtraces. On Linux the image is a descriptor, whose number another file must not get. Elsewhere
        // the image is a file in the directory for temporary files, which must not outlive the process.
        if cfg!(target_os = "linux") {
            std::mem::forget(self.image.take());
        }
    }
}

/// Returns true if the loader no longer has the library of this table. Other systems than Linux cannot tell, and return false.
#[cfg(target_os = "linux")]
fn is_unmapped(table: *const PluginTable) -> bool {
    let mut found = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: `dladdr` never reads at the address, so the library may be gone. `found` has room for the result.
    unsafe { libc::dladdr(table.cast(), found.as_mut_ptr()) == 0 }
}

/// As above.
#[cfg(not(target_os = "linux"))]
fn is_unmapped(_: *const PluginTable) -> bool {
    false
}

/// Asks the loader to map an image.
///
/// # Safety
///
/// The image's constructors are sound to run.
#[cfg(not(windows))]
unsafe fn load(image: &Image, _: Mapping) -> Result<libloading::Library, libloading::Error> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    // A function that no library has is an error now, and not the end of the process at its first call.
    // SAFETY: `open` runs the image's constructors, which are sound to run, as this function demands.
    opening_controlled(|| unsafe { Library::open(Some(image.path()), RTLD_NOW | RTLD_LOCAL) }).map(Into::into)
}

/// Asks the loader to map an image.
///
/// # Safety
///
/// The image's initializers (`DllMain`) are sound to run.
#[cfg(windows)]
unsafe fn load(image: &Image, mapping: Mapping) -> Result<libloading::Library, libloading::Error> {
    use libloading::os::windows::{LOAD_WITH_ALTERED_SEARCH_PATH, Library};
    let flags = match mapping {
        Mapping::Private => 0,
        // Searches the image's directory for the libraries that it needs.
        Mapping::InPlace => LOAD_WITH_ALTERED_SEARCH_PATH,
    };
    // SAFETY: loading runs the image's initializers, which are sound to run, as this function demands.
    opening_controlled(|| unsafe { Library::load_with_flags(image.path(), flags) }).map(Into::into)
}

/// Returns true if the loader has a library that was loaded from this path, even from an earlier file.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn is_known(path: &Path) -> bool {
    use libloading::os::unix::{Library, RTLD_LAZY};
    // SAFETY: with `RTLD_NOLOAD`, nothing is loaded that is not loaded already, so no constructor runs. The caller holds the
    // lock `loader`, so no host of this process closes the library meanwhile, and giving the share back runs no destructor.
    opening_controlled(|| unsafe { Library::open(Some(path), RTLD_LAZY | libc::RTLD_NOLOAD) }.is_ok())
}

/// The loader's reason for an error, and the remedy.
fn reason(error: &libloading::Error, image: &Path, plugin: &str) -> String {
    let said = std::error::Error::source(error).unwrap_or(error).to_string();
    let has = |texts: &[&str]| texts.iter().any(|text| said.contains(text));
    // Windows says that a module is not found, but not that it is another one. The others are glibc, musl and macOS.
    let needed =
        ["(os error 126)", "cannot open shared object file", "Error loading shared library", "Library not loaded"];
    if has(&needed) && !said.starts_with(&*image.to_string_lossy()) {
        return format!("a library that it needs is not found (beside it, only with `Mapping::InPlace`): {said}");
    }
    if has(&["undefined symbol", "symbol not found", "Symbol not found"]) {
        return format!("{said}; link the plugin with the library that has this symbol");
    }
    // The text is glibc's.
    if has(&["cannot allocate memory in static TLS block"]) {
        return format!("{said}: {}", no_static_tls(plugin));
    }
    if cfg!(windows) { said.replace("%1", "it") } else { said }
}

/// The reason not to map a library that would use another library's symbol of that name, and the remedy.
fn use_of_another(symbol: &str, mapping: Mapping) -> String {
    let private = match mapping {
        Mapping::InPlace if cfg!(target_env = "gnu") => "load it with `Mapping::Private`, or ",
        _ => "",
    };
    format!(
        "it would use the `{symbol}` of the program or of another library instead of its own; {private}link it with \
         `-Wl,-Bsymbolic`, for example in its build script with \
         `println!(\"cargo::rustc-cdylib-link-arg=-Wl,-Bsymbolic\")`"
    )
}

/// Says which libraries have taken glibc's room for thread-locals of the model initial-exec, and the remedies.
fn no_static_tls(plugin: &str) -> String {
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for OldVersion { plugin: of, version, reasons } in Old::still_mapped() {
        let list = if of == plugin { &mut own } else { &mut others };
        let text = format!("of `{of}` {version}: {}", crate::unload::pin::list(&reasons, "; "));
        match list.iter_mut().find(|(known, _)| *known == text) {
            Some((_, count)) => *count += 1,
            None => list.push((text, 1_usize)),
        }
    }
    let text = |(text, count): (String, usize)| match count {
        1 => format!("1 old library {text}"),
        _ => format!("{count} old libraries {text}"),
    };
    let mapped: Vec<_> = own.into_iter().chain(others).map(text).collect();
    let allocators = "`local_dynamic_tls` of the crate mimalloc, `disable_initial_exec_tls` of tikv-jemallocator";
    let build = format!("build the plugin without thread-locals of the model initial-exec ({allocators})");
    let tunable = "start the host with `GLIBC_TUNABLES=glibc.rtld.optional_static_tls=16384`";
    if mapped.is_empty() {
        let lost = "glibc takes the room back only from the library that came last, and so not from a version that was replaced";
        return format!("no plugin that was unloaded is still mapped, but {lost}; {build}, or {tunable}");
    }
    format!(
        "what is still mapped has taken the room ({}); remove what keeps it mapped, or {build}, or {tunable}",
        mapped.join("; ")
    )
}

/// The host's settings for its libraries.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) mapping: Mapping,
    pub(crate) backtraces: bool,
    pub(crate) crash_reports: bool,
    pub(crate) faults: Arc<Faults>,
    pub(crate) memory: Memory,
    pub(crate) on_leak: Handler<Leak>,
    pub(crate) hook_timeout: Option<Duration>,
    /// The file names of the libraries that the host's author has vouched for.
    pub(crate) quiet: BTreeSet<String>,
}

/// Finds the table, and checks it as far as that can be done before it is used.
fn checked_table(loaded: &libloading::Library) -> Result<*const PluginTable, FileError> {
    // SAFETY: `get` only looks the symbol up. A pointer is right for any symbol, and nothing is read through it here.
    let table = opening_controlled(|| unsafe { loaded.get::<*const PluginTable>(TABLE_SYMBOL) });
    let no_plugin = || FileError::new(|path| Error::NotAPlugin { path });
    let table = *table.map_err(|_| no_plugin())?;
    // SAFETY: these bytes are mapped, and nothing changes them: `inspect::check_table` has found a whole header behind this
    // symbol, within a section of the file. The loader has mapped that file, or one that `Trust::any` covers in its place.
    let header = unsafe { std::slice::from_raw_parts(table.cast::<u8>(), HEADER_SIZE) };
    Header::parse(header).ok_or_else(no_plugin)?.check(None)?;
    Ok(table)
}

impl Library {
    /// Maps what is at `path`, which was trusted and inspected, and binds the library to its services. Also returns the items that the
    /// library has registered.
    pub(crate) fn map(
        path: &Path,
        source: &Source,
        inspected: &Inspected,
        settings: &Settings,
    ) -> Result<(Self, Items), Error> {
        let map_error = |reason: String| Error::Map { path: path.to_owned(), reason };
        if !(cfg!(target_env = "gnu") && inspected.prefers_own)
            && let Some(symbol) = source.replaced_symbol()
        {
            return Err(map_error(use_of_another(&symbol, settings.mapping)));
        }
        #[cfg_attr(not(any(target_os = "linux", target_os = "macos")), expect(unused_mut))]
        let mut image = Image::new(path, source).map_err(|source| match is_out_of_files(&source) {
            true => Error::TooManyFiles { path: path.to_owned(), source },
            false => map_error(source.to_string()),
        })?;
        let loaded = {
            let _one_at_a_time = loader();
            #[cfg(any(target_os = "linux", target_os = "macos"))]
            image.avoid_known_path(source, is_known);
            // SAFETY: the constructors are sound to run: `Host::read_plugin` has asked `Trust`, whose maker promises that.
            unsafe { load(&image, settings.mapping) }
        };
        let loaded = loaded.map_err(|error| {
            // The loader opens the image once more, and says why it cannot only as a text.
            if let Err(source) = std::fs::File::open(image.path())
                && is_out_of_files(&source)
            {
                return Error::TooManyFiles { path: path.to_owned(), source };
            }
            if image.is_lost() {
                let copy = "its private copy is opened through `/proc/self/fd`, and there is no `/proc`";
                return map_error(format!("{copy}; mount that, or use `Mapping::InPlace`"));
            }
            let plugin = inspected.description.name();
            map_error(
                reason(&error, image.path(), plugin).replace(&*image.path().to_string_lossy(), &path.to_string_lossy()),
            )
        })?;
        let inode = image.inode();
        // From here on, a failure leaves the library mapped. Its constructors have run, and the things that they have left
        // with the loader and the C library are not known.
        let mut mapped = Mapped::new(loaded, image);
        let table = checked_table(&mapped.loaded).at(path)?;
        if !source.is_mapped_at(table.addr()) {
            return Err(Error::Changed { path: path.to_owned() });
        }
        // SAFETY: `checked_table` has found this version and at least this length in the table's header. The table is a
        // constant of the library. `Mapped` keeps the library mapped until `close`, and nothing reads the table later.
        let table: &'static PluginTable = unsafe { &*table };
        let Settings { backtraces, memory, faults, on_leak, quiet, .. } = settings.clone();
        let services = Services::new(inspected.description.name().to_owned(), backtraces, memory, faults, quiet);
        // From here on, the library may call this one, which may be a plugin itself.
        note_plugin();
        // SAFETY: the services have to stay valid while the library is mapped. `mapped.services` gets a share of them, which
        // is dropped only when the library is unmapped, and leaked if it stays. A library that refuses does not keep them.
        let bound = unsafe { (table.bind)(services.table()) };
        if bound != bound::BOUND {
            forget_plugin();
        }
        match bound {
            bound::ALREADY => {
                // SAFETY: no code calls the library because of this share. The host that has bound the library keeps a share of
                // its own for as long as code may call the library, so this close cannot unmap it earlier.
                unsafe { mapped.close(table) };
                return Err(Error::AlreadyMapped { path: path.to_owned() });
            }
            // The plugins that it has loaded may call it.
            bound::IS_HOST => return Err(Error::IsHost { path: path.to_owned() }),
            _ => mapped.services = Some(services.clone()),
        }
        if let Some(blocks) = &services.blocks {
            blocks.bound();
        }
        let mut library = Library {
            mapped: Some(mapped),
            table,
            services,
            version: inspected.description.version().to_owned(),
            hooks: None,
            hook_timeout: settings.hook_timeout,
            no_delete: inspected.no_delete,
            inode,
            on_leak,
        };
        // SAFETY: `library.mapped` is not closed yet. Each user of an item keeps the library mapped: `Host::bring_up` and `Plugin` have
        // it, and a task that runs hooks has `RunningHooks`.
        let items = unsafe { Items::registered(table, inspected.description.package()) };
        if settings.crash_reports {
            let address = std::ptr::from_ref(table).cast();
            let named = Named::new(inspected.description.name(), path, address, &items.exports);
            library.mapped.as_mut().expect("just mapped").named = Some(named);
        }
        Ok((library, items))
    }

    /// Runs the init hooks. From here on, dropping the library runs the shutdown hooks.
    pub(crate) fn attach(mut self, hooks: &Arc<Hooks>, plugin: &str) -> Result<Self, FileError> {
        self.hooks = Some(hooks.clone());
        if hooks.init.is_empty() {
            return Ok(self);
        }
        let running = self.services.threads.hooks_start();
        let task = {
            let (hooks, plugin) = (hooks.clone(), plugin.to_owned());
            move |steps: &Steps| {
                let result = hooks.run_init(&plugin, steps, |hook| running.begin(hook));
                running.clean_up(steps);
                result
            }
        };
        match timeout::run(self.hook_timeout, task, drop) {
            Ok(result) => result.map(|()| self),
            Err(timed_out) => {
                let hook = hooks.init[timed_out.step].item.name.to_owned();
                // It is detached when the hook returns.
                let timeout = self.hook_timeout.unwrap_or_default();
                timed_out.keep(self);
                let plugin = plugin.to_owned();
                Err(FileError::new(move |path| Error::HookTimedOut { plugin, hook, timeout, path }))
            }
        }
    }
}

impl Library {
    /// Runs the shutdown hooks, and closes the library as soon as none of its code runs. The limit for each hook is the host's
    /// timeout or `hook_limit`, whichever is shorter.
    pub(crate) fn detach(mut self, hook_limit: Option<Duration>) -> DetachedLibrary {
        self.hook_timeout = self.hook_timeout.map(|timeout| hook_limit.map_or(timeout, |limit| timeout.min(limit)));
        self.detach_in_place()
    }

    /// The running parts of it.
    pub(crate) fn threads(&self) -> Arc<Threads> {
        self.services.threads.clone()
    }

    /// The objects of it that other code has.
    pub(crate) fn shares(&self) -> Arc<Shares> {
        self.services.shares.clone()
    }

    /// Runs the shutdown hooks, and unbinds the library. If a hook does not return in time, or a thread of the library's
    /// keeps its standard output locked, it is reported, and goes on.
    fn shut_down(&mut self) {
        /// The step after the hooks. The library's std writes what is left in the buffer of its standard output, for which
        /// it waits until no thread has that locked.
        const FLUSH: &str = "flush of the standard output";
        let (table, services) = (self.table, self.services.clone());
        let hooks = self.hooks.take();
        let running = services.threads.hooks_start();
        let task = {
            let (hooks, services) = (hooks.clone(), services.clone());
            move |steps: &Steps| {
                let mut count = 0;
                if let Some(hooks) = hooks {
                    hooks.run_shutdown(&services, steps, |hook| running.begin(hook));
                    count = hooks.shutdown.len();
                }
                running.clean_up(steps);
                steps.begin(count);
                running.begin(FLUSH);
                // SAFETY: `unbind` expects that no export is called any more, and the library is dropped only after its last
                // handle. `running` keeps it mapped, because `Threads` closes no library while hooks run.
                unsafe { (table.unbind)() };
                running.clean_up(steps);
                running
            }
        };
        // The library is not closed before this returns, because that has not been asked for.
        if let Err(timed_out) = timeout::run(self.hook_timeout, task, drop) {
            let hook = hooks.as_ref().and_then(|hooks| hooks.shutdown.get(timed_out.step));
            let (step, name) = hook.map_or((FLUSH, ""), |hook| ("shutdown hook", hook.item.name));
            let timeout = self.hook_timeout.unwrap_or_default();
            let message = format!(
                "the {step} has not returned within {timeout:?}; it goes on, and its library stays mapped until it returns"
            );
            services.report(Fault::of(Cause::Reported, message), name);
        }
    }

    fn detach_in_place(&mut self) -> DetachedLibrary {
        let closed = Arc::new(Closing::default());
        let address = std::ptr::from_ref(self.table).addr();
        let detached = DetachedLibrary::new(
            (self.services.threads.clone(), self.services.shares.clone()),
            closed.clone(),
            address,
            self.inode,
        );
        let outcome = {
            let detached = detached.clone();
            move || detached.wait(Some(Instant::now()))
        };
        let old = Old::add(self.services.plugin(), &self.version, outcome);
        // The shutdown hooks come first, because they should stop the plugin's threads.
        self.shut_down();
        self.services.threads.run_destructors_at_detach();
        let Some(mapped) = self.mapped.take() else {
            return detached;
        };
        let (table, services) = (self.table, self.services.clone());
        let (no_delete, on_leak) = (self.no_delete, std::mem::take(&mut self.on_leak));
        self.services.threads.close_when_quiet(move || {
            // SAFETY: the table's library is mapped: this object owns `mapped`, and has not closed it.
            let reasons = unsafe { reasons_to_stay(table, &services, mapped.image.as_ref()) };
            if !reasons.is_empty() {
                // Code that the host does not control may call the library, so it stays mapped.
                drop(mapped);
                closed.set(Err(reasons));
                return false;
            }
            // SAFETY: no code calls the library after this. The library was dropped after its last handle. `close_when_quiet`
            // calls this when no thread, hook or destructor of it runs, and lets none begin. `reasons_to_stay` has found nothing
            // else that leads to it.
            let gone = unsafe { mapped.close(table) };
            if !gone {
                closed.set(Err(vec![if no_delete { PinReason::NoDelete } else { PinReason::StillMapped }]));
                return false;
            }
            // SAFETY: the library is unmapped: `close` has asked the loader (`is_unmapped`).
            if let Some(leak) = unsafe { services.reclaim() } {
                on_leak.tell(&leak);
            }
            old.forget();
            closed.set(Ok(()));
            true
        });
        detached
    }
}

/// The reason why a library must not be unmapped although no code of it runs, if one exists.
///
/// # Safety
///
/// The library that has the table is mapped.
unsafe fn reasons_to_stay(table: &PluginTable, services: &Services, image: Option<&Image>) -> Vec<PinReason> {
    // SAFETY: `escaped` is a function of the library, which is mapped, as this function demands.
    let said = unsafe { (table.escaped)() };
    if said.kinds & escaped::UNKNOWN != 0 {
        return vec![PinReason::Platform];
    }
    let mut reasons = Vec::new();
    let mut details = Vec::new();
    // SAFETY: the library is mapped, as this function demands.
    unsafe { table.visit_registrations(|registered| details.push(*registered)) };
    // SAFETY: the library is mapped, as this function demands. It has just told of this registration.
    let things = Registered::of(&said, &details, |registered| unsafe { named(registered, table, image) });
    if !things.is_empty() {
        reasons.push(PinReason::Registered { things });
    } else if said.kinds & escaped::STD_ELSEWHERE != 0 {
        return vec![PinReason::StdElsewhere];
    } else if said.kinds & escaped::UNCONTROLLED != 0 {
        return vec![PinReason::Uncontrolled];
    }
    // References that the plugin has called by are bound now. The libraries that they are bound to are still loaded.
    // SAFETY: the address of the table is in the library, which this function's caller keeps mapped.
    reasons.extend(services.reasons_of(unsafe { keep_foreign(std::ptr::from_ref(table).cast()) }));
    reasons
}

/// Says what a library has registered with names instead of addresses, but for the kind.
///
/// # Safety
///
/// The library that has the table and has registered this is mapped.
#[cfg_attr(not(all(target_os = "linux", target_env = "gnu")), allow(unused_variables))] // Elsewhere no library tells.
unsafe fn named(registered: &table::Registered, table: &PluginTable, image: Option<&Image>) -> Registered {
    // SAFETY: `table::Registered::by` is a name that ends with NUL, in a library that is mapped, as this function demands.
    let by = unsafe { std::ffi::CStr::from_ptr(registered.by) }.to_string_lossy().into_owned();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    let (function, library) = {
        let place = crate::os::names::place_of(registered.function, std::ptr::from_ref(table).cast(), image);
        (place.function, place.library)
    };
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let (function, library) = (None, None);
    Registered { thing: Registration::Callback, by: Some(by), function, library }
}

/// Elsewhere libraries stay mapped anyway.
///
/// # Safety
///
/// No promise is needed.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
unsafe fn keep_foreign(_: *const std::ffi::c_void) -> Vec<crate::services::foreign::Foreign> {
    Vec::new()
}

impl Drop for Library {
    fn drop(&mut self) {
        if self.mapped.is_some() {
            self.detach_in_place();
        }
    }
}
