//! Exported `RwLock`s and `Mutex`es, locked, read and written from the host.
//!
//! While the host holds a lock for writing, the value is the host's, and moves back when the guard is dropped. While
//! the host holds a lock for reading, the plugin lends the value. In both cases the plugin's own lock is held, so no
//! code of the plugin sees the empty place or changes the value.

use std::ffi::c_void;
use std::fmt;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{
    LockResult, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError, TryLockResult,
};

use super::plugin_static::{PluginStatic, copied};
#[cfg(feature = "host")]
use crate::abi::LockedHead;
use crate::abi::{LockFunctions, LockRepr, LockedRepr, Outcome};
use crate::describe::{Node, Tag};
use crate::fault::boundary::contain;
use crate::fault::unwind::NoUnwind;
use crate::memory::Arena;
use crate::origin::Origin;
use crate::types::PluginType;

impl<R: Copy> LockRepr<R> {
    /// # Safety
    ///
    /// The library of the lock is still loaded.
    unsafe fn functions(&self) -> &LockFunctions<R> {
        // SAFETY: `lock_repr` made the pointer from a constant of the library, which is loaded (`# Safety`). The layout of the
        // table is the same for every `R`.
        unsafe { &*self.functions }
    }
}

/// Functions for a host that knows the type only from the descriptor. The layout of a `LockRepr` is the same for every
/// `R`.
#[cfg(feature = "host")]
#[doc(hidden)]
impl<R: Copy> LockRepr<R> {
    /// Waits for the lock, takes it for reading, and writes the outcome to an address. The outcome is a [`LockedRepr`]
    /// with the lent value.
    ///
    /// # Safety
    ///
    /// `outcome` has room for the outcome. The library of the lock is still loaded.
    pub unsafe fn read_to(&self, outcome: *mut c_void) {
        // SAFETY: the function gets the lock that came with it. By `# Safety`, `outcome` has room, and the library is
        // loaded.
        unsafe { (self.functions().read_to)(self.lock, 1, outcome) }
    }

    /// Releases the lock.
    ///
    /// # Safety
    ///
    /// `guard` came from [`read_to`](Self::read_to) on this thread, and is given back once. The library of the lock is
    /// still loaded.
    pub unsafe fn end_read(&self, guard: *mut c_void) {
        // SAFETY: by `# Safety`, `guard` came from `read_to` on this thread and is given back once, and the library is
        // loaded.
        unsafe { (self.functions().end_read)(guard) }
    }
}

#[cfg(feature = "host")]
impl LockedHead {
    /// Returns the offset in a [`LockedRepr`] of a value with this alignment.
    pub fn value_offset(align: usize) -> usize {
        (size_of::<*mut c_void>() + 1).next_multiple_of(align)
    }
}

impl<R: Copy> LockedRepr<R> {
    /// The lock was not taken.
    const NOT_TAKEN: Self = LockedRepr { guard: std::ptr::null_mut(), poisoned: 0, value: MaybeUninit::uninit() };

    fn taken<G>(guard: Box<G>, poisoned: u8, value: R) -> Self {
        LockedRepr { guard: Box::into_raw(guard).cast(), poisoned, value: MaybeUninit::new(value) }
    }
}

