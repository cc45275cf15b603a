//! The implementations of [`FunctionType`] and [`Lookup`] for every `fn` that an export can be.

use std::ffi::c_void;
use std::sync::Arc;

use super::callee::{Callee, Handle};
use super::function::{Function, FunctionType};
use super::lookup::{Lookup, Sealed, Site};
use super::proxy::{AnyEntry, forward};
use crate::abi::{Context, FaultRepr, Outcome};
use crate::closure::{Whole, as_closure};
use crate::describe::{Node, Tag};
use crate::fault::{Fault, Return};
use crate::kinds::{all_kinds, argument_node, argument_repr, argument_type, lower_argument};
use crate::types::{PluginMut, PluginRef, PluginType};

/// Takes the fault of a call. This is a function of its own, so that a call that returns does not pay for it.
///
/// # Safety
///
/// The fault comes from the entry at the site, and is taken once.
#[cold]
#[inline(never)]
unsafe fn fault_at(site: &Site, fault: *mut FaultRepr) -> Fault {
    // SAFETY: by `# Safety`, the entry at the site has returned the fault, and it is taken once. The site keeps the
    // library loaded.
    let mut fault = unsafe { FaultRepr::take(fault) };
    fault.export = Some(site.label.clone());
    fault
}

/// Implements [`FunctionType`] for the arguments given as `(kind Type name)`.
macro_rules! signature {
    ($(($kind:ident $T:ident $arg:ident))*) => {
        signature!(@split [] [$(($kind $T $arg))*] $(($kind $T $arg))*);
    };
    (@split [$($bounds:tt)*] $all:tt (own $T:ident $arg:ident) $($rest:tt)*) => {
        signature!(@split [$($bounds)* $T: PluginType,] $all $($rest)*);
    };
    (@split [$($bounds:tt)*] $all:tt (ref $T:ident $arg:ident) $($rest:tt)*) => {
        signature!(@split [$($bounds)* $T: PluginRef + ?Sized,] $all $($rest)*);
    };
    (@split [$($bounds:tt)*] $all:tt (mut $T:ident $arg:ident) $($rest:tt)*) => {
        signature!(@split [$($bounds)* $T: PluginMut + ?Sized,] $all $($rest)*);
    };
    (@split [$($bounds:tt)*] [$(($kind:ident $T:ident $arg:ident))*]) => {
        #[diagnostic::do_not_recommend]
        impl<$($bounds)* R: Return> Sealed for fn($(argument_type!($kind $T)),*) -> R {}

        // SAFETY: the entry's type below consists of the same parts as `NODE`, in the same order.
        #[diagnostic::do_not_recommend]
        unsafe impl<$($bounds)* R: Return> FunctionType for fn($(argument_type!($kind $T)),*) -> R {
            type Target = dyn Fn($(argument_type!($kind $T)),*) -> R + Send + Sync;

            const PROXY: AnyEntry = {
                unsafe extern "C" fn proxy<$($bounds)* R: PluginType>(
                    context: Context $(, $arg: argument_repr!($kind $T))*
                ) -> Outcome<R::Repr> {
                    // SAFETY: only `Callee::of` passes this function on, with the context of its site. The callee keeps the
                    // site. A handle calls it with arguments and a result that fit the site's descriptor.
                    unsafe { forward(context, &[$((&raw const $arg).cast()),*]) }
                }
                // SAFETY: both are pointers to functions. A caller converts this one back to its own type.
                unsafe {
                    std::mem::transmute::<
                        unsafe extern "C" fn(
                            Context $(, argument_repr!($kind $T))*
                        ) -> Outcome<<R::Value as PluginType>::Repr>,
                        AnyEntry,
                    >(proxy::<$($T,)* R::Value>)
                }
            };

            #[inline(always)]
            fn target<H: Handle<Self>>(handle: &H) -> &Self::Target {
                let make = |handle: Whole<H>| {
                    move |$($arg: argument_type!($kind $T)),*| -> R {
                        let guard = handle.get().callee();
                        let callee: &Callee = &guard;
                        let site: &Site = &callee.site;
                        $(lower_argument!($kind $arg $T (&site.origin));)*
                        // SAFETY: by `# Safety` of `Handle`, the entry's descriptor fits `NODE`, so this is the entry's
                        // type. A type that grows has the same `Repr` in every version.
                        let entry = unsafe {
                            std::mem::transmute::<
                                *const c_void,
                                unsafe extern "C" fn(
                                    Context $(, argument_repr!($kind $T))*
                                ) -> Outcome<<R::Value as PluginType>::Repr>,
                            >(callee.entry)
                        };
                        // SAFETY: by `# Safety` of `Handle`, the entry may be called while `guard` exists, with its own
                        // context. The arguments were lowered or lent from these types just now, and the loans end
                        // after the call.
                        let outcome = unsafe { entry(callee.context $(, $arg)*) };
                        // SAFETY: the entry has lowered the value with `outcome`, as a type that fits this one, and it
                        // is lifted once. The site keeps the library of the origin loaded.
                        match unsafe { outcome.lift(&site.origin) } {
                            Ok(value) => R::returned(value),
                            // SAFETY: this very call has returned the fault, and it is taken once.
                            Err(fault) => R::faulted(unsafe { fault_at(site, fault) }),
                        }
                    }
                };
                // SAFETY: the closure uses its `Whole`, to get the callee.
                unsafe { as_closure(handle, make) }
            }
        }

        // SAFETY: `bind` makes a handle that calls the entry with the types of `NODE`.
        #[diagnostic::do_not_recommend]
        unsafe impl<$($bounds)* R: Return> Lookup for fn($(argument_type!($kind $T)),*) -> R {
            type Handle = Function<Self>;
            const NODE: &'static Node = &Node::Of {
                head: &Tag::Fn.head_with(<[&str]>::len(&[$(stringify!($arg)),*])),
                parts: &[$(argument_node!($kind $T),)* <R::Value as PluginType>::NODE],
            };
            const TAKES_FAULT: bool = R::TAKES_FAULT;

            unsafe fn bind(site: Arc<Site>) -> Result<Function<Self>, Fault> {
                // SAFETY: by `# Safety` of `Lookup::bind`, the descriptor of the site's export fits, and the site's
                // origin keeps the library loaded. If the site has no entry, it has a context for the proxy.
                Ok(unsafe { Function::new(Callee::of(site, <Self as FunctionType>::PROXY)) })
            }
        }
    };
}

/// Calls a macro for every combination of owned and `&` arguments, once with an argument for each name, and once with
/// one argument fewer.
macro_rules! without_mut {
    ($each:ident [$($done:tt)*] (last $T:ident $arg:ident)) => {
        $each!($($done)*);
        $each!($($done)* (own $T $arg));
        $each!($($done)* (ref $T $arg));
    };
    ($each:ident [$($done:tt)*] ($T:ident $arg:ident) $($rest:tt)*) => {
        without_mut!($each [$($done)* (own $T $arg)] $($rest)*);
        without_mut!($each [$($done)* (ref $T $arg)] $($rest)*);
    };
}

all_kinds!(signature [] (A a) (B b) (C c) (D d));
without_mut!(signature [] (A a) (B b) (C c) (D d) (E e) (last G g));

#[cfg(test)]
pub(crate) use without_mut;
