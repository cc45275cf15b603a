//! Stands in for reports of fatal signals, which this platform does not have.

use std::ffi::c_void;
use std::path::Path;

use plugin_core::host::record::Item;
use plugin_core::host::table::Export;

/// Does nothing.
pub(crate) fn install() {}

/// Does nothing.
#[cfg(target_os = "linux")]
pub(crate) fn prepare_thread() {}

/// Stands for a plugin that is named in reports. These systems have no reports.
pub(crate) struct Named;

impl Named {
    pub(crate) fn new(_: &str, _: &Path, _: *const c_void, _: &[(Item<'static>, Export)]) -> Self {
        Named
    }

    pub(crate) fn unmapped(self) {}
}
