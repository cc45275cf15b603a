//! The host's services for an attached library: [`HostServices`], and the data that they work on.

#[cfg_attr(
    not(all(target_os = "linux", target_pointer_width = "64", any(target_arch = "x86_64", target_arch = "aarch64"))),
    path = "crash/elsewhere.rs"
)]
pub(crate) mod crash;
pub(crate) mod faults;
pub(crate) mod foreign;
pub(crate) mod memory;
pub(crate) mod objects;
pub(crate) mod threads;

use std::collections::BTreeSet;
#[cfg(target_os = "linux")]
use std::ffi::CString;
use std::ffi::{c_int, c_void};
use std::sync::{Arc, Mutex, PoisonError};

use plugin_core::Fault;
use plugin_core::host::FaultRepr;
use plugin_core::host::table::{
    self, HostMemory, HostServices, Keeper, ObjectVtable, common_allocator, environment, on_new_stack,
};

use crate::services::faults::Faults;
use crate::services::foreign::Foreign;
use crate::services::memory::{Blocks, Leak, Memory};
use crate::services::objects::Shares;
use crate::services::threads::{Destructor, Start, Threads};
use crate::unload::pin::PinReason;

/// The services of one library. The library identifies itself by the address of this struct, so the struct does not move.
pub(crate) struct Services {
    table: HostServices,
    memory: HostMemory,
    keeper: Keeper,
    plugin: String,
    faults: Arc<Faults>,
    /// The file names of the libraries that the host's author has vouched for.
    quiet: BTreeSet<String>,
    /// The foreign libraries that the plugin has opened, or found functions in, by itself.
    found: Mutex<Vec<Foreign>>,
    pub(crate) threads: Arc<Threads>,
    /// The objects of the library that other code has.
    pub(crate) shares: Arc<Shares>,
    /// The blocks of the host's memory that the library has, if that memory is tracked.
    pub(crate) blocks: Option<Blocks>,
}

// SAFETY: the raw pointers in `table` and `memory` lead to this struct, whose fields are `Sync`, to the text of `plugin`,
// which never changes, and to constants of the host. So any thread may use what they lead to.
unsafe impl Send for Services {}
// SAFETY: nothing changes `table` and `memory` after `new`, and any thread may use what their pointers lead to. The other
// fields are `Sync`.
unsafe impl Sync for Services {}

impl Services {
    pub(crate) fn new(
        plugin: String,
        backtraces: bool,
        memory: Memory,
        faults: Arc<Faults>,
        quiet: BTreeSet<String>,
    ) -> Arc<Self> {
        let (common, is_common) = common_allocator();
        let threads = Arc::new(Threads::new(thread_name(&plugin)));
        Arc::new_cyclic(|this: &std::sync::Weak<Services>| Services {
            table: HostServices {
                size: size_of::<HostServices>(),
                library: this.as_ptr().cast(),
                backtraces: u8::from(backtraces),
                stray_fault,
                thread_atexit,
                key_create,
                key_delete,
                key_set,
                thread_create,
                common,
                // SAFETY: the place of the field must be in one allocation with `this`: `new_cyclic` has allocated room for the
                // value. Nothing is read, so the field need not be there yet.
                memory: unsafe { &raw const (*this.as_ptr()).memory },
                library_opened,
                symbol_found,
                on_stack: on_new_stack,
                environment: environment(),
                exit,
                plugin: plugin.as_ptr(),
                plugin_len: plugin.len(),
                key_adopt,
                // SAFETY: as above.
                keeper: unsafe { &raw const (*this.as_ptr()).keeper },
            },
            // SAFETY: `new_cyclic` has allocated room for the value, so the field's place is in the allocation. Nothing is read.
            memory: memory::lent(memory, unsafe { &raw const (*this.as_ptr()).blocks }, is_common),
            keeper: Keeper {
                size: size_of::<Keeper>(),
                library: this.as_ptr().cast(),
                keep,
                release,
                outer: table::keeper(),
            },
            plugin,
            faults,
            quiet,
            found: Mutex::default(),
            shares: Arc::new(Shares::new(threads.clone())),
            threads,
            blocks: (memory == Memory::Tracked).then(Blocks::default),
        })
    }

    /// The table that the library is given.
    pub(crate) fn table(&self) -> &HostServices {
        &self.table
    }

    /// The plugin's name.
    pub(crate) fn plugin(&self) -> &str {
        &self.plugin
    }

