//! `PathBuf`, `OsString`, and the `Path` and `OsStr` behind them.
//!
//! They cross in the form of the operating system: bytes on Unix, and 16-bit units on Windows. On Windows, std stores
//! them in another form, so each crossing converts them.

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

/// The conversions for this operating system.
#[cfg(not(windows))]
mod os {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};

    use super::{Arena, BufferRepr, ManuallyDrop, OsStr, OsString, SliceRepr, held};

    /// The sender's part of a loan of an `&OsStr`.
    pub(super) type Slot = ();
    /// The receiver's part of such a loan.
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
    /// As for `PluginType::lift`. `repr` came from `lower` or `lend` above.
    #[inline]
    pub(super) unsafe fn lift(repr: BufferRepr) -> OsString {
        // SAFETY: `lower` and `lend` make a buffer of bytes. By `# Safety`, it is lent, or taken once.
        OsString::from_vec(unsafe { repr.take::<u8>() })
    }

    /// # Safety
    ///
    /// As for `PluginType::hold`. `repr` came from `lend` or `lower` above.
    #[inline]
    pub(super) unsafe fn hold(repr: &BufferRepr, _: &mut Arena) -> ManuallyDrop<OsString> {
        // SAFETY: by `# Safety`, `repr` came from `lend` or `lower`, which make a buffer of bytes, and the result is
        // used as `held::vec` asks.
        let bytes = unsafe { held::vec::<u8>(repr.first(), repr.len()) };
        ManuallyDrop::new(OsString::from_vec(ManuallyDrop::into_inner(bytes)))
    }

    #[inline]
    pub(super) fn lend_ref(text: &OsStr, _: &mut Slot) -> SliceRepr {
        SliceRepr::new(text.as_bytes())
    }

    /// # Safety
    ///
    /// `repr` came from `lend_ref`, and the lent text outlives the result.
    #[inline]
    pub(super) unsafe fn hold_ref(repr: SliceRepr) -> Held {
        // SAFETY: by `# Safety`, `lend_ref` lent the bytes of a text that outlives the result.
        OsStr::from_bytes(unsafe { repr.as_slice() })
    }
}

/// The conversions for this operating system.
#[cfg(windows)]
mod os {
    use std::os::windows::ffi::{OsStrExt, OsStringExt};

    use super::{Arena, BufferRepr, ManuallyDrop, OsStr, OsString, SliceRepr};

    /// The sender's part of a loan of an `&OsStr`.
    pub(super) type Slot = Vec<u16>;
    /// The receiver's part of such a loan.
    pub(super) type Held = OsString;

    #[inline]
    pub(super) fn lower(text: OsString) -> BufferRepr {
        BufferRepr::own(text.encode_wide().collect::<Vec<u16>>())
    }

    #[inline]
    pub(super) fn lend(text: &OsStr, arena: &mut Arena) -> BufferRepr {
        // A text has at most as many units as bytes.
        let (first, mut count) = (arena.alloc::<u16>(text.len()), 0);
        for unit in text.encode_wide().take(text.len()) {
            // SAFETY: the arena has given room for as many units as the text has bytes, and `take` ends the loop there.
            unsafe { first.add(count).write(unit) }
            count += 1;
        }
        BufferRepr::lent(first.as_ptr(), count)
    }

    /// # Safety
    ///
    /// As for `PluginType::lift`. `repr` came from `lower` or `lend` above.
    #[inline]
    pub(super) unsafe fn lift(repr: BufferRepr) -> OsString {
        // SAFETY: `lower` and `lend` make a buffer of 16-bit units. By `# Safety`, it is lent, or freed once. The units
        // are read before.
        unsafe {
            let text = OsString::from_wide(repr.as_slice::<u16>());
            repr.free_memory::<u16>();
            text
        }
    }

    /// # Safety
    ///
    /// As for `PluginType::hold`. `repr` came from `lend` or `lower` above.
    #[inline]
    pub(super) unsafe fn hold(repr: &BufferRepr, arena: &mut Arena) -> ManuallyDrop<OsString> {
        // SAFETY: by `# Safety`, `repr` came from `lend` or `lower`, which make a buffer of 16-bit units, and the
        // result is used behind `&` only and while `arena` exists. No function with a `&OsString` changes the bytes of
        // the `OsString` itself, as `own` asks.
        unsafe { arena.own(OsString::from_wide(repr.as_slice::<u16>())) }
    }

    #[inline]
    pub(super) fn lend_ref(text: &OsStr, slot: &mut Slot) -> SliceRepr {
        *slot = text.encode_wide().collect();
        SliceRepr::new(slot)
    }

    /// # Safety
    ///
    /// `repr` came from `lend_ref`, and its slot still exists.
    #[inline]
    pub(super) unsafe fn hold_ref(repr: SliceRepr) -> Held {
        // SAFETY: by `# Safety`, `lend_ref` has put 16-bit units into the slot, which still exists.
        OsString::from_wide(unsafe { repr.as_slice() })
    }
}

