//! Objects of interfaces: traits with `#[plugin_interface]`.
//!
//! An interface's objects cross as closures do: see [`closures`](super::closures). The attribute emits a proxy, which contains a
//! [`Remote`] and nothing else, and [`__interface`](crate::__interface) implements the traits of closures for `dyn Trait` with its
//! four spellings. Each object can say its own type, so the proxies are on no list.

use std::any::TypeId;
use std::marker::PhantomData;

use super::closures::{Closure, LoanClosure};
use super::object::Object;
use super::remote::Remote;
use crate::describe::{Node, Tag};
use crate::memory::Arena;

/// The supertrait of each interface. Every type that borrows nothing has it already, so no author can implement it.
pub trait AnyObject {
    #[doc(hidden)]
    fn __plugin_type_id(&self) -> TypeId;
}

// A `dyn Trait` has no size, so a call on it is one of the object's.
impl<T: 'static> AnyObject for T {
    #[inline]
    fn __plugin_type_id(&self) -> TypeId {
        TypeId::of::<T>()
    }
}

/// A spelling of `dyn Trait`, for its descriptor.
///
/// # Safety
///
/// `BASE` describes the trait. The two others say which auto traits the type has.
pub unsafe trait Interface: 'static {
    /// The descriptor of `dyn Trait` without auto traits.
    const BASE: &'static Node;
    /// True if the type is `Send`.
    const IS_SEND: bool;
    /// True if the type is `Sync`.
    const IS_SYNC: bool;
}

/// The descriptors of types around an object.
pub struct Around<D: ?Sized>(PhantomData<D>);

impl<D: Interface + ?Sized> Around<D> {
    const SEND: &'static Node = &Node::Of { head: &Tag::WithSend.head(), parts: &[D::BASE] };
    const SYNC: &'static Node = &Node::Of { head: &Tag::WithSync.head(), parts: &[D::BASE] };
    const BOTH: &'static Node = &Node::Of { head: &Tag::WithSync.head(), parts: &[Self::SEND] };
    /// The object itself, with its auto traits, however they are written.
    pub const OBJECT: &'static Node = match (D::IS_SEND, D::IS_SYNC) {
        (false, false) => D::BASE,
        (true, false) => Self::SEND,
        (false, true) => Self::SYNC,
        (true, true) => Self::BOTH,
    };
}

impl<D: Object + ?Sized> Around<D> {
    /// `Box<D>`.
    pub const BOX: &'static Node = &Node::Of { head: &Tag::BoxDyn.head(), parts: &[D::NODE] };
    /// `&D`.
    pub const REF: &'static Node = &Node::Of { head: &Tag::Ref.head(), parts: &[D::NODE] };
    /// `&mut D`.
    pub const MUT: &'static Node = &Node::Of { head: &Tag::Mut.head(), parts: &[D::NODE] };
}

/// `IsSend::<T>::YES` is true if `T` is `Send`. [`Unmarked`] has the constant for all other types.
pub struct IsSend<T: ?Sized>(PhantomData<T>);
/// `IsSync::<T>::YES` is true if `T` is `Sync`.
pub struct IsSync<T: ?Sized>(PhantomData<T>);

impl<T: Send + ?Sized> IsSend<T> {
    /// The type is `Send`.
    pub const YES: bool = true;
}

impl<T: Sync + ?Sized> IsSync<T> {
    /// The type is `Sync`.
    pub const YES: bool = true;
}

/// The constants of [`IsSend`] and [`IsSync`] for types without the auto trait.
pub trait Unmarked {
    /// The type does not have the auto trait.
    const YES: bool = false;
}

impl<T: ?Sized> Unmarked for IsSend<T> {}
impl<T: ?Sized> Unmarked for IsSync<T> {}

/// Sees a `Remote` as a proxy.
///
/// # Safety
///
/// `P` is a transparent struct around a `Remote`.
#[inline(always)]
pub unsafe fn view<P>(remote: &Remote) -> &P {
    const { assert!(size_of::<P>() == size_of::<Remote>() && align_of::<P>() == align_of::<Remote>()) }
    // SAFETY: by `# Safety`, both have the same layout.
    unsafe { &*std::ptr::from_ref(remote).cast() }
}

