//! The types of closures that cross, for every combination of arguments.
//!
//! A closure has at most three arguments, and at most two if one of them is a reference. The compiler reads all of this for each
//! plugin, so there are no more.

use std::ffi::c_void;
use std::sync::Arc;

use super::closures::{
    Closure, HeldClosure, LoanClosure, PluginFn, SharedClosure, assert_remote, hold_box, lend_box, lift_box, lower_box,
};
use super::object::Object;
use super::remote::Remote;
use super::words::pointer_of;
use crate::abi::{Context, FaultRepr, ObjectRepr, Outcome, Words};
use crate::closure::{Whole, as_closure, as_closure_mut};
use crate::describe::{Node, Tag};
use crate::fault::boundary::outcome_of_closure;
use crate::fault::{Fault, Return};
use crate::kinds::{all_kinds, argument_node, argument_repr, argument_type, lower_argument};
use crate::memory::Arena;
use crate::origin::Origin;
use crate::types::{PluginMut, PluginRef, PluginType};

/// Takes the fault of a closure. This is a function of its own, so that a call that returns does not pay for it.
///
/// # Safety
///
/// The entry of a closure has returned the fault. Its library is mapped, and the fault is taken once.
#[cold]
#[inline(never)]
unsafe fn fault_of_closure(fault: *mut FaultRepr) -> Fault {
    // SAFETY: by `# Safety`.
    unsafe { FaultRepr::take(fault) }.of_object()
}

/// Returns the closure whose words are at `context`.
///
/// # Safety
///
/// `context` is the address of the words of a `D`, which this library has made.
#[inline(always)]
unsafe fn closure_at<D: ?Sized>(context: Context) -> *mut D {
    // SAFETY: by `# Safety`.
    unsafe { pointer_of(*context.cast::<Words>()) }
}

/// Receives an argument of a closure. The data behind a reference lives until the end of the block.
macro_rules! receive_argument {
    (own $arg:ident $T:ident $origin:tt) => {
        // SAFETY: the caller has lowered the argument for this call, and this lifts it once.
        let $arg = unsafe { <$T as PluginType>::lift($arg, $origin) };
    };
    (ref $arg:ident $T:ident $origin:tt) => {
        // SAFETY: the caller has lent the argument for this call, and this holds it once. The result is dropped before the call ends.
        let held = unsafe { <$T as PluginRef>::hold_ref($arg, $origin) };
        let $arg = &*held;
    };
    (mut $arg:ident $T:ident $origin:tt) => {
        // SAFETY: as above.
        let mut held = unsafe { <$T as PluginMut>::hold_mut($arg, $origin) };
        let $arg = &mut *held;
    };
}

