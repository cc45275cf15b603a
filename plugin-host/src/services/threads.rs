//! A plugin's threads, thread-specific keys and thread-local destructors, kept by the host.
//!
//! # The problem
//!
//! A library may be unmapped only if no code of it runs and no code of it will be called. But std and the C library call a
//! plugin later, without the host:
//!
//! - a thread that the plugin started runs the plugin's code;
//! - a thread that ends runs the destructors of the thread-locals that the plugin used on it. Any thread may have used some,
//!   also a thread of the host that only called an export;
//! - the same holds for values of the plugin's thread-specific keys.
//!
//! # The idea
//!
//! A plugin's std registers its threads, keys and destructors here instead of with the C library (see `plugin-core`,
//! `runtime/threads`). [`Threads`] has them all for one library:
//!
//! - `running` has the threads that the plugin started, `hooks` the hooks that run, `destroying` the threads that run
//!   destructors of the plugin, and `objects` the number of objects that have left the plugin after it was detached. If all
//!   four are empty, the library is *quiet*.
//! - The host's own thread-local [`AT_EXIT`] is destroyed when a thread ends. It runs the destructors that the plugin has
//!   registered for this thread.
//! - A library that is to be closed is closed when it is quiet: at once, or by the thread that makes it so
//!   ([`Threads::close_when_quiet`]).
//!
//! # Why nothing of a closed library is called
//!
//! - Each of the four changes under the lock of `state`, and the thread that sees them empty sets `closed` under the same
//!   lock. A thread checks `closed` and increases `destroying` under one lock, too. So either the thread counts before the
//!   library is closed, and the library waits for it, or it sees `closed` and runs no destructor.
//! - Threads and hooks are only begun by code that keeps the library: the plugin's own code, which runs on a thread that
//!   counts or in a call whose handle is alive, or the host, which has the library. The library is closed after the last
//!   handle is dropped.
//! - An object leaves a detached plugin from code of the plugin, which runs on a thread that counts, or in a call of another such
//!   object.
//! - A thread that the plugin started counts until the host's own thread-local is destroyed, after the plugin's last code on
//!   that thread.
//! - After the library is unmapped, destructors that other threads registered are dropped and not run, and the keys are
//!   deleted. The C library never had them: a key has no destructor there.

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

/// The threads, keys and destructors that one attached library has registered.
pub(crate) struct Threads {
    /// The name of the library's threads that it starts without a name.
    unnamed: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether the library is being closed or is closed. Then nothing of it may be called any more.
    closed: bool,
    /// Thread-local destructors by thread, in the order they were registered.
    destructors: HashMap<u64, Vec<(Destructor, Object)>>,
    /// The library's keys, and the destructors of their values.
    keys: HashMap<u32, Option<Destructor>>,
    /// The threads that the library started and that have not ended, by number. `None` until the thread itself has begun.
    running: HashMap<u64, Option<Running>>,
    /// The hooks that run, by number: the thread and the hook's name.
    hooks: HashMap<u64, (u64, String)>,
    /// The threads that are running destructors of the library.
    destroying: Vec<u64>,
    /// The number of objects that have left the library after it was detached.
    objects: usize,
    /// The function that closes the library when it is quiet. Returns true if the library is unmapped.
    close: Option<Box<dyn FnOnce() -> bool + Send>>,
}

/// A thread that has begun to run.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))] // Elsewhere the host starts none.
struct Running {
    /// The thread's [`this_thread`].
    thread: u64,
    /// The kernel's number of the thread.
    id: u32,
}

/// The value that a destructor destroys. Only the thread that registered the value uses it.
struct Object(*mut c_void);
// SAFETY: other threads only drop the pointer together with the map's entry. `run_destructors`, which uses it, takes the
// entries of its own thread (`this_thread`).
unsafe impl Send for Object {}

thread_local! {
    /// The host's own thread-local. Its destructor runs the plugins' destructors when the thread ends.
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
    /// The libraries that have registered something for this thread.
    libraries: RefCell<Vec<Arc<Threads>>>,
    /// The library that has started this thread, and the thread's number in `running`.
    started_by: RefCell<Option<(Arc<Threads>, u64)>>,
    /// The activity of a host that ends with this thread.
    #[cfg(feature = "watch")]
    activity: RefCell<Option<Activity>>,
}

/// Runs `f` for an activity, on a thread that ends afterwards. The activity ends after the destructors of all thread-locals
/// that plugins have used on the thread. Until they have run, they keep the plugins' libraries mapped.
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
        // This comes last: a thread that counts as running keeps its library mapped.
        if let Some((threads, number)) = self.started_by.take() {
            threads.run_destructors();
            threads.thread_ended(number);
        }
    }
}

/// Returns the number of this thread. No other thread ever has the same. Unlike `std::thread::current`, this works until the
/// very end of the thread.
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

