//! Objects: values with code, which lead back into the library that made them. They are closures, iterators, and objects of interfaces.
//!
//! | file | subject |
//! | --- | --- |
//! | `closures.rs`, `closure_types.rs` | `Box<dyn Fn(A) -> R + Send>` and its kin, `Arc<dyn Fn>`, `&dyn Fn` and `&mut dyn FnMut` |
//! | `iterators.rs` | `Box<dyn Iterator<Item = T> + Send>` |
//! | `interfaces.rs` | `Box<dyn Codec>` and its kin, for a trait with `#[plugin_interface]`; its methods are in `interface.rs` |
//! | `remote.rs` | an object of another library |
//! | `share.rs` | the shares that keep that library |
//! | `homes.rs` | the list of the proxies in this library |
//!
//! # Words
//!
//! The *maker* is the library that an object's code is in. The *receiver* gets a *proxy*: an object of the same type, which calls
//! the maker's.
//!
//! # The way of an object
//!
//! An object is lowered to the maker's own wide pointer, as two words without meaning for others, and a vtable with the maker's
//! functions for this type ([`ObjectVtable`]). Nothing is allocated. The receiver keeps both in a [`Remote`], which is all that the
//! proxy of a closure contains. A call through the proxy is one indirect call of the vtable's entry, whose context is the address of
//! the two words. So both sides call objects as they call exports.
//!
//! # Lifetimes
//!
//! An object leads back into its maker, from wherever it is by then. So an origin at the lift is not enough: an object may come to
//! the host as the argument of a closure, or to one plugin from another. Each object on its way therefore has a *share* of its
//! maker's library (`share.rs`), taken when the object is lowered. The proxy gives the share up after it has dropped the object.
//!
//! The arguments of a call, and what it returns, come from a library that nobody names. They are lifted with
//! [`Origin::LEAVES`](crate::Origin): data that would lead back is copied, and objects have shares of their own.
//!
//! # Home-coming
//!
//! A proxy that is lowered gives back what it was made of. An object that comes back to its maker as the same type is the maker's
//! own `Box` or `Arc` again. So no proxy is ever made of a proxy, however often an object crosses. A `dyn Fn` cannot say whether it
//! is a proxy, so each library has a list of its proxies (`homes.rs`). An object of an interface can say so, by its `TypeId`.
//!
//! A proxy is passed on as what it was made of only if the maker describes the object as this library does. If the two descriptors
//! differ, because a type may grow, then each of three libraries may fit the next one, and the first may not fit the last.
//!
//! A loan, `&dyn Fn` or `&mut dyn FnMut`, ends with its call. So it needs neither a share nor a list. The same holds for objects
//! inside a value behind `&`.

// `dyn Fn(A)` and `dyn Fn(&B)` are different types for every `A` and `B`; the lint asks whether that is relied on. It is.
#[allow(coherence_leak_check)]
mod closure_types;
mod closures;
mod homes;
mod interfaces;
mod iterators;
mod remote;
mod share;

use std::any::TypeId;
use std::ffi::c_void;
use std::sync::Arc;

pub use self::closures::{Closure, SharedClosure, hold_box, lend_box, lift_box, lower_box};
pub use self::closures::{HeldClosure, LoanClosure, PluginFn, lent, lent_mut};
pub use self::interfaces::{
    AnyObject, Around, Interface, IsSend, IsSync, Unmarked, lend_mut, put_in_arena, view, view_mut,
};
use self::remote::HOME;
pub use self::remote::Remote;
use self::share::Share;
use crate::abi::{ObjectRepr, ObjectVtable, SliceRepr, Words};
use crate::describe::Node;
use crate::fault::drop_rest;

/// Returns a wide pointer as two words.
fn words_of<D: ?Sized>(closure: *const D) -> Words {
    const { assert!(size_of::<*const D>() == size_of::<Words>()) }
    // SAFETY: both types have the same size, so all bytes of the words come from the pointer.
    unsafe { std::mem::transmute_copy(&closure) }
}

/// Returns the wide pointer that the words were.
///
/// # Safety
///
/// [`words_of`] in this library has made the words of a pointer of this type.
pub(crate) unsafe fn pointer_of<D: ?Sized>(words: Words) -> *mut D {
    // SAFETY: by `# Safety`, these are all bytes of such a pointer.
    unsafe { std::mem::transmute_copy(&words) }
}

/// A type of objects that cross in a `Box`.
///
/// # Safety
///
/// `ENTRY` is an entry for objects of the type that `NODE` describes. Its context is the address of the [words](words_of) of such an
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
const fn vtable<D: Object + ?Sized>() -> ObjectVtable {
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

fn id_of<T: 'static>() -> TypeId {
    TypeId::of::<T>()
}

unsafe extern "C" fn drop_boxed<D: ?Sized>(words: Words) {
    // SAFETY: only `vtable` in this library has this function, and with the words of a `Box<D>`. A receiver drops it once.
    drop_rest(|| drop(unsafe { Box::from_raw(pointer_of::<D>(words)) }));
}

unsafe extern "C" fn drop_shared<D: ?Sized>(words: Words) {
    // SAFETY: only a vtable of this library has this function, and with the words of an `Arc<D>`. A receiver gives up each share
    // once.
    drop_rest(|| drop(unsafe { Arc::from_raw(pointer_of::<D>(words)) }));
}

unsafe extern "C" fn share<D: ?Sized>(words: Words) {
    // SAFETY: as above. The caller has a share of the `Arc`, or a loan.
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
fn give<D: ?Sized>(object: *const D, vtable: &'static ObjectVtable) -> ObjectRepr {
    ObjectRepr { words: words_of(object), vtable, share: Share::own(vtable), is_lent: 0 }
}

/// Lends an object of this library.
fn lend<D: ?Sized>(object: *const D, vtable: &'static ObjectVtable) -> ObjectRepr {
    ObjectRepr { words: words_of(object), vtable, share: Share::lent(), is_lent: 1 }
}
