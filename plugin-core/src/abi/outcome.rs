//! The convention by which every entry returns.

use std::ffi::c_void;
use std::mem::MaybeUninit;

/// What every entry takes first: whatever its callable needs to know of itself. A function ignores it.
pub type Context = *const c_void;

/// A fault on its way to the host. Its layout is in `fault/value.rs`; here only its address is known.
#[repr(C)]
pub struct FaultRepr {
    _layout: [u8; 0],
}

/// What every call returns: a fault, or the value where there is none.
#[repr(C)]
pub struct Outcome<R> {
    /// Why there is no value; or no address, but null or another of the tags that the value's type
    /// [may have](PluginType::LAST_TAG).
    pub fault: *mut FaultRepr,
    /// The value, if there is no fault.
    pub value: MaybeUninit<R>,
}
