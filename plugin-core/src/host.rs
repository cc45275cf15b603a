//! The items of this crate that are for `plugin-host`.
//!
//! **Semantic versioning does not cover this module.** Any release may change or remove each item here, also a release that only
//! mends a fault. Only the `plugin-host` of the very same version may use the module. A host uses `plugin-host`, and a plugin
//! needs none of these items. So they have no examples.

#[cfg(feature = "host")]
pub use crate::abi::LockedHead;
pub use crate::abi::{Context, FaultRepr, Free, LockFunctions, LockedRepr, Outcome, Owner};
#[cfg(feature = "host")]
pub use crate::call::{AnyEntry, ProxyHead, Site};
pub use crate::describe::record;
pub use crate::fault::{Return, discard};
#[cfg(feature = "host")]
pub use crate::live::{Version, Versions, new_live};
#[cfg(feature = "host")]
pub use crate::runtime::panic_hook::observe_panics;
pub use crate::runtime::state::StateRepr;
#[cfg(any(feature = "host", feature = "serde_json"))]
pub use crate::types::decimal;
pub use crate::types::growable::Release;
#[cfg(feature = "host")]
pub use crate::types::with_deep_room;

/// The registration table of a library, which a host finds through one symbol, and the host's services for the library.
pub mod table {
    pub use crate::abi::{
        ABI_VERSION, Environment, Escaped, Export, HEADER_SIZE, HostMemory, HostServices, Invoke, Keeper, MAGIC,
        ObjectVtable, PluginTable, Registered, Run, SystemAllocator, TABLE_SYMBOL, TABLE_V1_SIZE, bound, escaped,
    };
    #[cfg(feature = "host")]
    pub use crate::runtime::hosting::{
        common_allocator, environment, environment_is_everywhere, forget_plugin, keeper, note_plugin,
        opening_controlled,
    };
    pub use crate::runtime::registration::{build_record, registered};
    #[cfg(feature = "host")]
    pub use crate::runtime::stack::on_new as on_new_stack;
}

/// Types as data. Two sides that were compiled separately compare these bytes to find out whether they mean the same
/// type.
pub mod descriptor {
    pub use crate::describe::{
        Class, Definition, DefinitionRef, Flat, Node, Shape, Tag, assert_described, form, style,
    };
}
