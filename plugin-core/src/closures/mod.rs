//! Closures that cross: `Box<dyn Fn(A) -> R + Send>` and its kin, `Arc<dyn Fn>`, `&dyn Fn` and `&mut dyn FnMut`.
//!
//! # Words
//!
//! The *maker* is the library that a closure's code is in. The *receiver* gets a *proxy*: a closure of the same type, whose body
//! calls the maker's.
//!
//! # The way of a closure
//!
//! A `Box` or an `Arc` is lowered to the maker's own wide pointer, as two words without meaning for others, and a vtable with the
//! maker's functions for this type ([`ClosureVtable`](crate::abi::ClosureVtable)). Nothing is allocated. The receiver keeps both in
//! a [`Remote`], which is all that the proxy contains. A call through the proxy is one indirect call of the vtable's entry, whose
//! context is the address of the two words. So both sides call closures as they call exports.
//!
//! # Lifetimes
//!
//! A closure leads back into its maker, from wherever it is by then. So an [`Origin`] at the lift is not enough: a closure may
//! come to the host as the argument of a closure, or to one plugin from another. Each closure on its way therefore has a *share*
//! of its maker's library (`share.rs`), taken when the closure is lowered. The proxy gives the share up after it has dropped the
//! closure.
//!
//! The arguments of a closure, and what it returns, come from a library that nobody names. They are lifted with
//! [`Origin::LEAVES`]: a value that would lead back is copied, and closures have shares of their own.
//!
//! # Home-coming
//!
//! A proxy that is lowered gives back what it was made of. A closure that comes back to its maker as the same type is the maker's
//! own `Box` or `Arc` again. So no proxy is ever made of a proxy, however often a closure crosses. The type `dyn Fn` cannot say
//! whether its value is a proxy, so each library has a list of its proxies (`homes.rs`).
//!
//! A loan, `&dyn Fn` or `&mut dyn FnMut`, ends with its call. So it needs neither a share nor a list. The same holds for closures
//! inside a value behind `&`.

mod homes;
mod remote;
mod share;
// `dyn Fn(A)` and `dyn Fn(&B)` are different types for every `A` and `B`; the lint asks whether that is relied on. It is.
#[allow(coherence_leak_check)]
mod types;

use std::any::TypeId;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use self::remote::{HOME, Remote};
use self::share::Share;
use crate::abi::{ClosureRepr, ClosureVtable, SliceRepr, Words};
use crate::describe::{Node, Tag};
use crate::fault::drop_rest;
use crate::memory::Arena;
use crate::origin::Origin;
use crate::types::PluginType;

/// A type of closures that cross, such as `dyn Fn(&str) -> u32 + Send`.
///
/// # Safety
///
/// `ENTRY` is an entry with the arguments and the result of `NODE`. Its context is the address of the [words](words_of) of a
/// closure of this type. Unless `IS_ONCE`, the closure is still there after the call. `NODE` says all that the type says: the
/// trait, the arguments, the result, and the auto traits. The functions make closures that contain the `Remote` and nothing else.
pub unsafe trait Closure: 'static {
    /// The descriptor.
    const NODE: &'static Node;
    /// The entry.
    const ENTRY: *const c_void;
    /// True for `FnOnce`: a call consumes the box.
    const IS_ONCE: bool;

    /// Makes a proxy.
    fn boxed(remote: Remote) -> Box<Self>;

    /// Makes a proxy in an arena, which does not drop the proxy.
    fn in_arena(remote: Remote, arena: &mut Arena) -> *mut Self;
}

/// A type of closures that cross behind a reference: `dyn Fn(A) -> R` and `dyn FnMut(A) -> R`, also with `Send`, and `Sync`.
///
/// The trait is for bounds. Its items are hidden, and semantic versioning does not cover them, so do not implement it by hand. For
/// an example, see [`lent_mut`].
///
/// # Safety
///
/// As for `Closure`, from which the trait inherits.
pub unsafe trait PluginFn: Closure {
    /// The type of such closures that live for `'a`.
    type Lent<'a>: ?Sized;

    /// Sees a `Remote` as a proxy.
    #[doc(hidden)]
    fn view(remote: &Remote) -> &Self;

    /// Sees a `Remote` as a proxy.
    #[doc(hidden)]
    fn view_mut(remote: &mut Remote) -> &mut Self;

