//! An exported lock: the functions that operate it, and the result of taking it.

use std::ffi::c_void;
use std::mem::MaybeUninit;

use super::outcome::Outcome;

/// A lock of a plugin, and the functions by which a host operates the lock.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct LockRepr<R: Copy> {
    pub(crate) lock: *const c_void,
    /// The functions, which are a constant of the lock's library.
    pub(crate) functions: *const LockFunctions<R>,
}

/// The functions of all locks of one type. New fields are only added at the end. The first version has all of these.
///
/// Each function takes a lock, or the guard of a lock. `wait` is 1 to wait while the lock is held elsewhere. It is 0 to
/// return in this case.
#[repr(C)]
pub struct LockFunctions<R: Copy> {
    /// The size of this struct in bytes, as the plugin knew it.
    pub size: usize,
    pub(crate) read: unsafe extern "C" fn(lock: *const c_void, wait: u8) -> Outcome<LockedRepr<R>>,
    pub(crate) write: unsafe extern "C" fn(lock: *const c_void, wait: u8) -> Outcome<LockedRepr<R>>,
    pub(crate) end_read: unsafe extern "C" fn(guard: *mut c_void),
    pub(crate) end_write: unsafe extern "C" fn(guard: *mut c_void, value: R, poison: u8),
    /// Does the same as `read`, for a host that knows the type only from the descriptor.
    pub(crate) read_to: unsafe extern "C" fn(lock: *const c_void, wait: u8, outcome: *mut c_void),
}

/// A lock that the plugin has taken for the host, or has not taken because it is held elsewhere.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct LockedRepr<R: Copy> {
    /// The plugin's guard in a box. For reading, the arena of the loan is in the same box. Null if the lock was not taken.
    pub(crate) guard: *mut c_void,
    pub(crate) poisoned: u8,
    /// The value, if the lock was taken. It is lent for reading, and moved for writing.
    pub(crate) value: MaybeUninit<R>,
}

/// The beginning of a [`LockedRepr`]. It is the same for every value.
#[cfg(feature = "host")]
#[derive(Clone, Copy)]
#[repr(C)]
pub struct LockedHead {
    /// The guard, for [`LockRepr::end_read`].
    pub guard: *mut c_void,
    /// 1 if a writer panicked.
    pub poisoned: u8,
}
