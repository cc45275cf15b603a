//! Errors about a file, before its path is added.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// An error about a file or about the plugin in it. Only the code that opened the file knows its path, and adds it once, with
/// [`At::at`]. Hooks run on other threads, so this is `Send`.
pub(crate) struct FileError(Box<dyn FnOnce(PathBuf) -> Error + Send>);

impl FileError {
    /// The error that `error` makes of the path.
    pub(crate) fn new(error: impl FnOnce(PathBuf) -> Error + Send + 'static) -> Self {
        FileError(Box::new(error))
    }

    /// A file that has the form of a library, but contradicts itself.
    pub(crate) fn damaged(problem: impl Into<String>) -> Self {
        let problem = problem.into();
        FileError::new(|path| Error::Damaged { path, problem })
    }
}

/// A result that may be an error about a file.
pub(crate) trait At<T> {
    /// Adds the path of the file.
    fn at(self, path: &Path) -> Result<T, Error>;
}

impl<T> At<T> for Result<T, FileError> {
    fn at(self, path: &Path) -> Result<T, Error> {
        self.map_err(|FileError(error)| error(path.to_owned()))
    }
}

/// Removes the library beside the file from an error about bytes in memory: there is no file, and their label is no path.
pub(crate) fn without_neighbours(mut error: Error) -> Error {
    if let Error::NotALibrary { beside, .. } = &mut error {
        *beside = None;
    }
    error
}
