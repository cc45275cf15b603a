//! `PathBuf`, `OsString` and what they deref to.
//!
//! They cross as what the system has: bytes on Unix, 16-bit units on Windows, where std stores them differently and
//! each crossing converts them.

use std::ffi::{OsStr, OsString};
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::path::{Path, PathBuf};

#[cfg(unix)]
use super::held;
use super::{PluginRef, PluginType};
use crate::abi::{BufferRepr, SliceRepr};
use crate::describe::{Node, Tag};
use crate::memory::Arena;
use crate::origin::Origin;

/// What is the system's in this.
#[cfg(not(windows))]
mod system {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};

    use super::{Arena, BufferRepr, ManuallyDrop, OsStr, OsString, SliceRepr, held};

    /// What a sender of an `&OsStr` keeps.
    pub(super) type Slot = ();
    /// What a receiver of one has.
    pub(super) type Held = &'static OsStr;

    #[inline]
    pub(super) fn lower(text: OsString) -> BufferRepr {
        BufferRepr::own(text.into_vec())
    }

    #[inline]
    pub(super) fn lend(text: &OsStr, _: &mut Arena) -> BufferRepr {
        BufferRepr::lent(text.as_bytes().as_ptr(), text.len())
    }

    /// # Safety
    ///
    /// `repr` is from `lower` or `lend`, and is lifted once.
    #[inline]
    pub(super) unsafe fn lift(repr: BufferRepr) -> OsString {
        // SAFETY: a buffer of bytes by the caller's promise.
        OsString::from_vec(unsafe { repr.take::<u8>() })
    }

    /// # Safety
    ///
    /// As for `PluginType::hold`.
    #[inline]
    pub(super) unsafe fn hold(repr: &BufferRepr, _: &mut Arena) -> ManuallyDrop<OsString> {
        // SAFETY: a buffer of bytes, and to be used as is asked for, by the caller's promise.
        let bytes = unsafe { held::vec::<u8>(repr.first(), repr.len()) };
        ManuallyDrop::new(OsString::from_vec(ManuallyDrop::into_inner(bytes)))
    }

    #[inline]
    pub(super) fn lend_ref(text: &OsStr, _: &mut Slot) -> SliceRepr {
        SliceRepr::new(text.as_bytes())
    }

    /// # Safety
    ///
    /// `repr` is from `lend_ref`; what was lent outlives the result.
    #[inline]
    pub(super) unsafe fn hold_ref(repr: SliceRepr) -> Held {
        // SAFETY: a buffer of bytes that live long enough, by the caller's promise.
        OsStr::from_bytes(unsafe { repr.as_slice() })
    }
}

/// What is the system's in this.
#[cfg(windows)]
mod system {
    use std::os::windows::ffi::{OsStrExt, OsStringExt};

    use super::{Arena, BufferRepr, ManuallyDrop, OsStr, OsString, SliceRepr};

    /// What a sender of an `&OsStr` keeps.
    pub(super) type Slot = Vec<u16>;
    /// What a receiver of one has.
    pub(super) type Held = OsString;

    #[inline]
    pub(super) fn lower(text: OsString) -> BufferRepr {
        BufferRepr::own(text.encode_wide().collect::<Vec<u16>>())
    }

    #[inline]
    pub(super) fn lend(text: &OsStr, arena: &mut Arena) -> BufferRepr {
        // There are at most as many units as bytes.
        let (first, mut count) = (arena.alloc::<u16>(text.len()), 0);
        for unit in text.encode_wide().take(text.len()) {
            // SAFETY: there is room for as many.
            unsafe { first.add(count).write(unit) }
            count += 1;
        }
        BufferRepr::lent(first.as_ptr(), count)
    }

    /// # Safety
    ///
    /// `repr` is from `lower` or `lend`, and is lifted once.
    #[inline]
    pub(super) unsafe fn lift(repr: BufferRepr) -> OsString {
        // SAFETY: a buffer of 16-bit units by the caller's promise; read before they are freed.
        unsafe {
            let text = OsString::from_wide(repr.as_slice::<u16>());
            repr.free_memory::<u16>();
            text
        }
    }

    /// # Safety
    ///
    /// As for `PluginType::hold`.
    #[inline]
    pub(super) unsafe fn hold(repr: &BufferRepr, arena: &mut Arena) -> ManuallyDrop<OsString> {
        // SAFETY: a buffer of 16-bit units, and to be used as is asked for, by the caller's promise. What is done behind `&`
        // leaves an `OsString` as it is.
        unsafe { arena.own(OsString::from_wide(repr.as_slice::<u16>())) }
    }

