//! Proxies: the one seam between a call and the place where the function runs.
//!
//! # Context and entry
//!
//! Each call has a target: a pair of a *context* and an *entry*. The entry is an `extern "C"` function that takes the
//! context first, and then the `Repr`s of the arguments. A look-up chooses the pair. After that, nothing decides
//! anything: a call loads both words from the handle and makes one indirect call.
//!
//! | the function runs | context | entry |
//! | --- | --- | --- |
//! | in this process: loaded, or linked | null | the export's own entry |
//! | elsewhere: as a loopback, in a child process, on a peer | the address of a [`ProxyHead`] | [`PROXY`] of the asked type |
//!
//! So a call in this process has the same instructions as before there were proxies. `Function`, `Live` and the closure
//! that they deref to do not know the difference.
//!
//! # The proxy of a function type
//!
//! [`PROXY`] is an `extern "C"` function. The compiler makes one for each function type that a host asks for. It has the
//! type of the export's own entry, so a handle calls it in the same way. Its body does no work of its own: it
//! collects the addresses of its arguments in an array, and passes them to the [`Invoke`] at the beginning of its
//! context. That is the form in which a call without types reaches an export. So the code behind the context knows the
//! types from the export's descriptor alone, and is compiled once.
//!
//! Two function types with the same arguments, one returning `R` and the other `Result<R, Fault>`, have the same proxy.
//! So have two types that differ as types that grow may: such a type has the same `Repr` in every version.
//!
//! # The data behind the context
//!
//! The context leads to data of the backend. The data begins with a [`ProxyHead`], and the rest is the backend's own
//! affair. The origin of the export's site owns the data, so the context is valid for as long as a handle exists.
//! [`Invoke`] gets the context, too, and finds the rest of the data there.
//!
//! The `Invoke` of a proxy stands where a plugin would. It keeps the same promises:
//!
//! - It takes arguments that are passed by value. It reads what is lent, and does not keep it. It replaces a value
//!   behind `&mut` in its place.
//! - It writes a whole [`Outcome`]: a fault, or a value with its tag.
//! - It does not unwind.
//!
//! The descriptor is that of the export, and not that of the asked type. If the two differ because a type has grown,
//! the difference is settled where it is settled in process: each `Repr` of such a type says how many fields it has, so
//! the proxy may read fewer fields than it knows, and the caller gives fields that it did not get their defaults.
//!
//! # Statics
//!
//! A static needs no proxy. Its accessor takes a context, and returns the same form for every type of data. So the
//! site of a static that lives elsewhere has both an entry, the backend's accessor, and a context. No code in this
//! process can change such a static. So the accessor fetches the value once and keeps it behind the context, and returns
//! its address from then on.
//!
//! [`PROXY`]: super::FunctionType::PROXY

use crate::abi::{Context, Invoke, Outcome};

/// An entry whose type is not written here. A caller converts it to its type before the call.
pub type AnyEntry = unsafe extern "C" fn();

/// The beginning of the data behind the context of a proxy.
#[derive(Debug)]
#[repr(C)]
pub struct ProxyHead {
    /// The function that makes the call. It gets the context of the proxy, and no entry.
    pub invoke: Invoke,
}

/// Makes the call of a proxy, with arguments by address.
///
/// # Safety
///
/// The context is that of a function's site, and the site's origin exists during the call. `arguments` has the address of each
/// argument's `Repr`, as the descriptor of the site says. `R` is the `Repr` of the result.
pub(super) unsafe fn forward<R>(context: Context, arguments: &[*const std::ffi::c_void]) -> Outcome<R> {
    let mut outcome = Outcome { fault: std::ptr::null_mut(), value: std::mem::MaybeUninit::uninit() };
    // SAFETY: by `# Safety`, the context is that of a function's site, whose documentation says that it is the address of a
    // `ProxyHead`. The arguments and the result fit the descriptor, and `outcome` has room for the outcome.
    let invoke = unsafe { (*context.cast::<ProxyHead>()).invoke };
    // SAFETY: as above. The function ignores the entry, which a proxy does not have.
    unsafe { invoke(std::ptr::null(), context, arguments.as_ptr(), (&raw mut outcome).cast()) };
    outcome
}