/// Returns a number for a thread or for hooks. Each is returned once.
fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Describes a thread that runs. The thread's name is read now, because a thread gets its name only after it has started.
fn thread_of(running: Option<&Running>, unnamed: &str) -> PluginThread {
    let id = running.map(|running| running.id);
    let name = id.and_then(|id| std::fs::read_to_string(format!("/proc/self/task/{id}/comm")).ok());
    let name = name.map(|name| name.trim_end_matches('\n').to_owned());
    PluginThread { has_plugins_name: name.as_deref() == Some(unnamed), name, id }
}

/// The number of times that the end of a thread looks for destructors which other destructors have registered.
const MAX_ROUNDS: usize = 16;

impl Threads {
    /// Returns the registry of a library that has registered nothing yet. `unnamed` is the name of the threads
    /// that the library starts without a name.
    pub(crate) fn new(unnamed: &str) -> Self {
        Threads { unnamed: unnamed.to_owned(), state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it is locked.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Makes the end of this thread call [`run_destructors`](Self::run_destructors). On a thread that is ending already this
    /// is too late, and the destructors never run.
    fn hear_of_exit(self: &Arc<Self>) {
        _ = AT_EXIT.try_with(|at_exit| {
            let mut libraries = at_exit.libraries.borrow_mut();
            if !libraries.iter().any(|known| Arc::ptr_eq(known, self)) {
                // A library that only this list still has is unmapped.
                libraries.retain(|known| Arc::strong_count(known) > 1);
                libraries.push(self.clone());
            }
        });
    }

    /// Undoes [`hear_of_exit`](Self::hear_of_exit).
    fn hear_nothing(self: &Arc<Self>) {
        _ = AT_EXIT.try_with(|at_exit| {
            let mut libraries = at_exit.libraries.borrow_mut();
            let place = libraries.iter().position(|known| Arc::ptr_eq(known, self));
            let known = place.map(|place| libraries.swap_remove(place));
            drop(libraries);
            // Dropped after the borrow ends.
            drop(known);
        });
    }

    /// Registers a destructor of a thread-local of this thread.
    pub(crate) fn add_destructor(self: &Arc<Self>, destructor: Destructor, object: *mut c_void) {
        let thread = this_thread();
        let mut state = self.lock();
        state.destructors.entry(thread).or_default().push((destructor, Object(object)));
        drop(state);
        self.hear_of_exit();
    }

    /// Runs the destructors that the library has registered for this thread, when the library is detached on it.
    ///
    /// If the thread [is inside](Self::is_inside) the library, it may use its thread-locals. Then the destructors run when the thread
    /// ends.
    pub(crate) fn run_destructors_at_detach(&self) {
        if !self.is_inside() {
            self.run_destructors();
        }
    }

    /// Returns true if this thread is in the library's code by another way than a call: the library started the thread, or the thread
    /// runs a hook or a destructor of the library.
    pub(crate) fn is_inside(&self) -> bool {
        let thread = this_thread();
        let state = self.lock();
        let started = state.running.values().flatten().map(|running| running.thread);
        let hooks = state.hooks.values().map(|(thread, _)| *thread);
        started.chain(hooks).chain(state.destroying.iter().copied()).any(|inside| inside == thread)
    }

    /// Notes that an object leaves the library, which is detached.
    pub(crate) fn object_leaves(&self) {
        self.lock().objects += 1;
    }

    /// Notes that an object which left the library is gone.
    pub(crate) fn object_is_gone(&self) {
        let mut state = self.lock();
        state.objects -= 1;
        self.close_if_quiet(state);
    }

    /// Runs the destructors that the library has registered for this thread, unless the library is closed.
    pub(crate) fn run_destructors(&self) {
        let thread = this_thread();
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.destroying.push(thread);
        for _ in 0..MAX_ROUNDS {
            let mut ran = false;
            while let Some((destructor, object)) = state.destructors.get_mut(&thread).and_then(Vec::pop) {
                drop(state);
                // SAFETY: the library has registered the destructor for this object and for this thread (`add_destructor`). It runs
                // once, because `pop` took it off the list. `destroying` is not empty, so `close_if_quiet` keeps the library mapped.
                unsafe { destructor(object.0) };
                state = self.lock();
                ran = true;
            }
            for (destructor, value) in keys::take_values(&state.keys) {
                drop(state);
                // SAFETY: the library has given the destructor with this key (`create_key`, `adopt_key`). This thread has set the
                // value, and `take_values` has set the key to null, so it runs once. `destroying` keeps the library mapped.
                unsafe { destructor(value) };
                state = self.lock();
                ran = true;
            }
            if !ran {
                break;
            }
        }
        state.destructors.remove(&thread);
        let place = state.destroying.iter().rposition(|destroying| *destroying == thread);
        place.map(|place| state.destroying.remove(place));
        self.close_if_quiet(state);
    }

    /// Creates a key, and writes it to `key`.
    ///
    /// # Safety
    ///
    /// `key` is valid for a write.
    pub(crate) unsafe fn create_key(&self, key: *mut u32, destructor: Option<Destructor>) -> c_int {
        let (error, created) = keys::create();
        if error == 0 {
            // SAFETY: `key` is valid for a write, as this function demands.
            unsafe { key.write(created) };
            self.lock().keys.insert(created, destructor);
        }
        error
    }

    /// Takes over a key that the library created before it was bound to the host. This thread may have set a value.
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

    /// Notes that the library is about to start a thread. Returns the thread's number.
    #[cfg(target_os = "linux")]
    pub(crate) fn thread_starts(&self) -> u64 {
        let number = next_number();
        self.lock().running.insert(number, None);
        number
    }

    /// Notes that the thread with this number has begun, and is the current one. [`AT_EXIT`] notes its end.
    #[cfg(target_os = "linux")]
    pub(crate) fn thread_runs(self: &Arc<Self>, number: u64) {
        AT_EXIT.with(|at_exit| at_exit.started_by.replace(Some((self.clone(), number))));
        // SAFETY: `gettid` has no arguments, touches no memory, and always succeeds.
        let id = unsafe { libc::syscall(libc::SYS_gettid) };
        let running = Running { thread: this_thread(), id: id.try_into().unwrap_or_default() };
        self.lock().running.insert(number, Some(running));
    }

    /// Notes that a thread of the library has ended, or could not be started.
    pub(crate) fn thread_ended(&self, number: u64) {
        let mut state = self.lock();
        state.running.remove(&number);
        self.close_if_quiet(state);
    }

    /// Notes that hooks of the library begin to run. The library is not closed before the returned value is dropped.
    pub(crate) fn hooks_start(self: &Arc<Self>) -> RunningHooks {
        let number = next_number();
        self.lock().hooks.insert(number, (this_thread(), String::new()));
        RunningHooks { threads: self.clone(), number }
    }

    /// Returns the reasons for which the library is not closed yet. `objects` is the reason of objects, if there are any.
    pub(crate) fn running_reasons(&self, objects: Option<PinReason>) -> Vec<PinReason> {
        // The lock stays: a thread could end while its name is read, and the kernel could give its number to another thread.
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
        if !state.destroying.is_empty() {
            reasons.push(PinReason::Ending { count: state.destroying.len() });
        }
        reasons.extend(objects);
        if reasons.is_empty() {
            reasons.push(PinReason::Closing);
        }
        reasons
    }

    /// Calls `close` as soon as the library is quiet: now, or on the thread that ends the last use.
    ///
    /// `close` returns true if the library is unmapped. Only then are its keys deleted. Code that the host does not know of may
    /// still call a library that stays mapped. If its keys were deleted, the C library could give them to other code, and the
    /// library would find values of that code.
    ///
    /// This function never waits, because code that it would have to wait for may call it.
    pub(crate) fn close_when_quiet(&self, close: impl FnOnce() -> bool + Send + 'static) {
        let mut state = self.lock();
        state.close = Some(Box::new(close));
        self.close_if_quiet(state);
    }

    fn close_if_quiet(&self, mut state: MutexGuard<'_, State>) {
        let is_running = !state.running.is_empty() || !state.hooks.is_empty() || !state.destroying.is_empty();
        if is_running || state.objects != 0 {
            return;
        }
        let Some(close) = state.close.take() else { return };
        // From here on, a thread that ends runs no destructor of the library.
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

/// Hooks of a library that run. The library is not closed while this value exists. Dropping it may close the library.
pub(crate) struct RunningHooks {
    threads: Arc<Threads>,
    number: u64,
}

impl RunningHooks {
    /// Notes that this hook runs now on this thread.
    pub(crate) fn begin(&self, hook: &str) {
        self.threads.lock().hooks.insert(self.number, (this_thread(), hook.to_owned()));
    }

    /// Runs the destructors of the thread-locals that the hooks have used on this thread, if the host started the thread for
    /// the hooks. The thread ends after its hooks, when the library may be closed, so the library is not told of the end.
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
        // SAFETY: `key` is valid for the write of a key. The C library gets no destructor, so it calls nothing of the library.
        let error = unsafe { libc::pthread_key_create(&raw mut key, None) };
        (error, key)
    }

    pub(super) fn delete(key: u32) -> c_int {
        // SAFETY: no other code uses the key: it is one of the plugin's keys, or the argument of the plugin's own call of
        // `pthread_key_delete`. The C library refuses a number that is not a key.
        unsafe { libc::pthread_key_delete(key) }
    }

    pub(super) fn set(key: u32, value: *const c_void) -> c_int {
        // SAFETY: the key is the plugin's: `key_set` passes the arguments of the plugin's own call of `pthread_setspecific`, and
        // `take_values` passes a key from the plugin's list. The C library refuses a number that is not a key.
        unsafe { libc::pthread_setspecific(key, value) }
    }

    /// Takes this thread's values that have a destructor.
    pub(super) fn take_values(keys: &HashMap<u32, Option<Destructor>>) -> Vec<(Destructor, *mut c_void)> {
        let mut taken = Vec::new();
        for (&key, &destructor) in keys {
            // SAFETY: `keys` has only keys that the library has created and not deleted (`create_key`, `delete_key`), so the key
            // exists, and its value is the library's own.
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
