//! [`Share`]: an object's share of the library that made the object.
//!
//! # Which libraries need no share
//!
//! A program is never unmapped, and has no keeper. A library does not keep itself: its own code and values are gone with it. A
//! library that is a host stays mapped as long as a plugin of it, so a plugin does not keep its host, nor that host's host.
//!
//! # A host that is a plugin
//!
//! Program H loads plugin P, which is itself a host and loads plugin Q. An object of Q comes to H, so H has a share of Q. The keeper
//! of Q is code of P. While H has the share, Q is mapped, and so is P. But when H gives the share up, P may be unmapped before P's
//! function has returned. So H takes a share of P before, and gives it up after.

use std::ffi::c_void;

use crate::abi::{Keeper, ObjectVtable, ShareRepr};
use crate::runtime::services::services;

/// A share of a library, for an object of it.
pub(super) struct Share {
    keeper: *const Keeper,
    share: *const c_void,
    vtable: *const ObjectVtable,
    /// False if this library needs no share of that one.
    is_held: bool,
}

// SAFETY: any thread may call the keeper's functions, and the other pointers are only passed to them.
unsafe impl Send for Share {}
// SAFETY: as above, also at once.
unsafe impl Sync for Share {}

/// The keeper of this library. Null if nothing unloads it.
fn own() -> *const Keeper {
    services().map_or(std::ptr::null(), |services| services.keeper())
}

/// Returns true if this library is the keeper's, or is a plugin of that one, directly or through others.
fn is_inside(keeper: *const Keeper) -> bool {
    let mut around = own();
    while !around.is_null() {
        if around == keeper {
            return true;
        }
        // SAFETY: the keeper of this library exists, because its code runs. So does that of each host around it, which stays
        // mapped for as long.
        around = unsafe { (*around).outer };
    }
    false
}

/// Takes a share. Null for a keeper that is null.
///
/// # Safety
///
/// As [`Keeper::keep`] asks.
unsafe fn keep(keeper: *const Keeper, vtable: *const ObjectVtable) -> *const c_void {
    if keeper.is_null() {
        return std::ptr::null();
    }
    // SAFETY: by `# Safety`, the library is mapped during the call, so its keeper exists.
    unsafe { ((*keeper).keep)(keeper, vtable) }
}

/// Gives up a share.
///
/// # Safety
///
/// The share was taken from this keeper for this vtable, and is given up once.
unsafe fn release(keeper: *const Keeper, vtable: *const ObjectVtable, share: *const c_void) {
    // SAFETY: the share exists until the call below, so the library is mapped, and its keeper exists. Its host is then mapped,
    // too.
    unsafe {
        let Keeper { release: give_up, outer, .. } = *keeper;
        if outer.is_null() || is_inside(outer) {
            return give_up(keeper, vtable, share);
        }
        let of_host = keep(outer, std::ptr::null());
        give_up(keeper, vtable, share);
        release(outer, std::ptr::null(), of_host);
    }
}

impl Share {
    /// A share of this library, for an object with this vtable.
    pub(super) fn own(vtable: &'static ObjectVtable) -> ShareRepr {
        let keeper = own();
        // SAFETY: the caller runs in this library.
        ShareRepr { keeper, share: unsafe { keep(keeper, vtable) } }
    }

    /// The keeper of this library without a share, for an object that is lent.
    pub(super) fn lent() -> ShareRepr {
        ShareRepr { keeper: own(), share: std::ptr::null() }
    }

    /// The share that came with an object.
    ///
    /// # Safety
    ///
    /// The share was taken for this vtable, and is this function's.
    pub(super) unsafe fn adopt(ShareRepr { keeper, share }: ShareRepr, vtable: *const ObjectVtable) -> Self {
        let is_held = !keeper.is_null() && !is_inside(keeper);
        if !keeper.is_null() && !is_held {
            // SAFETY: by `# Safety`, the share is given up once, here.
            unsafe { release(keeper, vtable, share) }
        }
        Share { keeper, share, vtable, is_held }
    }

    /// No share, of an object that is lent.
    pub(super) fn none(keeper: *const Keeper, vtable: *const ObjectVtable) -> Self {
        Share { keeper, share: std::ptr::null(), vtable, is_held: false }
    }

    /// Another share of the library, for the next receiver of the object.
    pub(super) fn another(&self) -> ShareRepr {
        // SAFETY: `self` is a share, or this library is a plugin of that one, or the object is lent at this moment.
        ShareRepr { keeper: self.keeper, share: unsafe { keep(self.keeper, self.vtable) } }
    }

    /// The share for the next receiver of the object.
    pub(super) fn into_repr(self) -> ShareRepr {
        if !self.is_held {
            return self.another();
        }
        let repr = ShareRepr { keeper: self.keeper, share: self.share };
        std::mem::forget(self);
        repr
    }

    /// The keeper without a share, for an object that is lent.
    pub(super) fn lend(&self) -> ShareRepr {
        ShareRepr { keeper: self.keeper, share: std::ptr::null() }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.is_held {
            // SAFETY: `adopt` made this a share of its own. This is the drop, so it is given up once.
            unsafe { release(self.keeper, self.vtable, self.share) }
        }
    }
}
