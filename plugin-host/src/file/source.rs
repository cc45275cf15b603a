//! The bytes that are mapped: a private copy, or the file itself.

use std::fs;
use std::io;
use std::path::Path;

use crate::error::at::FileError;
use crate::file::copy::FileCopy;
use crate::file::mapping::Mapping;
use crate::file::open::Opened;
use crate::inspect::limits::Limits;
use crate::inspect::{Inspected, inspect_in};
use crate::load::digest::Digest;

/// The source that a library is mapped from.
pub(crate) enum Source {
    Copy(FileCopy),
    /// A copy of bytes in memory, which have no file.
    Memory(FileCopy),
    /// The file itself. Only the parts that inspection needs are read.
    InPlace(fs::File),
}

impl Source {
    /// Reads as much of a file as `mapping` needs, and computes the digest of the whole file if the digest is `wanted`.
    pub(crate) fn read(
        path: &Path,
        opened: Opened,
        mapping: Mapping,
        limits: &Limits,
        wanted: bool,
    ) -> Result<(Self, Option<Digest>), FileError> {
        match mapping {
            Mapping::InPlace => {
                opened.check_length(limits)?;
                let digest = if wanted { opened.copy(limits, true, &mut io::sink())? } else { None };
                Ok((Source::InPlace(opened.file), digest))
            }
            Mapping::Private => {
                let (copy, digest) = FileCopy::read(path, &opened, limits, wanted)?;
                Ok((Source::Copy(copy), digest))
            }
        }
    }

    /// Copies bytes in memory, as [`read`](Self::read) copies a file.
    pub(crate) fn of_bytes(
        label: &Path,
        bytes: &[u8],
        limits: &Limits,
        wanted: bool,
    ) -> Result<(Self, Option<Digest>), FileError> {
        let (copy, digest) = FileCopy::read(label, bytes, limits, wanted)?;
        Ok((Source::Memory(copy), digest))
    }

    /// Inspects the file. `path` gives a plugin its name if the file does not.
    pub(crate) fn inspect(&self, path: &Path, limits: &Limits) -> Result<Inspected, FileError> {
        match self {
            Source::Copy(copy) | Source::Memory(copy) => copy.inspect(path, limits),
            Source::InPlace(file) => inspect_in(path, file, limits),
        }
    }

    /// Returns true unless the list of mappings shows that another file is mapped at the address.
    ///
    /// The loader opens the path of a file in place once more, and may find another file there.
    pub(crate) fn is_mapped_at(&self, address: usize) -> bool {
        match self {
            #[cfg(target_os = "linux")]
            Source::InPlace(file) => crate::os::maps::is_at(file, address).unwrap_or(true),
            _ => {
                _ = address;
                true
            }
        }
    }

    /// Returns the name of a symbol of the library's own for which the loader would take another library's.
    #[cfg(target_os = "linux")]
    pub(crate) fn replaced_symbol(&self) -> Option<String> {
        use crate::file::symbols::replaced;
        match self {
            Source::Copy(FileCopy::Sealed(sealed)) | Source::Memory(FileCopy::Sealed(sealed)) => {
                replaced(sealed.file())
            }
            Source::Copy(FileCopy::Heap(bytes, _)) | Source::Memory(FileCopy::Heap(bytes, _)) => replaced(&**bytes),
            Source::InPlace(file) => replaced(file),
        }
    }

    /// As above. Other systems look for a symbol in the library that was named when the plugin was linked.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn replaced_symbol(&self) -> Option<String> {
        None
    }

    /// The reason why the bytes are not in sealed memory, on systems that have it.
    pub(crate) fn not_sealed(&self) -> Option<&str> {
        match self {
            Source::Copy(FileCopy::Heap(_, reason)) | Source::Memory(FileCopy::Heap(_, reason)) => reason.as_deref(),
            _ => None,
        }
    }
}
