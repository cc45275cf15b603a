//! The file a plugin is in: how it is found, read, and given to the system's loader.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use crate::contents::Contents;
use crate::error::{Error, no_nul_in_path};
use crate::inspect::Inspected;
#[cfg(unix)]
use crate::parts;

/// What the system's loader is given.
///
/// # Example
///
/// ```
/// use plugin_host::{Host, Mapping, Trust};
///
/// // While debugging: the debugger looks for the file that the loader was given.
/// let host = Host::new(Trust::none()).with_mapping(Mapping::InPlace);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mapping {
    /// The very bytes that were trusted, in memory or in a private copy. The file may be replaced or deleted while its
    /// plugin is loaded, and the same file loaded again is a library of its own.
    #[default]
    Private,
    /// The file itself. Its pages are shared with other processes, debuggers find it, and `$ORIGIN` in it works. But
    /// whoever writes to the file changes the running plugin, between trusting and mapping it may be replaced (so digests
    /// are no trust in it), and one file can be loaded once at a time in a process.
    InPlace,
}

/// Whether `name` is a bare name to be searched for, rather than a path.
pub(crate) fn is_bare(name: &Path) -> bool {
    let mut components = name.components();
    let single = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
    single && name.extension().is_none() && !ends_with_separator(name)
}

fn ends_with_separator(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().last().is_some_and(|&byte| std::path::is_separator(byte.into()))
}

/// `libgreeter.so`, `greeter.dll` or `libgreeter.dylib` for `greeter`. As cargo does, `-` becomes `_`.
fn file_name_of(name: &Path) -> OsString {
    let name = name.to_string_lossy().replace('-', "_");
    format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX).into()
}

/// The file that is meant by a path, which need not be there, or is found for a bare name in the search directories.
pub(crate) fn resolve(name: &Path, directories: impl FnOnce() -> Vec<PathBuf>) -> Result<PathBuf, Error> {
    no_nul_in_path(name)?;
    if !is_bare(name) {
        return Ok(name.to_owned());
    }
    let file_name = file_name_of(name);
    let candidates: Vec<_> = directories().iter().map(|directory| directory.join(&file_name)).collect();
    match candidates.iter().find(|path| path.exists()) {
        Some(found) => Ok(found.clone()),
        None => Err(Error::NotFound { name: name.display().to_string(), tried: candidates }),
    }
}

/// What differs once a file is another, or has been written to; taken before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    /// The device, the number on it, and when that was last changed.
    #[cfg(unix)]
    node: (u64, u64, i64, i64),
}

impl Stamp {
    /// That of a file that is there.
    #[cfg(feature = "watch")]
    pub(crate) fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Stamp::new(&metadata))
    }

    fn new(metadata: &fs::Metadata) -> Self {
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

/// What the system says of a file that can be read to its end.
fn metadata(path: &Path) -> Result<fs::Metadata, Error> {
    no_nul_in_path(path)?;
    let metadata = fs::metadata(path).map_err(|source| not_read(path, source))?;
    if metadata.is_dir() {
        return Err(Error::IsDirectory { path: path.to_owned() });
    }
    // Reading it might never end.
    if !metadata.is_file() {
        return Err(Error::NotAFile { path: path.to_owned() });
    }
    Ok(metadata)
}

fn not_read(path: &Path, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::NotFound => Error::NotFound { name: path.display().to_string(), tried: vec![path.to_owned()] },
        _ => Error::Read { path: path.to_owned(), source },
    }
}

/// Reads all of a file.
#[cfg(feature = "watch")]
pub(crate) fn read(path: &Path) -> Result<Contents, Error> {
    metadata(path)?;
    Contents::read(path).map_err(|source| not_read(path, source))
}

/// What a library is mapped from.
pub(crate) enum Source {
    Contents(Contents),
    /// The file itself, of which no more is read than what it says of itself.
    #[cfg(unix)]
    InPlace(fs::File),
}

