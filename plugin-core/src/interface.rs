//! The methods of interfaces: their entries, which the maker of an object has, and the calls through a proxy.
//!
//! `#[plugin_interface]` emits a type for each method, and an implementation of [`Method`]. All that is unsafe about a method is
//! here, and follows from the method's [`Method::Signature`].

use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use crate::abi::{Context, FaultRepr, Outcome, Words};
use crate::describe::{Node, Tag};
use crate::entry::{ByMut, ByMutClosure, ByRef, ByValue, Passing};
use crate::fault::boundary::outcome_of_closure;
use crate::fault::{Fault, Return};
use crate::objects::{PluginFn, Remote, pointer_of};
use crate::origin::Origin;
use crate::types::{PluginMut, PluginRef, PluginType};

/// The origin of the arguments and results of methods.
static LEAVES: Origin = Origin::LEAVES;

/// A way of `self`: [`Shared`], [`Exclusive`] or [`Consumed`].
///
/// # Safety
///
/// The functions give what `Of` says and no more.
pub unsafe trait Receiver: 'static {
    /// `&D`, `&mut D` or `Box<D>`.
    type Of<'a, D: ?Sized + 'static>;
    /// The node around the method's function: the tag of a reference or a box.
    const TAG: Tag;
    /// True if the same entry serves objects in a `Box` and in an `Arc`.
    const IS_ALIKE: bool;

    /// Takes an object in a `Box`, or one that is lent.
    ///
    /// # Safety
    ///
    /// The object exists for `'a`, and may be used like this.
    unsafe fn boxed<'a, D: ?Sized + 'static>(object: *mut D) -> Self::Of<'a, D>;

    /// Takes an object in an `Arc`. The caller has a share of the `Arc` for `'a`.
    ///
    /// # Safety
    ///
    /// The caller has the share, and nothing else uses this share meanwhile unless `IS_ALIKE`.
    unsafe fn shared<'a, D: ?Sized + 'static>(object: *mut D) -> Self::Of<'a, D>;
}

/// `&self`.
pub enum Shared {}
/// `&mut self`.
pub enum Exclusive {}
/// `self: Box<Self>`.
pub enum Consumed {}

// SAFETY: an object may be used behind `&` in a box and in an `Arc`.
unsafe impl Receiver for Shared {
    type Of<'a, D: ?Sized + 'static> = &'a D;
    const TAG: Tag = Tag::Ref;
    const IS_ALIKE: bool = true;

    #[inline(always)]
    unsafe fn boxed<'a, D: ?Sized + 'static>(object: *mut D) -> Self::Of<'a, D> {
        // SAFETY: by `# Safety`.
        unsafe { &*object }
    }
    unsafe fn shared<'a, D: ?Sized + 'static>(object: *mut D) -> Self::Of<'a, D> {
        // SAFETY: by `# Safety`.
        unsafe { &*object }
    }
}

// SAFETY: an object in an `Arc` is used behind `&mut` only if the `Arc` has no other share.
unsafe impl Receiver for Exclusive {
    type Of<'a, D: ?Sized + 'static> = &'a mut D;
    const TAG: Tag = Tag::Mut;
    const IS_ALIKE: bool = false;

    #[inline(always)]
    unsafe fn boxed<'a, D: ?Sized + 'static>(object: *mut D) -> Self::Of<'a, D> {
        // SAFETY: by `# Safety`.
        unsafe { &mut *object }
    }
    /// The proxy may be the only one in its `Arc`, as `Arc::get_mut` asks. The object may still be in use elsewhere.
    unsafe fn shared<'a, D: ?Sized + 'static>(object: *mut D) -> Self::Of<'a, D> {
        // SAFETY: by `# Safety`, the caller has a share. It is not given up here.
        let mut share = ManuallyDrop::new(unsafe { Arc::from_raw(object) });
        assert!(
            Arc::get_mut(&mut share).is_some(),
            "the object is shared, and a method with `&mut self` cannot be called"
        );
        // SAFETY: the caller's share is the only one, and by `# Safety` it is not used elsewhere.
        unsafe { &mut *object }
    }
}

// SAFETY: a box is taken from an object in a `Box`.
unsafe impl Receiver for Consumed {
    type Of<'a, D: ?Sized + 'static> = Box<D>;
    const TAG: Tag = Tag::Box;
    const IS_ALIKE: bool = false;

