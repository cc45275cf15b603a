//! Objects: values with code, which lead back into the library that made them. They are closures, iterators, and objects of
//! interfaces.
//!
//! | file | subject |
//! | --- | --- |
//! | `closures.rs`, `closure_types.rs` | `Box<dyn Fn(A) -> R + Send>` and its kin, `Arc<dyn Fn>`, `&dyn Fn` and `&mut dyn FnMut` |
//! | `iterators.rs` | `Box<dyn Iterator<Item = T> + Send>` |
//! | `interfaces.rs` | `Box<dyn Codec>` and its kin, for a trait with `#[plugin_interface]`; its methods are in `interface.rs` |
//! | `object.rs` | an object on its way |
//! | `remote.rs` | an object of another library |
//! | `share.rs` | the shares that keep that library |
//! | `homes.rs` | the list of the proxies in this library |
//! | `words.rs` | a wide pointer as two words |
//!
//! # Words
//!
//! The *maker* is the library that an object's code is in. The *receiver* gets a *proxy*: an object of the same type, which calls
//! the maker's.
//!
//! # The way of an object
//!
//! An object is lowered to the maker's own wide pointer, as two words without meaning for others, and a vtable with the maker's
//! functions for this type ([`ObjectVtable`]). Nothing is allocated. The receiver keeps both in a [`Remote`], which is all that the
//! proxy of a closure contains. A call through the proxy is one indirect call of the vtable's entry, whose context is the address of
//! the two words. So both sides call objects as they call exports.
//!
//! # Lifetimes
//!
//! An object leads back into its maker, from wherever it is by then. So an origin at the lift is not enough: an object may come to
//! the host as the argument of a closure, or to one plugin from another. Each object on its way therefore has a *share* of its
//! maker's library (`share.rs`), taken when the object is lowered. The proxy gives the share up after it has dropped the object.
//!
//! The arguments of a call, and what it returns, come from a library that nobody names. They are lifted with
//! [`Origin::LEAVES`](crate::Origin): data that would lead back is copied, and objects have shares of their own.
//!
//! # Home-coming
//!
//! A proxy that is lowered gives back what it was made of. An object that comes back to its maker as the same type is the maker's
//! own `Box` or `Arc` again. So no proxy is made of a proxy, however often an object crosses. A `dyn Fn` cannot say whether it is a
//! proxy, so each library has a list of its proxies (`homes.rs`). An object of an interface can say so, by its `TypeId`.
//!
//! This holds for objects whose type is the same on both sides, to the last field of each argument. The types may also differ as
//! types that grow may. Then the proxy converts, and is passed on as an object of its own library: the next receiver's type fits the
//! type here, and need not fit the maker's.
//!
//! A loan, `&dyn Fn` or `&mut dyn FnMut`, ends with its call. So it needs neither a share nor a list. The same holds for objects
//! inside a value behind `&`.

// `dyn Fn(A)` and `dyn Fn(&B)` are different types for every `A` and `B`; the lint asks whether that is relied on. It is.
#[allow(coherence_leak_check)]
mod closure_types;
mod closures;
mod homes;
mod interfaces;
mod iterators;
mod object;
mod remote;
mod share;
#[cfg(test)]
mod tests;
mod words;

pub use self::closures::{
    Closure, HeldClosure, LoanClosure, PluginFn, SharedClosure, hold_box, lend_box, lent, lent_mut, lift_box, lower_box,
};
pub(crate) use self::homes::tidy;
pub use self::interfaces::{
    AnyObject, Around, Interface, IsSend, IsSync, Unmarked, lend_mut, put_in_arena, view, view_mut,
};
pub use self::object::Object;
pub use self::remote::Remote;
pub(crate) use self::words::pointer_of;