    #[inline]
    pub(super) fn lend_ref(text: &OsStr, slot: &mut Slot) -> SliceRepr {
        *slot = text.encode_wide().collect();
        SliceRepr::new(slot)
    }

    /// # Safety
    ///
    /// `repr` is from `lend_ref`, whose slot is still there.
    #[inline]
    pub(super) unsafe fn hold_ref(repr: SliceRepr) -> Held {
        // SAFETY: 16-bit units by the caller's promise.
        OsString::from_wide(unsafe { repr.as_slice() })
    }
}

// SAFETY: what the system has crosses as it is.
#[diagnostic::do_not_recommend]
unsafe impl PluginType for OsString {
    type Repr = BufferRepr;
    const NODE: &'static Node = &Node::Of { head: &Tag::OsString.head(), parts: &[] };

    #[inline]
    fn lower(self) -> BufferRepr {
        system::lower(self)
    }
    #[inline]
    fn lend(&self, arena: &mut Arena) -> BufferRepr {
        system::lend(self, arena)
    }
    #[inline]
    unsafe fn lift(repr: BufferRepr, _: &Origin) -> Self {
        // SAFETY: the caller's promise.
        unsafe { system::lift(repr) }
    }
    #[inline]
    unsafe fn hold(repr: &BufferRepr, _: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: the caller's promise.
        unsafe { system::hold(repr, arena) }
    }
}

// SAFETY: as `OsString`.
#[diagnostic::do_not_recommend]
unsafe impl PluginType for PathBuf {
    type Repr = BufferRepr;
    const NODE: &'static Node = &Node::Of { head: &Tag::PathBuf.head(), parts: &[] };

    #[inline]
    fn lower(self) -> BufferRepr {
        system::lower(self.into_os_string())
    }
    #[inline]
    fn lend(&self, arena: &mut Arena) -> BufferRepr {
        system::lend(self.as_os_str(), arena)
    }
    #[inline]
    unsafe fn lift(repr: BufferRepr, _: &Origin) -> Self {
        // SAFETY: the caller's promise.
        PathBuf::from(unsafe { system::lift(repr) })
    }
    #[inline]
    unsafe fn hold(repr: &BufferRepr, _: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: the caller's promise.
        let text = unsafe { system::hold(repr, arena) };
        ManuallyDrop::new(PathBuf::from(ManuallyDrop::into_inner(text)))
    }
}

/// A `&OsStr` as its receiver holds it: the sender's own, or on Windows a copy.
///
/// It gives out nothing that lives longer than it does itself, so a plugin cannot keep it.
pub struct HeldOsStr(system::Held);

impl Deref for HeldOsStr {
    type Target = OsStr;
    #[inline(always)]
    fn deref(&self) -> &OsStr {
        OsStr::new(&self.0)
    }
}

/// A `&Path` as its receiver holds it, as [`HeldOsStr`].
pub struct HeldPath(system::Held);

impl Deref for HeldPath {
    type Target = Path;
    #[inline(always)]
    fn deref(&self) -> &Path {
        Path::new(&self.0)
    }
}

// SAFETY: as lending an `OsString`, but that nothing is copied where what is lent can be referred to.
#[diagnostic::do_not_recommend]
unsafe impl PluginRef for OsStr {
    type RefRepr = SliceRepr;
    type Slot = system::Slot;
    type Held = HeldOsStr;
    const REF_NODE: &'static Node =
        &Node::Of { head: &Tag::Ref.head(), parts: &[&Node::Of { head: &Tag::OsStr.head(), parts: &[] }] };

    #[inline]
    fn lend_ref(&self, slot: &mut system::Slot) -> SliceRepr {
        system::lend_ref(self, slot)
    }
    #[inline]
    unsafe fn hold_ref(repr: SliceRepr) -> HeldOsStr {
        // SAFETY: the caller keeps the result within the borrow, and holds it once.
        HeldOsStr(unsafe { system::hold_ref(repr) })
    }
}

// SAFETY: as `OsStr`.
#[diagnostic::do_not_recommend]
unsafe impl PluginRef for Path {
    type RefRepr = SliceRepr;
    type Slot = system::Slot;
    type Held = HeldPath;
    const REF_NODE: &'static Node =
        &Node::Of { head: &Tag::Ref.head(), parts: &[&Node::Of { head: &Tag::Path.head(), parts: &[] }] };

    #[inline]
    fn lend_ref(&self, slot: &mut system::Slot) -> SliceRepr {
        system::lend_ref(self.as_os_str(), slot)
    }
    #[inline]
    unsafe fn hold_ref(repr: SliceRepr) -> HeldPath {
        // SAFETY: as for `OsStr`.
        HeldPath(unsafe { system::hold_ref(repr) })
    }
}