    /// Returns the reasons for which a plugin stays mapped if it uses these foreign libraries, and those that it has found by
    /// itself.
    pub(crate) fn reasons_of(&self, mut foreign: Vec<Foreign>) -> Vec<PinReason> {
        foreign.extend(self.found.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        foreign.sort_unstable();
        foreign.dedup();
        let (kept, lost): (Vec<_>, Vec<_>) = foreign.into_iter().partition(|library| library.kept);
        let names = |libraries: Vec<Foreign>| libraries.into_iter().map(|library| library.name).collect::<Vec<_>>();
        let (mut unknown, lost) = (names(kept), names(lost));
        unknown.retain(|name| !self.quiet.contains(name));
        let mut reasons = Vec::new();
        if !unknown.is_empty() {
            reasons.push(PinReason::Libraries { names: unknown });
        }
        if !lost.is_empty() {
            reasons.push(PinReason::UnfoundLibraries { names: lost });
        }
        reasons
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn add_found(&self, foreign: Vec<Foreign>) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        for library in foreign {
            if !found.contains(&library) {
                found.push(library);
            }
        }
    }

    /// Reports a fault of the hook `what`.
    pub(crate) fn report(&self, mut fault: Fault, what: &str) {
        fault.export = Some(format!("{}::{what}", self.plugin));
        self.faults.report(&fault);
    }

    /// Frees what the library left of the host's memory. Returns the memory that the plugin leaked.
    ///
    /// # Safety
    ///
    /// The library is unmapped.
    pub(crate) unsafe fn reclaim(&self) -> Option<Leak> {
        // SAFETY: `free_all` needs the library to be unmapped, as this function demands.
        let (blocks, bytes) = unsafe { self.blocks.as_ref()?.free_all() };
        (blocks != 0).then(|| Leak { plugin: self.plugin.clone(), blocks, bytes })
    }
}

/// Returns the services that a library has passed back.
///
/// The functions below are called only by libraries, through [`Services::table`]. A library passes back the address
/// [`HostServices::library`], and `Library` (`library/mod.rs`) keeps the services until the library is unmapped.
///
/// # Safety
///
/// `library` is the address that [`Services::new`] wrote into the table of services that still exist.
pub(crate) unsafe fn services<'a>(library: *const c_void) -> &'a Services {
    // SAFETY: the address is that of a `Services` in an `Arc`, which still exists, as this function demands. It is shared, and
    // never borrowed mutably.
    unsafe { &*library.cast::<Services>() }
}

unsafe extern "C" fn keep(keeper: *const Keeper, vtable: *const ObjectVtable) -> *const c_void {
    // SAFETY: a caller passes the keeper that this function is of. Its library is mapped (`Keeper::keep`), so its services exist.
    unsafe { services((*keeper).library) }.shares.keep(vtable)
}

unsafe extern "C" fn release(keeper: *const Keeper, vtable: *const ObjectVtable, share: *const c_void) {
    // SAFETY: a caller passes the keeper that this function is of, and a share of it. So its library is mapped, and its services
    // exist. The clone keeps the shares for the length of the call.
    let shares = unsafe { services((*keeper).library) }.shares.clone();
    shares.release(vtable, share);
}

unsafe extern "C" fn stray_fault(library: *const c_void, fault: *mut FaultRepr) {
    // SAFETY: the library passes back its `HostServices::library`, and it is mapped, because it calls this. It has made the
    // fault (`HostServices::stray_fault`) and gives it away, so the fault is taken once.
    let (services, mut fault) = unsafe { (services(library), FaultRepr::take(fault)) };
    fault.export = Some(services.plugin.clone());
    services.faults.report_from_plugin(fault);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe extern "C" fn library_opened(library: *const c_void, handle: *mut c_void) {
    // SAFETY: the library passes back its `HostServices::library`. `keep_opened` needs a library that stays open: the plugin's
    // `dlopen` has returned this handle and waits for this call before its caller could close it.
    let (services, foreign) = unsafe { (services(library), crate::unload::dependencies::keep_opened(handle)) };
    services.add_found(foreign);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe extern "C" fn symbol_found(library: *const c_void, symbol: *const c_void) {
    // SAFETY: the library passes back its `HostServices::library`.
    let services = unsafe { services(library) };
    // SAFETY: the plugin's `dlsym` has found the address, and waits for this call before its caller could close that library.
    // If a constructor found it, the library may be gone: then the address is in no library, which `keep_found` allows.
    services.add_found(unsafe { crate::unload::dependencies::keep_found(symbol) });
}

/// Does nothing: only plugins that can be unmapped report the libraries that they open.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
unsafe extern "C" fn library_opened(_: *const c_void, _: *mut c_void) {}

/// As above.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
unsafe extern "C" fn symbol_found(_: *const c_void, _: *const c_void) {}

unsafe extern "C" fn exit(status: c_int) -> ! {
    std::process::exit(status)
}

unsafe extern "C" fn thread_atexit(library: *const c_void, destructor: Destructor, object: *mut c_void) -> c_int {
    // SAFETY: the library passes back its `HostServices::library`.
    unsafe { services(library) }.threads.add_destructor(destructor, object);
    0
}

unsafe extern "C" fn key_create(library: *const c_void, key: *mut u32, destructor: Option<Destructor>) -> c_int {
    // SAFETY: the library passes back its `HostServices::library`. `key` is valid for a write, because it is the argument of
    // the plugin's own call of `pthread_key_create`.
    unsafe { services(library).threads.create_key(key, destructor) }
}

unsafe extern "C" fn key_adopt(library: *const c_void, key: u32, destructor: Option<Destructor>) {
    // SAFETY: the library passes back its `HostServices::library`.
    unsafe { services(library) }.threads.adopt_key(key, destructor);
}

unsafe extern "C" fn key_delete(library: *const c_void, key: u32) -> c_int {
    // SAFETY: the library passes back its `HostServices::library`.
    unsafe { services(library) }.threads.delete_key(key)
}

unsafe extern "C" fn key_set(library: *const c_void, key: u32, value: *const c_void) -> c_int {
    // SAFETY: the library passes back its `HostServices::library`.
    unsafe { services(library) }.threads.set_key(key, value)
}

/// Returns the beginning of a plugin's name, as long as the kernel allows for the name of a thread.
fn thread_name(plugin: &str) -> &str {
    const MAX_BYTES: usize = 15;
    let end = (0..=MAX_BYTES.min(plugin.len())).rev().find(|&end| plugin.is_char_boundary(end)).unwrap_or_default();
    &plugin[..end]
}

#[cfg(target_os = "linux")]
unsafe extern "C" fn thread_create(
    library: *const c_void,
    thread: *mut c_void,
    attributes: *const c_void,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    struct Task {
        threads: Arc<Threads>,
        number: u64,
        name: CString,
        start: Start,
        argument: *mut c_void,
    }

    // `start` may leave by `pthread_exit`, which unwinds. By then this function has no value left to drop. The host notes the
    // end of the thread with a thread-local, as it does for its own threads.
    unsafe extern "C-unwind" fn run(task: *mut c_void) -> *mut c_void {
        // SAFETY: `thread_create` has boxed the task below. It gives up the box when the thread is started, and the C library
        // runs this function once.
        let Task { threads, number, name, start, argument } = *unsafe { Box::from_raw(task.cast::<Task>()) };
        // Otherwise a thread without a name gets the name of the thread that starts it, usually the program's.
        // SAFETY: the thread is this one, so it exists, and a `CString` ends with NUL.
        unsafe { libc::pthread_setname_np(libc::pthread_self(), name.as_ptr()) };
        crate::services::crash::prepare_thread();
        threads.thread_runs(number);
        drop((threads, name));
        // SAFETY: the two types differ only in whether the function may unwind. The new type allows it, so it claims less.
        let start =
            unsafe { std::mem::transmute::<Start, unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void>(start) };
        // SAFETY: the plugin has passed this function with this argument to `pthread_create`, to be called once. The library
        // is mapped: `Threads` counts this thread as running until `AT_EXIT` is destroyed, and closes no library until then.
        unsafe { start(argument) }
    }

    /// The type of a thread's function in the libc crate. The C library lets the function unwind all the same.
    type Run = extern "C" fn(*mut c_void) -> *mut c_void;

    // SAFETY: the library passes back its `HostServices::library`.
    let services = unsafe { services(library) };
    let threads = services.threads.clone();
    let name = CString::new(thread_name(&services.plugin)).unwrap_or_default();
    let number = threads.thread_starts();
    let task = Box::into_raw(Box::new(Task { threads, number, name, start, argument }));
    let run: unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void = run;
    // SAFETY: the two types differ only in whether the function may unwind and in `unsafe`. Only the C library calls it, as C
    // code, which has neither.
    let run = unsafe { std::mem::transmute::<unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void, Run>(run) };
    // SAFETY: `thread` and `attributes` are the arguments of the plugin's own call of `pthread_create`, which waits for this.
    // `run` takes the boxed task as its argument.
    let error = unsafe { libc::pthread_create(thread.cast(), attributes.cast(), run, task.cast()) };
    if error != 0 {
        // SAFETY: the task was boxed above. `run` has not taken it, because the C library has started no thread.
        unsafe { Box::from_raw(task) }.threads.thread_ended(number);
    }
    error
}

#[cfg(not(target_os = "linux"))]
unsafe extern "C" fn thread_create(
    _: *const c_void,
    _: *mut c_void,
    _: *const c_void,
    _: Start,
    _: *mut c_void,
) -> c_int {
    // Plugins ask for this only on Linux.
    const ENOSYS: c_int = 38;
    ENOSYS
}
