//! What the host does for an attached library: [`HostServices`], and what they work on.

use std::ffi::{c_int, c_void};
use std::sync::Arc;

use plugin_core::Fault;
use plugin_core::fault::FaultRepr;
use plugin_core::table::HostServices;

use crate::threads::{Destructor, Start, Threads};

/// Takes the faults that no call returns.
pub(crate) type FaultHandler = Arc<dyn Fn(&Fault) + Send + Sync>;

/// The services of one library. Its address is the library's name for itself, so it does not move.
pub(crate) struct Services {
    table: HostServices,
    plugin: String,
    on_fault: FaultHandler,
    pub(crate) threads: Arc<Threads>,
}

// SAFETY: the raw pointer in `table` is the address of this very struct.
unsafe impl Send for Services {}
// SAFETY: as above; everything else is.
unsafe impl Sync for Services {}

impl Services {
    pub(crate) fn new(plugin: String, backtraces: bool, on_fault: FaultHandler) -> Arc<Self> {
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
            },
            plugin,
            on_fault,
            threads: Arc::default(),
        })
    }

    /// What the library is given.
    pub(crate) fn table(&self) -> &HostServices {
        &self.table
    }

    /// Reports a fault that no call returns; `what` of the plugin's it happened in.
    pub(crate) fn report(&self, mut fault: Fault, what: &str) {
        fault.export = Some(format!("{}::{what}", self.plugin));
        // The handler is the host's own code, but may be called from a thread of the plugin's, where no panic may leave.
        let handled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (self.on_fault)(&fault)));
        if handled.is_err() {
            eprintln!("the fault handler panicked on: {fault}");
        }
    }
}

/// # Safety
///
/// `library` is what [`Services::new`] wrote into the table of services that are still there.
unsafe fn services<'a>(library: *const c_void) -> &'a Services {
    // SAFETY: the caller's promise.
    unsafe { &*library.cast::<Services>() }
}

unsafe extern "C" fn stray_fault(library: *const c_void, fault: *mut FaultRepr) {
    // SAFETY: called by an attached library with its own services and a fault of its own.
    let (services, fault) = unsafe { (services(library), FaultRepr::take(fault)) };
    services.report(fault, "(outside a call)");
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
        start: Start,
        argument: *mut c_void,
    }

    extern "C" fn run(task: *mut c_void) -> *mut c_void {
        // SAFETY: boxed below, and run once.
        let task = unsafe { Box::from_raw(task.cast::<Task>()) };
        // SAFETY: what the plugin asked for; the count of running threads keeps its library.
        let result = unsafe { (task.start)(task.argument) };
        // Now, while the thread still counts as running: after that, the library may be gone.
        task.threads.run_destructors();
        task.threads.thread_ended();
        result
    }

    // SAFETY: called by an attached library with its own services.
    let threads = unsafe { services(library) }.threads.clone();
    threads.thread_starts();
    let task = Box::into_raw(Box::new(Task { threads, start, argument }));
    // SAFETY: the arguments as the plugin gave them to `pthread_create`, but for the function and its argument.
    let error = unsafe { libc::pthread_create(thread.cast(), attributes.cast(), run, task.cast()) };
    if error != 0 {
        // SAFETY: the thread was not started, so the task is still ours.
        unsafe { Box::from_raw(task) }.threads.thread_ended();
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
