//! [`Lookup`]: the types by which a host may ask for an export.

use std::ffi::c_void;
use std::sync::Arc;

use crate::abi::{Context, Invoke};
use crate::describe::{Flat, Node};
use crate::fault::Fault;
use crate::origin::Origin;

/// One export of one loaded plugin. All handles to the export share its site.
///
/// A look-up among many exports misses the cache at each step to another place. So the fields that it reads come first,
/// beside the counts of the `Arc`.
#[derive(Debug)]
#[repr(C)]
pub struct Site {
    /// The descriptor in the library, which `origin` keeps loaded.
    pub descriptor: &'static [u8],
    /// The entry, which a handle calls. It is null for a function that does not run in this process, whose entry is the
    /// proxy of the asked type.
    pub entry: *const c_void,
    /// The context of each call: null for code in this process. For a function elsewhere, it is the address of a [`ProxyHead`]. For a
    /// static elsewhere, only the entry knows the data behind it. `origin` owns that data.
    ///
    /// [`ProxyHead`]: crate::call::ProxyHead
    pub context: Context,
    /// True if a look-up may not ask for the export's faults.
    pub refuses_faults: bool,
    /// The origin of the export's values. It keeps the library loaded.
    pub origin: Origin,
    /// The function that calls the entry with arguments by address. Only a function has one.
    pub invoke: Option<Invoke>,
    /// The plugin's name and the export's, `greeter::greet`.
    pub label: String,
}

// SAFETY: the entry is the address of an exported function, which is safe, so any thread may call it. The context belongs
// to the entry or to a proxy, and may be used from any thread as well. The other fields are `Send`.
unsafe impl Send for Site {}
// SAFETY: the entry is the address of an exported function, which is safe, so several threads may call it at once. They may
// use the context at once as well. The other fields are `Sync`.
unsafe impl Sync for Site {}

/// The type of an export, as a host asks for it: a function type, or the type of a static.
///
/// This crate implements the trait for all such types. The trait is sealed: no other crate can implement it. A bound of a
/// function can name it. So a program can have functions of its own around a host's `get`, which are generic as `get` is.
///
/// # Safety
///
/// A handle is bound to an export whose descriptor fits `NODE`. The handle uses the entry as this descriptor says. A
/// descriptor fits if it is equal, or differs only as types that may grow are allowed to differ.
///
/// # Example
///
/// ```standalone_crate
/// use plugin_core::{Lookup, plugin_export};
/// use plugin_host::Host;
///
/// /// Looks up an export. The error says which part of the program needs the export.
/// fn find<F: Lookup>(host: &Host, name: &str) -> Result<F::Handle, String> {
///     host.get::<F>(name).map_err(|error| format!("the menu is not complete: {error}"))
/// }
///
/// #[plugin_export]
/// fn greet(name: &str) -> String {
///     format!("Hello, {name}!")
/// }
///
/// #[plugin_export]
/// static LIMIT: u64 = 3;
///
/// let host = Host::linked()?;
/// let greet = find::<fn(&str) -> String>(&host, "greet")?;
/// assert_eq!(greet("World"), "Hello, World!");
/// assert_eq!(*find::<u64>(&host, "LIMIT")?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "no export can have the type `{Self}`",
    label = "not a function, or a static, of types that cross",
    note = "write `#[plugin_type]` on a struct or enum of yours, in a crate that both sides depend on",
    note = "ask for a function, `get::<fn(&str) -> String>`, or for a static, `get::<&str>`; a function's arguments are owned, \
            `&` or `&mut` values of types that cross",
    note = "a function has at most six arguments, and at most four if one is `&mut`: put some of them together in a tuple, or in a \
            struct with `#[plugin_type]`",
    note = "a closure behind a reference has a name in a look-up: `type Visit = dyn FnMut(&str);` and `get::<fn(&mut Visit)>`"
)]
pub unsafe trait Lookup: Sealed + Sized {
    /// The handle that a look-up returns: a [`Function`](crate::Function) or a [`Static`](crate::Static).
    type Handle;
    /// The descriptor that an export must have.
    #[doc(hidden)]
    const NODE: &'static Node;
    /// The descriptor as bytes.
    #[doc(hidden)]
    const FLAT: &'static Flat = &Flat::of(Self::NODE);
    /// True if the type asks for panics as [`Fault`]s.
    #[doc(hidden)]
    const TAKES_FAULT: bool = false;

    /// Makes a handle to an export that has this type.
    ///
    /// # Errors
    ///
    /// If the plugin panics while the plugin gives access to a static.
    ///
    /// # Safety
    ///
    /// The site belongs to an export whose descriptor fits `NODE`. The site's origin keeps the library loaded. The site
    /// has an entry, unless it is that of a function and has a context.
    #[doc(hidden)]
    unsafe fn bind(site: Arc<Site>) -> Result<Self::Handle, Fault>;
}

/// The seal of [`Lookup`] and of [`FunctionType`](super::FunctionType). The trait is public because `Lookup` names it. No
/// other crate can reach it.
#[diagnostic::on_unimplemented(
    message = "only plugin-core implements `Lookup` and `FunctionType`",
    label = "this type is looked up neither as a function nor as a static",
    note = "for a type of a static, write `#[plugin_type]` on the type instead"
)]
pub trait Sealed {}
