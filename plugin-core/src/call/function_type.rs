//! [`FunctionType`]: the function types that exports can have.

use super::callee::Handle;
use super::function::Function;
use super::lookup::Lookup;
use super::proxy::AnyEntry;

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
