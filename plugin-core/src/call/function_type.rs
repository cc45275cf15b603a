//! [`FunctionType`]: the function types that exports can have.

use super::callee::Handle;
use super::lookup::Lookup;
use super::proxy::AnyEntry;

/// A function type that an export may have: `fn` of up to six arguments, each owned, `&` or (up to four) `&mut`.
///
/// # Safety
///
/// `target` calls an entry with the `Repr`s of the arguments and of the result, as `NODE` says. `PROXY` is such an entry.
///
/// The trait has no example, because this crate implements it for every such function type, and only handles use it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the type of an exported function",
    label = "not a function of types that cross",
    note = "a function's arguments are owned, `&` or `&mut` values of types that cross",
    note = "a function has at most six arguments, and at most four if one is `&mut`: put some of them together in a tuple, or in a \
            struct with `#[plugin_type]`"
)]
pub unsafe trait FunctionType: Lookup + 'static {
    /// The `dyn Fn` to which a handle of this type derefs.
    type Target: ?Sized;
    /// The entry of a function that does not run in this process. It passes the addresses of its arguments to the
    /// [`Invoke`](crate::table::Invoke) behind its context.
    const PROXY: AnyEntry;
    /// The handle as a closure, which can be called.
    fn target<H: Handle<Self>>(handle: &H) -> &Self::Target;
}
