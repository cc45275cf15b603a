//! The stamp of a file, which tells whether the file has changed.

use std::fs;
#[cfg(feature = "watch")]
use std::path::Path;
use std::time::SystemTime;

/// The metadata that differ if a path leads to another file, or if the file was written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) len: u64,
    pub(crate) modified: Option<SystemTime>,
    /// The device, the number on it, and when that was last changed.
    #[cfg(unix)]
    node: (u64, u64, i64, i64),
}

impl Stamp {
    /// The stamp of the file at a path; `None` without a file.
    #[cfg(feature = "watch")]
    pub(crate) fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Stamp::new(&metadata))
    }

    pub(crate) fn new(metadata: &fs::Metadata) -> Self {
        Stamp {
            len: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            node: {
                use std::os::unix::fs::MetadataExt as _;
                (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
            },
        }
    }
}
