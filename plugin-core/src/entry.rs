//! The entries of exported functions.
//!
//! `#[plugin_export]` emits a type that stands for the author's function, and an implementation of [`Exported`]. Everything else is
//! generic, and is here. So the compiler reads and checks it once, and not again for each export. Only the entry itself is compiled
//! for each function. Without optimisation, an entry only passes its arguments on, to a function that is compiled once for each
//! signature.

use std::ffi::c_void;
use std::marker::PhantomData;

use crate::abi::{Context, Invoke, Outcome};
use crate::describe::record::Source;
use crate::describe::{Described, Node, Tag};
use crate::fault::outcome;
use crate::objects::PluginFn;
use crate::origin::Origin;
use crate::types::{PluginMut, PluginRef, PluginType};

/// The way of an argument to an exported function.
///
/// # Safety
///
/// `Repr` is the form of such an argument with the descriptor `NODE`.
pub unsafe trait Passing: 'static {
    /// The C-compatible form of the argument.
    type Repr: Copy;
    /// The place of a value that the function only borrows. It is empty by default.
    type Place: Default;
    /// The argument of the author's function.
    type Argument<'a>;
    /// The argument's descriptor.
    const NODE: &'static Node;

    /// Receives the argument.
    ///
    /// # Safety
    ///
    /// As for [`PluginType::lift`], [`PluginRef::hold_ref`] or [`PluginMut::hold_mut`].
    unsafe fn receive<'a>(repr: Self::Repr, place: &'a mut Self::Place, origin: &Origin) -> Self::Argument<'a>;
}

/// The way of an argument by value.
pub struct ByValue<T>(PhantomData<T>);
/// The way of an argument behind `&`.
pub struct ByRef<T: ?Sized>(PhantomData<T>);
/// The way of an argument behind `&mut`.
pub struct ByMut<T: ?Sized>(PhantomData<T>);

// SAFETY: `lift` takes the `Repr` of a type with this descriptor.
unsafe impl<T: PluginType> Passing for ByValue<T> {
    type Repr = T::Repr;
    type Place = ();
    type Argument<'a> = T;
    const NODE: &'static Node = T::NODE;

    #[cfg_attr(not(debug_assertions), inline(always))]
    unsafe fn receive(repr: T::Repr, (): &mut (), origin: &Origin) -> T {
        // SAFETY: the conditions of `lift` are those of this function (`# Safety`).
        unsafe { T::lift(repr, origin) }
    }
}

// SAFETY: `hold_ref` takes the `RefRepr` of a type with this descriptor.
unsafe impl<T: PluginRef + ?Sized> Passing for ByRef<T> {
    type Repr = T::RefRepr;
    type Place = Option<T::Held>;
    type Argument<'a> = &'a T;
    const NODE: &'static Node = T::REF_NODE;

    #[cfg_attr(not(debug_assertions), inline(always))]
    unsafe fn receive<'a>(repr: T::RefRepr, place: &'a mut Option<T::Held>, origin: &Origin) -> &'a T {
        // SAFETY: the conditions of `hold_ref` are those of this function (`# Safety`).
        place.insert(unsafe { T::hold_ref(repr, origin) })
    }
}

// SAFETY: `hold_mut` takes the `MutRepr` of a type with this descriptor.
unsafe impl<T: PluginMut + ?Sized> Passing for ByMut<T> {
    type Repr = T::MutRepr;
    type Place = Option<T::HeldMut>;
    type Argument<'a> = &'a mut T;
    const NODE: &'static Node = T::MUT_NODE;

    #[cfg_attr(not(debug_assertions), inline(always))]
    unsafe fn receive<'a>(repr: T::MutRepr, place: &'a mut Option<T::HeldMut>, origin: &Origin) -> &'a mut T {
        // SAFETY: the conditions of `hold_mut` are those of this function (`# Safety`).
        place.insert(unsafe { T::hold_mut(repr, origin) })
    }
}

/// The way of a closure behind `&mut`, whose type is written in the signature itself. There it borrows for as long as the reference.
pub struct ByMutClosure<T: ?Sized>(PhantomData<T>);

// SAFETY: as for `ByMut`.
unsafe impl<T: PluginMut + PluginFn + ?Sized> Passing for ByMutClosure<T> {
    type Repr = T::MutRepr;
    type Place = Option<T::HeldMut>;
    type Argument<'a> = &'a mut T::Lent<'a>;
    const NODE: &'static Node = T::MUT_NODE;

    #[cfg_attr(not(debug_assertions), inline(always))]
    unsafe fn receive<'a>(repr: T::MutRepr, place: &'a mut Option<T::HeldMut>, origin: &Origin) -> &'a mut T::Lent<'a> {
        // SAFETY: the conditions of `hold_mut` are those of this function (`# Safety`).
        let closure: &'a mut T = place.insert(unsafe { T::hold_mut(repr, origin) });
        closure.shortened()
    }
}

/// The ways of a function's arguments and its result, as the type `fn(ByRef<A>, ByValue<B>) -> R`.
pub trait Signature {
    /// The author's function.
    type Pointer: Copy + 'static;
    /// The function's descriptor.
    const DESCRIBED: &'static Described;
    /// The by-address form of an entry.
    const INVOKE: Invoke;
}

/// An exported function. The compiler refuses a function that is not of this signature, or that is not safe.
pub trait Exported {
    /// The function's signature.
    type Signature: Signature;
    /// The function, and the facts in its record.
    const EXPORTED: Function<Self::Signature>;
}

/// A function with this signature, and the facts in its record. The two are one constant, because the compiler spends its time on
/// constants.
pub struct Function<S: Signature> {
    /// The function.
    pub function: S::Pointer,
    /// The facts.
    pub source: Source,
}