/// Returns the guard of a lock that was taken, and 1 if the lock is poisoned. Returns `None` if the lock was not taken.
fn apart<G>(result: TryLockResult<G>) -> Option<(G, u8)> {
    match result {
        Ok(guard) => Some((guard, 0)),
        Err(TryLockError::Poisoned(poisoned)) => Some((poisoned.into_inner(), 1)),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// A lock of std, as the plugin operates it. While the lock is held elsewhere, the functions wait only if `wait` is true.
trait Lock: 'static {
    type Value: PluginType;
    type Read: Deref<Target = Self::Value>;
    type Write: DerefMut<Target = Self::Value>;
    fn for_reading(&'static self, wait: bool) -> TryLockResult<Self::Read>;
    fn for_writing(&'static self, wait: bool) -> TryLockResult<Self::Write>;
}

impl<T: PluginType> Lock for RwLock<T> {
    type Value = T;
    type Read = RwLockReadGuard<'static, T>;
    type Write = RwLockWriteGuard<'static, T>;
    fn for_reading(&'static self, wait: bool) -> TryLockResult<Self::Read> {
        if wait { Ok(self.read()?) } else { self.try_read() }
    }
    fn for_writing(&'static self, wait: bool) -> TryLockResult<Self::Write> {
        if wait { Ok(self.write()?) } else { self.try_write() }
    }
}

impl<T: PluginType> Lock for Mutex<T> {
    type Value = T;
    type Read = MutexGuard<'static, T>;
    type Write = MutexGuard<'static, T>;
    fn for_reading(&'static self, wait: bool) -> TryLockResult<Self::Read> {
        self.for_writing(wait)
    }
    fn for_writing(&'static self, wait: bool) -> TryLockResult<Self::Write> {
        if wait { Ok(self.lock()?) } else { self.try_lock() }
    }
}

type ReprOf<L> = <<L as Lock>::Value as PluginType>::Repr;

unsafe extern "C" fn read<L: Lock>(lock: *const c_void, wait: u8) -> Outcome<LockedRepr<ReprOf<L>>> {
    // SAFETY: `lock_repr` passes this function with the address of a static lock of the type `L`, and the host passes
    // this address back.
    let lock: &'static L = unsafe { &*lock.cast() };
    contain(|| {
        let Some((guard, poisoned)) = apart(lock.for_reading(wait != 0)) else { return LockedRepr::NOT_TAKEN };
        let mut arena = Arena::new();
        let value = guard.lend(&mut arena);
        LockedRepr::taken(Box::new((arena, guard)), poisoned, value)
    })
}

unsafe extern "C" fn read_to<L: Lock>(lock: *const c_void, wait: u8, outcome: *mut c_void) {
    // SAFETY: `lock_repr` passes this function with the address of a static lock of the type `L`, and the host passes
    // this address back, as `read` asks. By `# Safety` of `LockRepr::read_to`, `outcome` has room.
    unsafe { outcome.cast::<Outcome<LockedRepr<ReprOf<L>>>>().write(read::<L>(lock, wait)) }
}

unsafe extern "C" fn end_read<L: Lock>(guard: *mut c_void) {
    // SAFETY: `read` leaked the box, and the host gives it back once: `HeldLock` in its drop, or a caller of
    // `LockRepr::end_read`.
    drop(unsafe { Box::from_raw(guard.cast::<(Arena, L::Read)>()) });
}

unsafe extern "C" fn write<L: Lock>(lock: *const c_void, wait: u8) -> Outcome<LockedRepr<ReprOf<L>>> {
    // SAFETY: `lock_repr` passes this function with the address of a static lock of the type `L`, and the host passes
    // this address back.
    let lock: &'static L = unsafe { &*lock.cast() };
    contain(|| {
        let Some((guard, poisoned)) = apart(lock.for_writing(wait != 0)) else { return LockedRepr::NOT_TAKEN };
        let guard = Box::new(guard);
        let no_unwind = NoUnwind;
        // SAFETY: the value moves out here, and back in `end_write`. The guard is held meanwhile, so no other code sees
        // the empty place. If a host never calls `end_write`, the lock is held for good.
        let value = unsafe { std::ptr::read(&raw const **guard) }.lower();
        std::mem::forget(no_unwind);
        LockedRepr::taken(guard, poisoned, value)
    })
}

unsafe extern "C" fn end_write<L: Lock>(guard: *mut c_void, value: ReprOf<L>, poison: u8) {
    // SAFETY: `write` leaked the box, and the host gives it back once, when `WriteGuard` is dropped.
    let mut guard = *unsafe { Box::from_raw(guard.cast::<L::Write>()) };
    // No panic leaves this function in any case. But a panic would first drop the guard, and other code would see the
    // empty place.
    let no_unwind = NoUnwind;
    // SAFETY: `write` emptied the place. The host lowered `value` from a value whose type fits, and it is lifted once.
    unsafe { std::ptr::write(&raw mut *guard, L::Value::lift(value, &Origin::HOST)) };
    std::mem::forget(no_unwind);
    if poison != 0 && cfg!(panic = "unwind") {
        // A lock of std is poisoned if its guard is dropped while the thread unwinds.
        let unwound = catch_unwind(AssertUnwindSafe(move || {
            let _guard = guard;
            resume_unwind(Box::new(()));
        }));
        drop(unwound);
    }
}

fn lock_repr<L: Lock>(lock: &'static L) -> LockRepr<ReprOf<L>> {
    let functions = const {
        &LockFunctions {
            size: size_of::<LockFunctions<ReprOf<L>>>(),
            read: read::<L>,
            write: write::<L>,
            end_read: end_read::<L>,
            end_write: end_write::<L>,
            read_to: read_to::<L>,
        }
    };
    LockRepr { lock: std::ptr::from_ref(lock).cast(), functions }
}

/// A plugin's lock, on the host's side.
struct Remote<T: PluginType> {
    repr: LockRepr<T::Repr>,
    origin: Origin,
}

// SAFETY: functions of the plugin operate the lock, and std's locks may be operated from any thread. The values move
// between threads, so they have to be `Send`.
unsafe impl<T: PluginType + Send> Send for Remote<T> {}
// SAFETY: several threads may operate a lock of std at once. A thread gets a value of its own, moved or held, so the
// value has to be `Send`. Held values share only memory that does not change (`# Safety` of `PluginType`).
unsafe impl<T: PluginType + Send> Sync for Remote<T> {}

impl<T: PluginType> Remote<T> {
    /// Takes the lock for reading. Returns `None` if the lock is held elsewhere and `wait` is false.
    fn read(&self, wait: bool) -> Option<LockResult<ReadGuard<'_, T>>> {
        // SAFETY: the function gets the lock that came with it. By `# Safety` of `PluginStatic::view`, its library is
        // loaded for as long as the view is used. `contain` made the outcome, which is used once.
        let locked = unsafe { (self.repr.functions().read)(self.repr.lock, u8::from(wait)).into_result() };
        let locked = locked.unwrap_or_else(|fault| panic!("{fault}"));
        if locked.guard.is_null() {
            return None;
        }
        // This is made first, so that the lock is released if the author's code panics below.
        let held = HeldLock { lock: self, guard: locked.guard, this_thread: PhantomData };
        let mut arena = Arena::new();
        // SAFETY: the lock was taken, so there is a value. The plugin lends the value until `held` is dropped, and it is held
        // once. The guard drops the arena before `held`, shows the value behind `&` only, and never drops the value.
        let value = unsafe { T::hold(locked.value.assume_init_ref(), &self.origin, &mut arena) };
        let value = MaybeUninit::new(ManuallyDrop::into_inner(value));
        let guard = ReadGuard { value, _arena: arena, _held: held };
        Some(if locked.poisoned == 0 { Ok(guard) } else { Err(PoisonError::new(guard)) })
    }

    /// Takes the lock for writing. Returns `None` if the lock is held elsewhere and `wait` is false.
    fn write(&self, wait: bool) -> Option<LockResult<WriteGuard<'_, T>>> {
        // SAFETY: the function gets the lock that came with it. By `# Safety` of `PluginStatic::view`, its library is
        // loaded for as long as the view is used. `contain` made the outcome, which is used once.
        let locked = unsafe { (self.repr.functions().write)(self.repr.lock, u8::from(wait)).into_result() };
        let locked = locked.unwrap_or_else(|fault| panic!("{fault}"));
        if locked.guard.is_null() {
            return None;
        }
        // The plugin's place is empty now. After a panic of the author's code, this side would have no value to put
        // back, and could never release the lock.
        let no_unwind = NoUnwind;
        // SAFETY: the lock was taken, so the plugin's `write` has lowered the value, and it is lifted once. By `# Safety` of
        // `PluginStatic::view`, the library of the origin is loaded.
        let value = ManuallyDrop::new(unsafe { T::lift(locked.value.assume_init(), &self.origin) });
        std::mem::forget(no_unwind);
        let panicking = std::thread::panicking();
        let guard = WriteGuard { lock: self, value, guard: locked.guard, panicking, this_thread: PhantomData };
        Some(if locked.poisoned == 0 { Ok(guard) } else { Err(PoisonError::new(guard)) })
    }
}

/// The message if a plugin returns before it has taken a lock for which it should wait.
const WAITS: &str = "a plugin that is to wait for a lock takes it";

/// Returns the result of std's `try_` functions: the guard of a lock, or the reason why the lock was not taken.
fn tried<G>(taken: Option<LockResult<G>>) -> TryLockResult<G> {
    Ok(taken.ok_or(TryLockError::WouldBlock)??)
}

/// A plugin's `RwLock` that is held for reading. The host reads the plugin's own memory. The lock is held until the
/// guard is dropped.
///
/// For examples see [`RemoteRwLock`].
pub struct ReadGuard<'a, T: PluginType> {
    /// The held value, which is never dropped. It may refer to memory that ends before the guard does, for example
    /// while a function drops a guard that is its argument. `MaybeUninit` tells the compiler that the value need not be
    /// valid for as long.
    value: MaybeUninit<T>,
    // The fields are dropped in this order.
    _arena: Arena,
    _held: HeldLock<'a, T>,
}

