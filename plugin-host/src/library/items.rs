//! The items that a library has registered: its exports and its hooks.

use std::ffi::c_void;
use std::sync::Arc;

use plugin_core::host::record::{Item, Kind, RawRecord};
use plugin_core::host::table::{Export, PluginTable};

use crate::backend::Offer;
use crate::library::hooks::Hooks;

/// The items that a library has registered.
///
/// The texts lie in the library. The holder of the items also holds the library.
pub(crate) struct Items {
    /// The descriptions of the exports, each with a copy of its row.
    pub(crate) exports: Vec<(Item<'static>, Export)>,
    pub(crate) hooks: Arc<Hooks>,
}

impl Items {
    /// The items that the library with this table has registered. `package` is the library's own.
    ///
    /// # Safety
    ///
    /// The library stays mapped for as long as the items, their clones, or one of their texts are used.
    pub(crate) unsafe fn registered(table: &PluginTable, package: &str) -> Self {
        type Described = Vec<(Item<'static>, Export)>;
        unsafe extern "C" fn visit(items: *mut c_void, row: *const Export) {
            // SAFETY: `items` is the address of the vector below, which nothing else uses during the visit. `row` is one of the
            // library's own, and the library stays mapped, as `registered` demands.
            unsafe { (*items.cast::<Described>()).extend(described(&*row)) }
        }
        let mut items = Described::new();
        // SAFETY: the library is mapped, as this function demands. `visit` gets the vector that it expects.
        unsafe { (table.visit_exports)((&raw mut items).cast(), visit) };
        Items::new(items, package)
    }

    pub(crate) fn new(items: Vec<(Item<'static>, Export)>, plugin: &str) -> Self {
        let (exports, hooks) = items.into_iter().partition(|(item, _)| item.kind == Kind::Export);
        Items { exports, hooks: Arc::new(Hooks::new(hooks, plugin)) }
    }

    /// The exports, which run in this process.
    pub(crate) fn offers(&self) -> impl Iterator<Item = Offer> {
        self.exports.iter().map(|(item, row)| {
            let Item { name, descriptor, modules, .. } = *item;
            Offer { name, descriptor, modules, entry: row.entry(), context: std::ptr::null(), invoke: row.invoke() }
        })
    }
}

/// Reads the record of a row. Returns `None` if a later SDK has added this kind of record.
///
/// # Safety
///
/// The row's library stays mapped for as long as the results, their clones, or one of their texts are used.
pub(crate) unsafe fn described(row: &Export) -> Option<(Item<'static>, Export)> {
    // SAFETY: `record` needs the library to stay mapped while the bytes are used. This function demands that of its caller, so
    // `'static` stands for that time.
    let (record, _) = RawRecord::read(unsafe { row.record() }).ok()??;
    Some((Item::read(&record)?, *row))
}
