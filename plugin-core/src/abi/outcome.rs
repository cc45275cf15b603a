//! The result of every entry: a fault or a value.

use std::ffi::c_void;
use std::mem::MaybeUninit;

/// The first argument of every entry: data that the called object needs to know about itself. A function ignores it.
pub type Context = *const c_void;

/// A fault on its way to the host. The outcome and the services only pass its address. Its layout is in
/// `fault/value.rs`.
#[repr(C)]
pub struct FaultRepr {
    _layout: [u8; 0],
}

/// The result of every call: a fault or a value.
#[repr(C)]
pub struct Outcome<R> {
    /// The fault, if the call did not return. Otherwise a small number: null, or a tag of the value's type
    /// ([`PluginType::LAST_TAG`](crate::PluginType::LAST_TAG)). No fault has such an address.
    pub fault: *mut FaultRepr,
    /// The value, if the call returned.
    pub value: MaybeUninit<R>,
}
