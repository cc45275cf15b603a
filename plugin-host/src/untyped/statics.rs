//! The value of a static, read by its descriptor alone.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicUsize, Ordering};

use plugin_core::Site;
use plugin_core::descriptor::Tag;
use plugin_core::fault::{Context, Outcome};
use plugin_core::repr::{AccessRepr, BufferRepr, LockRepr, LockedHead};

use crate::untyped::free::Place;
use crate::untyped::layout::{Id, Layouts};
use crate::untyped::outcome::{Failure, fault_of, outcome_place};
use crate::untyped::prepared::Access;

type Accessor<A> = unsafe extern "C" fn(Context) -> Outcome<A>;

/// The value of a static.
pub(super) struct StaticValue<'a> {
    /// The address of the value: in the plugin, or in `_place`.
    pub(super) at: *const u8,
    /// The memory of the value if the host made a copy of it.
    _place: Place<'a>,
    /// The loan of the value, which ends when this is dropped.
    pub(super) lent: Lent,
}

/// A loan that a plugin gave to this thread.
pub(super) enum Lent {
    Static(AccessRepr),
    Lock(Locked),
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Lent::Static(access) = self {
            // SAFETY: the loan is ended once, here. The caller of `read` promises that the plugin is loaded until then.
            unsafe { access.end() }
        }
    }
}

/// A lock that is held. The functions that operate a lock are the same for each type of value.
pub(super) struct Locked {
    lock: LockRepr<u8>,
    pub(super) head: LockedHead,
}

impl Drop for Locked {
    fn drop(&mut self) {
        // SAFETY: the lock was taken on this thread, and this value cannot leave the thread, because raw pointers are
        // not `Send`. The lock is released once, here. The caller of `read` promises that the plugin is loaded until
        // then.
        unsafe { self.lock.end_read(self.head.guard) }
    }
}

impl<'a> StaticValue<'a> {
    /// Reads the value of a static.
    ///
    /// # Safety
    ///
    /// The static has the type `value`, and the export's accessor gives this kind of access to it. The plugin stays
    /// loaded until the returned value is dropped.
    pub(super) unsafe fn read(site: &Site, layouts: &'a Layouts, access: &Access, value: Id) -> Result<Self, Failure> {
        match access {
            // SAFETY: the caller promises all conditions of `read_lock`.
            Access::Lock => unsafe { Self::read_lock(site, layouts, value) },
            // SAFETY: the caller promises all conditions of `read_access`.
            _ => unsafe { Self::read_access(site, layouts, access, value) },
        }
    }

    /// # Safety
    ///
    /// As for [`read`](Self::read), and `access` is not [`Access::Lock`].
    unsafe fn read_access(site: &Site, layouts: &'a Layouts, access: &Access, value: Id) -> Result<Self, Failure> {
        let node = layouts.get(value);
        let place = Place::new(layouts, node.size, node.align)?;
        // SAFETY: a static that is not a lock has an accessor of this type.
        let entry = unsafe { std::mem::transmute::<*const c_void, Accessor<AccessRepr>>(site.entry) };
        // SAFETY: the site keeps the library loaded, and this outcome is used once.
        let lent = unsafe { entry(std::ptr::null()).into_result()? };
        let (first, _) = lent.elements().raw_parts();
        let at = match access {
            Access::Atomic(tag) => {
                // SAFETY: `first` is the address of an atomic of the type with this tag. The place was made for its
                // value.
                unsafe { load(*tag, first, place.at()) };
                place.at()
            }
            Access::Elements => {
                // SAFETY: the place was made for `value`, whose `Repr` is a buffer.
                unsafe { place.at().cast::<BufferRepr>().write(BufferRepr::of_slice(lent.elements())) };
                place.at()
            }
            Access::Value | Access::Lock => first,
        };
        Ok(StaticValue { at, _place: place, lent: Lent::Static(lent) })
    }

    /// # Safety
    ///
    /// As for [`read`](Self::read), and `access` is [`Access::Lock`].
    unsafe fn read_lock(site: &Site, layouts: &'a Layouts, value: Id) -> Result<Self, Failure> {
        // SAFETY: a lock has an accessor of this type, except that `u8` stands for the type of its value. The layout of
        // a `LockRepr` does not depend on that type.
        let entry = unsafe { std::mem::transmute::<*const c_void, Accessor<LockRepr<u8>>>(site.entry) };
        // SAFETY: the site keeps the library loaded, and this outcome is used once.
        let lock = unsafe { entry(std::ptr::null()).into_result()? };
        let node = layouts.get(value);
        let (place, head_offset) = outcome_place(layouts, node.align, LockedHead::value_offset(node.align), node.size)?;
        // SAFETY: `place` has room for the fault, the head and the value, at the offsets of the outcome.
        unsafe { lock.read_to(place.at().cast()) };
        // SAFETY: `read_to` has written an outcome, the export keeps the plugin loaded, and the fault is taken once.
        unsafe { fault_of(&place)? };
        // SAFETY: without a fault, the plugin has written the head of the locked value.
        let head = unsafe { place.at().add(head_offset).cast::<LockedHead>().read() };
        let at = place.at().wrapping_add(head_offset + LockedHead::value_offset(node.align));
        Ok(StaticValue { at, _place: place, lent: Lent::Lock(Locked { lock, head }) })
    }
}

/// Loads an atomic and writes its value to `to`.
///
/// # Safety
///
/// `from` is the address of an atomic of the type with this tag, and `to` of a place for its value.
unsafe fn load(tag: Tag, from: *mut u8, to: *mut u8) {
    // SAFETY: the caller promises both addresses. An atomic has the same layout as the value in it.
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
            _ => unreachable!("Rust has no atomic of this type"),
        }
    }
}
