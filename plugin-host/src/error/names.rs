//! Names that are not there, and names that nothing can have.

use std::path::Path;

use crate::error::Error;
use crate::error::similar::Candidates;

impl Error {
    /// An error about an export that one plugin or all of them do not have, and the names of those that exist.
    pub(crate) fn no_such_export<'a>(
        name: &str,
        plugin: Option<&str>,
        exports: impl Iterator<Item = &'a str> + Clone,
    ) -> Error {
        let Candidates { closest, existing, count } = Candidates::new(name, exports);
        Error::NoSuchExport { name: name.to_owned(), plugin: plugin.map(str::to_owned), closest, existing, count }
    }

    /// An error about a plugin that is not loaded, and the names of those that are.
    pub(crate) fn no_such_plugin<'a>(name: &str, plugins: impl Iterator<Item = &'a str> + Clone) -> Error {
        let Candidates { closest, existing, count } = Candidates::new(name, plugins);
        Error::NoSuchPlugin { name: name.to_owned(), closest, existing, count }
    }
}

/// Refuses a name that no file or export can have.
pub(crate) fn no_nul(name: &str) -> Result<(), Error> {
    if name.contains('\0') { Err(Error::NulInName { name: name.to_owned() }) } else { Ok(()) }
}

/// Refuses a path that no file can have.
pub(crate) fn no_nul_in_path(path: &Path) -> Result<(), Error> {
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        Err(Error::NulInName { name: path.to_string_lossy().into_owned() })
    } else {
        Ok(())
    }
}