    /// Shortens the life of the closure.
    #[doc(hidden)]
    fn shortened(&mut self) -> &mut Self::Lent<'_>;

    /// Lets the closure count as one that lives for longer, behind a reference that does not.
    #[doc(hidden)]
    fn lengthened<'a>(closure: &'a Self::Lent<'a>) -> &'a Self;

    /// As above.
    #[doc(hidden)]
    fn lengthened_mut<'a>(closure: &'a mut Self::Lent<'a>) -> &'a mut Self;
}

/// Lends a closure to an export, for one call.
///
/// An export with an argument `&dyn Fn(u64)` is looked up as `fn(&Watch)`, where `Watch` is a type alias for `dyn Fn(u64)`. Such an
/// alias means a closure that borrows nothing. This function lends any closure in its place.
///
/// # Example
///
/// ```standalone_crate
/// use plugin_core::{lent, plugin_export};
/// # use plugin_host::Host;
///
/// #[plugin_export]
/// fn count(is_wanted: &dyn Fn(u32) -> bool) -> usize {
///     (0..100).filter(|number| is_wanted(*number)).count()
/// }
///
/// // In the host:
/// type Wanted = dyn Fn(u32) -> bool;
///
/// # let host = Host::linked()?;
/// let count = host.get::<fn(&Wanted) -> usize>("count")?;
/// let limit = 10;
/// assert_eq!(count(lent::<Wanted>(&|number| number < limit)), 10);
/// # Ok::<(), plugin_host::Error>(())
/// ```
pub fn lent<'a, F: PluginFn + ?Sized>(closure: &'a F::Lent<'a>) -> &'a F {
    F::lengthened(closure)
}

/// Lends a closure that changes what it borrows to an export, for one call. See [`lent`].
///
/// # Example
///
/// ```standalone_crate
/// use plugin_core::{lent_mut, plugin_export};
/// # use plugin_host::Host;
///
/// #[plugin_export]
/// fn each_line(text: &str, visit: &mut dyn FnMut(&str)) {
///     text.lines().for_each(visit);
/// }
///
/// // In the host:
/// type Visit = dyn FnMut(&str);
///
/// # let host = Host::linked()?;
/// let each_line = host.get::<fn(&str, &mut Visit)>("each_line")?;
/// let mut longest = 0;
/// each_line("one\nthree", lent_mut::<Visit>(&mut |line| longest = longest.max(line.len())));
/// assert_eq!(longest, 5);
/// # Ok::<(), plugin_host::Error>(())
/// ```
pub fn lent_mut<'a, F: PluginFn + ?Sized>(closure: &'a mut F::Lent<'a>) -> &'a mut F {
    F::lengthened_mut(closure)
}

/// A type of closures that several owners may call: `dyn Fn`.
///
/// # Safety
///
/// As for [`Closure`].
pub unsafe trait SharedClosure: Closure {
    /// Makes a proxy.
    fn shared(remote: Remote) -> Arc<Self>;
}

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
unsafe fn pointer_of<D: ?Sized>(words: Words) -> *mut D {
    // SAFETY: by `# Safety`, these are all bytes of such a pointer.
    unsafe { std::mem::transmute_copy(&words) }
}

/// The vtables for a type of closures.
struct Vtables<D: ?Sized>(PhantomData<D>);

impl<D: Closure + ?Sized> Vtables<D> {
    const BOXED: &'static ClosureVtable = &ClosureVtable {
        size: size_of::<ClosureVtable>(),
        home: (&raw const HOME).cast(),
        id: id_of::<Box<D>> as fn() -> TypeId as *const c_void,
        entry: D::ENTRY,
        is_once: D::IS_ONCE as u8,
        drop: drop_boxed::<D>,
        share: None,
        describe: describe::<D>,
    };
}

impl<D: SharedClosure + ?Sized> Vtables<D> {
    const SHARED: &'static ClosureVtable = &ClosureVtable {
        id: id_of::<Arc<D>> as fn() -> TypeId as *const c_void,
        drop: drop_shared::<D>,
        share: Some(share::<D>),
        ..*Vtables::<D>::BOXED
    };
}

fn id_of<T: 'static>() -> TypeId {
    TypeId::of::<T>()
}

