//! What a loaded plugin says of itself, told to who asks.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::at::{At as _, FileError};
use crate::inspect::info::{PanicStrategy, PluginInfo};
use crate::inspect::limits::Limits;
use crate::inspect::records::Records;

/// What a plugin says of itself. To write out every type of a plugin takes longer than to read its file, so that is left
/// until somebody asks; what may be wrong with it is found before.
pub(crate) struct Description {
    name: String,
    version: String,
    panic: PanicStrategy,
    exports: Vec<String>,
    /// Where it is from, and the records.
    records: (PathBuf, Box<[u8]>),
    info: OnceLock<PluginInfo>,
}

impl Description {
    /// Checks the records that were found in the file at `path`.
    pub(crate) fn read(path: &Path, section: Box<[u8]>, limits: &Limits) -> Result<Self, FileError> {
        let records = Records::read(&section, limits)?;
        let exports = records.exports()?.into_iter().map(str::to_owned).collect();
        let ((name, version), panic) = (records.root(path), records.panic());
        Ok(Description { name, version, panic, exports, records: (path.to_owned(), section), info: OnceLock::new() })
    }

    /// The plugin's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its package's version.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The outcome of its panics.
    pub(crate) fn panic(&self) -> PanicStrategy {
        self.panic
    }

    /// The names of what it exports, in order.
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
        let (name, version, panic) = (info.name.clone(), info.version.clone(), info.panic);
        Description { name, version, panic, exports, records: Default::default(), info: info.into() }
    }
}