impl Source {
    /// Reads as much of a file as must be known of it; and its stamp.
    pub(crate) fn read(path: &Path, mapping: Mapping) -> Result<(Self, Stamp), Error> {
        let stamp = Stamp::new(&metadata(path)?);
        let source = match mapping {
            #[cfg(unix)]
            Mapping::InPlace => fs::File::open(path).map(Source::InPlace),
            _ => Contents::read(path).map(Source::Contents),
        };
        Ok((source.map_err(|source| not_read(path, source))?, stamp))
    }

    /// What it says of itself; `path` is for the messages.
    pub(crate) fn inspect(&self, path: &Path) -> Result<Inspected, Error> {
        match self {
            Source::Contents(contents) => contents.inspect(path),
            #[cfg(unix)]
            Source::InPlace(file) => parts::inspect(path, file),
        }
    }
}

/// A file for the system's loader. Dropping it removes what it made, which a mapping outlives where the system lets it.
pub(crate) struct Image {
    path: PathBuf,
    inode: Option<u64>,
    _keep: Keep,
}

#[allow(dead_code)] // Each is held for its `Drop`.
enum Keep {
    Nothing,
    #[cfg(target_os = "linux")]
    Memory(fs::File),
    #[cfg(not(windows))]
    Copy(tempfile::TempPath),
    /// The copy, and an open file that keeps others from deleting it; closed first.
    #[cfg(windows)]
    Copy(fs::File, tempfile::TempPath),
}

impl Image {
    /// Makes what was read from `path` ready to be mapped.
    pub(crate) fn new(path: &Path, source: &Source, mapping: Mapping) -> io::Result<Self> {
        match source {
            #[cfg(target_os = "linux")]
            Source::Contents(Contents::Sealed(sealed)) => {
                let file = sealed.file().try_clone()?;
                let inode = std::os::unix::fs::MetadataExt::ino(&file.metadata()?);
                let path = memory::unique_path(&file, inode).into();
                Ok(Image { path, inode: Some(inode), _keep: Keep::Memory(file) })
            }
            Source::Contents(Contents::Heap(bytes)) if mapping == Mapping::Private => copy(path, bytes),
            _ => {
                // Without a directory, the loader would search its own.
                let mut path = std::path::absolute(path)?;
                if cfg!(windows) && path.extension().is_none() {
                    // Without this, it would append `.dll`.
                    path.as_mut_os_string().push(".");
                }
                let inode = match source {
                    #[cfg(unix)]
                    Source::InPlace(file) => inode(file),
                    Source::Contents(_) => None,
                };
                Ok(Image { path, inode, _keep: Keep::Nothing })
            }
        }
    }

    /// What to give to the loader.
    pub(crate) fn path(&self) -> &Path {
        &self.path
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

/// As above; elsewhere nobody reads that list.
#[cfg(all(unix, not(target_os = "linux")))]
fn inode(_: &fs::File) -> Option<u64> {
    None
}

#[cfg(not(windows))]
fn copy(path: &Path, bytes: &[u8]) -> io::Result<Image> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut file = tempfile::Builder::new().prefix("plugin-").suffix(&*name).tempfile()?;
    io::Write::write_all(&mut file, bytes)?;
    let (file, path) = file.into_parts();
    Ok(Image { path: path.to_path_buf(), inode: inode(&file), _keep: Keep::Copy(path) })
}

#[cfg(windows)]
use copies::copy;

#[cfg(windows)]
mod copies {
    //! Copies in the directory for temporary files, on a system that deletes no file that is mapped.
    //!
    //! Libraries stay mapped until their process ends, so it leaves its copies behind. The next process deletes them.
    //! It need not know which are still in use: until it is mapped, a copy is never open to deletion, and then the
    //! system refuses it.
    //!
    //! There is no directory for them alone: whoever could make that one before us would own what is in it.

    use std::fs::{self, File, OpenOptions};
    use std::io::{self, Write as _};
    use std::os::windows::fs::OpenOptionsExt as _;
    use std::path::Path;
    use std::sync::Once;

    use super::{Image, Keep};

    const PREFIX: &str = "plugin-host-copy-";
    const SUFFIX: &str = ".dll";

