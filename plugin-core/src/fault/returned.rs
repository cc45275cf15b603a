//! The way from an outcome to a value or a fault, on the caller's side.

use super::value::Fault;
use crate::abi::{FaultRepr, Outcome};
use crate::origin::Origin;
use crate::types::PluginType;

impl<R> Outcome<R> {
    /// The value as it was returned, lifted; or the fault, to be taken over.
    ///
    /// # Errors
    ///
    /// The fault, if there is one.
    ///
    /// # Safety
    ///
    /// As for [`PluginType::lift`], if [`outcome`] has lowered such a value. The outcome is taken apart once.
    #[inline(always)]
    pub unsafe fn lift<T: PluginType<Repr = R>>(self, origin: &Origin) -> Result<T, *mut FaultRepr> {
        let tag = self.fault.addr();
        if tag <= T::LAST_TAG {
            // SAFETY: no fault, so the value was written; the rest is the caller's promise.
            Ok(unsafe { T::lift_returned(tag, self.value, origin) })
        } else {
            Err(self.fault)
        }
    }

    /// The value, which has no tags, or the fault taken over.
    ///
    /// # Errors
    ///
    /// The fault, if there is one.
    ///
    /// # Safety
    ///
    /// The outcome is from a plugin that is still loaded, and is taken apart once.
    #[inline(always)]
    pub unsafe fn into_result(self) -> Result<R, Fault> {
        if self.fault.is_null() {
            // SAFETY: no fault, so the value was written.
            Ok(unsafe { self.value.assume_init() })
        } else {
            // SAFETY: the caller's promise.
            Err(unsafe { FaultRepr::take(self.fault) })
        }
    }
}

/// What an asked function type may return: `R` raises a fault as a panic, `Result<R, Fault>` returns it.
///
/// There is no example: it is implemented here for both, and `Function` uses it.
pub trait Return: Sized + 'static {
    /// The exported function's return type.
    type Value: PluginType;

    /// Whether it is `Result<R, Fault>`.
    const TAKES_FAULT: bool = false;

    /// What a call gives that returned.
    fn returned(value: Self::Value) -> Self;

    /// What a call gives that did not.
    fn faulted(fault: Fault) -> Self;
}

/// Not a part of what returns a value, which then is kept in memory for what does not return one.
#[cold]
#[inline(never)]
fn raise(fault: Fault) -> ! {
    panic!("{fault}")
}

impl<R: PluginType> Return for R {
    type Value = R;

    #[inline(always)]
    fn returned(value: R) -> R {
        value
    }

    #[inline(always)]
    fn faulted(fault: Fault) -> R {
        raise(fault)
    }
}

impl<R: PluginType> Return for Result<R, Fault> {
    type Value = R;

    const TAKES_FAULT: bool = true;

    #[inline(always)]
    fn returned(value: R) -> Self {
        Ok(value)
    }

    #[inline(always)]
    fn faulted(fault: Fault) -> Self {
        Err(fault)
    }
}
