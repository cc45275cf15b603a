//! An object on its way: its form, and the functions of its vtable.

use std::any::TypeId;
use std::ffi::c_void;
use std::sync::Arc;

use super::share::Share;
use super::words::{HOME, pointer_of, words_of};
use crate::abi::{ObjectRepr, ObjectVtable, SliceRepr, Words};
use crate::describe::Node;
use crate::fault::drop_rest;

/// A type of objects that cross in a `Box`.
///
/// # Safety
///
/// `ENTRY` is an entry for objects of the type that `NODE` describes. Its context is the address of the words of such an
/// object. `NODE` says all that the type says, also the auto traits.
pub unsafe trait Object: 'static {
    /// The descriptor of the object itself.
    const NODE: &'static Node;
    /// The entry.
    const ENTRY: *const c_void;
    /// True if a call consumes the box.
    const IS_ONCE: bool = false;
    /// The entries of an interface's methods, for objects in a `Box` and for loans.
    const METHODS: &'static [*const c_void] = &[];
    /// The same for objects in an `Arc`.
    const SHARED_METHODS: &'static [*const c_void] = &[];
}

/// The vtable of a type of objects in a `Box`.
pub(super) const fn vtable<D: Object + ?Sized>() -> ObjectVtable {
    ObjectVtable {
        size: size_of::<ObjectVtable>(),
        home: (&raw const HOME).cast(),
        id: id_of::<Box<D>> as fn() -> TypeId as *const c_void,
        entry: D::ENTRY,
        is_once: D::IS_ONCE as u8,
        drop: drop_boxed::<D>,
        share: None,
        describe: describe::<D>,
        methods: D::METHODS.as_ptr(),
        count: D::METHODS.len(),
    }
}

pub(super) fn id_of<T: 'static>() -> TypeId {
    TypeId::of::<T>()
}

unsafe extern "C" fn drop_boxed<D: ?Sized>(words: Words) {
    // SAFETY: only `vtable` in this library has this function, and with the words of a `Box<D>`. A receiver drops it once.
    drop_rest(|| drop(unsafe { Box::from_raw(pointer_of::<D>(words)) }));
}

/// Gives up a share of an `Arc`.
///
/// # Safety
///
/// The words are those of an `Arc<D>` of this library. The share is not used afterwards.
pub(super) unsafe extern "C" fn drop_shared<D: ?Sized>(words: Words) {
    // SAFETY: by `# Safety`, this is a share, and it is given up once.
    drop_rest(|| drop(unsafe { Arc::from_raw(pointer_of::<D>(words)) }));
}

/// Makes another share of an `Arc`.
///
/// # Safety
///
/// The words are those of an `Arc<D>` of this library, which exists.
pub(super) unsafe extern "C" fn share<D: ?Sized>(words: Words) {
    // SAFETY: by `# Safety`, the `Arc` exists.
    unsafe { Arc::increment_strong_count(pointer_of::<D>(words)) }
}

unsafe extern "C" fn describe<D: Object + ?Sized>(
    context: *mut c_void,
    visit: unsafe extern "C" fn(*mut c_void, SliceRepr),
) {
    let descriptor = D::NODE.to_bytes();
    // SAFETY: the caller passes its own function with the context for it (`ObjectVtable::describe`). The bytes live during the
    // call.
    unsafe { visit(context, SliceRepr::new(&descriptor)) }
}

/// Makes the form of an object of this library, which the receiver owns.
pub(super) fn give<D: ?Sized>(object: *const D, vtable: &'static ObjectVtable) -> ObjectRepr {
    ObjectRepr { words: words_of(object), vtable, share: Share::own(vtable), is_lent: 0 }
}

/// Lends an object of this library.
pub(super) fn lend<D: ?Sized>(object: *const D, vtable: &'static ObjectVtable) -> ObjectRepr {
    ObjectRepr { words: words_of(object), vtable, share: Share::lent(), is_lent: 1 }
}