impl<T: PluginType> Deref for ReadGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: `Remote::read` has written the value. The arena and the lock that it needs are fields of `self`.
        unsafe { self.value.assume_init_ref() }
    }
}

/// A plugin's lock that is held for reading. Its drop ends the loan and releases the lock.
struct HeldLock<'a, T: PluginType> {
    lock: &'a Remote<T>,
    guard: *mut c_void,
    /// A lock is released by the thread that took it.
    this_thread: PhantomData<*const ()>,
}

impl<T: PluginType> Drop for HeldLock<'_, T> {
    fn drop(&mut self) {
        // SAFETY: `read` has returned the guard on this thread, because a `HeldLock` is not `Send`. This is the drop,
        // so the guard is given back once. By `# Safety` of `PluginStatic::view`, the library is loaded.
        unsafe { (self.lock.repr.functions().end_read)(self.guard) }
    }
}

/// A plugin's lock that is held for writing. Changes reach the plugin when the guard is dropped.
///
/// If a panic of the host drops the guard, the lock is poisoned, as a lock of std is. For examples see
/// [`RemoteRwLock`].
pub struct WriteGuard<'a, T: PluginType> {
    lock: &'a Remote<T>,
    value: ManuallyDrop<T>,
    guard: *mut c_void,
    /// True if the thread was already unwinding when it took the lock.
    panicking: bool,
    /// A lock is released by the thread that took it.
    this_thread: PhantomData<*const ()>,
}

