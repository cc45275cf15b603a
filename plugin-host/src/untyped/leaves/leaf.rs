//! The trait of the leaves.

use serde::{Deserializer, Serializer};

use crate::untyped::walk::Here;

/// A type without parts: its layout, its form in serde's data model, and the way to drop its values.
///
/// # Safety
///
/// [`Repr`](Self::Repr) has the layout of the type's `Repr` in plugin-core. [`read`](Self::read) returns a lowered value,
/// which belongs to the caller. [`OWNS`](Self::OWNS) is true if values may own memory.
pub(crate) unsafe trait Leaf {
    type Repr: Copy;

    /// Whether values may own memory.
    const OWNS: bool = false;

    /// Whether values have no data, so that a format may write no byte for them.
    const IS_EMPTY: bool = false;

    /// Serialises a value.
    ///
    /// # Safety
    ///
    /// `repr` is a lowered value of the type. During the call, nothing changes or frees its memory.
    unsafe fn write<S: Serializer>(repr: Self::Repr, here: Here, to: S) -> Result<S::Ok, S::Error>;

    /// Deserializes a value and lowers it.
    fn read<'de, D: Deserializer<'de>>(from: D, here: Here) -> Result<Self::Repr, D::Error>;

    /// Drops a value.
    ///
    /// # Safety
    ///
    /// `repr` is a lowered value of the type, which is not used afterwards. The libraries that made its parts are still
    /// loaded.
    unsafe fn free(_repr: Self::Repr) {}
}
