//! [`Function`]: an export that is called like a function.

use std::ffi::c_void;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::call::closure::as_closure;
use crate::call::lookup::{Lookup, Site};
use crate::describe::walker::{Node, Tag};
use crate::fault::value::{Context, Fault, FaultRepr, Outcome, Return};
use crate::live::handle::Live;
use crate::types::{PluginMut, PluginRef, PluginType};

/// An exported function, called as `greet("World")`.
///
/// `F` is its type, `fn(&str) -> String`; asking for `fn(&str) -> Result<String, Fault>` gets the same export with
/// panics as values. It is cheap to clone, may be sent and shared, and keeps its library loaded.
///
/// A call is one indirect call and one branch, beside what lowering and lifting the arguments cost.
///
/// # Panics
///
/// A call panics where the plugin does, unless `F` returns `Result<_, Fault>`.
///
/// # Example
///
/// ```standalone_crate
/// # use plugin_core::plugin_export;
/// # use plugin_host::Host;
/// #[plugin_export]
/// fn greet(name: &str) -> String {
///     format!("Hello, {name}!")
/// }
///
/// let host = Host::linked()?;
/// let greet = host.get::<fn(&str) -> String>("greet")?;
/// assert_eq!(greet("World"), "Hello, World!");
///
/// // It goes where a function does, and to other threads.
/// let all = ["ann", "bob"].map(|name| greet(name));
/// std::thread::spawn(move || greet(&all[0])).join().unwrap();
/// # Ok::<(), plugin_host::Error>(())
/// ```
#[repr(C)]
pub struct Function<F> {
    context: Context,
    entry: *const c_void,
    site: Arc<Site>,
    signature: PhantomData<F>,
}

// SAFETY: an entry may be called from any thread, as any function may; what its arguments and result allow is up to
// their own types.
unsafe impl<F> Send for Function<F> {}
// SAFETY: as above.
unsafe impl<F> Sync for Function<F> {}

// A call leaves the handle as it was, however it ends.
impl<F> UnwindSafe for Function<F> {}
impl<F> RefUnwindSafe for Function<F> {}

impl<F> Clone for Function<F> {
    fn clone(&self) -> Self {
        Function { context: self.context, entry: self.entry, site: self.site.clone(), signature: PhantomData }
    }
}

impl<F> Function<F> {
    /// A handle to the function at `site`. Whether it may be called as `F` is up to who makes it one that can be called.
    #[inline]
    pub(crate) fn new(site: Arc<Site>) -> Self {
        Function { context: std::ptr::null(), entry: site.entry, site, signature: PhantomData }
    }

    /// The plugin's name and the export's, `greeter::greet`.
    pub fn label(&self) -> &str {
        &self.site.label
    }
}

impl<F> fmt::Debug for Function<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({}: {})", self.site.label, std::any::type_name::<F>())
    }
}

/// A function type that an export may have: `fn` of up to six arguments, each owned, `&` or (up to four) `&mut`.
///
/// # Safety
///
/// `target` calls an entry with the arguments' and result's `Repr`s, as `NODE` says.
///
/// There is no example: it is implemented here for every such function type, and `Function` uses it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the type of an exported function",
    note = "arguments are owned, `&` or `&mut` values of types that cross, at most six of them, and at most four if \
            one is `&mut`"
)]
pub unsafe trait FunctionType: Sized + 'static {
    /// The `dyn Fn` that a `Function` of this type derefs to.
    type Target: ?Sized;
    /// The descriptor.
    const NODE: &'static Node;
    /// The function as what can be called.
    fn target(function: &Function<Self>) -> &Self::Target;
    /// The same of one that follows upgrades.
    fn live_target(live: &Live<Self>) -> &Self::Target;
}

impl<F: FunctionType> Deref for Function<F> {
    type Target = F::Target;

    #[inline(always)]
    fn deref(&self) -> &F::Target {
        F::target(self)
    }
}

/// Why a call did not return. Apart, so that a call that returns pays nothing for it.
///
/// # Safety
///
/// The fault is from an entry of the site's, and is taken once.
#[cold]
#[inline(never)]
unsafe fn fault_at(site: &Site, fault: *mut FaultRepr) -> Fault {
    // SAFETY: the caller's promise; the site keeps the library loaded.
    let mut fault = unsafe { FaultRepr::take(fault) };
    fault.export = Some(site.label.clone());
    fault
}

