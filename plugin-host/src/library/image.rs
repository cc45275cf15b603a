//! The file that the loader maps.

use std::fs;
use std::io;
#[cfg(unix)]
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::file::copy::FileCopy;
use crate::file::source::Source;
#[cfg(any(target_os = "linux", target_os = "macos"))]
use crate::library::spelling::spelling;
#[cfg(target_os = "linux")]
use crate::library::unnamed::unique_path;
#[cfg(unix)]
use crate::os::descriptors::beyond_standard_streams;

/// A file for the loader. Dropping it removes what it made, which a mapping outlives where the system lets it.
pub(crate) struct Image {
    path: PathBuf,
    inode: Option<u64>,
    keep: Keep,
}

#[allow(dead_code)] // Each is held for its `Drop`.
enum Keep {
    Nothing,
    /// A file without a name.
    #[cfg(target_os = "linux")]
    Unnamed(fs::File),
    #[cfg(all(unix, not(target_os = "linux")))]
    Copy(tempfile::TempDir),
    /// The copy, and an open file that keeps others from deleting it; closed first.
    #[cfg(windows)]
    Copy(fs::File, tempfile::TempPath),
}

impl Image {
    /// Makes what was read from `path` ready to be mapped.
    pub(crate) fn new(path: &Path, source: &Source) -> io::Result<Self> {
        match source {
            #[cfg(target_os = "linux")]
            Source::Copy(FileCopy::Sealed(sealed)) | Source::Memory(FileCopy::Sealed(sealed)) => {
                Image::unnamed(sealed.file().try_clone()?)
            }
            Source::Copy(FileCopy::Heap(bytes, _)) => copy(path, bytes),
            // A label may be a text that no file can have as its name.
            Source::Memory(FileCopy::Heap(bytes, _)) => copy(Path::new("plugin"), bytes),
            Source::InPlace(file) => {
                // Without a directory, the loader would search its own.
                let mut path = std::path::absolute(path)?;
                if cfg!(windows) && path.extension().is_none() {
                    // Without this, it would append `.dll`.
                    path.as_mut_os_string().push(".");
                }
                Ok(Image { path, inode: inode(file), keep: Keep::Nothing })
            }
        }
    }

    /// Chooses a spelling of the path that no other file has, if the path `is_known` to the loader.
    ///
    /// The loader takes a path that it knows for the library that it has loaded from there, even if the path leads to another
    /// file now. It looks at the file of a path that it does not know, and finds out if it has loaded that very file.
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    pub(crate) fn avoid_known_path(&mut self, source: &Source, is_known: impl FnOnce(&Path) -> bool) {
        use std::os::unix::fs::MetadataExt as _;
        // A private copy has a path of its own.
        let Source::InPlace(file) = source else { return };
        if is_known(&self.path)
            && let Ok(metadata) = file.metadata()
            && let (Some(directory), Some(name)) = (self.path.parent(), self.path.file_name())
        {
            let mut path = directory.as_os_str().to_owned();
            path.push(spelling(metadata.ino()));
            path.push(spelling(metadata.dev()));
            self.path = Path::new(&path).join(name);
        }
    }

    /// Makes an image of a file without a name: the loader opens it through its descriptor.
    #[cfg(target_os = "linux")]
    fn unnamed(file: fs::File) -> io::Result<Self> {
        let inode = std::os::unix::fs::MetadataExt::ino(&file.metadata()?);
        let path = unique_path(&file, inode)?.into();
        Ok(Image { path, inode: Some(inode), keep: Keep::Unnamed(file) })
    }

    /// The path for the loader.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns true if the path of a private copy leads nowhere.
    pub(crate) fn is_lost(&self) -> bool {
        !matches!(self.keep, Keep::Nothing) && !self.path.exists()
    }

    /// The number that the list of mappings has for it.
    pub(crate) fn inode(&self) -> Option<u64> {
        self.inode
    }
}

/// The number that the list of mappings has for a file.
#[cfg(target_os = "linux")]
fn inode(file: &fs::File) -> Option<u64> {
    file.metadata().ok().map(|metadata| std::os::unix::fs::MetadataExt::ino(&metadata))
}

/// As above. Other systems have no such list.
#[cfg(not(target_os = "linux"))]
fn inode(_: &fs::File) -> Option<u64> {
    None
}

/// Writes the bytes to a file of this process's own, for the loader.
///
/// The bytes that are mapped are the bytes that were verified, because no other user can write to the file or replace it.
/// This function creates the file, in a directory that it creates too, and only this process's user may use either. It opens
/// the file for reading before it closes the file for writing, and checks that both descriptors are of the same file. So even
/// the owner of the directory for temporary files cannot have exchanged the file. On Linux this function removes the name of
/// the file before the loader maps it, and the loader opens the file through the descriptor.
#[cfg(unix)]
fn copy(path: &Path, bytes: &[u8]) -> io::Result<Image> {
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};

    let own = fs::Permissions::from_mode(0o700);
    let directory = tempfile::Builder::new().prefix("plugin-host-").permissions(own).tempdir()?;
    let path = directory.path().join(path.file_name().unwrap_or_default());
    let mut written = beyond_standard_streams(|| {
        // There is one if this is made once more.
        _ = fs::remove_file(&path);
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)
    })?;
    written.write_all(bytes)?;
    let file = beyond_standard_streams(|| fs::File::open(&path))?;
    let (same, other) = (written.metadata()?, file.metadata()?);
    if (same.dev(), same.ino()) != (other.dev(), other.ino()) {
        return Err(io::Error::other("somebody replaced its private copy in the directory for temporary files"));
    }
    #[cfg(target_os = "linux")]
    {
        // Also removes the file's name.
        directory.close()?;
        Image::unnamed(file)
    }
    #[cfg(not(target_os = "linux"))]
    Ok(Image { path, inode: inode(&file), keep: Keep::Copy(directory) })
}

/// As above. The copy stays open, so that no process writes to it or deletes it.
#[cfg(windows)]
fn copy(path: &Path, bytes: &[u8]) -> io::Result<Image> {
    let (held, path) = crate::library::copies::copy(path, bytes)?;
    Ok(Image { path: path.to_path_buf(), inode: None, keep: Keep::Copy(held, path) })
}
