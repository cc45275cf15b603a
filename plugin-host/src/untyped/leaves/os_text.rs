//! `PathBuf` and `OsString`.

use std::ffi::OsString;
use std::path::PathBuf;

use plugin_core::repr::BufferRepr;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::leaf::Leaf;
use crate::untyped::buffer::{lower_buffer, slice};
use crate::untyped::walk::{Form, Here};

/// A unit of an `OsString`: a byte.
#[cfg(not(windows))]
type Unit = u8;

/// A unit of an `OsString`: a unit of UTF-16.
#[cfg(windows)]
type Unit = u16;

#[cfg(not(windows))]
fn into_units(text: OsString) -> Vec<Unit> {
    use std::os::unix::ffi::OsStringExt;
    text.into_vec()
}

#[cfg(windows)]
fn into_units(text: OsString) -> Vec<Unit> {
    use std::os::windows::ffi::OsStrExt;
    text.encode_wide().collect()
}

#[cfg(not(windows))]
fn from_units(units: &[Unit]) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(units.to_vec())
}

#[cfg(windows)]
fn from_units(units: &[Unit]) -> OsString {
    use std::os::windows::ffi::OsStringExt;
    OsString::from_wide(units)
}

// SAFETY: the `Repr` is a buffer of units.
unsafe impl Leaf for OsString {
    type Repr = BufferRepr;
    const OWNS: bool = true;

    unsafe fn write<S: Serializer>(repr: BufferRepr, _: Here, to: S) -> Result<S::Ok, S::Error> {
        // SAFETY: by `# Safety` of this function, there is a buffer of units, which stays unchanged.
        from_units(unsafe { slice(repr.raw_parts()) }).serialize(to)
    }

    fn read<'de, D: Deserializer<'de>>(from: D, _: Here) -> Result<BufferRepr, D::Error> {
        Ok(lower_buffer(into_units(OsString::deserialize(from)?)))
    }

    unsafe fn free(repr: BufferRepr) {
        // SAFETY: by `# Safety` of this function, there is a buffer of units, which is not used afterwards.
        unsafe { repr.free_raw(size_of::<Unit>(), align_of::<Unit>()) }
    }
}

// SAFETY: the `Repr` is that of an `OsString`.
unsafe impl Leaf for PathBuf {
    type Repr = BufferRepr;
    const OWNS: bool = true;

    unsafe fn write<S: Serializer>(repr: BufferRepr, here: Here, to: S) -> Result<S::Ok, S::Error> {
        // Serde's form of a path is a text, which not every path is.
        if here.form == Form::Wire {
            // SAFETY: the `Repr` is that of an `OsString`, and `# Safety` of this function is the same.
            return unsafe { <OsString as Leaf>::write(repr, here, to) };
        }
        // SAFETY: by `# Safety` of this function, there is a buffer of units, which stays unchanged.
        PathBuf::from(from_units(unsafe { slice(repr.raw_parts()) })).serialize(to)
    }

    fn read<'de, D: Deserializer<'de>>(from: D, here: Here) -> Result<BufferRepr, D::Error> {
        if here.form == Form::Wire {
            return <OsString as Leaf>::read(from, here);
        }
        Ok(lower_buffer(into_units(PathBuf::deserialize(from)?.into_os_string())))
    }

    unsafe fn free(repr: BufferRepr) {
        // SAFETY: the `Repr` is that of an `OsString`, and `# Safety` of this function is the same.
        unsafe { <OsString as Leaf>::free(repr) }
    }
}
