//! The hand-over of a state from one version of a plugin to the next.
//!
//! # The problem
//!
//! An upgrade replaces a version that has a state in its statics, and the next version needs that state. The two
//! versions are different libraries: their compilers may lay out a type differently, their allocators may differ, and
//! the old library is unmapped soon. The host has no knowledge of the state's type.
//!
//! # The idea
//!
//! The function with `#[plugin_export(save)]` returns the state, as if the next version had called it. The state is
//! lowered into a box of the saver. The host passes only the box's address, and the function with
//! `#[plugin_export(restore)]` lifts the state from there. Then the saver frees the box.
//!
//! # The proof
//!
//! *The types fit.* The two hooks have descriptors, and the host compares them before it begins an upgrade.
//!
//! *Each part is freed once.* The saver gives all parts away when it lowers the state, and the restorer takes them when
//! it lifts the state. The box contains only a `Repr`, which is `Copy`, so its end drops no part.
//!
//! *No part leads back into the saver.* The state is lifted with [`Origin::LEAVES`]. A type whose values would lead
//! back into the library copies them for such an origin.
//!
//! *No change is lost.* While the state is handed over, the host publishes a version without functions, so new calls
//! wait (see `live/versions.rs`). The state is saved only after the calls in progress have ended.

use std::ffi::c_void;

use crate::abi::Outcome;
use crate::fault::boundary::contain;
use crate::origin::Origin;
use crate::types::PluginType;

/// A lowered state, in a box of the saver.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct StateRepr {
    repr: *mut c_void,
    /// Frees the box, but not the parts of the state, which belong to the restorer by then.
    release: unsafe extern "C" fn(repr: *mut c_void),
}

unsafe extern "C" fn release<R>(repr: *mut c_void) {
    // SAFETY: only `save` in this library passes this function, with the box that it has leaked. `pass` calls it once.
    // A `Repr` is `Copy`, so no part is dropped.
    drop(unsafe { Box::from_raw(repr.cast::<R>()) });
}

/// Lowers the state that `f` returns, and stops a panic of `f`.
pub(crate) fn save<S: PluginType>(f: impl FnOnce() -> S) -> Outcome<StateRepr> {
    contain(|| {
        let state = Box::new(f().lower());
        StateRepr { repr: Box::into_raw(state).cast(), release: release::<S::Repr> }
    })
}

/// Lifts a state from the address that [`StateRepr::pass`] has passed.
///
/// # Safety
///
/// The state was saved as a type that fits `S`. It is lifted once, while the saver is still mapped.
pub(crate) unsafe fn lift<S: PluginType>(repr: *const c_void) -> S {
    // SAFETY: by `# Safety`, the state was saved as a type that fits `S`. So an `S::Repr` is at this address, and it is
    // lifted once. The saver is mapped now, but may be unmapped after the lift, as the origin says.
    unsafe { S::lift(repr.cast::<S::Repr>().read(), &Origin::LEAVES) }
}

#[cfg(feature = "host")]
impl StateRepr {
    /// Passes the state's address to `restore`, and then frees the box.
    ///
    /// # Safety
    ///
    /// The saver is still mapped. `restore` lifts the state once, or leaves it, which loses its parts. The state is passed once.
    pub unsafe fn pass<R>(self, restore: impl FnOnce(*const c_void) -> R) -> R {
        let result = restore(self.repr);
        // SAFETY: by `# Safety`, the saver is still mapped, and the state is passed once. So the box is freed once, by
        // the function that came with it.
        unsafe { (self.release)(self.repr) };
        result
    }
}