/// A signature whose functions have an entry.
///
/// # Safety
///
/// `ENTRY` is the entry of the function in `F::EXPORTED`. Its descriptor is [`Signature::DESCRIBED`].
pub unsafe trait HasEntry<F: Exported>: Signature {
    /// The address of the entry.
    const ENTRY: *const c_void;
}

/// Reads the `Repr` of an argument that is passed by address.
///
/// # Safety
///
/// `arguments` points at more than `index` addresses, and the address at `index` is that of an `R`.
#[inline]
pub(crate) unsafe fn nth<R: Copy>(arguments: *const *const c_void, index: usize) -> R {
    // SAFETY: by `# Safety`, `arguments` has an address at `index`, and it is that of an `R`.
    unsafe { (*arguments.add(index)).cast::<R>().read() }
}

macro_rules! signature {
    ($module:ident: $($index:literal $P:ident $arg:ident $place:ident),*) => {
        mod $module {
            use super::*;

            type Pointer<$($P,)* R> = for<'a> fn($(<$P as Passing>::Argument<'a>),*) -> R;
            type Entry<$($P,)* R> =
                unsafe extern "C" fn(Context $(, <$P as Passing>::Repr)*) -> Outcome<<R as PluginType>::Repr>;

            /// Calls the function, and stops a panic.
            ///
            /// # Safety
            ///
            /// The arguments are as [`Passing::receive`] demands.
            #[cfg_attr(not(debug_assertions), inline(always))]
            unsafe fn call<$($P: Passing,)* R: PluginType>(
                function: Pointer<$($P,)* R> $(, $arg: $P::Repr)*
            ) -> Outcome<R::Repr> {
                outcome(|| {
                    $(let mut $place = <$P::Place>::default();)*
                    // SAFETY: the conditions of `receive` are those of this function (`# Safety`). The arguments of an export
                    // come from the host.
                    function($(unsafe { $P::receive($arg, &mut $place, &Origin::HOST) }),*)
                })
            }

            /// An exported function with this signature. The entry is a function of this trait, because the compiler puts it beside
            /// the type that implements the trait: into the object file of the author's function, which it may then contain.
            trait Enter<$($P: Passing,)* R: PluginType>: Exported<Signature = fn($($P),*) -> R> {
                /// The function.
                const FUNCTION: Pointer<$($P,)* R>;

                /// The entry.
                ///
                /// # Safety
                ///
                /// As for [`call`].
                unsafe extern "C" fn entry(_: Context $(, $arg: $P::Repr)*) -> Outcome<R::Repr>;
            }

            impl<F, $($P: Passing,)* R: PluginType> Enter<$($P,)* R> for F
            where
                F: Exported<Signature = fn($($P),*) -> R>,
            {
                const FUNCTION: Pointer<$($P,)* R> = F::EXPORTED.function;

                unsafe extern "C" fn entry(_: Context $(, $arg: $P::Repr)*) -> Outcome<R::Repr> {
                    // SAFETY: the conditions of `call` are those of this function (`# Safety`).
                    unsafe { call::<$($P,)* R>(<F as Enter<$($P,)* R>>::FUNCTION $(, $arg)*) }
                }
            }

            /// The by-address form of an entry.
            ///
            /// # Safety
            ///
            /// As for [`Enter::entry`], for the entry at this address. `arguments` has the address of each argument's `Repr`,
            /// and `to` has room for the outcome.
            #[allow(unused_variables)]
            unsafe extern "C" fn invoke<$($P: Passing,)* R: PluginType>(
                entry: *const c_void,
                context: Context,
                arguments: *const *const c_void,
                to: *mut c_void,
            ) {
                // SAFETY: by `# Safety`, this is the address of an entry with this signature.
                let entry = unsafe { std::mem::transmute::<*const c_void, Entry<$($P,)* R>>(entry) };
                // SAFETY: the conditions of `nth`, of the entry and of the write are those of this function (`# Safety`).
                unsafe { to.cast::<Outcome<R::Repr>>().write(entry(context $(, nth(arguments, $index))*)) }
            }

            impl<$($P: Passing,)* R: PluginType> Signature for fn($($P),*) -> R {
                type Pointer = Pointer<$($P,)* R>;
                const DESCRIBED: &'static Described = &Described::of(&Node::Of {
                    head: &Tag::Fn.head_with(<[&str]>::len(&[$(stringify!($arg)),*])),
                    parts: &[$($P::NODE,)* R::NODE],
                });
                const INVOKE: Invoke = invoke::<$($P,)* R>;
            }

            // SAFETY: `entry` takes and returns the `Repr`s that follow from the descriptor, and calls the function.
            unsafe impl<F, $($P: Passing,)* R: PluginType> HasEntry<F> for fn($($P),*) -> R
            where
                F: Exported<Signature = Self>,
            {
                const ENTRY: *const c_void = <F as Enter<$($P,)* R>>::entry as *const c_void;
            }
        }
    };
}

signature!(with_0:);
signature!(with_1: 0 A a a_place);
signature!(with_2: 0 A a a_place, 1 B b b_place);
signature!(with_3: 0 A a a_place, 1 B b b_place, 2 C c c_place);
signature!(with_4: 0 A a a_place, 1 B b b_place, 2 C c c_place, 3 D d d_place);
signature!(with_5: 0 A a a_place, 1 B b b_place, 2 C c c_place, 3 D d d_place, 4 E e e_place);
signature!(with_6: 0 A a a_place, 1 B b b_place, 2 C c c_place, 3 D d d_place, 4 E e e_place, 5 G g g_place);
