//! The exports of this library or program, and the record of its build.

use crate::abi::{ABI_VERSION, Export};
use crate::describe::record::{Field, Kind, Record};

inventory::collect!(Export);

/// Returns all items that are registered in this library or program.
pub fn registered() -> impl Iterator<Item = &'static Export> {
    inventory::iter::<Export>.into_iter()
}

const BUILD: Record = Record {
    kind: Kind::Build,
    fields: &[
        Field::Number(ABI_VERSION),
        Field::Bytes(env!("CARGO_PKG_VERSION").as_bytes()),
        Field::Bytes(env!("PLUGIN_CORE_RUSTC").as_bytes()),
        Field::Bytes(env!("PLUGIN_CORE_TARGET").as_bytes()),
        Field::Bytes(if cfg!(panic = "abort") { b"abort" } else { b"unwind" }),
    ],
};

#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__plugin"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".plugin"))]
pub(crate) static BUILD_RECORD: [u8; BUILD.len()] = BUILD.encode();

/// Returns the [`Kind::Build`] record of this library or program.
pub fn build_record() -> &'static [u8] {
    &BUILD_RECORD
}
