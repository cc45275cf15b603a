//! The functions that all contenders implement with ordinary types, and the special types that some contenders use for
//! them.

#[cfg(feature = "abi_stable")]
#[allow(missing_docs)] // Items that its macros emit have no docs.
pub mod for_abi_stable;
pub mod for_bare;
#[cfg(feature = "stabby")]
#[allow(missing_docs)] // As above.
pub mod for_stabby;
pub mod work;

/// A value with parts on the heap.
#[cfg_attr(feature = "plugin", plugin_core::plugin_type)]
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// A number.
    pub id: u64,
    /// A text.
    pub name: String,
    /// Several texts.
    pub tags: Vec<String>,
    /// Perhaps a number.
    pub score: Option<f64>,
}

/// One of many that a plugin reads.
#[cfg_attr(feature = "plugin", plugin_core::plugin_type)]
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// A number.
    pub id: u64,
    /// A text.
    pub name: String,
}