impl<T: PluginType> Deref for WriteGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PluginType> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: PluginType> Drop for WriteGuard<'_, T> {
    fn drop(&mut self) {
        let poison = u8::from(!self.panicking && std::thread::panicking());
        let no_unwind = NoUnwind;
        // SAFETY: this is the drop, so the value is taken once and not used afterwards.
        let value = unsafe { ManuallyDrop::take(&mut self.value) }.lower();
        std::mem::forget(no_unwind);
        // SAFETY: `write` has returned the guard on this thread, because a `WriteGuard` is not `Send`. This is the
        // drop, so the guard is given back once, with a value for the empty place. By `# Safety` of
        // `PluginStatic::view`, the library is loaded.
        unsafe { (self.lock.repr.functions().end_write)(self.guard, value, poison) }
    }
}

impl<T: PluginType + fmt::Debug> fmt::Debug for ReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: PluginType + fmt::Debug> fmt::Debug for WriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A plugin's `RwLock<T>`. The handle from `host.get::<RwLock<T>>(..)?` derefs to it.
///
/// # Example
///
/// ```standalone_crate
/// # use std::sync::RwLock;
/// # use plugin_core::plugin_export;
/// # use plugin_host::Host;
/// #[plugin_export]
/// static LIMITS: RwLock<Vec<u32>> = RwLock::new(Vec::new());
///
/// let host = Host::linked()?;
/// let limits = host.get::<RwLock<Vec<u32>>>("LIMITS")?;
/// limits.write().unwrap().push(7);
/// assert_eq!(limits.read().unwrap().last(), Some(&7));
/// # Ok::<(), plugin_host::Error>(())
/// ```
pub struct RemoteRwLock<T: PluginType>(Remote<T>);