unsafe extern "C" fn drop_boxed<D: ?Sized>(words: Words) {
    // SAFETY: only `Vtables` in this library has this function, and with the words of a `Box<D>`. A receiver drops it once.
    drop_rest(|| drop(unsafe { Box::from_raw(pointer_of::<D>(words)) }));
}

unsafe extern "C" fn drop_shared<D: ?Sized>(words: Words) {
    // SAFETY: only `Vtables` in this library has this function, and with the words of an `Arc<D>`. A receiver gives up each
    // share once.
    drop_rest(|| drop(unsafe { Arc::from_raw(pointer_of::<D>(words)) }));
}

unsafe extern "C" fn share<D: ?Sized>(words: Words) {
    // SAFETY: as above. The caller has a share of the `Arc`.
    unsafe { Arc::increment_strong_count(pointer_of::<D>(words)) }
}

unsafe extern "C" fn describe<D: Closure + ?Sized>(
    context: *mut c_void,
    visit: unsafe extern "C" fn(*mut c_void, SliceRepr),
) {
    let descriptor = D::NODE.to_bytes();
    // SAFETY: the caller passes its own function with the context for it (`ClosureVtable::describe`). The bytes live during
    // the call.
    unsafe { visit(context, SliceRepr::new(&descriptor)) }
}

/// The descriptor of a closure in a `Box`.
pub(crate) const fn box_node(closure: &'static [&'static Node]) -> Node {
    Node::Of { head: BOX, parts: closure }
}

const BOX: &[u8] = &Tag::BoxDyn.head();

/// Lowers a closure in a `Box`.
pub(crate) fn lower_box<D: Closure + ?Sized>(closure: Box<D>) -> ClosureRepr {
    let closure = Box::into_raw(closure);
    if homes::leave(closure.cast::<u8>().addr()) {
        // SAFETY: the list has only `Remote`s, and no longer has this one. `homes::boxed` has made the box, of a closure that is
        // laid out as its `Remote`. The box was the only owner.
        return unsafe { Box::from_raw(closure.cast::<Remote>()) }.into_repr();
    }
    let vtable = Vtables::<D>::BOXED;
    ClosureRepr { words: words_of(closure), vtable, share: Share::own(vtable), is_lent: 0 }
}

/// Lends a closure in a `Box`. A receiver can hold it, and not copy it.
pub(crate) fn lend_box<D: Closure + ?Sized>(closure: &D) -> ClosureRepr {
    lend(closure, Vtables::<D>::BOXED)
}

/// Receives a closure in a `Box`.
///
/// # Panics
///
/// If the closure is only lent.
///
/// # Safety
///
/// As for [`PluginType::lift`].
pub(crate) unsafe fn lift_box<D: Closure + ?Sized>(repr: ClosureRepr) -> Box<D> {
    // Statics and keys of maps would copy a loan. They refuse such types: see `Node::has_boxed_closures`.
    assert_eq!(repr.is_lent, 0, "a closure in a `Box` cannot be copied");
    // SAFETY: by `# Safety`, the closure was lowered, and comes to this function once.
    let remote = unsafe { Remote::new(repr) };
    if remote.is_own::<Box<D>>() {
        // SAFETY: `lower_box` in this library has made the words of a `Box<D>`, as `is_own` says, and they are taken once.
        return unsafe { Box::from_raw(pointer_of::<D>(remote.into_words())) };
    }
    D::boxed(remote)
}

/// Holds a closure in a `Box`.
///
/// # Safety
///
/// As for [`PluginType::hold`].
pub(crate) unsafe fn hold_box<D: Closure + ?Sized>(repr: &ClosureRepr, arena: &mut Arena) -> ManuallyDrop<Box<D>> {
    // SAFETY: by `# Safety`, the closure and its vtable exist for longer than the result, which is never dropped.
    let remote = ManuallyDrop::into_inner(unsafe { Remote::lent(*repr) });
    // SAFETY: the proxy is in the arena, where nothing else uses it. The box is used behind `&` only, and never dropped.
    ManuallyDrop::new(unsafe { Box::from_raw(D::in_arena(remote, arena)) })
}

/// Lends a closure.
fn lend<D: ?Sized>(closure: *const D, vtable: &'static ClosureVtable) -> ClosureRepr {
    ClosureRepr { words: words_of(closure), vtable, share: Share::lent(), is_lent: 1 }
}

