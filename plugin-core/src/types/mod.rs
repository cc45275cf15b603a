//! The types that cross, and how.

#[macro_use]
mod convert;

mod boxed;
#[cfg(feature = "bytes")]
mod bytes;
mod depth;
mod error;
pub(crate) mod grows;
#[cfg(feature = "serde_json")]
mod json;
mod maps;
mod net;
mod path;
mod plain;
mod range;
mod reference;
mod sequence;
mod sum;
mod text;
mod time;
mod tuple;
#[cfg(feature = "uuid")]
mod uuid;
mod wrapper;

use crate::descriptor::Node;
use crate::origin::Origin;

pub(crate) use depth::{on_own_thread, with_room};
pub(crate) use reference::NoUnwind;
pub use reference::{PluginMut, PluginRef};
pub(crate) use sequence::lend_slice;

/// What [`crate::repr`] shows.
pub(crate) mod repr {
    #[cfg(feature = "bytes")]
    pub use super::bytes::BytesRepr;
    pub use super::grows::GrowsRepr;
    #[cfg(feature = "serde_json")]
    pub use super::json::JsonRepr;
    pub use super::path::{HeldOsStr, HeldPath};
    pub use super::plain::{ArrayRepr, WideRepr};
    pub use super::reference::{HeldMut, HeldRef, HeldSlice, HeldSliceMut, HeldStr, LoanMut, LoanSliceMut};
    pub use super::sum::{OptionRepr, ResultRepr};
    pub use super::tuple::{
        Tuple1Repr, Tuple2Repr, Tuple3Repr, Tuple4Repr, Tuple5Repr, Tuple6Repr, Tuple7Repr, Tuple8Repr,
    };
}

