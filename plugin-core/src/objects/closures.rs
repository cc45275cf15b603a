//! Closures: the traits of their types, and their ways in a `Box`, in an `Arc` and behind a reference.

use std::any::TypeId;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::homes;
use super::object::{Object, drop_shared, give, id_of, lend, share, vtable};
use super::remote::Remote;
use super::words::pointer_of;
use crate::abi::{ObjectRepr, ObjectVtable};
use crate::describe::{Node, Tag};
use crate::memory::Arena;
use crate::origin::Origin;
use crate::types::PluginType;

/// A type of closures that cross, such as `dyn Fn(&str) -> u32 + Send`.
///
/// # Safety
///
/// `ENTRY` has the arguments and the result of `NODE`. The functions make closures that contain the `Remote` and nothing else.
pub unsafe trait Closure: Object {
    /// Makes a proxy.
    fn boxed(remote: Remote) -> Box<Self>;

    /// Makes a proxy in an arena, which does not drop the proxy.
    fn in_arena(remote: Remote, arena: &mut Arena) -> *mut Self;

    /// Notes a new proxy.
    ///
    /// # Safety
    ///
    /// At `proxy` is a proxy in a box or an `Arc` of its own.
    unsafe fn enter(proxy: *const Self) {
        // SAFETY: by `# Safety`. A proxy is a closure that consists of a `Remote`.
        let remote = unsafe { &*proxy.cast::<Remote>() };
        // Another type than the maker's is converted here, so such a proxy stays one.
        if remote.is_alike() {
            remote.enter_home(proxy);
        }
    }

    /// Returns the object as a `Remote`, if it is a proxy.
    fn find(object: &Self) -> Option<&Remote> {
        let number = homes::find(object)?;
        // SAFETY: the closure is a proxy, as `homes::find` says. A proxy consists of a `Remote`.
        Some(unsafe { &*std::ptr::from_ref(object).cast::<Remote>() }).filter(|remote| remote.is_number(number))
    }
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
    fn shortened_ref(&self) -> &Self::Lent<'_>;

    /// As above.
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

/// The vtables for a type of closures.
struct Vtables<D: ?Sized>(PhantomData<D>);

impl<D: Closure + ?Sized> Vtables<D> {
    const BOXED: &'static ObjectVtable = &vtable::<D>();
}

impl<D: SharedClosure + ?Sized> Vtables<D> {
    const SHARED: &'static ObjectVtable = &ObjectVtable {
        id: id_of::<Arc<D>> as fn() -> TypeId as *const c_void,
        drop: drop_shared::<D>,
        share: Some(share::<D>),
        methods: D::SHARED_METHODS.as_ptr(),
        count: D::SHARED_METHODS.len(),
        ..vtable::<D>()
    };
}

/// Checks that a proxy consists of a [`Remote`]: a closure that contains one and has its size contains nothing else.
pub(super) const fn assert_remote<C>(_: &C) {
    const { assert!(size_of::<C>() == size_of::<Remote>() && align_of::<C>() == align_of::<Remote>()) }
}

/// Returns the `Remote` of an object in an `Arc`, if it is a proxy that may be passed on.
fn shared_remote<D: SharedClosure + ?Sized>(object: &Arc<D>) -> Option<&Remote> {
    // `Arc::from` may have moved the proxy of a `Box` here.
    D::find(object).filter(|remote| remote.is_alike() && remote.is_shared())
}

/// Lowers a closure in a `Box`.
pub fn lower_box<D: Closure + ?Sized>(closure: Box<D>) -> ObjectRepr {
    let is_passed_on = D::find(&*closure).is_some_and(|remote| remote.is_alike() && !remote.is_shared());
    let closure = Box::into_raw(closure);
    if is_passed_on {
        // SAFETY: the object is a proxy, as `find` says. A proxy consists of a `Remote`, so the box has its layout, too.
        let remote = unsafe { Box::from_raw(closure.cast::<Remote>()) };
        remote.leave_home();
        return remote.into_repr();
    }
    give(closure, Vtables::<D>::BOXED)
}

