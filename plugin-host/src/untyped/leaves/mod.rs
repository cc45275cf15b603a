//! The leaves, which are the types without parts. Each has an implementation of [`Leaf`](leaf::Leaf) in this folder, and
//! here the name of its tag leads to that.

pub(crate) mod bytes;
mod error;
mod json;
mod leaf;
mod net;
pub(crate) mod numbers;
mod ordering;
mod os_text;
pub(crate) mod time;
mod uuid;

use std::cmp::Ordering;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use plugin_core::host::descriptor::Tag;
use serde::{Deserializer, Serializer};

use crate::untyped::walk::Here;

use bytes::Bytes;
use error::Error;
use json::Json;
use leaf::Leaf;
use numbers::{Bool, Char, F32, F64, I8, I16, I32, I64, I128, Isize, U8, U16, U32, U64, U128, Unit, Usize};
use uuid::Uuid;

/// The layout of a leaf, and facts about its values.
pub(crate) struct Facts {
    pub(crate) size: usize,
    pub(crate) align: usize,
    pub(crate) owns: bool,
    pub(crate) is_empty: bool,
}

/// Makes the functions that choose a leaf by its tag.
macro_rules! choose_by_tag {
    ($($leaf:ident)*) => {
        /// Returns the layout of a leaf.
        pub(crate) fn facts(tag: Tag) -> Facts {
            fn of<L: Leaf>() -> Facts {
                let (size, align) = (size_of::<L::Repr>(), align_of::<L::Repr>());
                Facts { size, align, owns: L::OWNS, is_empty: L::IS_EMPTY }
            }
            match tag {
                $(Tag::$leaf => of::<$leaf>(),)*
                _ => unreachable!("{NO_LEAF}"),
            }
        }

        /// Serialises the value at `at`.
        ///
        /// # Safety
        ///
        /// The tag is that of the value at `at`. During the call, nothing changes or frees its memory.
        pub(crate) unsafe fn write<S: Serializer>(
            tag: Tag,
            at: *const u8,
            here: Here,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            match tag {
                // SAFETY: by `# Safety` of this function, there is a value of this type, which does not change.
                $(Tag::$leaf => unsafe { $leaf::write(at.cast::<<$leaf as Leaf>::Repr>().read(), here, to) },)*
                _ => unreachable!("{NO_LEAF}"),
            }
        }

        /// Builds a value at `at`.
        ///
        /// # Safety
        ///
        /// There is room for a `Repr` of the type with this tag at `at`.
        pub(crate) unsafe fn read<'de, D: Deserializer<'de>>(
            tag: Tag,
            at: *mut u8,
            here: Here,
            from: D,
        ) -> Result<(), D::Error> {
            match tag {
                $(Tag::$leaf => {
                    let repr = <$leaf as Leaf>::read(from, here)?;
                    // SAFETY: by `# Safety` of this function, there is room for it.
                    unsafe { at.cast::<<$leaf as Leaf>::Repr>().write(repr) }
                })*
                _ => unreachable!("{NO_LEAF}"),
            }
            Ok(())
        }

        /// Drops the value at `at`.
        ///
        /// # Safety
        ///
        /// The tag is that of the value at `at`. The value is not used afterwards. The libraries that made its parts are
        /// still loaded.
        pub(crate) unsafe fn free(tag: Tag, at: *mut u8) {
            match tag {
                // SAFETY: by `# Safety` of this function, there is a value of this type.
                $(Tag::$leaf => unsafe { <$leaf as Leaf>::free(at.cast::<<$leaf as Leaf>::Repr>().read()) },)*
                _ => unreachable!("{NO_LEAF}"),
            }
        }
    };
}

const NO_LEAF: &str = "`Layouts` has no such type";

plugin_core::__leaves!(choose_by_tag);