/// A type whose values cross between a plugin and its host.
///
/// To cross, a value is *lowered* to its [`Repr`](PluginType::Repr), a C-compatible form that any two compilers lay
/// out alike, and *lifted* from it on the other side. The names are those of the WebAssembly component model.
///
/// | type | its `Repr` | cost of crossing |
/// | --- | --- | --- |
/// | `bool`, `char`, integers, floats, [`NonZero`] of integers, arrays of them | itself | none |
/// | `()`, [`PhantomData`], [`RangeFull`] | one byte | none |
/// | [`Ordering`](std::cmp::Ordering) | a number | none |
/// | [`Duration`], [`SystemTime`] | seconds and nanoseconds | none |
/// | [`Ipv4Addr`], [`Ipv6Addr`], [`SocketAddrV4`], [`SocketAddrV6`] | a struct of their parts | none |
/// | [`IpAddr`], [`SocketAddr`] | a tagged union of those | none |
/// | `String`, `Box<str>`, [`Arc<str>`](std::sync::Arc), `Cow<'static, str>` | pointer, length, capacity, how to free | one copy between different allocators |
/// | [`PathBuf`], [`OsString`] | the same, of what the system's text is made of | one copy between different allocators; on Windows, where the text is converted, one on each side |
/// | `Vec`, `Box<[T]>`, [`VecDeque`] of what is itself | the same, of the elements | one copy between different allocators |
/// | `Vec`, `Box<[T]>`, [`VecDeque`] of other types | the same, of the elements' `Repr`s | element by element |
/// | [`HashMap`], [`BTreeMap`], [`HashSet`], [`BTreeSet`] | the same, of the pairs' or elements' `Repr`s | element by element |
/// | `Box<T>` | as a `Vec` of one | one allocation |
/// | `Option`, `Result`, tuples, other arrays | a tagged union or struct of the parts' `Repr`s | that of the parts |
/// | [`Range`], [`RangeInclusive`], [`RangeFrom`], [`RangeTo`], [`RangeToInclusive`] | as a tuple of the ends, or the one end | that of the ends |
/// | `Box<dyn Error>`, and with `Send`, and with `Sync` too | as a `Vec` of what it and its causes say | element by element |
/// | `bytes::Bytes` (feature `bytes`) | pointer, length, owner, how to free | one allocation, and no copy |
/// | `serde_json::Value` (feature `serde_json`) | a tagged union | element by element |
/// | `uuid::Uuid` (feature `uuid`) | itself | none |
///
/// A `Cow` arrives as [`Owned`](std::borrow::Cow::Owned). An error arrives as one of a private type, with the same
/// `Display` and the same `source()`s, of at most 64. A [`RangeInclusive`] that was iterated to its end is one like any
/// other when it arrives.
///
/// [`Duration`]: std::time::Duration
/// [`SystemTime`]: std::time::SystemTime
/// [`NonZero`]: std::num::NonZero
/// [`PhantomData`]: std::marker::PhantomData
/// [`Ipv4Addr`]: std::net::Ipv4Addr
/// [`Ipv6Addr`]: std::net::Ipv6Addr
/// [`IpAddr`]: std::net::IpAddr
/// [`SocketAddrV4`]: std::net::SocketAddrV4
/// [`SocketAddrV6`]: std::net::SocketAddrV6
/// [`SocketAddr`]: std::net::SocketAddr
/// [`PathBuf`]: std::path::PathBuf
/// [`OsString`]: std::ffi::OsString
/// [`VecDeque`]: std::collections::VecDeque
/// [`HashMap`]: std::collections::HashMap
/// [`BTreeMap`]: std::collections::BTreeMap
/// [`HashSet`]: std::collections::HashSet
/// [`BTreeSet`]: std::collections::BTreeSet
/// [`Range`]: std::ops::Range
/// [`RangeFull`]: std::ops::RangeFull
/// [`RangeInclusive`]: std::ops::RangeInclusive
/// [`RangeFrom`]: std::ops::RangeFrom
/// [`RangeTo`]: std::ops::RangeTo
/// [`RangeToInclusive`]: std::ops::RangeToInclusive
///
/// A reference crosses as a whole argument, by [`PluginRef`] and [`PluginMut`], and not inside another type: a
/// plugin could otherwise keep it.
///
/// # Safety
///
/// - `lower` then `lift`, and `lend` then `lift`, give back an equal value, on any two sides whose
///   [`NODE`](PluginType::NODE)s write the same bytes, whatever compilers built them.
/// - `Repr` is not zero-sized, and its layout follows from `NODE` alone.
/// - If [`PLAIN`](PluginType::PLAIN), `Self` and `Repr` have the same size and alignment, and a value's bytes are those
///   of its `Repr`.
/// - `lower`, `lend` and `lift` unwind, on what was lowered or lent, only where code of the author's does that they call:
///   a key's `Hash` or `Ord`, an error's `Display`. Then they may leak, but free nothing twice. Where a value is out of
///   its place meanwhile, as behind `&mut`, their callers see to it that such a panic ends the process.
/// - The type has no interior mutability: a lent value is read while others may read it.
/// - A value may be dropped, used and sent as `Self` on the side that lifted it, as if it had been made there.
///
/// # Example
///
/// ```
/// use plugin_core::{Origin, PluginType};
///
/// let repr = Some(String::from("hello")).lower();
/// // SAFETY: `repr` was lowered from this type, and is lifted once.
/// let value: Option<String> = unsafe { PluginType::lift(repr, &Origin::HOST) };
/// assert_eq!(value.as_deref(), Some("hello"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cross between a plugin and its host",
    label = "this type does not cross",
    note = "what crosses: numbers, text, and std's other types of data; collections, `Option`, `Result`, `Box`, arrays \
            and tuples (up to 8) of what crosses; your own types with `#[plugin_type]`; a reference only as a whole \
            argument"
)]
pub unsafe trait PluginType: Sized + 'static {
    /// The C-compatible form of a value on its way between the two sides.
    type Repr: Copy;

    /// The type's descriptor.
    const NODE: &'static Node;

    /// Whether a value is its own `Repr`, bit for bit, so that slices of them cross as they are.
    const PLAIN: bool = false;

    /// Turns the value into its `Repr`, giving away what it owns.
    fn lower(self) -> Self::Repr;

    /// Makes a `Repr` that reads what `self` owns instead of giving it away.
    ///
    /// It is good for as long as `self` is borrowed and must be lifted exactly once: the receiver gets a value of its
    /// own. What had to be allocated for the `Repr` itself belongs to it and is freed by lifting.
    fn lend(&self) -> Self::Repr;

    /// Turns a `Repr` back into a value that this side owns.
    ///
    /// # Panics
    ///
    /// If a tag in `repr` has no meaning, which no value lowered by this crate has.
    ///
    /// # Safety
    ///
    /// `repr` was lowered from, or is lent by, a value of a type with the same descriptor, has not been lifted yet,
    /// and came from `origin`.
    unsafe fn lift(repr: Self::Repr, origin: &Origin) -> Self;
}

/// Ends a lift that met a tag which no lowering writes.
#[cold]
#[inline(never)]
fn unknown_tag(type_name: &str, tag: u8) -> ! {
    panic!("a lowered `{type_name}` has the tag {tag}, which means nothing: its sender is broken or lies")
}