macro_rules! argument_type {
    (own $T:ident) => {
        $T
    };
    (ref $T:ident) => {
        &$T
    };
    (mut $T:ident) => {
        &mut $T
    };
}

macro_rules! argument_repr {
    (own $T:ident) => {
        <$T as PluginType>::Repr
    };
    (ref $T:ident) => {
        <$T as PluginRef>::RefRepr
    };
    (mut $T:ident) => {
        <$T as PluginMut>::MutRepr
    };
}

macro_rules! argument_node {
    (own $T:ident) => {
        <$T as PluginType>::NODE
    };
    (ref $T:ident) => {
        <$T as PluginRef>::REF_NODE
    };
    (mut $T:ident) => {
        <$T as PluginMut>::MUT_NODE
    };
}

/// Shadows an argument by its `Repr`; what that refers to stays alive to the end of the block.
macro_rules! lower_argument {
    (own $arg:ident $T:ident $site:ident) => {
        let $arg = $arg.lower();
    };
    (ref $arg:ident $T:ident $site:ident) => {
        let mut slot = Default::default();
        let $arg = $arg.lend_ref(&mut slot);
    };
    (mut $arg:ident $T:ident $site:ident) => {
        // SAFETY: dropped at the end of the block.
        let mut loan = unsafe { $arg.lend_mut(&$site.origin) };
        let $arg = $T::mut_repr(&mut loan);
    };
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
        // SAFETY: the entry's type below is made of the same parts as `NODE`.
        #[diagnostic::do_not_recommend]
        unsafe impl<$($bounds)* R: Return> FunctionType for fn($(argument_type!($kind $T)),*) -> R {
            type Target = dyn Fn($(argument_type!($kind $T)),*) -> R + Send + Sync;

            const NODE: &'static Node = &Node::Of {
                head: &Tag::Fn.head_with(<[&str]>::len(&[$(stringify!($arg)),*])),
                parts: &[$(argument_node!($kind $T),)* <R::Value as PluginType>::NODE],
            };

            #[inline(always)]
            fn target(function: &Function<Self>) -> &Self::Target {
                as_closure(function, |function| {
                    move |$($arg: argument_type!($kind $T)),*| -> R {
                        let function: &Function<Self> = function.get();
                        let site: &Site = &function.site;
                        $(lower_argument!($kind $arg $T site);)*
                        // SAFETY: the entry was looked up by a descriptor that fits `NODE`, so this is its type: what grows
                        // has the same `Repr` in every version.
                        let entry = unsafe {
                            std::mem::transmute::<
                                *const c_void,
                                unsafe extern "C" fn(
                                    Context $(, argument_repr!($kind $T))*
                                ) -> Outcome<<R::Value as PluginType>::Repr>,
                            >(function.entry)
                        };
                        // SAFETY: lowered arguments of these types, in a library that `site` keeps loaded.
                        let outcome = unsafe { entry(function.context $(, $arg)*) };
                        // SAFETY: lowered as this type, and lifted once.
                        match unsafe { outcome.lift(&site.origin) } {
                            Ok(value) => R::returned(value),
                            // SAFETY: of this very call.
                            Err(fault) => R::faulted(unsafe { fault_at(site, fault) }),
                        }
                    }
                })
            }

            #[inline(always)]
            fn live_target(live: &Live<Self>) -> &Self::Target {
                as_closure(live, |live| {
                    move |$($arg: argument_type!($kind $T)),*| -> R {
                        let current = live.get().current();
                        Self::target(current.function())($($arg),*)
                    }
                })
            }
        }

        // SAFETY: an entry is bound as what its descriptor says it is.
        #[diagnostic::do_not_recommend]
        unsafe impl<$($bounds)* R: Return> Lookup for fn($(argument_type!($kind $T)),*) -> R {
            type Handle = Function<Self>;
            const NODE: &'static Node = <Self as FunctionType>::NODE;
            const TAKES_FAULT: bool = R::TAKES_FAULT;

            unsafe fn bind(site: Arc<Site>) -> Result<Function<Self>, Fault> {
                Ok(Function::new(site))
            }
        }
    };
}

