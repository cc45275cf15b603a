//! A plugin's threads, thread-specific keys and thread-local destructors, kept by the host.
//!
//! A plugin's std registers these here instead of with the C library (see `plugin-core`, `runtime/threads.rs`), so
//! that a library can be closed without anything left that calls into it: what other threads registered is dropped
//! unrun, keys are deleted, and while threads of the plugin's own run, the library stays.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::unload::pin::{PinReason, PluginThread};
#[cfg(feature = "watch")]
use crate::work::activity::Activity;
use crate::work::timeout::Steps;

pub(crate) type Destructor = unsafe extern "C" fn(*mut c_void);
pub(crate) type Start = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

/// What one attached library has registered.
pub(crate) struct Threads {
    /// The name that the library's threads have which it gives none.
    unnamed: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Set once nothing of the library may be called any more.
    closed: bool,
    /// Thread-local destructors by thread, in the order they were registered.
    destructors: HashMap<u64, Vec<(Destructor, Object)>>,
    /// The library's keys, and what destroys their values.
    keys: HashMap<u32, Option<Destructor>>,
    /// The threads that the library started and that still run.
    running: HashMap<u64, Option<Running>>,
    /// The hooks that run, by numbers, with the threads that they run on.
    hooks: HashMap<u64, (u64, String)>,
    /// How many threads are running destructors of the library's.
    destroying: usize,
    /// What to do once nothing of the library runs. It returns whether the library is gone.
    close: Option<Box<dyn FnOnce() -> bool + Send>>,
}

/// A thread that has come to run. Before that, nothing is known of it.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))] // Elsewhere the host starts none.
struct Running {
    /// [`this_thread`] of it.
    thread: u64,
    /// What the system calls it.
    id: u32,
}

/// The value that a destructor is for; used only on the thread it came from.
struct Object(*mut c_void);
// SAFETY: carried in a map that other threads only clear.
unsafe impl Send for Object {}

thread_local! {
    /// The libraries that must hear of this thread's end.
    static AT_EXIT: AtExit = const {
        AtExit {
            libraries: RefCell::new(Vec::new()),
            started_by: RefCell::new(None),
            #[cfg(feature = "watch")]
            activity: RefCell::new(None),
        }
    };
}

struct AtExit {
    libraries: RefCell<Vec<Arc<Threads>>>,
    /// The library that has started this thread, and the thread's number there.
    started_by: RefCell<Option<(Arc<Threads>, u64)>>,
    /// The activity that ends with this thread, which is a host's.
    #[cfg(feature = "watch")]
    activity: RefCell<Option<Activity>>,
}

/// Runs `f` for an activity, on this thread, which then ends. The activity ends with the thread, after all that a plugin has
/// left on the thread: until then, the plugin's library stays mapped.
#[cfg(feature = "watch")]
pub(crate) fn run_to_the_end(activity: Activity, f: impl FnOnce()) {
    let activities = activity.activities().clone();
    AT_EXIT.with(|at_exit| at_exit.activity.replace(Some(activity)));
    activities.on_own_thread(f);
}

impl Drop for AtExit {
    fn drop(&mut self) {
        for threads in self.libraries.take() {
            threads.run_destructors();
        }
        // The last: until then, the thread counts as running, which keeps its library.
        if let Some((threads, number)) = self.started_by.take() {
            threads.run_destructors();
            threads.thread_ended(number);
        }
    }
}

/// A number that no other thread has or will have. Unlike std's, it is there to the very end of the thread.
fn this_thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        number.get()
    })
}

/// A number that nothing else has.
fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What can be told of a thread that runs. Its name is read now: a thread is named after it has been started.
fn thread_of(running: Option<&Running>, unnamed: &str) -> PluginThread {
    let id = running.map(|running| running.id);
    let name = id.and_then(|id| std::fs::read_to_string(format!("/proc/self/task/{id}/comm")).ok());
    let name = name.map(|name| name.trim_end_matches('\n').to_owned());
    PluginThread { has_plugins_name: name.as_deref() == Some(unnamed), name, id }
}

/// How often a thread's end looks for destructors that other destructors have registered.
const MAX_ROUNDS: usize = 16;