    const FILE_SHARE_READ: u32 = 1;
    const FILE_SHARE_WRITE: u32 = 2;

    pub(super) fn copy(path: &Path, bytes: &[u8]) -> io::Result<Image> {
        static SWEPT: Once = Once::new();
        let directory = std::env::temp_dir();
        SWEPT.call_once(|| sweep(&directory));
        let name: String = path.file_stem().unwrap_or_default().to_string_lossy().chars().take(100).collect();
        let new =
            tempfile::Builder::new().prefix(PREFIX).suffix(&format!("-{name}{SUFFIX}")).make_in(directory, |path| {
                OpenOptions::new().write(true).create_new(true).share_mode(FILE_SHARE_READ).open(path)
            })?;
        let (file, path) = new.into_parts();
        let held = fill(file, &path, bytes)?;
        Ok(Image { path: path.to_path_buf(), inode: None, _keep: Keep::Copy(held, path) })
    }

    /// Writes the bytes to a new file, and returns it opened anew: the loader takes none that is open for writing.
    fn fill(mut file: File, path: &Path, bytes: &[u8]) -> io::Result<File> {
        file.write_all(bytes)?;
        OpenOptions::new().read(true).share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE).open(path)
    }

    /// Deletes the copies that nobody uses.
    fn sweep(directory: &Path) {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.as_encoded_bytes();
            if name.starts_with(PREFIX.as_bytes()) && name.ends_with(SUFFIX.as_bytes()) {
                _ = fs::remove_file(entry.path());
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use std::path::Path;

        #[test]
        fn a_copy_that_is_not_mapped_yet_cannot_be_deleted() {
            let image = super::copy(Path::new("directory/name"), b"bytes").unwrap();
            let path = image.path().to_owned();
            assert_eq!(std::fs::read(&path).unwrap(), b"bytes");
            std::fs::remove_file(&path).unwrap_err();
            drop(image);
            assert!(!path.exists());
        }
    }
}

#[cfg(target_os = "linux")]
mod memory {
    use std::fs::File;
    use std::os::fd::AsRawFd as _;

    /// A path to a file in memory by which nothing else is mapped.
    ///
    /// The loader takes a path that it knows for the library that it loaded from there, and descriptors are used again. So
    /// each path writes the number of the file's inode in its separators, which no other file has while this one is
    /// mapped, whichever of the process's hosts mapped it: `/` is a zero, and 16 in a row are a fifteen.
    pub(super) fn unique_path(file: &File, inode: u64) -> String {
        let mut number = inode;
        let mut path = String::from("/proc/self/fd");
        while number != 0 {
            path.extend(std::iter::repeat_n('/', 1 + (number % 16) as usize));
            path.push('.');
            number /= 16;
        }
        format!("{path}/{}", file.as_raw_fd())
    }

    #[cfg(test)]
    mod tests {
        use std::collections::HashSet;
        use std::fs::read_link;
        use std::os::fd::AsRawFd as _;
        use std::os::unix::fs::MetadataExt as _;

        #[test]
        fn paths_are_unique_and_lead_to_the_file() {
            let files: Vec<_> = (0..100).map(|_| tempfile::tempfile().unwrap()).collect();
            let paths: Vec<String> =
                files.iter().map(|file| super::unique_path(file, file.metadata().unwrap().ino())).collect();
            for (file, path) in files.iter().zip(&paths) {
                assert_eq!(read_link(path).unwrap(), read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap());
            }
            // Without the descriptors, which differ as well.
            let numbers: HashSet<&str> = paths.iter().map(|path| path.rsplit_once('/').unwrap().0).collect();
            assert_eq!(numbers.len(), files.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_names_have_one_component_and_no_extension() {
        assert!(is_bare(Path::new("greeter")));
        assert!(is_bare(Path::new("my-plugin")));
        for path in ["./greeter", "a/greeter", "/greeter", "greeter.so", "greeter/", "..", ""] {
            assert!(!is_bare(Path::new(path)), "{path}");
        }
    }
}
