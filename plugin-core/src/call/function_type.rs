//! [`FunctionType`]: the function types that exports can have.

use super::callee::Handle;
use crate::describe::Node;

/// A function type that an export may have: `fn` of up to six arguments, each owned, `&` or (up to four) `&mut`.
///
/// # Safety
///
/// `target` calls an entry with the `Repr`s of the arguments and of the result, as `NODE` says.
///
/// The trait has no example, because this crate implements it for every such function type, and only handles use it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the type of an exported function",
    note = "arguments are owned, `&` or `&mut` values of types that cross, at most six of them, and at most four if \
            one is `&mut`"
)]
pub unsafe trait FunctionType: Sized + 'static {
    /// The `dyn Fn` to which a handle of this type derefs.
    type Target: ?Sized;
    /// The descriptor.
    const NODE: &'static Node;
    /// The handle as a closure, which can be called.
    fn target<H: Handle<Self>>(handle: &H) -> &Self::Target;
}