impl<T: PluginType> RemoteRwLock<T> {
    /// Waits for the lock and reads the value, as [`RwLock::read`] does.
    ///
    /// # Errors
    ///
    /// If a writer panicked. The error contains the guard.
    ///
    /// # Panics
    ///
    /// If this thread holds the lock for writing and the platform notices it. Also if the author's code panics, as a
    /// key's `Hash` may. The lock is released then.
    pub fn read(&self) -> LockResult<ReadGuard<'_, T>> {
        self.0.read(true).expect(WAITS)
    }

    /// Waits for the lock and takes the value to write, as [`RwLock::write`] does.
    ///
    /// # Errors
    ///
    /// If a writer panicked. The error contains the guard.
    ///
    /// # Panics
    ///
    /// If this thread holds the lock already and the platform notices it.
    ///
    /// The author's code may panic while the value moves to the host or back, as a key's `Hash` may. Such a panic ends
    /// the process, because no value could be put back.
    pub fn write(&self) -> LockResult<WriteGuard<'_, T>> {
        self.0.write(true).expect(WAITS)
    }

    /// Reads the value if the lock is free, as [`RwLock::try_read`] does. The function does not wait.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if a writer holds the lock, also on this thread, or waits for the lock.
    /// [`TryLockError::Poisoned`] if a writer panicked. This error contains the guard.
    ///
    /// # Panics
    ///
    /// If the author's code panics, as a key's `Hash` may. The lock is released then.
    ///
    /// # Example
    ///
    /// ```standalone_crate
    /// # use std::sync::{RwLock, TryLockError};
    /// # use plugin_core::plugin_export;
    /// # use plugin_host::Host;
    /// #[plugin_export]
    /// static LIMITS: RwLock<Vec<u32>> = RwLock::new(Vec::new());
    ///
    /// let host = Host::linked()?;
    /// let limits = host.get::<RwLock<Vec<u32>>>("LIMITS")?;
    /// let writing = limits.write().unwrap();
    /// assert!(matches!(limits.try_read(), Err(TryLockError::WouldBlock)));
    /// drop(writing);
    /// assert!(limits.try_read().unwrap().is_empty());
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn try_read(&self) -> TryLockResult<ReadGuard<'_, T>> {
        tried(self.0.read(false))
    }

    /// Takes the value to write if the lock is free, as [`RwLock::try_write`] does. The function does not wait.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if the lock is held, also by this thread. [`TryLockError::Poisoned`] if a writer
    /// panicked. This error contains the guard.
    ///
    /// # Panics
    ///
    /// The author's code may panic while the value moves to the host or back, as a key's `Hash` may. Such a panic ends
    /// the process, because no value could be put back.
    ///
    /// # Example
    ///
    /// ```standalone_crate
    /// # use std::sync::{RwLock, TryLockError};
    /// # use plugin_core::plugin_export;
    /// # use plugin_host::Host;
    /// #[plugin_export]
    /// static LIMITS: RwLock<Vec<u32>> = RwLock::new(Vec::new());
    ///
    /// let host = Host::linked()?;
    /// let limits = host.get::<RwLock<Vec<u32>>>("LIMITS")?;
    /// let reading = limits.read().unwrap();
    /// assert!(matches!(limits.try_write(), Err(TryLockError::WouldBlock)));
    /// drop(reading);
    /// limits.try_write().unwrap().push(7);
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn try_write(&self) -> TryLockResult<WriteGuard<'_, T>> {
        tried(self.0.write(false))
    }
}

/// A plugin's `Mutex<T>`. The handle from `host.get::<Mutex<T>>(..)?` derefs to it.
///
/// # Example
///
/// ```standalone_crate
/// # use std::sync::Mutex;
/// # use plugin_core::plugin_export;
/// # use plugin_host::Host;
/// #[plugin_export]
/// static NAMES: Mutex<Vec<String>> = Mutex::new(Vec::new());
///
/// let host = Host::linked()?;
/// let names = host.get::<Mutex<Vec<String>>>("NAMES")?;
/// names.lock().unwrap().push("ann".to_owned());
/// assert_eq!(*NAMES.lock().unwrap(), ["ann"]);
/// # Ok::<(), plugin_host::Error>(())
/// ```
pub struct RemoteMutex<T: PluginType>(Remote<T>);

