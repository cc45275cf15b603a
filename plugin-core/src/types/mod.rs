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
pub(crate) mod parameter;
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

use std::mem::MaybeUninit;

use crate::descriptor::Node;
use crate::origin::Origin;

pub(crate) use depth::{on_own_thread, with_room, with_room_to_lower};
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
/// The [crate's documentation](crate#what-crosses) has the table of the types that cross, and what each costs.
///
/// A reference crosses as a whole argument, by [`PluginRef`] and [`PluginMut`], and not inside another type: a
/// plugin could otherwise keep it.
///
/// # Safety
///
/// - `lower` then `lift`, and `lend` then `lift`, give back an equal value, on any two sides whose
///   [`NODE`](PluginType::NODE)s write the same bytes, whatever compilers built them; and on two sides whose types differ as
///   those that grow may, a value that is equal in what both know.
/// - `Repr` is not zero-sized, and its layout follows from `NODE` alone. So does what a call returns:
///   [`LAST_TAG`](PluginType::LAST_TAG), and what [`lower_returned`](PluginType::lower_returned) writes, is the same for all
///   types with one `NODE`.
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

    /// Whether a value may be nested deeper than its type is written, as a list's may that is a box of the next. While such
    /// values are converted, the room on the stack is watched.
    const DEEP: bool = true;

    /// The last tag that a call may return beside such a value, in the word where otherwise the fault is: the first is 0.
    /// A tag that is there is not in the `Repr`, where it would have to be written and read.
    const LAST_TAG: usize = 0;

    /// Turns the value into its `Repr`, giving away what it owns.
    fn lower(self) -> Self::Repr;

    /// Lowers the value into a place, of which what has no meaning may stay as it is. It is what [`lower`](Self::lower) does,
    /// without the copy.
    #[inline(always)]
    fn lower_to(self, place: &mut MaybeUninit<Self::Repr>) {
        place.write(self.lower());
    }

    /// [Lowers](Self::lower_to) what a call returns, and gives the tag that goes with it.
    #[inline(always)]
    fn lower_returned(self, place: &mut MaybeUninit<Self::Repr>) -> usize {
        self.lower_to(place);
        0
    }

    /// [Lifts](Self::lift) what a call has returned with this tag.
    ///
    /// # Safety
    ///
    /// As for [`lift`](Self::lift), of what [`lower_returned`](Self::lower_returned) has lowered and of its tag.
    #[inline(always)]
    unsafe fn lift_returned(_tag: usize, repr: MaybeUninit<Self::Repr>, origin: &Origin) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::lift(repr.assume_init(), origin) }
    }

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
    /// `repr` was lowered from, or is lent by, a value of a type with the same descriptor, or one that differs from it as
    /// types that grow may; has not been lifted yet; and came from `origin`.
    ///
    /// Who implements it: what leads back into the sender's library keeps a clone of `origin`, or is copied if that
    /// [leaves](Origin::leaves).
    unsafe fn lift(repr: Self::Repr, origin: &Origin) -> Self;
}

/// Ends a lift that met a tag which no lowering writes.
#[cold]
#[inline(never)]
fn unknown_tag(type_name: &str, tag: u8) -> ! {
    panic!("a lowered `{type_name}` has the tag {tag}, which means nothing: its sender is broken or lies")
}
