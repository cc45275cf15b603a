//! The exports of this library or program, and the record of its build.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::abi::{ABI_VERSION, Export};
use crate::describe::record::{Field, Kind, Record};

/// The registration of an export: an element of the list of all exports. A constructor of the library or program adds
/// it. The element is a static of its own, so nothing is allocated.
pub struct Registration {
    export: Export,
    is_registered: AtomicBool,
    next: AtomicPtr<Registration>,
}

/// The list's first element.
static FIRST: AtomicPtr<Registration> = AtomicPtr::new(null_mut());

impl Registration {
    /// The registration of `export`.
    pub const fn new(export: Export) -> Self {
        Registration { export, is_registered: AtomicBool::new(false), next: AtomicPtr::new(null_mut()) }
    }

    /// Adds the registration to the list, unless the list has it. Its ABI tells callers that it does not unwind, so they are compiled
    /// without the code for that.
    pub extern "C" fn register(&'static self) {
        if self.is_registered.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut first = FIRST.load(Ordering::Relaxed);
        loop {
            self.next.store(first, Ordering::Relaxed);
            let this = std::ptr::from_ref(self).cast_mut();
            match FIRST.compare_exchange_weak(first, this, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => first = now,
            }
        }
    }
}

/// Returns all items that are registered in this library or program.
pub fn registered() -> impl Iterator<Item = &'static Export> {
    let element = |at: &AtomicPtr<Registration>| {
        // SAFETY: the pointer is null, or `register` has made it from a reference to a static. `register` has written
        // the static's own pointer before.
        unsafe { at.load(Ordering::Acquire).as_ref() }
    };
    std::iter::successors(element(&FIRST), move |now| element(&now.next)).map(|now| &now.export)
}

const BUILD: Record<5> = Record {
    kind: Kind::Build,
    fields: [
        Field::Number(ABI_VERSION),
        Field::Bytes(env!("CARGO_PKG_VERSION").as_bytes()),
        Field::Bytes(env!("PLUGIN_CORE_RUSTC").as_bytes()),
        Field::Bytes(env!("PLUGIN_CORE_TARGET").as_bytes()),
        Field::Bytes(if cfg!(panic = "abort") { b"abort" } else { b"unwind" }),
    ],
};

#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__plugin"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".plugin"))]
pub(crate) static BUILD_RECORD: [u8; BUILD.len()] = BUILD.encode();

/// Returns the [`Kind::Build`] record of this library or program.
pub fn build_record() -> &'static [u8] {
    &BUILD_RECORD
}
