//! What the host does for an attached library: [`HostServices`], and what they work on.

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use plugin_core::Fault;
use plugin_core::fault::{FaultRepr, discard};
use plugin_core::table::{HostMemory, HostServices, common_allocator};

use crate::memory::{self, Blocks, Leak, LeakHandler, Memory};
use crate::threads::{Destructor, Start, Threads};

/// Takes the faults that no call returns; without one, they are printed.
pub(crate) type FaultHandler = Option<Arc<dyn Fn(&Fault) + Send + Sync>>;

/// Runs the host's handler, or prints.
fn handle(handler: &FaultHandler, fault: &Fault) {
    match handler {
        Some(handler) => {
            // What becomes of the host's handler is not the plugin's affair.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| handler(fault))) {
                discard(payload);
                eprintln!("the fault handler panicked on: {fault}");
            }
        }
        None => eprintln!("{fault}"),
    }
}

/// Tells the host's handler what a plugin left.
pub(crate) fn handle_leak(handler: &LeakHandler, leak: &Leak) {
    let Some(handler) = handler else { return };
    // This may be a thread's end, where a panic ends the process.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| handler(leak))) {
        discard(payload);
        eprintln!("the leak handler panicked on {} bytes of plugin `{}`", leak.bytes, leak.plugin);
    }
}

/// Runs `task` on a thread of the host's own.
///
/// A stray fault is reported from within the plugin: in its panic hook, or while it destroys a thread-local. A handler
/// that drops the plugin's last handle must not run there.
fn run_apart(task: impl FnOnce() + Send + 'static) {
    type Task = Box<dyn FnOnce() + Send>;
    static QUEUE: OnceLock<Mutex<Sender<Task>>> = OnceLock::new();
    let queue = QUEUE.get_or_init(|| {
        let (queue, tasks) = channel::<Task>();
        let thread = std::thread::Builder::new().name("plugin faults".to_owned());
        if let Err(error) = thread.spawn(move || tasks.into_iter().for_each(|task| task())) {
            eprintln!("the faults of plugins go unheard: no thread to report them from: {error}");
        }
        Mutex::new(queue)
    });
    // If there is no thread, that has been said.
    _ = queue.lock().unwrap_or_else(PoisonError::into_inner).send(Box::new(task));
}

/// The services of one library. Its address is the library's name for itself, so it does not move.
pub(crate) struct Services {
    table: HostServices,
    memory: HostMemory,
    plugin: String,
    on_fault: FaultHandler,
    pub(crate) threads: Arc<Threads>,
    /// What the library has of the host's memory, if that is tracked.
    pub(crate) blocks: Option<Blocks>,
}

// SAFETY: the raw pointers in `table` and `memory` are the addresses of this very struct and of a part of it.
unsafe impl Send for Services {}
// SAFETY: as above; everything else is.
unsafe impl Sync for Services {}

impl Services {
    pub(crate) fn new(plugin: String, backtraces: bool, memory: Memory, on_fault: FaultHandler) -> Arc<Self> {
        let (common, is_common) = common_allocator();
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
                // SAFETY: the place of a part of what is being made.
                memory: unsafe { &raw const (*this.as_ptr()).memory },
            },
            memory: memory::lent(memory, this.as_ptr().cast(), is_common),
            plugin,
            on_fault,
            threads: Arc::default(),
            blocks: (memory == Memory::Tracked).then(Blocks::default),
        })
    }

    /// What the library is given.
    pub(crate) fn table(&self) -> &HostServices {
        &self.table
    }

    /// The plugin's name.
    pub(crate) fn plugin(&self) -> &str {
        &self.plugin
    }

    /// Reports what went wrong in the hook `what`.
    pub(crate) fn report(&self, mut fault: Fault, what: &str) {
        fault.export = Some(format!("{}::{what}", self.plugin));
        handle(&self.on_fault, &fault);
    }

    /// Frees what the library left of the host's memory. What of it the plugin leaked is returned.
    ///
    /// # Safety
    ///
    /// The library is unmapped.
    pub(crate) unsafe fn reclaim(&self) -> Option<Leak> {
        // SAFETY: the caller's promise.
        let (blocks, bytes) = unsafe { self.blocks.as_ref()?.free_all() };
        (blocks != 0).then(|| Leak { plugin: self.plugin.clone(), blocks, bytes })
    }

    /// Reports a fault from within the plugin.
    fn report_stray(&self, mut fault: Fault) {
        fault.export = Some(self.plugin.clone());
        if self.on_fault.is_none() {
            handle(&None, &fault);
        } else {
            let handler = self.on_fault.clone();
            run_apart(move || handle(&handler, &fault));
        }
    }
}

/// # Safety
///
/// `library` is what [`Services::new`] wrote into the table of services that are still there.
pub(crate) unsafe fn services<'a>(library: *const c_void) -> &'a Services {
    // SAFETY: the caller's promise.
    unsafe { &*library.cast::<Services>() }
}

unsafe extern "C" fn stray_fault(library: *const c_void, fault: *mut FaultRepr) {
    // SAFETY: called by an attached library with its own services and a fault of its own.
    let (services, fault) = unsafe { (services(library), FaultRepr::take(fault)) };
    services.report_stray(fault);
}

unsafe extern "C" fn thread_atexit(library: *const c_void, destructor: Destructor, object: *mut c_void) -> c_int {
    // SAFETY: called by an attached library with its own services.
    unsafe { services(library) }.threads.add_destructor(destructor, object);
    0
}

unsafe extern "C" fn key_create(library: *const c_void, key: *mut u32, destructor: Option<Destructor>) -> c_int {
    // SAFETY: called by an attached library with its own services.
    unsafe { services(library) }.threads.create_key(key, destructor)
}

unsafe extern "C" fn key_delete(library: *const c_void, key: u32) -> c_int {
    // SAFETY: called by an attached library with its own services.
    unsafe { services(library) }.threads.delete_key(key)
}

unsafe extern "C" fn key_set(library: *const c_void, key: u32, value: *const c_void) -> c_int {
    // SAFETY: called by an attached library with its own services.
    unsafe { services(library) }.threads.set_key(key, value)
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
        start: Start,
        argument: *mut c_void,
    }

    extern "C" fn run(task: *mut c_void) -> *mut c_void {
        // SAFETY: boxed below, and run once.
        let task = unsafe { Box::from_raw(task.cast::<Task>()) };
        task.threads.thread_runs(task.number);
        // SAFETY: what the plugin asked for; the count of running threads keeps its library.
        let result = unsafe { (task.start)(task.argument) };
        // Now, while the thread still counts as running: after that, the library may be gone.
        task.threads.run_destructors();
        task.threads.thread_ended(task.number);
        result
    }

    // SAFETY: called by an attached library with its own services.
    let threads = unsafe { services(library) }.threads.clone();
    let number = threads.thread_starts();
    let task = Box::into_raw(Box::new(Task { threads, number, start, argument }));
    // SAFETY: the arguments as the plugin gave them to `pthread_create`, but for the function and its argument.
    let error = unsafe { libc::pthread_create(thread.cast(), attributes.cast(), run, task.cast()) };
    if error != 0 {
        // SAFETY: the thread was not started, so the task is still ours.
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
