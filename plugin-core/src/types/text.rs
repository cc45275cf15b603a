//! `String` and other owners of text.

use std::borrow::Cow;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::{PluginType, held};
use crate::abi::{BufferRepr, Owner};
use crate::describe::{Node, Tag};
use crate::memory::Arena;
use crate::origin::Origin;

// SAFETY: the bytes cross unchanged, and are UTF-8 on both sides.
#[diagnostic::do_not_recommend]
unsafe impl PluginType for String {
    type Repr = BufferRepr;
    const NODE: &'static Node = &Node::Of { head: &Tag::String.head(), parts: &[] };
    const DEEP: bool = false;

    #[inline(always)]
    fn lower(self) -> BufferRepr {
        BufferRepr::own(self.into_bytes())
    }
    #[inline(always)]
    fn lend(&self, _: &mut Arena) -> BufferRepr {
        BufferRepr::lent(self.as_ptr(), self.len())
    }
    #[inline(always)]
    unsafe fn lift(repr: BufferRepr, _: &Origin) -> Self {
        // SAFETY: `lower` and `lend` make a buffer with a `String`'s bytes, which are UTF-8. By `# Safety` of
        // `PluginType::lift`, it is lent, or taken once.
        unsafe { String::from_utf8_unchecked(repr.take::<u8>()) }
    }
    #[inline(always)]
    unsafe fn hold(repr: &BufferRepr, _: &Origin, _: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: by `# Safety` of `PluginType::hold`, `repr` came from `lend` or `lower`, which make a buffer with a
        // `String`'s bytes, which are UTF-8. The caller uses the result as `held::vec` asks: behind `&` only, and while
        // the bytes exist.
        unsafe {
            let bytes = held::vec::<u8>(repr.first(), repr.len());
            ManuallyDrop::new(String::from_utf8_unchecked(ManuallyDrop::into_inner(bytes)))
        }
    }
}

// SAFETY: a `Box<str>` crosses as the `String` of its text.
#[diagnostic::do_not_recommend]
unsafe impl PluginType for Box<str> {
    type Repr = BufferRepr;
    const NODE: &'static Node = &Node::Of { head: &Tag::BoxStr.head(), parts: &[] };
    const DEEP: bool = false;

    #[inline(always)]
    fn lower(self) -> BufferRepr {
        self.into_string().lower()
    }
    #[inline(always)]
    fn lend(&self, _: &mut Arena) -> BufferRepr {
        BufferRepr::lent(self.as_ptr(), self.len())
    }
    #[inline(always)]
    unsafe fn lift(repr: BufferRepr, origin: &Origin) -> Self {
        // SAFETY: `lower` and `lend` make the `Repr` of a `String` with the same text. By `# Safety` of
        // `PluginType::lift`, it is lifted once, or lent.
        unsafe { String::lift(repr, origin) }.into_boxed_str()
    }
    #[inline]
    unsafe fn hold(repr: &BufferRepr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: by `# Safety` of `PluginType::hold`, `repr` came from `lend` or `lower`, which make a buffer of UTF-8
        // bytes. The conditions of `held::boxed_slice` are those of this function.
        unsafe {
            let bytes = held::boxed_slice::<u8>(repr, origin, arena);
            ManuallyDrop::new(std::str::from_boxed_utf8_unchecked(ManuallyDrop::into_inner(bytes)))
        }
    }
}

// SAFETY: a `Cow<str>` crosses as the `String` of its text. A borrowed text is lent, also when it is lowered. It is
// `'static`, so it exists until the sender is unmapped, and the receiver copies it before that.
#[diagnostic::do_not_recommend]
unsafe impl PluginType for Cow<'static, str> {
    type Repr = BufferRepr;
    const NODE: &'static Node = &Node::Of { head: &Tag::CowStr.head(), parts: &[] };
    const DEEP: bool = false;

    #[inline(always)]
    fn lower(self) -> BufferRepr {
        match self {
            Cow::Borrowed(text) => BufferRepr::lent(text.as_ptr(), text.len()),
            Cow::Owned(text) => text.lower(),
        }
    }
    #[inline(always)]
    fn lend(&self, _: &mut Arena) -> BufferRepr {
        BufferRepr::lent(self.as_ptr(), self.len())
    }
    #[inline(always)]
    unsafe fn lift(repr: BufferRepr, origin: &Origin) -> Self {
        // SAFETY: `lower` and `lend` make a buffer of UTF-8 bytes, as for a `String`. By `# Safety` of
        // `PluginType::lift`, it is lifted once, or lent; if it has a `'static` text, the sender's library is still
        // loaded.
        Cow::Owned(unsafe { String::lift(repr, origin) })
    }
    #[inline(always)]
    unsafe fn hold(repr: &BufferRepr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: `lend` and `lower` make a buffer of UTF-8 bytes, as for a `String`, which may be held as the `Cow`
        // may (`# Safety` of `PluginType::hold`). The result is used in the same way.
        let text = unsafe { String::hold(repr, origin, arena) };
        // It is not `Borrowed`, because code could copy a `&'static str` out of that.
        ManuallyDrop::new(Cow::Owned(ManuallyDrop::into_inner(text)))
    }
}

