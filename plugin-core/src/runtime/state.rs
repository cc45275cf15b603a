//! State on its way from one version of a plugin to the next: what `#[plugin_export(save)]` returns and
//! `#[plugin_export(restore)]` takes.
//!
//! The host passes it on and does not look inside, so it needs to know nothing of the type. It is public for
//! `plugin-host`. Nobody else needs it, so there are no examples.

use std::ffi::c_void;

use crate::abi::Outcome;
use crate::fault::boundary::contain;
use crate::origin::Origin;
use crate::types::PluginType;

/// A state, lowered, in a box of the saver's.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct StateRepr {
    repr: *mut c_void,
    /// Frees the box, but nothing of what is in it: that is the restorer's by then.
    release: unsafe extern "C" fn(repr: *mut c_void),
}

unsafe extern "C" fn release<R>(repr: *mut c_void) {
    // SAFETY: boxed by `save` in this same library, and released once. A `Repr` is `Copy`, so nothing in it is dropped.
    drop(unsafe { Box::from_raw(repr.cast::<R>()) });
}

/// Lowers what `f` returns, and stops its panic.
pub(crate) fn save<S: PluginType>(f: impl FnOnce() -> S) -> Outcome<StateRepr> {
    contain(|| {
        let state = Box::new(f().lower());
        StateRepr { repr: Box::into_raw(state).cast(), release: release::<S::Repr> }
    })
}

/// Lifts a state of which [`StateRepr::pass`] gave the address.
///
/// # Safety
///
/// The state was saved as a type that fits `S`, and is lifted once, while its saver is still there.
pub(crate) unsafe fn lift<S: PluginType>(repr: *const c_void) -> S {
    // SAFETY: the caller's promise. The saver may go as soon as the state is lifted.
    unsafe { S::lift(repr.cast::<S::Repr>().read(), &Origin::LEAVES) }
}

#[cfg(feature = "host")]
impl StateRepr {
    /// Passes the state's address to `restore`, and then frees the box that it came in.
    ///
    /// # Safety
    ///
    /// The saver is still there; `restore` lifts the state; this is done once.
    pub unsafe fn pass<R>(self, restore: impl FnOnce(*const c_void) -> R) -> R {
        let result = restore(self.repr);
        // SAFETY: the caller's promise.
        unsafe { (self.release)(self.repr) };
        result
    }
}