/// Lends a closure in a `Box`. A receiver can hold it, and not copy it.
pub fn lend_box<D: Closure + ?Sized>(closure: &D) -> ObjectRepr {
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
pub unsafe fn lift_box<D: Closure + ?Sized>(repr: ObjectRepr) -> Box<D> {
    // Statics and keys of maps would copy a loan. They refuse such types: see `Node::has_boxed_objects`.
    assert_eq!(repr.is_lent, 0, "a closure in a `Box` cannot be copied");
    // SAFETY: by `# Safety`, the closure was lowered, and comes to this function once.
    let remote = unsafe { Remote::new(repr) };
    if remote.is_own::<Box<D>>() {
        // SAFETY: `lower_box` in this library has made the words of a `Box<D>`, as `is_own` says, and they are taken once.
        return unsafe { Box::from_raw(pointer_of::<D>(remote.into_words())) };
    }
    let proxy = D::boxed(remote.compare::<D>());
    // SAFETY: this is a new proxy.
    unsafe { D::enter(&raw const *proxy) };
    proxy
}

/// Holds a closure in a `Box`.
///
/// # Safety
///
/// As for [`PluginType::hold`].
pub unsafe fn hold_box<D: Closure + ?Sized>(repr: &ObjectRepr, arena: &mut Arena) -> ManuallyDrop<Box<D>> {
    // SAFETY: by `# Safety`, the closure and its vtable exist for longer than the result, which is never dropped.
    let remote = ManuallyDrop::into_inner(unsafe { Remote::lent(*repr) });
    // SAFETY: the proxy is in the arena, where nothing else uses it. The box is used behind `&` only, and never dropped.
    ManuallyDrop::new(unsafe { Box::from_raw(D::in_arena(remote, arena)) })
}

// SAFETY: the receiver gets a closure of the same type, which calls the sender's. A loan of an `Arc` is held as a share.
#[diagnostic::do_not_recommend]
unsafe impl<D: SharedClosure + ?Sized> PluginType for Arc<D> {
    type Repr = ObjectRepr;
    const NODE: &'static Node = &Node::Of { head: &Tag::ArcDyn.head(), parts: &[D::NODE] };
    const DEEP: bool = false;

    fn lower(self) -> ObjectRepr {
        if let Some(remote) = shared_remote(&self) {
            // SAFETY: the closure is in an `Arc`.
            return unsafe { remote.another() };
        }
        give(Arc::into_raw(self), Vtables::<D>::SHARED)
    }
    fn lend(&self, _: &mut Arena) -> ObjectRepr {
        match shared_remote(self) {
            Some(remote) => remote.lend(),
            None => lend(Arc::as_ptr(self), Vtables::<D>::SHARED),
        }
    }
    unsafe fn lift(repr: ObjectRepr, _: &Origin) -> Self {
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
        let proxy = D::shared(remote.compare::<D>());
        // SAFETY: this is a new proxy.
        unsafe { D::enter(Arc::as_ptr(&proxy)) };
        proxy
    }
    unsafe fn hold(repr: &ObjectRepr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: by `# Safety` of `PluginType::hold`, the closure is lent, or was lowered and not lifted yet. In both cases a loan
        // of it can be lifted, to a share. No function with a `&Arc` changes the pointer in it.
        unsafe { arena.own(Self::lift(ObjectRepr { is_lent: 1, ..*repr }, origin)) }
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
    pub unsafe fn new(repr: ObjectRepr) -> Self {
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
    repr: ObjectRepr,
    closure: PhantomData<&'a mut ()>,
}

impl LoanClosure<'_> {
    /// Lends a closure for as long as it is borrowed.
    pub fn of<D: Closure + ?Sized>(closure: &mut D) -> LoanClosure<'_> {
        LoanClosure { repr: lend(std::ptr::from_mut(closure), Vtables::<D>::BOXED), closure: PhantomData }
    }

    /// The object on its way.
    pub fn repr(&self) -> ObjectRepr {
        self.repr
    }
}