impl<T: PluginType> RemoteMutex<T> {
    /// Waits for the lock and takes the value, as [`Mutex::lock`] does.
    ///
    /// # Errors
    ///
    /// If a holder panicked. The error contains the guard.
    ///
    /// # Panics
    ///
    /// If this thread holds the lock already and the platform notices it.
    ///
    /// The author's code may panic while the value moves to the host or back, as a key's `Hash` may. Such a panic ends
    /// the process, because no value could be put back.
    pub fn lock(&self) -> LockResult<WriteGuard<'_, T>> {
        self.0.write(true).expect(WAITS)
    }

    /// Takes the value if the lock is free, as [`Mutex::try_lock`] does. The function does not wait.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if the lock is held, also by this thread. [`TryLockError::Poisoned`] if a holder
    /// panicked. This error contains the guard.
    ///
    /// # Panics
    ///
    /// The author's code may panic while the value moves to the host or back, as a key's `Hash` may. Such a panic ends
    /// the process, because no value could be put back.
    ///
    /// # Example
    ///
    /// ```standalone_crate
    /// # use std::sync::{Mutex, TryLockError};
    /// # use plugin_core::plugin_export;
    /// # use plugin_host::Host;
    /// #[plugin_export]
    /// static NAMES: Mutex<Vec<String>> = Mutex::new(Vec::new());
    ///
    /// let host = Host::linked()?;
    /// let names = host.get::<Mutex<Vec<String>>>("NAMES")?;
    /// match names.try_lock() {
    ///     Ok(mut names) => names.push("ann".to_owned()),
    ///     Err(TryLockError::WouldBlock) => println!("the plugin is busy"),
    ///     Err(TryLockError::Poisoned(error)) => panic!("{error}"),
    /// }
    /// assert_eq!(*NAMES.lock().unwrap(), ["ann"]);
    /// # Ok::<(), plugin_host::Error>(())
    /// ```
    pub fn try_lock(&self) -> TryLockResult<WriteGuard<'_, T>> {
        tried(self.0.write(false))
    }
}

// SAFETY: functions of the lock's own library operate the lock on which `access` was called, and its value is never
// copied.
#[diagnostic::do_not_recommend]
unsafe impl<T: PluginType> PluginStatic for RwLock<T> {
    type Access = LockRepr<T::Repr>;
    type View = RemoteRwLock<T>;
    type Target = RemoteRwLock<T>;
    const STATIC_NODE: &'static Node = &Node::Of { head: &Tag::RwLock.head(), parts: &[copied(T::NODE)] };

    fn access(&'static self) -> Self::Access {
        lock_repr(self)
    }
    unsafe fn view(repr: Self::Access, origin: &Origin) -> RemoteRwLock<T> {
        RemoteRwLock(Remote { repr, origin: origin.clone() })
    }
    fn target(view: &RemoteRwLock<T>) -> &RemoteRwLock<T> {
        view
    }
}

// SAFETY: functions of the lock's own library operate the lock on which `access` was called, and its value is never
// copied.
#[diagnostic::do_not_recommend]
unsafe impl<T: PluginType> PluginStatic for Mutex<T> {
    type Access = LockRepr<T::Repr>;
    type View = RemoteMutex<T>;
    type Target = RemoteMutex<T>;
    const STATIC_NODE: &'static Node = &Node::Of { head: &Tag::Mutex.head(), parts: &[copied(T::NODE)] };

    fn access(&'static self) -> Self::Access {
        lock_repr(self)
    }
    unsafe fn view(repr: Self::Access, origin: &Origin) -> RemoteMutex<T> {
        RemoteMutex(Remote { repr, origin: origin.clone() })
    }
    fn target(view: &RemoteMutex<T>) -> &RemoteMutex<T> {
        view
    }
}