    #[inline(always)]
    unsafe fn boxed<'a, D: ?Sized + 'static>(object: *mut D) -> Self::Of<'a, D> {
        // SAFETY: by `# Safety`, the object is in a box, which is given up.
        unsafe { Box::from_raw(object) }
    }
    unsafe fn shared<'a, D: ?Sized + 'static>(_: *mut D) -> Self::Of<'a, D> {
        unreachable!("the proxy of an object in an `Arc` is in no box of its own")
    }
}

/// The way of `&dyn Trait` whose type is written in the signature itself. There it borrows for as long as the reference.
pub struct ByRefObject<T: ?Sized>(PhantomData<T>);

// SAFETY: as for `ByRef`.
unsafe impl<T: PluginRef + PluginFn + ?Sized> Passing for ByRefObject<T> {
    type Repr = T::RefRepr;
    type Place = Option<T::Held>;
    type Argument<'a> = &'a T::Lent<'a>;
    const NODE: &'static Node = T::REF_NODE;

    #[inline(always)]
    unsafe fn receive<'a>(repr: T::RefRepr, place: &'a mut Option<T::Held>, origin: &Origin) -> &'a T::Lent<'a> {
        // SAFETY: the conditions are those of this function.
        let object: &'a T = unsafe { <ByRef<T> as Passing>::receive(repr, place, origin) };
        T::shortened_ref(object)
    }
}

/// The way of an argument from a proxy to an object.
///
/// # Safety
///
/// `repr` gives what [`Passing::receive`] takes.
pub unsafe trait Sending: Passing {
    /// The sender's part of the argument. It stays in its place for the length of the call.
    type Loan<'a>;

    /// Prepares the argument.
    ///
    /// # Safety
    ///
    /// The loan is dropped and not forgotten.
    unsafe fn prepare<'a>(argument: Self::Argument<'a>) -> Self::Loan<'a>;

    /// Returns the argument's form. It is called once.
    fn repr(loan: &mut Self::Loan<'_>) -> Self::Repr;
}

// SAFETY: `receive` lifts what was lowered.
unsafe impl<T: PluginType> Sending for ByValue<T> {
    type Loan<'a> = T::Repr;

    #[inline(always)]
    unsafe fn prepare<'a>(argument: Self::Argument<'a>) -> Self::Loan<'a> {
        argument.lower()
    }
    #[inline(always)]
    fn repr(loan: &mut T::Repr) -> T::Repr {
        *loan
    }
}

// SAFETY: `receive` holds what was lent.
unsafe impl<T: PluginRef + ?Sized> Sending for ByRef<T> {
    type Loan<'a> = (&'a T, T::Slot);

    #[inline(always)]
    unsafe fn prepare<'a>(argument: Self::Argument<'a>) -> Self::Loan<'a> {
        (argument, Default::default())
    }
    #[inline(always)]
    fn repr((argument, slot): &mut (&T, T::Slot)) -> T::RefRepr {
        argument.lend_ref(slot)
    }
}

// SAFETY: as above.
unsafe impl<T: PluginRef + PluginFn + ?Sized> Sending for ByRefObject<T> {
    type Loan<'a> = (&'a T, T::Slot);

    #[inline(always)]
    unsafe fn prepare<'a>(argument: Self::Argument<'a>) -> Self::Loan<'a> {
        (T::lengthened(argument), Default::default())
    }
    #[inline(always)]
    fn repr((argument, slot): &mut (&T, T::Slot)) -> T::RefRepr {
        argument.lend_ref(slot)
    }
}

// SAFETY: as above.
unsafe impl<T: PluginMut + ?Sized> Sending for ByMut<T> {
    type Loan<'a> = T::Loan<'a>;

    #[inline(always)]
    unsafe fn prepare<'a>(argument: Self::Argument<'a>) -> Self::Loan<'a> {
        // SAFETY: the condition is that of this function. The value that is put back comes from a library that leaves.
        unsafe { argument.lend_mut(&LEAVES) }
    }
    #[inline(always)]
    fn repr(loan: &mut T::Loan<'_>) -> T::MutRepr {
        T::mut_repr(loan)
    }
}

// SAFETY: as above.
unsafe impl<T: PluginMut + PluginFn + ?Sized> Sending for ByMutClosure<T> {
    type Loan<'a> = T::Loan<'a>;

    #[inline(always)]
    unsafe fn prepare<'a>(argument: Self::Argument<'a>) -> Self::Loan<'a> {
        // SAFETY: as above.
        unsafe { T::lengthened_mut(argument).lend_mut(&LEAVES) }
    }
    #[inline(always)]
    fn repr(loan: &mut T::Loan<'_>) -> T::MutRepr {
        T::mut_repr(loan)
    }
}