// SAFETY: the receiver gets a closure of the same type, which calls the sender's. A loan of an `Arc` is held as a share.
#[diagnostic::do_not_recommend]
unsafe impl<D: SharedClosure + ?Sized> PluginType for Arc<D> {
    type Repr = ClosureRepr;
    const NODE: &'static Node = &Node::Of { head: &Tag::ArcDyn.head(), parts: &[D::NODE] };
    const DEEP: bool = false;

    fn lower(self) -> ClosureRepr {
        if let Some(remote) = homes::find(Arc::as_ptr(&self).cast()) {
            // SAFETY: the list has only `Remote`s that exist. `self` keeps this one, of a closure in an `Arc`.
            return unsafe { (*remote).another() };
        }
        let (words, vtable) = (words_of(Arc::into_raw(self)), Vtables::<D>::SHARED);
        ClosureRepr { words, vtable, share: Share::own(vtable), is_lent: 0 }
    }
    fn lend(&self, _: &mut Arena) -> ClosureRepr {
        match homes::find(Arc::as_ptr(self).cast()) {
            // SAFETY: as in `lower`.
            Some(remote) => unsafe { (*remote).lend() },
            None => lend(Arc::as_ptr(self), Vtables::<D>::SHARED),
        }
    }
    unsafe fn lift(repr: ClosureRepr, _: &Origin) -> Self {
        let remote = if repr.is_lent == 0 {
            // SAFETY: by `# Safety` of `PluginType::lift`, the closure was lowered, and is lifted once.
            unsafe { Remote::new(repr) }
        } else {
            // SAFETY: by `# Safety` of `PluginType::lift`, the loan has not ended. The closure is in an `Arc`, so this makes a
            // share, which comes to one `Remote`.
            unsafe { Remote::new(Remote::lent(repr).another()) }
        };
        if remote.is_own::<Self>() {
            // SAFETY: `lower` or `lend` in this library has made the words of an `Arc<D>`, as `is_own` says. This takes one share.
            return unsafe { Arc::from_raw(pointer_of::<D>(remote.into_words())) };
        }
        D::shared(remote)
    }
    unsafe fn hold(repr: &ClosureRepr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: by `# Safety` of `PluginType::hold`, the closure is lent, or was lowered and not lifted yet. In both cases a loan
        // of it can be lifted, to a share. No function with a `&Arc` changes the pointer in it.
        unsafe { arena.own(Self::lift(ClosureRepr { is_lent: 1, ..*repr }, origin)) }
    }
}

/// A closure behind `&` or `&mut` as its receiver holds it.
pub struct HeldClosure<D: ?Sized> {
    remote: ManuallyDrop<Remote>,
    closure: PhantomData<Box<D>>,
}

impl<D: ?Sized> HeldClosure<D> {
    /// Receives a closure that is lent.
    ///
    /// # Safety
    ///
    /// The loan outlives the result. If `D` is not a `dyn Fn`, only the result is used until then.
    pub(crate) unsafe fn new(repr: ClosureRepr) -> Self {
        // SAFETY: by `# Safety`, the loan outlives the result.
        HeldClosure { remote: unsafe { Remote::lent(repr) }, closure: PhantomData }
    }
}

impl<D: PluginFn + ?Sized> Deref for HeldClosure<D> {
    type Target = D;
    fn deref(&self) -> &D {
        D::view(&self.remote)
    }
}

impl<D: PluginFn + ?Sized> DerefMut for HeldClosure<D> {
    fn deref_mut(&mut self) -> &mut D {
        D::view_mut(&mut self.remote)
    }
}

/// The sender's side of a `&mut dyn FnMut`.
pub struct LoanClosure<'a> {
    repr: ClosureRepr,
    closure: PhantomData<&'a mut ()>,
}

impl LoanClosure<'_> {
    /// Lends a closure for as long as it is borrowed.
    pub(crate) fn of<D: Closure + ?Sized>(closure: &mut D) -> LoanClosure<'_> {
        LoanClosure { repr: lend(std::ptr::from_mut(closure), Vtables::<D>::BOXED), closure: PhantomData }
    }

    pub(crate) fn repr(&self) -> ClosureRepr {
        self.repr
    }
}