/// Implements the traits of closures for the arguments given as `(kind Type name)`.
macro_rules! closures {
    ($(($kind:ident $T:ident $arg:ident))*) => {
        closures!(@split [] [$(($kind $T $arg))*] $(($kind $T $arg))*);
    };
    (@split [$($bounds:tt)*] $all:tt (own $T:ident $arg:ident) $($rest:tt)*) => {
        closures!(@split [$($bounds)* $T: PluginType,] $all $($rest)*);
    };
    (@split [$($bounds:tt)*] $all:tt (ref $T:ident $arg:ident) $($rest:tt)*) => {
        closures!(@split [$($bounds)* $T: PluginRef + ?Sized,] $all $($rest)*);
    };
    (@split [$($bounds:tt)*] $all:tt (mut $T:ident $arg:ident) $($rest:tt)*) => {
        closures!(@split [$($bounds)* $T: PluginMut + ?Sized,] $all $($rest)*);
    };
    (@split $bounds:tt [$(($kind:ident $T:ident $arg:ident))*]) => {
        const _: () = {
            closures!(@functions $bounds [$(($kind $T $arg))*]);
            closures!(@types $bounds [$($T,)* R] [$(argument_node!($kind $T),)* <R::Value as PluginType>::NODE]
                [$(argument_type!($kind $T)),*]);
        };
    };
    (@functions [$($bounds:tt)*] [$(($kind:ident $T:ident $arg:ident))*]) => {
        /// Calls the closure. `begin` is called when the arguments are ready.
        #[inline(always)]
        fn call<$($bounds)* R: Return>(
            remote: &Remote, begin: impl FnOnce() $(, $arg: argument_type!($kind $T))*
        ) -> R {
            let origin = Origin::LEAVES;
            $(lower_argument!($kind $arg $T (&origin));)*
            // SAFETY: the vtable is of a closure with these arguments and this result: its descriptor fits the one of the type
            // of the proxy (`Closure`).
            let entry = unsafe {
                std::mem::transmute::<
                    *const c_void,
                    unsafe extern "C" fn(
                        Context $(, argument_repr!($kind $T))*
                    ) -> Outcome<<R::Value as PluginType>::Repr>,
                >(remote.entry())
            };
            begin();
            // SAFETY: the closure exists, because `remote` does, and its library is mapped. The context is the one of the entry.
            // The arguments were lowered or lent just now, and the loans end after the call.
            let outcome = unsafe { entry(remote.context() $(, $arg)*) };
            // SAFETY: the entry has lowered the value, as a type that fits this one, and it is lifted once.
            match unsafe { outcome.lift(&origin) } {
                Ok(value) => R::returned(value),
                // SAFETY: this call has returned the fault, and `remote` keeps the library.
                Err(fault) => R::faulted(unsafe { fault_of_closure(fault) }),
            }
        }

        fn proxy<$($bounds)* R: Return>(
            remote: Whole<Remote>
        ) -> impl Fn($(argument_type!($kind $T)),*) -> R + Send + Sync {
            move |$($arg: argument_type!($kind $T)),*| call::<$($T,)* R>(remote.get(), || () $(, $arg)*)
        }

        fn proxy_once<$($bounds)* R: Return>(
            remote: Whole<Remote>
        ) -> impl FnOnce($(argument_type!($kind $T)),*) -> R + Send + Sync {
            move |$($arg: argument_type!($kind $T)),*| {
                // The proxy's box is freed after the call, and not before.
                remote.get().leave_home();
                let remote = remote.into_inner();
                call::<$($T,)* R>(&remote, || remote.begin_only_call() $(, $arg)*)
            }
        }

        closures!(@entry enter [Fn] (&*) [$($bounds)*] [$(($kind $T $arg))*]);
        closures!(@entry enter_mut [FnMut] (&mut *) [$($bounds)*] [$(($kind $T $arg))*]);
        closures!(@entry enter_once [FnOnce] (Box::from_raw) [$($bounds)*] [$(($kind $T $arg))*]);
    };
    (@entry $name:ident [$trait:ident] ($($from:tt)*) [$($bounds:tt)*] [$(($kind:ident $T:ident $arg:ident))*]) => {
        /// The entry of closures of the type `D`.
        ///
        /// # Safety
        ///
        /// `context` is the address of the words of a `D`. It is not used elsewhere at this time, unless `D` is a `dyn Fn`. If `D`
        /// is a `dyn FnOnce`, it is a box that is not used afterwards. The arguments were lowered or lent for this call.
        unsafe extern "C" fn $name<D, $($bounds)* R: Return>(
            context: Context $(, $arg: argument_repr!($kind $T))*
        ) -> Outcome<<R::Value as PluginType>::Repr>
        where
            D: ?Sized + $trait($(argument_type!($kind $T)),*) -> R,
        {
            outcome_of_closure(|| {
                // SAFETY: by `# Safety`.
                #[allow(unused_mut)]
                let mut closure = unsafe { closures!(@from ($($from)*) closure_at::<D>(context)) };
                #[allow(unused_variables)]
                let origin = Origin::LEAVES;
                $(receive_argument!($kind $arg $T (&origin));)*
                closure($($arg),*)
            })
        }
    };
    (@from (Box::from_raw) $at:expr) => { Box::from_raw($at) };
    (@from (&*) $at:expr) => { &*$at };
    (@from (&mut *) $at:expr) => { &mut *$at };
    (@types $bounds:tt $T:tt $nodes:tt [$($arg:ty),*]) => {
        closures!(@fn $bounds $T $nodes [dyn Fn($($arg),*) -> R] [dyn Fn($($arg),*) -> R + 'a] (DynFn));
        closures!(@fn $bounds $T $nodes
            [dyn Fn($($arg),*) -> R + Send] [dyn Fn($($arg),*) -> R + Send + 'a] (DynFn WithSend));
        closures!(@fn $bounds $T $nodes
            [dyn Fn($($arg),*) -> R + Send + Sync] [dyn Fn($($arg),*) -> R + Send + Sync + 'a] (DynFn WithSend WithSync));
        closures!(@fn_mut $bounds $T $nodes [dyn FnMut($($arg),*) -> R] [dyn FnMut($($arg),*) -> R + 'a] (DynFnMut));
        closures!(@fn_mut $bounds $T $nodes
            [dyn FnMut($($arg),*) -> R + Send] [dyn FnMut($($arg),*) -> R + Send + 'a] (DynFnMut WithSend));
        closures!(@one $bounds $T $nodes [dyn FnOnce($($arg),*) -> R] (DynFnOnce) enter_once proxy_once);
        closures!(@one $bounds $T $nodes [dyn FnOnce($($arg),*) -> R + Send] (DynFnOnce WithSend) enter_once proxy_once);
    };
    (@fn [$($bounds:tt)*] [$($T:ident),*] $nodes:tt [$D:ty] $lent:tt $tags:tt) => {
        closures!(@one [$($bounds)*] [$($T),*] $nodes [$D] $tags enter proxy);
        closures!(@mut [$($bounds)*] [$($T),*] [$D] $lent);

        // SAFETY: `proxy` makes such a closure.
        #[diagnostic::do_not_recommend]
        unsafe impl<$($bounds)* R: Return> SharedClosure for $D {
            fn shared(remote: Remote) -> Arc<Self> {
                let proxy = proxy::<$($T),*>(Whole::new(remote));
                assert_remote(&proxy);
                Arc::new(proxy)
            }
        }

        // SAFETY: the receiver gets a closure of the same type, which calls the sender's until the loan ends.
        #[diagnostic::do_not_recommend]
        unsafe impl<$($bounds)* R: Return> PluginRef for $D {
            type RefRepr = ObjectRepr;
            type Slot = ();
            type Held = HeldClosure<Self>;
            const REF_NODE: &'static Node = &Node::Of { head: &Tag::Ref.head(), parts: &[<Self as Object>::NODE] };

            #[inline]
            fn lend_ref(&self, (): &mut ()) -> ObjectRepr {
                lend_box(self)
            }
            #[inline]
            unsafe fn hold_ref(repr: ObjectRepr, _: &Origin) -> HeldClosure<Self> {
                // SAFETY: by `# Safety` of `PluginRef::hold_ref`, the loan outlives the result.
                unsafe { HeldClosure::new(repr) }
            }
        }
    };
    (@fn_mut [$($bounds:tt)*] $T:tt $nodes:tt [$D:ty] $lent:tt $tags:tt) => {
        closures!(@one [$($bounds)*] $T $nodes [$D] $tags enter_mut proxy);
        closures!(@mut [$($bounds)*] $T [$D] $lent);

        // SAFETY: the receiver gets a closure of the same type, which calls the sender's until the loan ends.
        #[diagnostic::do_not_recommend]
        unsafe impl<$($bounds)* R: Return> PluginMut for $D {
            type MutRepr = ObjectRepr;
            type Loan<'a> = LoanClosure<'a>;
            type HeldMut = HeldClosure<Self>;
            const MUT_NODE: &'static Node = &Node::Of { head: &Tag::Mut.head(), parts: &[<Self as Object>::NODE] };

            #[inline]
            unsafe fn lend_mut<'a>(&'a mut self, _: &'a Origin) -> LoanClosure<'a> {
                LoanClosure::of(self)
            }
            #[inline]
            fn mut_repr(loan: &mut LoanClosure<'_>) -> ObjectRepr {
                loan.repr()
            }
            #[inline]
            unsafe fn hold_mut(repr: ObjectRepr, _: &Origin) -> HeldClosure<Self> {
                // SAFETY: by `# Safety` of `PluginMut::hold_mut`, the loan outlives the result, and only the result is used until
                // then.
                unsafe { HeldClosure::new(repr) }
            }
        }
    };
    (@mut [$($bounds:tt)*] [$($T:ident),*] [$D:ty] [$($lent:tt)*]) => {
        // SAFETY: `proxy` makes such a closure.
        #[diagnostic::do_not_recommend]
        unsafe impl<$($bounds)* R: Return> PluginFn for $D {
            type Lent<'a> = $($lent)*;

            #[inline]
            fn view(remote: &Remote) -> &Self {
                // SAFETY: the closure of `proxy` uses its `Whole`.
                unsafe { as_closure(remote, proxy::<$($T),*>) }
            }
            #[inline]
            fn view_mut(remote: &mut Remote) -> &mut Self {
                // SAFETY: as above.
                unsafe { as_closure_mut(remote, proxy::<$($T),*>) }
            }
            #[inline]
            fn shortened_ref(&self) -> &Self::Lent<'_> {
                self
            }
            #[inline]
            fn shortened(&mut self) -> &mut Self::Lent<'_> {
                self
            }
            #[inline]
            fn lengthened<'a>(closure: &'a Self::Lent<'a>) -> &'a Self {
                // SAFETY: the types differ in the lifetime of what the closure borrows, which outlives the reference. A closure in a
                // trait object can be called, and cannot be taken out, copied, or asked for its type. So nothing gets at what the
                // closure borrows but a call through the reference.
                unsafe { std::mem::transmute::<&'a Self::Lent<'a>, &'a Self>(closure) }
            }
            #[inline]
            fn lengthened_mut<'a>(closure: &'a mut Self::Lent<'a>) -> &'a mut Self {
                // SAFETY: as above.
                unsafe { std::mem::transmute::<&'a mut Self::Lent<'a>, &'a mut Self>(closure) }
            }
        }
    };
    (@one
        [$($bounds:tt)*] [$($T:ident),*] [$($node:expr),*] [$D:ty] ($trait:ident $($auto:ident)*) $enter:ident $proxy:ident
    ) => {
        // SAFETY: the entry and the descriptor have the arguments and the result of the type.
        #[diagnostic::do_not_recommend]
        unsafe impl<$($bounds)* R: Return> Object for $D {
            const NODE: &'static Node = closures!(@auto [
                &Node::Of {
                    head: &Tag::$trait.head_with(<[&str]>::len(&[$(stringify!($T)),*]) - 1),
                    parts: &[$($node),*],
                }
            ] $($auto)*);
            const ENTRY: *const c_void = $enter::<Self, $($T),*> as *const c_void;
            const IS_ONCE: bool = matches!(Tag::$trait, Tag::DynFnOnce);
        }

        // SAFETY: as above. The proxy only calls the `Remote`.
        #[diagnostic::do_not_recommend]
        unsafe impl<$($bounds)* R: Return> Closure for $D {
            fn boxed(remote: Remote) -> Box<Self> {
                let proxy = $proxy::<$($T),*>(Whole::new(remote));
                assert_remote(&proxy);
                Box::new(proxy)
            }
            fn in_arena(remote: Remote, arena: &mut Arena) -> *mut Self {
                /// Puts the proxy into the arena.
                fn put<C>(proxy: C, arena: &mut Arena) -> *mut C {
                    let at = arena.alloc::<C>(1).as_ptr();
                    // SAFETY: the arena has given room for it.
                    unsafe { at.write(proxy) };
                    at
                }
                put($proxy::<$($T),*>(Whole::new(remote)), arena)
            }
        }

        // SAFETY: the receiver gets a closure of the same type, which calls the sender's.
        #[diagnostic::do_not_recommend]
        unsafe impl<$($bounds)* R: Return> PluginType for Box<$D> {
            type Repr = ObjectRepr;
            const NODE: &'static Node = &Node::Of { head: &Tag::BoxDyn.head(), parts: &[<$D as Object>::NODE] };
            const DEEP: bool = false;

            fn lower(self) -> ObjectRepr {
                lower_box(self)
            }
            fn lend(&self, _: &mut Arena) -> ObjectRepr {
                lend_box(&**self)
            }
            unsafe fn lift(repr: ObjectRepr, _: &Origin) -> Self {
                // SAFETY: the conditions are those of this function.
                unsafe { lift_box(repr) }
            }
            unsafe fn hold(repr: &ObjectRepr, _: &Origin, arena: &mut Arena) -> std::mem::ManuallyDrop<Self> {
                // SAFETY: the conditions are those of this function.
                unsafe { hold_box(repr, arena) }
            }
        }
    };
    (@auto [$($node:tt)*]) => { $($node)* };
    (@auto [$($node:tt)*] $auto:ident $($rest:ident)*) => {
        closures!(@auto [&Node::Of { head: &Tag::$auto.head(), parts: &[$($node)*] }] $($rest)*)
    };
}

all_kinds!(closures [] (A a) (B b));
closures!((own A a) (own B b) (own C c));