impl Threads {
    /// Nothing is registered yet. The threads that the library gives no name have this one.
    pub(crate) fn new(unnamed: &str) -> Self {
        Threads { unnamed: unnamed.to_owned(), state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is locked.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Has [`run_destructors`](Self::run_destructors) called when this thread ends. On a thread that is ending already
    /// it is not, and what is registered stays unrun.
    fn hear_of_exit(self: &Arc<Self>) {
        _ = AT_EXIT.try_with(|at_exit| {
            let mut libraries = at_exit.libraries.borrow_mut();
            if !libraries.iter().any(|known| Arc::ptr_eq(known, self)) {
                // Those that are gone have nothing more to hear.
                libraries.retain(|known| Arc::strong_count(known) > 1);
                libraries.push(self.clone());
            }
        });
    }

    /// Has nothing called when this thread ends.
    fn hear_nothing(self: &Arc<Self>) {
        _ = AT_EXIT.try_with(|at_exit| {
            let mut libraries = at_exit.libraries.borrow_mut();
            let place = libraries.iter().position(|known| Arc::ptr_eq(known, self));
            let known = place.map(|place| libraries.swap_remove(place));
            drop(libraries);
            // Not while they are borrowed.
            drop(known);
        });
    }

    pub(crate) fn add_destructor(self: &Arc<Self>, destructor: Destructor, object: *mut c_void) {
        let thread = this_thread();
        let mut state = self.lock();
        state.destructors.entry(thread).or_default().push((destructor, Object(object)));
        drop(state);
        self.hear_of_exit();
    }

    /// Runs what the library has registered for this thread, unless this is a thread that the library started, or one that
    /// runs its hooks: that one is still in the library's code, and runs them when it ends.
    pub(crate) fn run_destructors_at_detach(&self) {
        let thread = this_thread();
        let state = self.lock();
        let mut inside = state.running.values().flatten().map(|running| running.thread);
        let mut inside_hooks = state.hooks.values().map(|(thread, _)| *thread);
        let is_inside = inside.any(|inside| inside == thread) || inside_hooks.any(|inside| inside == thread);
        drop((inside, inside_hooks));
        drop(state);
        if !is_inside {
            self.run_destructors();
        }
    }

    /// Runs what the library has registered for this thread.
    pub(crate) fn run_destructors(&self) {
        let thread = this_thread();
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.destroying += 1;
        for _ in 0..MAX_ROUNDS {
            let mut ran = false;
            while let Some((destructor, object)) = state.destructors.get_mut(&thread).and_then(Vec::pop) {
                drop(state);
                // SAFETY: registered for this thread and run once; `destroying` keeps the library.
                unsafe { destructor(object.0) };
                state = self.lock();
                ran = true;
            }
            for (destructor, value) in keys::take_values(&state.keys) {
                drop(state);
                // SAFETY: as above, for the value that this thread had set.
                unsafe { destructor(value) };
                state = self.lock();
                ran = true;
            }
            if !ran {
                break;
            }
        }
        state.destructors.remove(&thread);
        state.destroying -= 1;
        self.close_if_quiet(state);
    }

    pub(crate) fn create_key(&self, key: *mut u32, destructor: Option<Destructor>) -> c_int {
        let (error, created) = keys::create();
        if error == 0 {
            // SAFETY: the caller of `pthread_key_create` says where the key goes.
            unsafe { key.write(created) };
            self.lock().keys.insert(created, destructor);
        }
        error
    }

    /// Takes over a key that the library has made before there was a host. This thread may have a value of it.
    pub(crate) fn adopt_key(self: &Arc<Self>, key: u32, destructor: Option<Destructor>) {
        self.lock().keys.insert(key, destructor);
        self.hear_of_exit();
    }

    pub(crate) fn delete_key(&self, key: u32) -> c_int {
        self.lock().keys.remove(&key);
        keys::delete(key)
    }

    pub(crate) fn set_key(self: &Arc<Self>, key: u32, value: *const c_void) -> c_int {
        if !value.is_null() {
            self.hear_of_exit();
        }
        keys::set(key, value)
    }

    /// Notes that the library starts a thread, and gives it a number.
    #[cfg(target_os = "linux")]
    pub(crate) fn thread_starts(&self) -> u64 {
        let number = next_number();
        self.lock().running.insert(number, None);
        number
    }

    /// Notes that this is the thread of that number, which has just begun. Its end is noted by itself.
    #[cfg(target_os = "linux")]
    pub(crate) fn thread_runs(self: &Arc<Self>, number: u64) {
        AT_EXIT.with(|at_exit| at_exit.started_by.replace(Some((self.clone(), number))));
        // SAFETY: it has no arguments, and always succeeds.
        let id = unsafe { libc::syscall(libc::SYS_gettid) };
        let running = Running { thread: this_thread(), id: id.try_into().unwrap_or_default() };
        self.lock().running.insert(number, Some(running));
    }

    /// Notes that a thread of the library's has ended, or was not started after all.
    pub(crate) fn thread_ended(&self, number: u64) {
        let mut state = self.lock();
        state.running.remove(&number);
        self.close_if_quiet(state);
    }

    /// Notes that hooks of the library's begin to run, which keeps it from being closed until they have ended.
    pub(crate) fn hooks_start(self: &Arc<Self>) -> RunningHooks {
        let number = next_number();
        self.lock().hooks.insert(number, (this_thread(), String::new()));
        RunningHooks { threads: self.clone(), number }
    }

    /// Why it is not closed yet.
    pub(crate) fn what_runs(&self) -> Vec<PinReason> {
        // Locked, so that no thread ends while its name is read, and another gets its number.
        let state = self.lock();
        let mut reasons = Vec::new();
        if !state.running.is_empty() {
            let mut threads: Vec<_> =
                state.running.values().map(|running| thread_of(running.as_ref(), &self.unnamed)).collect();
            threads.sort_by_key(|thread| (thread.id.is_none(), thread.id));
            reasons.push(PinReason::Threads { threads });
        }
        let mut hooks: Vec<_> = state.hooks.values().map(|(_, hook)| hook.clone()).collect();
        hooks.sort();
        reasons.extend(hooks.into_iter().map(|hook| PinReason::Hook { hook }));
        if state.destroying != 0 {
            reasons.push(PinReason::Ending { count: state.destroying });
        }
        if reasons.is_empty() {
            reasons.push(PinReason::Closing);
        }
        reasons
    }

    /// Has `close` called as soon as nothing of the library runs: now, or at the end of the last that does.
    ///
    /// `close` returns whether the library is gone. Only then are its keys deleted: a library that stays may be called by
    /// something that the host does not know of, and must not meet another's values under its keys.
    ///
    /// It never waits: this may be called from what it would wait for.
    pub(crate) fn close_when_quiet(&self, close: impl FnOnce() -> bool + Send + 'static) {
        let mut state = self.lock();
        state.close = Some(Box::new(close));
        self.close_if_quiet(state);
    }

    fn close_if_quiet(&self, mut state: MutexGuard<'_, State>) {
        if !state.running.is_empty() || !state.hooks.is_empty() || state.destroying != 0 {
            return;
        }
        let Some(close) = state.close.take() else { return };
        // From here on, the ends of threads run nothing of the library's.
        state.closed = true;
        drop(state);
        let gone = close();
        let mut state = self.lock();
        if !gone {
            state.closed = false;
            return;
        }
        state.destructors.clear();
        for (key, _) in state.keys.drain() {
            keys::delete(key);
        }
    }
}

/// Hooks of a library's that run. While this is there, the library is not closed; dropping it may close the library.
pub(crate) struct RunningHooks {
    threads: Arc<Threads>,
    number: u64,
}

impl RunningHooks {
    /// Notes that this hook runs now, on this thread.
    pub(crate) fn begin(&self, hook: &str) {
        self.threads.lock().hooks.insert(self.number, (this_thread(), hook.to_owned()));
    }

    /// Runs the destructors of the thread-locals that the hooks have left on this thread, if it was started for them. The
    /// library then need not hear of the thread's end, which comes after the hooks have ended.
    pub(crate) fn clean_up(&self, steps: &Steps) {
        if steps.are_limited() {
            self.threads.run_destructors();
            self.threads.hear_nothing();
        }
    }
}

impl Drop for RunningHooks {
    fn drop(&mut self) {
        let mut state = self.threads.lock();
        state.hooks.remove(&self.number);
        self.threads.close_if_quiet(state);
    }
}

#[cfg(target_os = "linux")]
mod keys {
    use std::collections::HashMap;
    use std::ffi::{c_int, c_void};

    use crate::services::threads::Destructor;

    pub(super) fn create() -> (c_int, u32) {
        let mut key = 0;
        // SAFETY: a place for the key. Its values are destroyed by `run_destructors`, not by the C library.
        let error = unsafe { libc::pthread_key_create(&raw mut key, None) };
        (error, key)
    }

    pub(super) fn delete(key: u32) -> c_int {
        // SAFETY: a key that is not in use is refused.
        unsafe { libc::pthread_key_delete(key) }
    }

    pub(super) fn set(key: u32, value: *const c_void) -> c_int {
        // SAFETY: a key that is not in use is refused.
        unsafe { libc::pthread_setspecific(key, value) }
    }

    /// Takes this thread's values that have a destructor.
    pub(super) fn take_values(keys: &HashMap<u32, Option<Destructor>>) -> Vec<(Destructor, *mut c_void)> {
        let mut taken = Vec::new();
        for (&key, &destructor) in keys {
            // SAFETY: a key of the library's.
            let value = unsafe { libc::pthread_getspecific(key) };
            if let (false, Some(destructor)) = (value.is_null(), destructor) {
                set(key, std::ptr::null());
                taken.push((destructor, value));
            }
        }
        taken
    }
}

#[cfg(not(target_os = "linux"))]
mod keys {
    //! Plugins ask for keys only on Linux.

    use std::collections::HashMap;
    use std::ffi::{c_int, c_void};

    use crate::services::threads::Destructor;

    const ENOSYS: c_int = 38;

    pub(super) fn create() -> (c_int, u32) {
        (ENOSYS, 0)
    }

    pub(super) fn delete(_: u32) -> c_int {
        ENOSYS
    }

    pub(super) fn set(_: u32, _: *const c_void) -> c_int {
        ENOSYS
    }

    pub(super) fn take_values(_: &HashMap<u32, Option<Destructor>>) -> Vec<(Destructor, *mut c_void)> {
        Vec::new()
    }
}
