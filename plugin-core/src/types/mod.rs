//! The types that cross. Each kind of type has a file with its `Repr` and its conversions.

#[macro_use]
mod crosses_as;

mod boxed;
#[cfg(feature = "bytes")]
mod bytes;
#[cfg(any(feature = "host", feature = "serde_json"))]
pub mod decimal;
mod depth;
mod error;
pub(crate) mod growable;
pub(crate) mod held;
#[cfg(feature = "serde_json")]
mod json;
mod maps;
mod net;
mod non_zero;
mod option_result;
mod ordering;
mod path;
mod plugin_type;
mod primitive;
mod range;
mod reference;
mod sequence;
pub(crate) mod stand_in;
mod text;
mod time;
mod tuple;
mod unit;
#[cfg(feature = "uuid")]
mod uuid;

#[cfg(feature = "host")]
pub use depth::with_deep_room;
pub(crate) use depth::with_room;
pub use plugin_type::PluginType;
pub(crate) use plugin_type::is_plain;
use plugin_type::unknown_tag;
pub use reference::{PluginMut, PluginRef};

/// The items that [`crate::repr`] shows.
pub(crate) mod repr {
    #[cfg(feature = "bytes")]
    pub use super::bytes::BytesRepr;
    pub use super::growable::GrowsRepr;
    #[cfg(feature = "serde_json")]
    pub use super::json::JsonRepr;
    pub use super::option_result::{OptionRepr, ResultRepr};
    pub use super::path::{HeldOsStr, HeldPath};
    pub use super::primitive::{ArrayRepr, WideRepr};
    pub use super::reference::{HeldMut, HeldRef, HeldSlice, HeldSliceMut, HeldStr, LoanMut, LoanRef, LoanSliceMut};
    pub use super::tuple::{
        Tuple1Repr, Tuple2Repr, Tuple3Repr, Tuple4Repr, Tuple5Repr, Tuple6Repr, Tuple7Repr, Tuple8Repr,
    };
}