/// The ways of a method's arguments and its result, as the type `fn(ByRef<A>, ByValue<B>) -> R`.
pub trait MethodSignature: 'static {
    /// The method as a function.
    type Pointer<D: ?Sized + 'static, X: Receiver>;
    /// The arguments, as a tuple.
    type Arguments<'a>;
    /// The result.
    type Result: Return;
    /// The descriptor of the method without its receiver.
    const NODE: &'static Node;
}

/// A method of an interface. The compiler refuses a function that is not of this signature, or that is not safe.
pub trait Method: Sized + 'static {
    /// `dyn Trait`.
    type Object: ?Sized + 'static;
    /// The way of `self`.
    type Receiver: Receiver;
    /// The signature without `self`.
    type Signature: MethodEntries<Self>;
    /// The names of the trait and the method.
    const NAME: &'static str;
    /// The method.
    const FUNCTION: <Self::Signature as MethodSignature>::Pointer<Self::Object, Self::Receiver>;
}

/// The entries of a method with this signature.
///
/// # Safety
///
/// The entries and `call` fit each other for equal `NODE`s and receivers.
pub unsafe trait MethodEntries<M>: MethodSignature {
    /// The entry for objects in a `Box`, and for loans.
    const ENTRY: *const c_void;
    /// The entry for objects in an `Arc`.
    const SHARED_ENTRY: *const c_void;

    /// Calls the method of an object through its proxy. `begin` is called when the arguments are ready.
    ///
    /// # Safety
    ///
    /// The maker knows the method with this index, and its descriptor fits that of `M`. The caller may use `remote` as the receiver
    /// of `M` says.
    unsafe fn call(
        remote: &Remote,
        index: usize,
        arguments: <Self as MethodSignature>::Arguments<'_>,
        begin: impl FnOnce(),
    ) -> <Self as MethodSignature>::Result;
}

/// The descriptor of a method.
pub struct MethodNode<M>(PhantomData<M>);

impl<M: Method> MethodNode<M> {
    /// The receiver and the function.
    pub const NODE: &'static Node =
        &Node::Of { head: &<M::Receiver as Receiver>::TAG.head(), parts: &[<M::Signature as MethodSignature>::NODE] };
}

/// Calls a method through a proxy.
///
/// # Safety
///
/// As for [`MethodEntries::call`].
#[inline]
pub unsafe fn call_method<M: Method>(
    remote: &Remote,
    index: usize,
    arguments: <M::Signature as MethodSignature>::Arguments<'_>,
) -> <M::Signature as MethodSignature>::Result {
    // SAFETY: the conditions are those of this function.
    unsafe { M::Signature::call(remote, index, arguments, || ()) }
}

/// Calls a method that consumes the object.
///
/// # Safety
///
/// As for [`MethodEntries::call`]. The object is in a `Box`.
#[inline]
pub unsafe fn consume_method<M: Method>(
    remote: Remote,
    index: usize,
    arguments: <M::Signature as MethodSignature>::Arguments<'_>,
) -> <M::Signature as MethodSignature>::Result {
    // The share of the maker's library is given up at the end of this function, after the loans of the call.
    // SAFETY: the conditions are those of this function.
    unsafe { M::Signature::call(&remote, index, arguments, || remote.consume()) }
}

/// Takes the fault of a method. This is a function of its own, so that a call that returns does not pay for it.
///
/// # Safety
///
/// The entry of an object has returned the fault. Its library is mapped, and the fault is taken once.
#[cold]
#[inline(never)]
unsafe fn fault_of_method(fault: *mut FaultRepr, name: &str) -> Fault {
    // SAFETY: by `# Safety`.
    unsafe { FaultRepr::take(fault) }.of_method(name)
}

/// Returns the object whose words are at `context`.
///
/// # Safety
///
/// `context` is the address of the words of a `D`, which this library has made. `D` may lack auto traits that the object's type had.
#[inline(always)]
unsafe fn object_at<D: ?Sized>(context: Context) -> *mut D {
    // SAFETY: by `# Safety`. An auto trait changes nothing about a pointer.
    unsafe { pointer_of(*context.cast::<Words>()) }
}

