//! `bytes::Bytes`: both sides share the bytes.
//!
//! A clone of a `Bytes` shares the bytes and may outlive a loan. A receiver that holds a `Bytes` therefore makes a
//! share of its own, with a function that comes from the sender. [`Arena::own`] gives this share up when the loan ends,
//! and requires that no function with a `&Bytes` changes the four words of the handle itself. The handle contains an
//! atomic pointer, so the compiler cannot check this. It follows from the documentation of `Bytes`: the handle is made
//! by `Bytes::from_owner`, has shared storage from the start, and sharing such a handle "will be implemented by
//! increasing the reference count". A test below watches the four words.
//!
//! (The handle of a `Vec`'s bytes is different: its first clone changes the handle. Such a handle may be the default of
//! a field, and for this reason [`held::default`](super::held::default) does not put defaults into held values.)

use std::ffi::c_void;
use std::mem::ManuallyDrop;

use ::bytes::Bytes;

use super::PluginType;
use crate::describe::{Node, Tag};
use crate::fault::unwind::drop_rest;
use crate::memory::Arena;
use crate::origin::Origin;

/// The `Repr` of a `Bytes`: address and length, and a share in the owner of the bytes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct BytesRepr {
    ptr: *const u8,
    len: usize,
    owner: *mut c_void,
    /// Gives up the share, on any thread, and is called once. A share that is lent has no such function.
    free: Option<unsafe extern "C" fn(owner: *mut c_void)>,
    /// Makes another share, on any thread. The new share is not lent.
    share: unsafe extern "C" fn(owner: *const c_void) -> BytesRepr,
}

unsafe extern "C" fn free_bytes(owner: *mut c_void) {
    // The owner of the bytes may be a type of the author, whose `drop` may panic.
    // SAFETY: only `lower` in this library passes this function, with the owner that it has boxed. The function is
    // called once for each owner (`BytesRepr::free`).
    drop_rest(|| drop(unsafe { Box::from_raw(owner.cast::<Bytes>()) }));
}

unsafe extern "C" fn share_bytes(owner: *const c_void) -> BytesRepr {
    // SAFETY: `lower` and `lend` store this function beside `owner`. `owner` is the `Bytes` that `lower` in this
    // library has boxed and `free_bytes` has not freed yet, or the handle that `lend` has borrowed.
    unsafe { &*owner.cast::<Bytes>() }.clone().lower()
}

/// A share of the sender's bytes.
struct Share {
    repr: BytesRepr,
    /// Dropped after the share is given up, which is done by the sender's code.
    _origin: Origin,
}

// SAFETY: the share is one of a `Bytes`, which may be used, cloned and dropped on any thread. The origin may be, too.
unsafe impl Send for Share {}
// SAFETY: a shared `Share` only shows its bytes, which do not change. The origin may be shared.
unsafe impl Sync for Share {}

impl Share {
    /// Makes another share beside that of the `Repr`.
    ///
    /// # Safety
    ///
    /// The `Repr` came from `origin`, whose library is loaded, and its own share was not given up yet.
    unsafe fn another(repr: &BytesRepr, origin: &Origin) -> Self {
        // SAFETY: `share` asks that the share in `repr` exists and that the function is still loaded. This function's
        // `# Safety` asks its caller for both.
        Share { repr: unsafe { (repr.share)(repr.owner) }, _origin: origin.clone() }
    }
}

impl AsRef<[u8]> for Share {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: address and length came from the sender's `Bytes`. It keeps the bytes unchanged until this share is
        // given up, which `drop` does.
        unsafe { std::slice::from_raw_parts(self.repr.ptr, self.repr.len) }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(free) = self.repr.free {
            // SAFETY: this is the drop, so the share is given up once, by the function that came with it. `_origin` is
            // dropped later, so the function is still loaded.
            unsafe { free(self.repr.owner) }
        }
    }
}

// SAFETY: the receiver gets a share of the same bytes, which do not change.
#[diagnostic::do_not_recommend]
unsafe impl PluginType for Bytes {
    type Repr = BytesRepr;
    const NODE: &'static Node = &Node::Of { head: &Tag::Bytes.head(), parts: &[] };

    fn lower(self) -> BytesRepr {
        let (ptr, len) = (self.as_ptr(), self.len());
        let owner = Box::into_raw(Box::new(self)).cast();
        BytesRepr { ptr, len, owner, free: Some(free_bytes), share: share_bytes }
    }
    fn lend(&self, _: &mut Arena) -> BytesRepr {
        let owner = std::ptr::from_ref(self).cast_mut().cast();
        BytesRepr { ptr: self.as_ptr(), len: self.len(), owner, free: None, share: share_bytes }
    }
    unsafe fn lift(repr: BytesRepr, origin: &Origin) -> Self {
        let share = match repr.free {
            Some(_) => Share { repr, _origin: origin.clone() },
            // SAFETY: without `free`, `repr` is lent. By `# Safety` of `PluginType::lift`, the loan has not ended, and
            // the library of `origin` is loaded.
            None => unsafe { Share::another(&repr, origin) },
        };
        if origin.leaves() { Bytes::copy_from_slice(share.as_ref()) } else { Bytes::from_owner(share) }
    }
    unsafe fn hold(repr: &BytesRepr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: by `# Safety` of `PluginType::hold`, `repr` is lent, or was lowered and not lifted yet. So its share
        // exists, and the library of `origin` is loaded.
        let share = unsafe { Share::another(repr, origin) };
        let bytes = if origin.leaves() { Bytes::from_owner(share.as_ref().to_vec()) } else { Bytes::from_owner(share) };
        // SAFETY: `own` asks that no `&Bytes` changes the handle. `from_owner` made this handle, and its clones only
        // count references, as the module's documentation says. The caller uses the result behind `&` only and while
        // `arena` exists (`# Safety` of `PluginType::hold`).
        unsafe { arena.own(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of a handle itself.
    fn words(bytes: &Bytes) -> [usize; 4] {
        const { assert!(size_of::<Bytes>() == size_of::<[usize; 4]>()) }
        // SAFETY: a handle is four words without padding.
        unsafe { std::ptr::from_ref(bytes).cast::<[usize; 4]>().read() }
    }

    /// The module relies on this.
    #[test]
    fn sharing_does_not_change_a_held_handle() {
        let (lent, mut arena) = (Bytes::from(vec![1, 2, 3]), Arena::new());
        let repr = lent.lend(&mut arena);
        // SAFETY: lent in the line above; `held` is not used after the arena is dropped.
        let held = unsafe { Bytes::hold(&repr, &Origin::HOST, &mut arena) };
        let before = words(&held);
        let kept = Bytes::clone(&held);
        let part = held.slice(1..);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| drop(Bytes::clone(&held)));
            }
        });
        assert!(!held.is_unique());
        assert_eq!(words(&held), before);
        assert_eq!(held.as_ptr(), lent.as_ptr());
        drop((arena, lent));
        assert_eq!(kept, [1, 2, 3][..]);
        assert_eq!(part, [2, 3][..]);
    }
}
