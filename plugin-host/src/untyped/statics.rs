//! The value of a static of which nothing is known but its descriptor.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicUsize, Ordering};

use plugin_core::descriptor::Tag;
use plugin_core::fault::{Context, Outcome};
use plugin_core::repr::{AccessRepr, BufferRepr, LockRepr, LockedHead};

use crate::plugin::Export;
use crate::untyped::free::Place;
use crate::untyped::layout::{Id, Layouts};
use crate::untyped::outcome::{Failure, fault_of, outcome_place};
use crate::untyped::prepared::Access;

type Accessor<A> = unsafe extern "C" fn(Context) -> Outcome<A>;

/// The value of a static.
pub(super) struct StaticValue<'a> {
    /// Where the value is.
    pub(super) at: *const u8,
    /// Where it is if it is not the plugin's.
    _place: Place<'a>,
    /// What ends the loan.
    pub(super) lent: Lent,
}

/// A loan of a plugin's, on this thread.
pub(super) enum Lent {
    Static(AccessRepr),
    Lock(Locked),
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Lent::Static(access) = self {
            // SAFETY: ended once, in a plugin that is loaded.
            unsafe { access.end() }
        }
    }
}

/// A lock that is held. How it is operated does not depend on the type.
pub(super) struct Locked {
    lock: LockRepr<u8>,
    pub(super) head: LockedHead,
}

impl Drop for Locked {
    fn drop(&mut self) {
        // SAFETY: taken on this thread, which this cannot leave, and given back once.
        unsafe { self.lock.end_read(self.head.guard) }
    }
}

impl<'a> StaticValue<'a> {
    /// Reads the value of a static.
    ///
    /// # Safety
    ///
    /// It is of the type, and the export's accessor gives this access to it.
    pub(super) unsafe fn read(
        export: &Export,
        layouts: &'a Layouts,
        access: &Access,
        value: Id,
    ) -> Result<Self, Failure> {
        match access {
            // SAFETY: the caller's promise.
            Access::Lock => unsafe { Self::read_lock(export, layouts, value) },
            // SAFETY: as above.
            _ => unsafe { Self::read_access(export, layouts, access, value) },
        }
    }

    /// # Safety
    ///
    /// As above, and it is no lock.
    unsafe fn read_access(export: &Export, layouts: &'a Layouts, access: &Access, value: Id) -> Result<Self, Failure> {
        let node = layouts.get(value);
        let place = Place::new(layouts, node.size, node.align)?;
        // SAFETY: what the accessor of such a static is.
        let entry = unsafe { std::mem::transmute::<*const c_void, Accessor<AccessRepr>>(export.site.entry) };
        // SAFETY: the site keeps the library loaded; the outcome is taken apart once.
        let lent = unsafe { entry(std::ptr::null()).into_result()? };
        let (first, _) = lent.elements().raw_parts();
        let at = match access {
            Access::Atomic(tag) => {
                // SAFETY: the address of the static; an atomic is laid out as what it holds.
                unsafe { load(*tag, first, place.at()) };
                place.at()
            }
            Access::Elements => {
                // SAFETY: the place is for a buffer.
                unsafe { place.at().cast::<BufferRepr>().write(BufferRepr::of_slice(lent.elements())) };
                place.at()
            }
            Access::Value | Access::Lock => first,
        };
        Ok(StaticValue { at, _place: place, lent: Lent::Static(lent) })
    }

    /// # Safety
    ///
    /// As above, and it is a lock.
    unsafe fn read_lock(export: &Export, layouts: &'a Layouts, value: Id) -> Result<Self, Failure> {
        // SAFETY: what the accessor of such a static is; what it returns is laid out alike for each type.
        let entry = unsafe { std::mem::transmute::<*const c_void, Accessor<LockRepr<u8>>>(export.site.entry) };
        // SAFETY: the site keeps the library loaded; the outcome is taken apart once.
        let lock = unsafe { entry(std::ptr::null()).into_result()? };
        let node = layouts.get(value);
        let (place, head_offset) = outcome_place(layouts, node.align, LockedHead::value_offset(node.align), node.size)?;
        // SAFETY: there is room.
        unsafe { lock.read_to(place.at().cast()) };
        // SAFETY: an outcome, of a plugin that is loaded.
        unsafe { fault_of(&place)? };
        // SAFETY: no fault, so what was locked is there.
        let head = unsafe { place.at().add(head_offset).cast::<LockedHead>().read() };
        let at = place.at().wrapping_add(head_offset + LockedHead::value_offset(node.align));
        Ok(StaticValue { at, _place: place, lent: Lent::Lock(Locked { lock, head }) })
    }
}

/// Loads an atomic.
///
/// # Safety
///
/// `from` is the address of an atomic of that type, and `to` of a place for its value.
unsafe fn load(tag: Tag, from: *mut u8, to: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe {
        match tag {
            Tag::Bool | Tag::U8 | Tag::I8 => to.write((*from.cast::<AtomicU8>()).load(Ordering::SeqCst)),
            Tag::U16 | Tag::I16 => to.cast::<u16>().write((*from.cast::<AtomicU16>()).load(Ordering::SeqCst)),
            Tag::U32 | Tag::I32 => to.cast::<u32>().write((*from.cast::<AtomicU32>()).load(Ordering::SeqCst)),
            #[cfg(target_has_atomic = "64")]
            Tag::U64 | Tag::I64 => {
                use std::sync::atomic::AtomicU64;
                to.cast::<u64>().write((*from.cast::<AtomicU64>()).load(Ordering::SeqCst));
            }
            Tag::Usize | Tag::Isize => to.cast::<usize>().write((*from.cast::<AtomicUsize>()).load(Ordering::SeqCst)),
            _ => unreachable!("there is no such atomic"),
        }
    }
}