macro_rules! signature {
    ($module:ident: $($P:ident $arg:ident $place:ident $loan:ident),*) => {
        mod $module {
            use super::*;

            impl<$($P: Sending,)* R: Return> MethodSignature for fn($($P),*) -> R {
                type Pointer<Object: ?Sized + 'static, X: Receiver> =
                    for<'a> fn(<X as Receiver>::Of<'a, Object> $(, <$P as Passing>::Argument<'a>)*) -> R;
                type Arguments<'a> = ($($P::Argument<'a>,)*);
                type Result = R;
                const NODE: &'static Node = &Node::Of {
                    head: &Tag::Fn.head_with(<[&str]>::len(&[$(stringify!($arg)),*])),
                    parts: &[$($P::NODE,)* <R::Value as PluginType>::NODE],
                };
            }

            /// The entry of a method.
            ///
            /// # Safety
            ///
            /// `context` is the address of the words of an object of this library, which may be used as the receiver says. The
            /// arguments were prepared for this call. The object is in an `Arc` if `IS_SHARED`.
            unsafe extern "C" fn enter<M, $($P: Sending,)* R: Return, const IS_SHARED: bool>(
                context: Context $(, $arg: $P::Repr)*
            ) -> Outcome<<R::Value as PluginType>::Repr>
            where
                M: Method<Signature = fn($($P),*) -> R>,
            {
                outcome_of_closure(|| {
                    // SAFETY: by `# Safety`. The type of `M` and the words are of the same trait (`__interface`).
                    let object = unsafe {
                        let object = object_at::<M::Object>(context);
                        if IS_SHARED { M::Receiver::shared(object) } else { M::Receiver::boxed(object) }
                    };
                    $(let mut $place = <$P::Place>::default();)*
                    // SAFETY: by `# Safety`, the arguments are prepared for this call, and each is received once.
                    (M::FUNCTION)(object $(, unsafe { $P::receive($arg, &mut $place, &LEAVES) })*)
                })
            }

            // SAFETY: the entries take what `call` prepares.
            unsafe impl<M, $($P: Sending,)* R: Return> MethodEntries<M> for fn($($P),*) -> R
            where
                M: Method<Signature = Self>,
            {
                const ENTRY: *const c_void = enter::<M, $($P,)* R, false> as *const c_void;
                const SHARED_ENTRY: *const c_void = match <M::Receiver as Receiver>::IS_ALIKE {
                    true => <Self as MethodEntries<M>>::ENTRY,
                    false => enter::<M, $($P,)* R, true> as *const c_void,
                };

                #[inline]
                unsafe fn call(
                    remote: &Remote,
                    index: usize,
                    arguments: <Self as MethodSignature>::Arguments<'_>,
                    begin: impl FnOnce(),
                ) -> R {
                    let ($($arg,)*) = arguments;
                    // SAFETY: each loan is a variable of this call, so it is dropped.
                    $(let mut $loan = unsafe { $P::prepare($arg) };)*
                    $(let $arg = $P::repr(&mut $loan);)*
                    // SAFETY: by `# Safety`, the entry is that of a method with these arguments and this result.
                    let entry = unsafe {
                        std::mem::transmute::<
                            *const c_void,
                            unsafe extern "C" fn(Context $(, $P::Repr)*) -> Outcome<<R::Value as PluginType>::Repr>,
                        >(remote.method(index))
                    };
                    begin();
                    // SAFETY: the object exists, because `remote` does, and its library is mapped. The context is the one of the
                    // entry. The arguments are prepared, and the loans end after the call.
                    let outcome = unsafe { entry(remote.context() $(, $arg)*) };
                    // SAFETY: the entry has lowered the value, as a type that fits this one, and it is lifted once.
                    match unsafe { outcome.lift(&LEAVES) } {
                        Ok(value) => R::returned(value),
                        // SAFETY: this call has returned the fault, and `remote` keeps the library.
                        Err(fault) => R::faulted(unsafe { fault_of_method(fault, M::NAME) }),
                    }
                }
            }
        }
    };
}

signature!(with_0:);
signature!(with_1: A a a_place a_loan);
signature!(with_2: A a a_place a_loan, B b b_place b_loan);
signature!(with_3: A a a_place a_loan, B b b_place b_loan, C c c_place c_loan);
signature!(with_4: A a a_place a_loan, B b b_place b_loan, C c c_place c_loan, D d d_place d_loan);
signature!(with_5: A a a_place a_loan, B b b_place b_loan, C c c_place c_loan, D d d_place d_loan, E e e_place e_loan);
signature!(with_6: A a a_place a_loan, B b b_place b_loan, C c c_place c_loan, D d d_place d_loan, E e e_place e_loan, G g g_place g_loan);
