//! [`Function`]: an export that is called like a function, and [`FunctionType`]: the types of such exports.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::callee::{Callee, Handle};
use super::lookup::Lookup;
use super::proxy::AnyEntry;

/// An exported function, called as `greet("World")`.
///
/// `F` is the function's type, such as `fn(&str) -> String`. The type `fn(&str) -> Result<String, Fault>` asks for the
/// same export, and returns panics as values. A handle is cheap to clone, may be sent and shared, and keeps its library
/// loaded.
///
/// A call costs one indirect call and one branch, plus the cost of lowering the arguments and lifting the result.
///
/// # Panics
///
/// A call panics if the plugin panics, unless `F` returns `Result<_, Fault>`.
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
/// // A handle can take the place of a function, also on other threads.
/// let all = ["ann", "bob"].map(|name| greet(name));
/// std::thread::spawn(move || greet(&all[0])).join().unwrap();
/// # Ok::<(), plugin_host::Error>(())
/// ```
pub struct Function<F> {
    callee: Callee,
    /// A handle has no value of the type `F`, so it may be sent and shared whatever `F` is.
    signature: PhantomData<fn() -> F>,
}

// A call leaves the handle as it was, however it ends.
impl<F> UnwindSafe for Function<F> {}
impl<F> RefUnwindSafe for Function<F> {}

impl<F> Clone for Function<F> {
    fn clone(&self) -> Self {
        Function { callee: self.callee.clone(), signature: PhantomData }
    }
}

impl<F> Function<F> {
    /// A handle to the function.
    ///
    /// # Safety
    ///
    /// The callee's entry is that of a function whose descriptor fits the one of `F`. The origin of the callee's site
    /// keeps the library of the entry loaded.
    #[inline]
    pub(crate) unsafe fn new(callee: Callee) -> Self {
        Function { callee, signature: PhantomData }
    }

    /// The plugin's name and the export's, `greeter::greet`.
    pub fn label(&self) -> &str {
        self.callee.label()
    }
}

impl<F> fmt::Debug for Function<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({}: {})", self.label(), std::any::type_name::<F>())
    }
}

// SAFETY: by `# Safety` of `new`, the entry fits `F`, and the callee's site keeps the library loaded. The guard borrows
// the callee.
unsafe impl<F: FunctionType> Handle<F> for Function<F> {
    type Guard<'a> = &'a Callee;

    #[inline(always)]
    fn callee(&self) -> &Callee {
        &self.callee
    }
}

impl<F: FunctionType> Deref for Function<F> {
    type Target = F::Target;

    #[inline(always)]
    fn deref(&self) -> &F::Target {
        F::target(self)
    }
}

/// A function type that an export may have: `fn` of up to six arguments, each owned, `&` or (up to four) `&mut`.
///
/// This crate implements the trait for all such types. The trait is sealed, as [`Lookup`] is: no other crate can implement it.
/// A bound of a function can name it, and then the handle is known to be a [`Function`].
///
/// # Safety
///
/// `target` calls an entry with the `Repr`s of the arguments and of the result, as `NODE` says. `PROXY` is such an entry.
///
/// # Example
///
/// ```standalone_crate
/// use plugin_core::{Function, FunctionType, plugin_export};
/// use plugin_host::{Error, Host};
///
/// /// Looks up a function, and says which plugin it is from.
/// fn find<F: FunctionType>(host: &Host, name: &str) -> Result<Function<F>, Error> {
///     let function = host.get::<F>(name)?;
///     println!("found {}", function.label());
///     Ok(function)
/// }
///
/// #[plugin_export]
/// fn double(number: u64) -> u64 {
///     2 * number
/// }
///
/// let double = find::<fn(u64) -> u64>(&Host::linked()?, "double")?;
/// assert_eq!(double(21), 42);
/// # Ok::<(), plugin_host::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the type of an exported function",
    label = "not a function of types that cross",
    note = "a function's arguments are owned, `&` or `&mut` values of types that cross",
    note = "a function has at most six arguments, and at most four if one is `&mut`: put some of them together in a tuple, or in a \
            struct with `#[plugin_type]`"
)]
// The handle is a part of the seal: no type of another crate is looked up as a `Function`.
pub unsafe trait FunctionType: Lookup<Handle = Function<Self>> + 'static {
    /// The `dyn Fn` to which a handle of this type derefs.
    type Target: ?Sized;
    /// The entry of a function that does not run in this process. It passes the addresses of its arguments to the
    /// [`Invoke`](crate::host::table::Invoke) behind its context.
    #[doc(hidden)]
    const PROXY: AnyEntry;
    /// The handle as a closure, which can be called.
    #[doc(hidden)]
    fn target<H: Handle<Self>>(handle: &H) -> &Self::Target;
}