/// Calls a macro for every combination of the three kinds, for each number of arguments up to that of the names given.
macro_rules! all_kinds {
    ($each:ident [$($done:tt)*]) => { $each!($($done)*); };
    ($each:ident [$($done:tt)*] ($T:ident $arg:ident) $($rest:tt)*) => {
        $each!($($done)*);
        all_kinds!($each [$($done)* (own $T $arg)] $($rest)*);
        all_kinds!($each [$($done)* (ref $T $arg)] $($rest)*);
        all_kinds!($each [$($done)* (mut $T $arg)] $($rest)*);
    };
}

/// Calls a macro for every combination of owned and `&`, for as many arguments as there are names, and for one fewer.
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
mod tests {
    use super::*;
    use crate::live::handle::{Version, Versions};
    use crate::origin::Origin;

    /// Reads an argument's `Repr`, and adds 100 to what is behind `&mut`.
    macro_rules! read {
        (own $arg:ident) => {
            $arg
        };
        (ref $arg:ident) => {
            // SAFETY: the address of a number, for the length of the call.
            unsafe { *$arg }
        };
        (mut $arg:ident) => {{
            // SAFETY: as above.
            unsafe { *$arg += 100 };
            // SAFETY: as above.
            unsafe { *$arg - 100 }
        }};
    }

    macro_rules! pass {
        (own $arg:ident) => {
            $arg
        };
        (ref $arg:ident) => {
            &$arg
        };
        (mut $arg:ident) => {
            &mut $arg
        };
    }

    /// What the argument is after two calls.
    macro_rules! after {
        (own $arg:ident $was:ident) => {
            $was
        };
        (ref $arg:ident $was:ident) => {
            $was
        };
        (mut $arg:ident $was:ident) => {
            $was + 200
        };
    }

    /// Calls an entry of that signature through a handle and through one that follows upgrades. It checks that context,
    /// entry and site are what they were when the handle was made, and that each argument is in its place.
    macro_rules! call {
        ($(($kind:ident $T:ident $arg:ident))*) => {{
            type F = fn($(argument_type!($kind u64)),*) -> u64;

            unsafe extern "C" fn entry(context: Context $(, $arg: argument_repr!($kind u64))*) -> Outcome<u64> {
                // One digit for each argument, after the context's. That of a `Live` handle is null.
                let digits: u64 = if context.is_null() { 9 } else { context.addr() as u64 };
                $(let digits = digits * 1000 + read!($kind $arg);)*
                Outcome { fault: std::ptr::null_mut(), value: std::mem::MaybeUninit::new(digits) }
            }

            let site = Site {
                origin: Origin::HOST,
                entry: entry as unsafe extern "C" fn(Context $(, argument_repr!($kind u64))*) -> _ as *const c_void,
                label: stringify!($($kind)*).to_owned(),
            };
            let site = Arc::new(site);
            let mut function = Function::<F>::new(site.clone());
            function.context = std::ptr::without_provenance(5);
            let version = Version::new(1, [Some(&site)]);
            // SAFETY: the function at this place is of this type in all versions, of which there is one.
            let (live, _) = unsafe { Live::<F>::new(Arc::new(Versions::new(version)), 0) };
            let mut next = 0_u64;
            let mut expected = 0_u64;
            $(
                next += 1;
                let mut $arg = next;
                expected = expected * 1000 + next;
            )*
            let scale = 1000_u64.pow(next as u32);
            assert_eq!(function($(pass!($kind $arg)),*), 5 * scale + expected, "{}", function.label());
            // What was changed is read by the next.
            let mut second = 0_u64;
            $(second = second * 1000 + $arg;)*
            assert_eq!(live($(pass!($kind $arg)),*), 9 * scale + second, "{}", function.label());
            let mut was = 0_u64;
            $(
                was += 1;
                assert_eq!($arg, after!($kind $arg was));
            )*
            assert_eq!(was, next);
            assert_eq!(Arc::strong_count(&site), 3, "here, in the function, and in the version");
        }};
    }

    /// Every signature of which handles can be called. With `-Zrandomize-layout` it fails if a handle were taken for a closure
    /// that has its fields in another order.
    #[test]
    #[allow(unused_mut)] // Without arguments, nothing is counted.
    fn handles_of_every_signature_are_called() {
        all_kinds!(call [] (A a) (B b) (C c) (D d));
        without_mut!(call [] (A a) (B b) (C c) (D d) (E e) (last G g));
    }
}