/// The owner of this library's shares.
static SHARES: Owner = Owner::new(free_shared);

/// Gives up one share of a lowered `Arc<str>`.
unsafe extern "C" fn free_shared(ptr: *mut u8, size: usize, _align: usize) {
    // SAFETY: only `lower` in this library passes `SHARES` with a buffer, and takes address and length from
    // `Arc::into_raw`. An owner frees each buffer once.
    drop(unsafe { shared(ptr, size) })
}

/// Takes back the share that was given away as this address and length.
///
/// # Safety
///
/// They came from `Arc::<str>::into_raw` in this library, and are taken once.
unsafe fn shared(ptr: *const u8, len: usize) -> Arc<str> {
    // SAFETY: by `# Safety`, `into_raw` gave the pointer, and the share is taken once. The cast keeps address and
    // length.
    unsafe { Arc::from_raw(std::ptr::slice_from_raw_parts(ptr, len) as *const str) }
}

// SAFETY: the bytes cross unchanged, and are UTF-8 on both sides. The buffer is a share. The receiver copies the text,
// and frees the buffer by giving up the share.
#[diagnostic::do_not_recommend]
unsafe impl PluginType for Arc<str> {
    type Repr = BufferRepr;
    const NODE: &'static Node = &Node::Of { head: &Tag::ArcStr.head(), parts: &[] };
    const DEEP: bool = false;

    #[inline(always)]
    fn lower(self) -> BufferRepr {
        let len = self.len();
        BufferRepr::owned_by(Arc::into_raw(self).cast(), len, &SHARES)
    }
    #[inline(always)]
    fn lend(&self, _: &mut Arena) -> BufferRepr {
        BufferRepr::lent(self.as_ptr(), self.len())
    }
    #[inline(always)]
    unsafe fn lift(repr: BufferRepr, _: &Origin) -> Self {
        if repr.is_owned_by(&SHARES) {
            // SAFETY: only `lower` in this library passes `SHARES` with a buffer, and takes address and length from
            // `Arc::into_raw`. By `# Safety` of `PluginType::lift`, the share is taken once.
            return unsafe { shared(repr.as_ptr(), repr.len()) };
        }
        // SAFETY: `lower` and `lend` make a buffer of UTF-8 bytes. By `# Safety` of `PluginType::lift`, it is lent, or
        // freed once. The bytes are copied before.
        unsafe {
            let copy = Arc::from(std::str::from_utf8_unchecked(repr.as_slice::<u8>()));
            repr.free_memory::<u8>();
            copy
        }
    }
    /// Makes a copy, which clones share.
    #[inline]
    unsafe fn hold(repr: &BufferRepr, _: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: by `# Safety` of `PluginType::hold`, `repr` came from `lend` or `lower`, which make a buffer of UTF-8
        // bytes. `own` asks that no `&Arc` changes the `Arc` itself, which is a pointer. The caller uses the result
        // behind `&` only and while `arena` exists (`# Safety` of `PluginType::hold`).
        unsafe { arena.own(Arc::from(std::str::from_utf8_unchecked(repr.as_slice::<u8>()))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through<T: PluginType>(value: T) -> T {
        // SAFETY: lowered just here, and lifted once.
        unsafe { T::lift(value.lower(), &Origin::HOST) }
    }

    #[test]
    fn a_share_is_adopted_or_copied() {
        let text: Arc<str> = "text".into();
        let same = through(text.clone());
        assert!(Arc::ptr_eq(&text, &same));
        let mut arena = Arena::new();
        // SAFETY: `text` lends it, and exists during the call.
        let copy = unsafe { <Arc<str>>::lift(text.lend(&mut arena), &Origin::HOST) };
        assert!(!Arc::ptr_eq(&text, &copy));
        assert_eq!(copy, text);
        // SAFETY: a `String` lowers to a buffer of UTF-8 bytes, as an `Arc<str>` may, and it is lifted once.
        let from_string = unsafe { <Arc<str>>::lift(String::from("text").lower(), &Origin::HOST) };
        assert_eq!(from_string, text);
        // SAFETY: an `Arc<str>` lowers to a buffer of UTF-8 bytes with an owner, as a `String` may, and it is lifted
        // once.
        let string = unsafe { String::lift(same.lower(), &Origin::HOST) };
        assert_eq!(string, *text);
        assert_eq!(Arc::strong_count(&text), 1, "no share is left over");
    }

    #[test]
    fn owned_text_is_adopted() {
        let text = String::from("text").into_boxed_str();
        let at = text.as_ptr();
        let same = through(text);
        assert_eq!(same.as_ptr(), at);
        let text = Cow::<'static, str>::Owned(String::from("text"));
        let at = text.as_ptr();
        let same = through(text);
        assert_eq!(same.as_ptr(), at);
    }
}