// SAFETY: the operating system's form of the text crosses unchanged.
#[diagnostic::do_not_recommend]
unsafe impl PluginType for OsString {
    type Repr = BufferRepr;
    const NODE: &'static Node = &Node::Of { head: &Tag::OsString.head(), parts: &[] };

    #[inline]
    fn lower(self) -> BufferRepr {
        os::lower(self)
    }
    #[inline]
    fn lend(&self, arena: &mut Arena) -> BufferRepr {
        os::lend(self, arena)
    }
    #[inline]
    unsafe fn lift(repr: BufferRepr, _: &Origin) -> Self {
        // SAFETY: `lower` and `lend` above are those of `os`. The conditions of `os::lift` are those of this function
        // (`# Safety` of `PluginType::lift`).
        unsafe { os::lift(repr) }
    }
    #[inline]
    unsafe fn hold(repr: &BufferRepr, _: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: `lower` and `lend` above are those of `os`. The conditions of `os::hold` are those of this function
        // (`# Safety` of `PluginType::hold`).
        unsafe { os::hold(repr, arena) }
    }
}

// SAFETY: a `PathBuf` is an `OsString` with other functions, and crosses as one.
#[diagnostic::do_not_recommend]
unsafe impl PluginType for PathBuf {
    type Repr = BufferRepr;
    const NODE: &'static Node = &Node::Of { head: &Tag::PathBuf.head(), parts: &[] };

    #[inline]
    fn lower(self) -> BufferRepr {
        os::lower(self.into_os_string())
    }
    #[inline]
    fn lend(&self, arena: &mut Arena) -> BufferRepr {
        os::lend(self.as_os_str(), arena)
    }
    #[inline]
    unsafe fn lift(repr: BufferRepr, _: &Origin) -> Self {
        // SAFETY: `lower` and `lend` above are those of `os`. The conditions of `os::lift` are those of this function
        // (`# Safety` of `PluginType::lift`).
        PathBuf::from(unsafe { os::lift(repr) })
    }
    #[inline]
    unsafe fn hold(repr: &BufferRepr, _: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: `lower` and `lend` above are those of `os`. The conditions of `os::hold` are those of this function
        // (`# Safety` of `PluginType::hold`).
        let text = unsafe { os::hold(repr, arena) };
        ManuallyDrop::new(PathBuf::from(ManuallyDrop::into_inner(text)))
    }
}

/// A `&OsStr` as its receiver holds it: the sender's text, or on Windows a copy.
///
/// Its references do not outlive it, so a plugin cannot keep the text.
pub struct HeldOsStr(os::Held);

impl Deref for HeldOsStr {
    type Target = OsStr;
    #[inline(always)]
    fn deref(&self) -> &OsStr {
        OsStr::new(&self.0)
    }
}

/// A `&Path` as its receiver holds it, as [`HeldOsStr`].
pub struct HeldPath(os::Held);

impl Deref for HeldPath {
    type Target = Path;
    #[inline(always)]
    fn deref(&self) -> &Path {
        Path::new(&self.0)
    }
}

// SAFETY: the receiver gets the lent text: the sender's own on Unix, and a copy in the same 16-bit units on Windows.
// Only a copy has memory to free.
#[diagnostic::do_not_recommend]
unsafe impl PluginRef for OsStr {
    type RefRepr = SliceRepr;
    type Slot = os::Slot;
    type Held = HeldOsStr;
    const REF_NODE: &'static Node =
        &Node::Of { head: &Tag::Ref.head(), parts: &[&Node::Of { head: &Tag::OsStr.head(), parts: &[] }] };

    #[inline]
    fn lend_ref(&self, slot: &mut os::Slot) -> SliceRepr {
        os::lend_ref(self, slot)
    }
    #[inline]
    unsafe fn hold_ref(repr: SliceRepr, _: &Origin) -> HeldOsStr {
        // SAFETY: `lend_ref` above made `repr`. By `# Safety` of `PluginRef::hold_ref`, the lent text and the slot
        // outlive the result.
        HeldOsStr(unsafe { os::hold_ref(repr) })
    }
}

// SAFETY: a `Path` is an `OsStr` with other functions, and crosses as one.
#[diagnostic::do_not_recommend]
unsafe impl PluginRef for Path {
    type RefRepr = SliceRepr;
    type Slot = os::Slot;
    type Held = HeldPath;
    const REF_NODE: &'static Node =
        &Node::Of { head: &Tag::Ref.head(), parts: &[&Node::Of { head: &Tag::Path.head(), parts: &[] }] };

    #[inline]
    fn lend_ref(&self, slot: &mut os::Slot) -> SliceRepr {
        os::lend_ref(self.as_os_str(), slot)
    }
    #[inline]
    unsafe fn hold_ref(repr: SliceRepr, _: &Origin) -> HeldPath {
        // SAFETY: `lend_ref` above made `repr`. By `# Safety` of `PluginRef::hold_ref`, the lent text and the slot
        // outlive the result.
        HeldPath(unsafe { os::hold_ref(repr) })
    }
}
