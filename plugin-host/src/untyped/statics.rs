//! The value of a static, read by its descriptor alone.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicUsize, Ordering};

use plugin_core::host::descriptor::Tag;
use plugin_core::host::{Context, LockedHead, Outcome, Site};
use plugin_core::repr::{AccessRepr, BufferRepr, LockRepr};

#[cfg(feature = "loopback")]
use crate::untyped::de::target::build_in_place;
use crate::untyped::free::Place;
use crate::untyped::layout::{Id, Layouts};
use crate::untyped::outcome::{Failure, fault_of, outcome_place};
use crate::untyped::prepared::Access;
#[cfg(feature = "loopback")]
use crate::untyped::remote_static::RemoteStatic;
#[cfg(feature = "loopback")]
use crate::untyped::walk::WalkState;

type Accessor<A> = unsafe extern "C" fn(Context) -> Outcome<A>;

/// The value of a static.
pub(super) struct StaticValue<'a> {
    /// The address of the value: in the plugin, or in `_place`.
    pub(super) at: *const u8,
    /// The memory of the value if the host made a copy of it.
    _place: Place<'a>,
    /// The loan of the value, which ends when this is dropped. A value that came from elsewhere is not lent.
    pub(super) lent: Option<Lent>,
}

/// A loan that a plugin gave to this thread.
pub(super) enum Lent {
    Static(AccessRepr),
    Lock(Locked),
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Lent::Static(access) = self {
            // SAFETY: `read_access` has got the access from the accessor and ends the loan nowhere else, so it ends once. The
            // plugin is still loaded, as `StaticValue::read` demands.
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
        // SAFETY: `read_lock` has got the guard from `read_to` on this thread. This value cannot leave the thread, because raw
        // pointers are not `Send`. The guard is given back once, here. The plugin is still loaded, as `StaticValue::read`
        // demands.
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
    pub(super) unsafe fn read(
        site: &Site,
        layouts: &'a Arc<Layouts>,
        access: &Access,
        value: Id,
    ) -> Result<Self, Failure> {
        #[cfg(feature = "loopback")]
        if !site.context.is_null() {
            // SAFETY: only `Remote::site` makes sites of statics with a context. It is that of a `RemoteStatic`, which the site's
            // origin keeps.
            let remote = unsafe { RemoteStatic::behind(site.context) };
            return Self::fetch(remote, layouts, value);
        }
        match access {
            // SAFETY: the type, the accessor and the plugin are as this function demands, and `access` is `Lock`.
            Access::Lock => unsafe { Self::read_lock(site, layouts, value) },
            // SAFETY: the type, the accessor and the plugin are as this function demands, and `access` is not `Lock`.
            _ => unsafe { Self::read_access(site, layouts, access, value) },
        }
    }

    /// Reads the value of a static that runs elsewhere.
    #[cfg(feature = "loopback")]
    fn fetch(remote: &RemoteStatic, layouts: &'a Arc<Layouts>, value: Id) -> Result<Self, Failure> {
        let state = WalkState::of_reply();
        let place = build_in_place(layouts, value, &state, Failure::from, |target| Ok(remote.fetch(target)?))?;
        Ok(StaticValue { at: place.at(), _place: place, lent: None })
    }

    /// Reads the value of a static that is not a lock.
    ///
    /// # Safety
    ///
    /// All that [`read`](Self::read) demands. `access` is not [`Access::Lock`].
    unsafe fn read_access(site: &Site, layouts: &'a Layouts, access: &Access, value: Id) -> Result<Self, Failure> {
        let node = layouts.get(value);
        let place = Place::new(layouts, node.size, node.align)?;
        // SAFETY: the accessor gives this access, as this function demands. In plugin-core, `PluginStatic::Access` is
        // `AccessRepr` for each static that is not a lock, so the accessor has this type.
        let entry = unsafe { std::mem::transmute::<*const c_void, Accessor<AccessRepr>>(site.entry) };
        // SAFETY: the origin of `site` keeps the library loaded. The context is that of the accessor. The outcome is used
        // once, here.
        let lent = unsafe { entry(site.context).into_result()? };
        let (first, _) = lent.elements().raw_parts();
        let at = match access {
            Access::Atomic(tag) => {
                // SAFETY: the accessor has returned the address of an atomic of the type with this tag, as this function
                // demands. The place was made for its value, and has no value yet.
                unsafe { load(*tag, first, place.at()) };
                place.at()
            }
            Access::Elements => {
                // SAFETY: the place was made for `value`. With `Access::Elements` that is an owned text or sequence, by
                // `Prepared::of`, so its `Repr` is a buffer. The place does not drop it.
                unsafe { place.at().cast::<BufferRepr>().write(BufferRepr::of_slice(lent.elements())) };
                place.at()
            }
            Access::Value | Access::Lock => first,
        };
        Ok(StaticValue { at, _place: place, lent: Some(Lent::Static(lent)) })
    }

    /// Reads the value of a lock, and holds the lock.
    ///
    /// # Safety
    ///
    /// All that [`read`](Self::read) demands, with [`Access::Lock`].
    unsafe fn read_lock(site: &Site, layouts: &'a Layouts, value: Id) -> Result<Self, Failure> {
        // SAFETY: the accessor is that of a lock, as this function demands. In plugin-core, `PluginStatic::Access` is a
        // `LockRepr` for each lock. `u8` stands for the type of the value: a `LockRepr` consists of pointers, and those that
        // depend on the type are not called.
        let entry = unsafe { std::mem::transmute::<*const c_void, Accessor<LockRepr<u8>>>(site.entry) };
        // SAFETY: the origin of `site` keeps the library loaded. The context is that of the accessor. The outcome is used
        // once, here.
        let lock = unsafe { entry(site.context).into_result()? };
        let node = layouts.get(value);
        let (place, head_offset) = outcome_place(layouts, node.align, LockedHead::value_offset(node.align), node.size)?;
        // SAFETY: `outcome_place` has made room for an outcome with the head of a lock and a value of this type. The origin of
        // `export.site` keeps the lock's library loaded.
        unsafe { lock.read_to(place.at().cast()) };
        // SAFETY: `read_to` has written an outcome. The origin of `export.site` keeps the plugin loaded. The fault is taken
        // once, here.
        unsafe { fault_of(&place)? };
        // SAFETY: there is no fault, so the plugin has written a `LockedRepr` at `head_offset`. It begins as `LockedHead`.
        let head = unsafe { place.at().add(head_offset).cast::<LockedHead>().read() };
        let at = place.at().wrapping_add(head_offset + LockedHead::value_offset(node.align));
        Ok(StaticValue { at, _place: place, lent: Some(Lent::Lock(Locked { lock, head })) })
    }
}

/// Loads an atomic and writes its value to `to`.
///
/// # Safety
///
/// `from` is the address of an atomic of the type with this tag, and `to` of a place for its value.
unsafe fn load(tag: Tag, from: *mut u8, to: *mut u8) {
    // SAFETY: `from` is the address of an atomic of the type with this tag, and `to` has room for its value, as this function
    // demands. The atomics of one size have one layout, which is that of their values, and any bits that one has are of the
    // type with this tag.
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
