//! A plugin's description of itself, which is decoded only as far as it is needed.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::at::{At as _, FileError};
use crate::inspect::info::{PanicStrategy, PluginInfo};
use crate::inspect::limits::Limits;
use crate::inspect::records::Records;

/// A plugin's description of itself.
///
/// The records are checked when the plugin is loaded, so a damaged one is an error of the load. The [`PluginInfo`] is made when
/// it is first asked for, because it has the text of every type, and to write these takes longer than to read the file.
pub(crate) struct Description {
    /// The name of the plugin's package.
    package: String,
    /// The name that the host gives the plugin, if it is not that of the package.
    instance: Option<String>,
    version: String,
    panic: PanicStrategy,
    exports: Vec<String>,
    /// The path of the file, and the bytes of its records.
    records: (PathBuf, Box<[u8]>),
    info: OnceLock<PluginInfo>,
}

impl Description {
    /// Checks the records in `section`, which are from the file at `path`.
    pub(crate) fn read(path: &Path, section: Box<[u8]>, limits: &Limits) -> Result<Self, FileError> {
        let records = Records::read(&section, limits)?;
        let exports = records.exports()?.into_iter().map(str::to_owned).collect();
        let ((package, version), panic) = (records.root(path), records.panic());
        let (records, info) = ((path.to_owned(), section), OnceLock::new());
        Ok(Description { package, instance: None, version, panic, exports, records, info })
    }

    /// Gives the plugin the name of an instance.
    pub(crate) fn rename(&mut self, name: &str) {
        self.instance = Some(name.to_owned());
    }

    /// Returns the name of the plugin's package.
    pub(crate) fn package(&self) -> &str {
        &self.package
    }

    /// Returns the plugin's name.
    pub(crate) fn name(&self) -> &str {
        self.instance.as_ref().unwrap_or(&self.package)
    }

    /// Returns the version of the plugin's package.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Returns whether the plugin's panics unwind or abort.
    pub(crate) fn panic(&self) -> PanicStrategy {
        self.panic
    }

    /// Returns the names of the exports, in order.
    pub(crate) fn exports(&self) -> &[String] {
        &self.exports
    }

    pub(crate) fn into_info(self) -> PluginInfo {
        self.info();
        self.info.into_inner().expect("what was just made")
    }

    pub(crate) fn info(&self) -> &PluginInfo {
        self.info.get_or_init(|| {
            let (path, section) = &self.records;
            let info = Records::read(section, &Limits::NONE).and_then(|records| records.into_info(path));
            info.at(path).expect("records that were read before")
        })
    }
}

impl From<PluginInfo> for Description {
    fn from(info: PluginInfo) -> Self {
        let exports = info.exports.iter().map(|export| export.name.clone()).collect();
        let (package, version, panic) = (info.name.clone(), info.version.clone(), info.panic);
        let (instance, records) = Default::default();
        Description { package, instance, version, panic, exports, records, info: info.into() }
    }
}
