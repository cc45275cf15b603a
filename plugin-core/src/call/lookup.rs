//! [`Lookup`]: the types by which a host may ask for an export.

use std::ffi::c_void;
use std::sync::Arc;

use crate::describe::{Flat, Node};
use crate::fault::Fault;
use crate::origin::Origin;

/// One export of one loaded plugin, as every handle to it refers to it.
#[derive(Debug)]
pub struct Site {
    /// What its values come from; keeps the library loaded.
    pub origin: Origin,
    /// What to call.
    pub entry: *const c_void,
    /// The plugin's name and the export's, `greeter::greet`.
    pub label: String,
}

// SAFETY: the entry is a function, which may be called from any thread.
unsafe impl Send for Site {}
// SAFETY: as above.
unsafe impl Sync for Site {}

/// A type that `get` may be asked for: a function type, or the type of a static.
///
/// # Safety
///
/// A handle bound to an export whose descriptor fits `NODE` uses its entry as that descriptor says. It fits if it is equal,
/// or differs from it only as types that grow may.
///
/// There is no example: it is implemented here for all such types, and a host's `get` uses it.
#[diagnostic::on_unimplemented(
    message = "no export can have the type `{Self}`",
    label = "not a function, or a static, of types that cross",
    note = "write `#[plugin_type]` on a struct or enum of yours, in a crate that both sides depend on",
    note = "ask for a function, `get::<fn(&str) -> String>`, or for a static, `get::<&str>`; arguments are owned, `&` \
            or `&mut` values of types that cross, at most six of them, and at most four if one is `&mut`"
)]
pub unsafe trait Lookup: Sized {
    /// What a look-up gives.
    type Handle;
    /// The descriptor that an export must have.
    const NODE: &'static Node;
    /// The same as bytes.
    const FLAT: &'static Flat = &Flat::of(Self::NODE);
    /// Whether a panic is asked for as a [`Fault`].
    const TAKES_FAULT: bool = false;

    /// Makes a handle to an export that has this type.
    ///
    /// # Errors
    ///
    /// If the plugin panics while it gives access to a static.
    ///
    /// # Safety
    ///
    /// The site is of an export whose descriptor fits `NODE`, and its origin keeps the library loaded.
    unsafe fn bind(site: Arc<Site>) -> Result<Self::Handle, Fault>;
}
