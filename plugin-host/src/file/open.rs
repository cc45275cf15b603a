//! A plugin's file, opened without effects, and copied.

use std::fs;
use std::io::{self, Read as _, Seek as _, Write};
use std::path::Path;
#[cfg(target_os = "linux")]
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::error::at::{At as _, FileError};
use crate::error::names::no_nul_in_path;
use crate::file::resolve::{libraries_in, listed, not_a_library, not_found};
use crate::file::stamp::Stamp;
use crate::inspect::formats::no_library;
use crate::inspect::limits::Limits;
use crate::load::digest::Digest;
#[cfg(unix)]
use crate::os::descriptors::beyond_standard_streams;
use crate::os::descriptors::is_out_of_files;

/// Refuses everything but a regular file. Reading anything else may have effects, or never end.
fn check_kind(metadata: &fs::Metadata) -> Result<(), FileError> {
    if metadata.is_dir() {
        return Err(FileError::new(|path| {
            let (existing, count) = listed(libraries_in(&path));
            Error::IsDirectory { path, existing, count }
        }));
    }
    if metadata.is_file() { Ok(()) } else { Err(FileError::new(|path| Error::NotAFile { path })) }
}

/// Opens a regular file for reading.
///
/// Opening a device can have effects: a watchdog starts to count, a tape is rewound, a terminal takes control of the
/// process. So this function first looks the path up with `O_PATH`, which opens nothing, and checks the kind of file. Then it
/// opens that same file through its descriptor, so that no other file can take its place in between.
///
/// This function never waits: neither for the other end of a pipe, nor for another process that holds a lease on the file.
#[cfg(target_os = "linux")]
fn open(path: &Path) -> Result<fs::File, FileError> {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    let open = |path: &Path, flags| {
        beyond_standard_streams(|| fs::OpenOptions::new().read(true).custom_flags(flags).open(path))
    };
    let found = open(path, libc::O_PATH).map_err(not_read)?;
    check_kind(&found.metadata().map_err(not_read)?)?;
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let number = PathBuf::from(format!("/proc/self/fd/{}", found.as_raw_fd()));
    match open(&number, flags) {
        // Without `/proc` only the path is left. The caller checks the kind of the opened file again.
        Err(error) if error.kind() == io::ErrorKind::NotFound => open(path, flags),
        opened => opened,
    }
    .map_err(not_read)
}

/// As above. These systems have no `O_PATH`, so another file could take the place of the file that was checked. The caller
/// checks the kind of the opened file again.
#[cfg(not(target_os = "linux"))]
fn open(path: &Path) -> Result<fs::File, FileError> {
    check_kind(&fs::metadata(path).map_err(not_read)?)?;
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOCTTY);
        beyond_standard_streams(|| options.open(path)).map_err(not_read)
    }
    #[cfg(not(unix))]
    options.open(path).map_err(not_read)
}

/// A plugin's file, open for reading. All checks use this descriptor, so they are about one file even if its path leads to
/// another one later.
pub(crate) struct Opened {
    pub(crate) file: fs::File,
    pub(crate) stamp: Stamp,
}

/// The number of bytes that are digested at a time: few enough to stay in the processor's cache until they are written.
const CHUNK_SIZE: usize = 128 << 10;

impl Opened {
    pub(crate) fn new(path: &Path) -> Result<Self, Error> {
        no_nul_in_path(path)?;
        Self::open(path).at(path)
    }

    fn open(path: &Path) -> Result<Self, FileError> {
        let file = open(path)?;
        let metadata = file.metadata().map_err(not_read)?;
        check_kind(&metadata)?;
        Ok(Opened { file, stamp: Stamp::new(&metadata) })
    }

    /// Refuses a file that reports too large a length. A file that does not know its length reports zero.
    pub(crate) fn check_length(&self, limits: &Limits) -> Result<(), FileError> {
        if self.stamp.len > limits.file { Err(too_large(self.stamp.len, limits)) } else { Ok(()) }
    }

    /// Copies the whole file, and returns the digest of the copied bytes if the digest is `wanted`.
    ///
    /// If the file grows, shrinks or is written to meanwhile, this is an error, as far as the file's length and time tell.
    /// The digest is always that of the bytes that were copied.
    pub(crate) fn copy<W: Write>(
        &self,
        limits: &Limits,
        wanted: bool,
        to: &mut W,
    ) -> Result<Option<Digest>, FileError> {
        self.check_length(limits)?;
        match (&self.file).rewind() {
            // Such a file can be read only once. A second copy would be too short, which is an error below.
            Err(error) if error.kind() != io::ErrorKind::NotSeekable => return Err(not_read(error)),
            _ => {}
        }
        let mut source = (&self.file).take(limits.file.saturating_add(1));
        let mut hasher = wanted.then(Sha256::new);
        let mut copied = 0;
        if self.stamp.len == 0 {
            // Such a file may have any length, or no end. So its first bytes must look like those of a library.
            let mut start = [0; 64];
            let length = read_all(&mut source, &mut start).map_err(not_read)?;
            let start = &start[..length];
            if let (true, Some(found)) = (length != 0, no_library(start)) {
                return Err(not_a_library(found));
            }
            hasher.iter_mut().for_each(|hasher| hasher.update(start));
            to.write_all(start).map_err(not_read)?;
            copied = length as u64;
        }
        copied += match &mut hasher {
            Some(hasher) => copy_digesting(&mut source, hasher, to),
            // The kernel copies without this process where it can.
            None => io::copy(&mut source, to),
        }
        .map_err(not_read)?;
        if copied > limits.file {
            return Err(too_large(copied, limits));
        }
        let now = Stamp::new(&self.file.metadata().map_err(not_read)?);
        let Stamp { len, modified, .. } = self.stamp;
        if now.len != len || len != 0 && now.modified != modified {
            return Err(FileError::new(|path| Error::Changed { path }));
        }
        // Files of the kernel's own may report any length.
        if len != 0 && copied != len {
            let reason = format!("it has {copied} bytes, and reports a length of {len}");
            return Err(not_read(io::Error::new(io::ErrorKind::UnexpectedEof, reason)));
        }
        Ok(hasher.map(|hasher| <[u8; 32]>::from(hasher.finalize()).into()))
    }
}

/// Fills `buffer` as far as the file goes, and returns the number of bytes.
fn read_all(from: &mut impl io::Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match from.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Copies all of `from`, and adds the bytes to the digest.
pub(crate) fn copy_digesting(from: &mut impl io::Read, hasher: &mut Sha256, to: &mut impl Write) -> io::Result<u64> {
    let mut buffer = vec![0; CHUNK_SIZE];
    let mut copied = 0;
    loop {
        let length = read_all(from, &mut buffer)?;
        hasher.update(&buffer[..length]);
        to.write_all(&buffer[..length])?;
        copied += length as u64;
        if length < CHUNK_SIZE {
            return Ok(copied);
        }
    }
}

pub(crate) fn too_large(found: u64, limits: &Limits) -> FileError {
    let limit = limits.file;
    FileError::new(move |path| Error::FileTooLarge { path, found, limit })
}

/// The error that a file could not be read, or be opened.
pub(crate) fn not_read(source: io::Error) -> FileError {
    FileError::new(|path| match source.kind() {
        _ if is_out_of_files(&source) => Error::TooManyFiles { path, source },
        io::ErrorKind::NotFound => not_found(&path, vec![path.clone()], &[], None),
        _ => Error::Read { path, source },
    })
}
