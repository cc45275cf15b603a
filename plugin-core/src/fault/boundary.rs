//! The panic boundary: the one place where a panic of a plugin is stopped.

use std::any::Any;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::returned::Return;
use super::unwind::{discard, message_of};
use super::value::Fault;
use crate::abi::{FaultRepr, Outcome};
use crate::runtime::panic_hook;
use crate::types::PluginType;

/// Runs `f`, lowers the value that `f` returns, and stops a panic of `f`.
#[inline]
pub fn outcome<R: PluginType>(f: impl FnOnce() -> R) -> Outcome<R::Repr> {
    contain_in_place(|place| lower_returned(f(), place))
}

/// Runs a closure, lowers the value that the closure returns, and stops a panic of the closure. A fault that it returns is
/// passed on.
#[inline]
pub(crate) fn outcome_of_closure<R: Return>(f: impl FnOnce() -> R) -> Outcome<<R::Value as PluginType>::Repr> {
    let mut fault = std::ptr::null_mut();
    let outcome = contain_in_place(|place| match f().settle() {
        Ok(value) => value.lower_returned(place),
        Err(returned) => {
            fault = FaultRepr::new(returned);
            0
        }
    });
    if fault.is_null() { outcome } else { Outcome { fault, ..outcome } }
}

/// Lowers a returned value. Without optimisation, this function is compiled once for each type of results. It would be a part of
/// every export otherwise, with all that lowers the value.
#[cfg_attr(not(debug_assertions), inline(always))]
fn lower_returned<R: PluginType>(value: R, place: &mut MaybeUninit<R::Repr>) -> usize {
    value.lower_returned(place)
}

/// Runs `f` and stops a panic of `f`.
#[inline]
pub(crate) fn contain<R>(f: impl FnOnce() -> R) -> Outcome<R> {
    contain_in_place(|place| {
        place.write(f());
        0
    })
}

/// Runs `f`, which writes its value to the place and returns the tag, and stops a panic of `f`.
///
/// This is the only place where a plugin's panic ends. The panic must not unwind into the caller. The caller was built
/// with another std, so it would take the panic for a foreign exception, and abort the process.
#[inline]
fn contain_in_place<R>(f: impl FnOnce(&mut MaybeUninit<R>) -> usize) -> Outcome<R> {
    let mut outcome = Outcome { fault: std::ptr::null_mut(), value: MaybeUninit::uninit() };
    // `AssertUnwindSafe` is right here. `f` may leave values of its own plugin half changed, as a thread that panics
    // does.
    outcome.fault = match catch_unwind(AssertUnwindSafe(|| f(&mut outcome.value))) {
        Ok(tag) => std::ptr::without_provenance_mut(tag),
        Err(payload) => caught(payload),
    };
    outcome
}

/// Makes the fault of a panic. The ABI tells the callers that this function does not unwind. There is a caller in each export, which is
/// compiled without the code for that.
#[cold]
#[inline(never)]
#[allow(improper_ctypes_definitions)]
extern "C" fn caught(payload: Box<dyn Any + Send>) -> *mut FaultRepr {
    let message = message_of(&*payload);
    let (location, backtrace) = panic_hook::take_report(&message);
    discard(payload);
    FaultRepr::new(Fault::new(message, location, backtrace))
}
