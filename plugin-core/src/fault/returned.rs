//! The way from an outcome to a value or a fault, on the caller's side.

use super::value::Fault;
use crate::abi::{FaultRepr, Outcome};
use crate::origin::Origin;
use crate::types::PluginType;

impl<R> Outcome<R> {
    /// Lifts the returned value. Returns the fault if there is one; the caller has to take it.
    ///
    /// # Errors
    ///
    /// The fault, if the call did not return.
    ///
    /// # Safety
    ///
    /// As for [`PluginType::lift`], for a value that [`outcome`](super::outcome) has lowered. Each outcome is lifted
    /// once.
    #[inline(always)]
    pub unsafe fn lift<T: PluginType<Repr = R>>(self, origin: &Origin) -> Result<T, *mut FaultRepr> {
        let tag = self.fault.addr();
        if tag <= T::LAST_TAG {
            // SAFETY: the word is a tag and not a fault, so `lower_returned` has returned it and written the value. By
            // `# Safety`, the value may be lifted, and is lifted once.
            Ok(unsafe { T::lift_returned(tag, self.value, origin) })
        } else {
            Err(self.fault)
        }
    }

    /// Returns the value, whose type has no tags, or takes the fault.
    ///
    /// # Errors
    ///
    /// The fault, if the call did not return.
    ///
    /// # Safety
    ///
    /// The outcome comes from a plugin that is still loaded. If there is no fault, the plugin has written the value. Each
    /// outcome is used once.
    #[inline(always)]
    pub unsafe fn into_result(self) -> Result<R, Fault> {
        if self.fault.is_null() {
            // SAFETY: without a fault, the plugin has written the value (`# Safety`).
            Ok(unsafe { self.value.assume_init() })
        } else {
            // SAFETY: by `# Safety`, the outcome is used once, so its fault is taken once, and the plugin is still
            // loaded.
            Err(unsafe { FaultRepr::take(self.fault) })
        }
    }
}

/// The return type of a function type that a host asks for. `R` raises a fault as a panic, and `Result<R, Fault>`
/// returns it.
///
/// The trait has no example, because this crate implements it for both forms, and only handles use it.
pub trait Return: Sized + 'static {
    /// The exported function's return type.
    type Value: PluginType;

    /// True for `Result<R, Fault>`.
    const TAKES_FAULT: bool = false;

    /// Converts the value of a call that returned.
    fn returned(value: Self::Value) -> Self;

    /// Converts the fault of a call that did not return.
    fn faulted(fault: Fault) -> Self;

    /// Converts the result of a closure on the side that made the closure.
    ///
    /// # Errors
    ///
    /// The fault, if the closure returned one.
    fn settle(self) -> Result<Self::Value, Fault>;
}

/// This is a function of its own. If it were inlined, the compiler would keep the value of a returning call in memory,
/// because of the call that does not return.
#[cold]
#[inline(never)]
pub(crate) fn raise(fault: Fault) -> ! {
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

    #[inline(always)]
    fn settle(self) -> Result<R, Fault> {
        Ok(self)
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

    #[inline(always)]
    fn settle(self) -> Result<R, Fault> {
        self
    }
}