/// As [`view`].
///
/// # Safety
///
/// `P` is a transparent struct around a `Remote`.
#[inline(always)]
pub unsafe fn view_mut<P>(remote: &mut Remote) -> &mut P {
    const { assert!(size_of::<P>() == size_of::<Remote>() && align_of::<P>() == align_of::<Remote>()) }
    // SAFETY: by `# Safety`, both have the same layout.
    unsafe { &mut *std::ptr::from_mut(remote).cast() }
}

/// Puts a proxy into an arena, which does not drop it.
pub fn put_in_arena<P>(proxy: P, arena: &mut Arena) -> *mut P {
    let at = arena.alloc::<P>(1).as_ptr();
    // SAFETY: the arena has given room for the proxy.
    unsafe { at.write(proxy) };
    at
}

/// Lends an object behind `&mut`.
#[inline]
pub fn lend_mut<D: Closure + ?Sized>(object: &mut D) -> LoanClosure<'_> {
    LoanClosure::of(object)
}

/// Implements the traits of objects that cross for the four spellings of `dyn Trait`. The descriptor, the methods and the proxy are
/// those of the same trait: `#[plugin_interface]` emits them together, and says so by `unsafe`. The proxy is a transparent struct around
/// a `Remote`.
#[doc(hidden)]
#[macro_export]
macro_rules! __interface {
    (unsafe $Trait:ident $proxy:ident $base:ident $methods:tt) => {
        $crate::__interface!(@one $Trait $proxy $base $methods []);
        $crate::__interface!(@one $Trait $proxy $base $methods [+ $crate::__private::core::marker::Send]);
        $crate::__interface!(@one $Trait $proxy $base $methods [+ $crate::__private::core::marker::Sync]);
        $crate::__interface!(@one $Trait $proxy $base $methods
            [+ $crate::__private::core::marker::Send + $crate::__private::core::marker::Sync]);
    };
    (@one $Trait:ident $proxy:ident $base:ident [$($method:ident)*] [$($auto:tt)*]) => {
        const _: () = {
            use $crate::__private as __p;
            #[allow(unused_imports)]
            use __p::{Object as _, Unmarked as _};
            type __D = dyn $Trait $($auto)*;

            #[diagnostic::do_not_recommend]
            unsafe impl __p::Interface for __D {
                const BASE: &'static __p::Node = $base;
                const IS_SEND: __p::core::primitive::bool = __p::IsSend::<__D>::YES;
                const IS_SYNC: __p::core::primitive::bool = __p::IsSync::<__D>::YES;
            }
            #[diagnostic::do_not_recommend]
            unsafe impl __p::Object for __D {
                const NODE: &'static __p::Node = __p::Around::<__D>::OBJECT;
                const ENTRY: *const __p::core::ffi::c_void = __p::core::ptr::null();
                const METHODS: &'static [*const __p::core::ffi::c_void] =
                    &[$(<<$method as __p::Method>::Signature as __p::MethodEntries<$method>>::ENTRY),*];
                const SHARED_METHODS: &'static [*const __p::core::ffi::c_void] =
                    &[$(<<$method as __p::Method>::Signature as __p::MethodEntries<$method>>::SHARED_ENTRY),*];
            }
            #[diagnostic::do_not_recommend]
            unsafe impl __p::Closure for __D {
                #[inline]
                fn boxed(remote: __p::Remote) -> __p::std::boxed::Box<Self> {
                    __p::std::boxed::Box::new($proxy(remote))
                }
                #[inline]
                fn in_arena(remote: __p::Remote, arena: &mut $crate::Arena) -> *mut Self {
                    __p::put_in_arena($proxy(remote), arena)
                }
                // Each object can say whether it is a proxy.
                #[inline]
                unsafe fn enter(_: *const Self) {}
                #[inline]
                fn find(object: &Self) -> __p::core::option::Option<&__p::Remote> {
                    match __p::AnyObject::__plugin_type_id(object) == __p::core::any::TypeId::of::<$proxy>() {
                        // The object is a proxy, which is a transparent struct around a `Remote`.
                        true => __p::core::option::Option::Some(unsafe { &*(object as *const Self).cast() }),
                        false => __p::core::option::Option::None,
                    }
                }
            }
            #[diagnostic::do_not_recommend]
            unsafe impl __p::SharedClosure for __D {
                #[inline]
                fn shared(remote: __p::Remote) -> __p::std::sync::Arc<Self> {
                    __p::std::sync::Arc::new($proxy(remote))
                }
            }
            #[diagnostic::do_not_recommend]
            unsafe impl $crate::PluginFn for __D {
                type Lent<'a> = dyn $Trait $($auto)* + 'a;
                #[inline]
                fn view(remote: &__p::Remote) -> &Self {
                    unsafe { __p::view::<$proxy>(remote) }
                }
                #[inline]
                fn view_mut(remote: &mut __p::Remote) -> &mut Self {
                    unsafe { __p::view_mut::<$proxy>(remote) }
                }
                #[inline]
                fn shortened_ref(&self) -> &Self::Lent<'_> {
                    self
                }
                #[inline]
                fn shortened(&mut self) -> &mut Self::Lent<'_> {
                    self
                }
                // Each type with the trait is `'static`: only such types have its supertrait `AnyObject`.
                #[inline]
                fn lengthened<'a>(object: &'a Self::Lent<'a>) -> &'a Self {
                    unsafe { __p::core::mem::transmute::<&'a Self::Lent<'a>, &'a Self>(object) }
                }
                #[inline]
                fn lengthened_mut<'a>(object: &'a mut Self::Lent<'a>) -> &'a mut Self {
                    unsafe { __p::core::mem::transmute::<&'a mut Self::Lent<'a>, &'a mut Self>(object) }
                }
            }
            #[diagnostic::do_not_recommend]
            unsafe impl $crate::PluginRef for __D {
                type RefRepr = $crate::repr::ObjectRepr;
                type Slot = ();
                type Held = $crate::repr::HeldClosure<Self>;
                const REF_NODE: &'static __p::Node = __p::Around::<__D>::REF;
                #[inline]
                fn lend_ref(&self, _: &mut ()) -> $crate::repr::ObjectRepr {
                    __p::lend_box(self)
                }
                #[inline]
                unsafe fn hold_ref(repr: $crate::repr::ObjectRepr, _: &$crate::Origin) -> $crate::repr::HeldClosure<Self> {
                    unsafe { $crate::repr::HeldClosure::new(repr) }
                }
            }
            #[diagnostic::do_not_recommend]
            unsafe impl $crate::PluginMut for __D {
                type MutRepr = $crate::repr::ObjectRepr;
                type Loan<'a> = $crate::repr::LoanClosure<'a>;
                type HeldMut = $crate::repr::HeldClosure<Self>;
                const MUT_NODE: &'static __p::Node = __p::Around::<__D>::MUT;
                #[inline]
                unsafe fn lend_mut<'a>(&'a mut self, _: &'a $crate::Origin) -> $crate::repr::LoanClosure<'a> {
                    __p::lend_mut(self)
                }
                #[inline]
                fn mut_repr(loan: &mut $crate::repr::LoanClosure<'_>) -> $crate::repr::ObjectRepr {
                    loan.repr()
                }
                #[inline]
                unsafe fn hold_mut(repr: $crate::repr::ObjectRepr, _: &$crate::Origin) -> $crate::repr::HeldClosure<Self> {
                    unsafe { $crate::repr::HeldClosure::new(repr) }
                }
            }
            #[diagnostic::do_not_recommend]
            unsafe impl $crate::PluginType for __p::std::boxed::Box<__D> {
                type Repr = $crate::repr::ObjectRepr;
                const NODE: &'static __p::Node = __p::Around::<__D>::BOX;
                const DEEP: __p::core::primitive::bool = false;
                #[inline]
                fn lower(self) -> $crate::repr::ObjectRepr {
                    __p::lower_box(self)
                }
                #[inline]
                fn lend(&self, _: &mut $crate::Arena) -> $crate::repr::ObjectRepr {
                    __p::lend_box(&**self)
                }
                #[inline]
                unsafe fn lift(repr: $crate::repr::ObjectRepr, _: &$crate::Origin) -> Self {
                    unsafe { __p::lift_box(repr) }
                }
                #[inline]
                unsafe fn hold(
                    repr: &$crate::repr::ObjectRepr, _: &$crate::Origin, arena: &mut $crate::Arena
                ) -> __p::core::mem::ManuallyDrop<Self> {
                    unsafe { __p::hold_box(repr, arena) }
                }
            }
        };
    };
}
