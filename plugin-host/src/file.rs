//! The file of a plugin: how it is found, read, and given to the loader.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _, Seek as _, Write};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use crate::contents::Contents;
use crate::error::{Error, no_nul_in_path};
use crate::inspect::{Inspected, inspect_in, no_library};
use crate::limits::Limits;
use crate::similar::{MOST_LISTED, closest};
use crate::trust::Digest;

/// The file that the loader is given.
///
/// # Example
///
/// ```
/// use plugin_host::{Host, Mapping, Trust};
///
/// // While debugging: a debugger finds the file also when the process has ended.
/// let host = Host::new(Trust::none()).with_mapping(Mapping::InPlace);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mapping {
    /// The very bytes that were trusted, in sealed memory or in a private copy. The file may be replaced or deleted while its
    /// plugin is loaded, and the same file loaded again is a library of its own. On Linux one flag is changed, as a linker
    /// does with the option `-Bsymbolic`: with it, a plugin uses its own C functions and variables, even if the program or
    /// another library has some of the same names.
    #[default]
    Private,
    /// The file itself. Its pages are shared with other processes, debuggers find it also when the process has ended, and
    /// `$ORIGIN` in it works. But a write to the file changes the running plugin. The file may be replaced between trusting
    /// and mapping, so digests are not enough to trust it. And one file can be loaded once at a time in a process. On
    /// Linux a plugin whose C functions or variables the program's would replace is an error.
    ///
    /// Replace such a file by renaming another one over it. On Linux the new file can be loaded while the old one is still
    /// mapped. The loader is then given another spelling of the path, because it takes a path that it knows for the library
    /// that it has loaded from there.
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
        None => Err(not_found(name, candidates)),
    }
}

/// An error about a file that does not exist, and the library beside it that is most likely meant.
fn not_found(name: &Path, tried: Vec<PathBuf>) -> Error {
    let name = name.display().to_string();
    let closest = tried.iter().find_map(|path| library_like(path));
    let directories: BTreeSet<_> =
        tried.iter().filter(|_| closest.is_none()).filter_map(|path| path.parent()).collect();
    let (existing, count) = listed(directories.into_iter().flat_map(libraries_in).collect());
    Error::NotFound { name, tried, closest, existing, count }
}

/// The first of these files, and the number of all.
fn listed(mut files: Vec<PathBuf>) -> (Vec<PathBuf>, usize) {
    files.sort();
    let count = files.len();
    files.truncate(MOST_LISTED);
    (files, count)
}

/// The libraries in a directory.
fn libraries_in(directory: &Path) -> Vec<PathBuf> {
    // A directory may have any number of files.
    const MOST: usize = 1000;
    let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let names = fs::read_dir(listed).into_iter().flatten().flatten().take(MOST).map(|entry| entry.file_name());
    let is_library = |name: &OsString| name.as_encoded_bytes().ends_with(std::env::consts::DLL_SUFFIX.as_bytes());
    names.filter(is_library).map(|name| directory.join(name)).collect()
}

/// The library in a path's directory that has the most similar name: `target/debug/libgreeter.so` for
/// `target/debug/greeter`.
fn library_like(path: &Path) -> Option<PathBuf> {
    let libraries = libraries_in(path.parent()?);
    let crates: Vec<_> = libraries.iter().map(|library| crate_of(library)).collect();
    let closest = closest(&crate_of(path), crates.iter().map(String::as_str))?;
    let index = crates.iter().position(|of| *of == closest)?;
    Some(libraries[index].clone())
}

/// An error about a file that is something else than a library, and the library of the same crate's beside it.
pub(crate) fn not_a_library(path: &Path, found: &str) -> Error {
    let beside = path.with_file_name(file_name_of(Path::new(&crate_of(path))));
    let beside = Some(beside).filter(|beside| beside != path && beside.is_file());
    Error::NotALibrary { path: path.to_owned(), found: found.to_owned(), beside }
}

/// The name of the crate in the name of a file that is built from it on any system.
fn crate_of(path: &Path) -> String {
    const ENDS: [&str; 8] = [".so", ".dll", ".dylib", ".rlib", ".rmeta", ".a", ".d", ".exe"];
    let file = path.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
    let stem = ENDS.iter().find_map(|end| file.strip_suffix(end)).unwrap_or(&file);
    stem.strip_prefix("lib").unwrap_or(stem).to_owned()
}

/// The metadata that differ if a path leads to another file, or if the file was written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
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

/// Refuses everything but a regular file. Reading anything else may have effects, or never end.
fn check_kind(path: &Path, metadata: &fs::Metadata) -> Result<(), Error> {
    if metadata.is_dir() {
        let (existing, count) = listed(libraries_in(path));
        return Err(Error::IsDirectory { path: path.to_owned(), existing, count });
    }
    if metadata.is_file() { Ok(()) } else { Err(Error::NotAFile { path: path.to_owned() }) }
}

/// Makes a file again and again, until its descriptor is not the number of a standard stream. The others stay open until
/// then.
///
/// The program may have closed a standard stream. Then the next file gets its number, and everything that any thread prints
/// goes into that file.
#[cfg(unix)]
pub(crate) fn beyond_standard_streams(make: impl Fn() -> io::Result<fs::File>) -> io::Result<fs::File> {
    use std::os::fd::AsRawFd as _;
    let mut in_the_way = Vec::new();
    loop {
        let file = make()?;
        if file.as_raw_fd() > libc::STDERR_FILENO {
            return Ok(file);
        }
        in_the_way.push(file);
    }
}

/// Opens a regular file for reading.
///
/// Opening a device can have effects: a watchdog starts to count, a tape is rewound, a terminal takes control of the
/// process. So this function first looks the path up with `O_PATH`, which opens nothing, and checks the kind of file. Then it
/// opens that same file through its descriptor, so that no other file can take its place in between.
///
/// This function never waits: neither for the other end of a pipe, nor for another process that holds a lease on the file.
#[cfg(target_os = "linux")]
fn open(path: &Path) -> Result<fs::File, Error> {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    let not_read = |source| not_read(path, source);
    let open = |path: &Path, flags| {
        beyond_standard_streams(|| fs::OpenOptions::new().read(true).custom_flags(flags).open(path))
    };
    let found = open(path, libc::O_PATH).map_err(not_read)?;
    check_kind(path, &found.metadata().map_err(not_read)?)?;
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
fn open(path: &Path) -> Result<fs::File, Error> {
    let not_read = |source| not_read(path, source);
    check_kind(path, &fs::metadata(path).map_err(not_read)?)?;
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
const CHUNK: usize = 128 << 10;

impl Opened {
    pub(crate) fn new(path: &Path) -> Result<Self, Error> {
        no_nul_in_path(path)?;
        let file = open(path)?;
        let metadata = file.metadata().map_err(|source| not_read(path, source))?;
        check_kind(path, &metadata)?;
        Ok(Opened { file, stamp: Stamp::new(&metadata) })
    }

    /// Refuses a file that reports too large a length. A file that does not know its length reports zero.
    pub(crate) fn check_length(&self, path: &Path, limits: &Limits) -> Result<(), Error> {
        if self.stamp.len > limits.file { Err(too_large(path, self.stamp.len, limits)) } else { Ok(()) }
    }

    /// Copies the whole file, and returns the digest of the copied bytes if the digest is `wanted`.
    ///
    /// If the file grows, shrinks or is written to meanwhile, this is an error, as far as the file's length and time tell.
    /// The digest is always that of the bytes that were copied.
    pub(crate) fn copy<W: Write>(
        &self,
        path: &Path,
        limits: &Limits,
        wanted: bool,
        to: &mut W,
    ) -> Result<Option<Digest>, Error> {
        let not_read = |source| not_read(path, source);
        self.check_length(path, limits)?;
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
                return Err(not_a_library(path, found));
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
            return Err(too_large(path, copied, limits));
        }
        let now = Stamp::new(&self.file.metadata().map_err(not_read)?);
        let Stamp { len, modified, .. } = self.stamp;
        if now.len != len || len != 0 && now.modified != modified {
            return Err(Error::Changed { path: path.to_owned() });
        }
        // Files of the kernel's own may report any length.
        if len != 0 && copied != len {
            let reason = format!("it has {copied} bytes, and reports a length of {len}");
            return Err(not_read(io::Error::new(io::ErrorKind::UnexpectedEof, reason)));
        }
        Ok(hasher.map(|hasher| hasher.finalize().into()))
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
fn copy_digesting(from: &mut impl io::Read, hasher: &mut Sha256, to: &mut impl Write) -> io::Result<u64> {
    let mut buffer = vec![0; CHUNK];
    let mut copied = 0;
    loop {
        let length = read_all(from, &mut buffer)?;
        hasher.update(&buffer[..length]);
        to.write_all(&buffer[..length])?;
        copied += length as u64;
        if length < CHUNK {
            return Ok(copied);
        }
    }
}

fn too_large(path: &Path, found: u64, limits: &Limits) -> Error {
    Error::FileTooLarge { path: path.to_owned(), found, limit: limits.file }
}

/// Whether the process, or the whole system, has no room for one more open file.
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    cfg!(unix) && matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

pub(crate) fn not_read(path: &Path, source: io::Error) -> Error {
    match source.kind() {
        _ if is_out_of_files(&source) => Error::TooManyFiles { path: path.to_owned(), source },
        io::ErrorKind::NotFound => not_found(path, vec![path.to_owned()]),
        _ => Error::Read { path: path.to_owned(), source },
    }
}

/// The source that a library is mapped from.
pub(crate) enum Source {
    Contents(Contents),
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
    ) -> Result<(Self, Option<Digest>), Error> {
        match mapping {
            Mapping::InPlace => {
                opened.check_length(path, limits)?;
                let digest = if wanted { opened.copy(path, limits, true, &mut io::sink())? } else { None };
                Ok((Source::InPlace(opened.file), digest))
            }
            Mapping::Private => {
                let (contents, digest) = Contents::read(path, &opened, limits, wanted)?;
                Ok((Source::Contents(contents), digest))
            }
        }
    }

    /// Inspects the file. Messages name `path`.
    pub(crate) fn inspect(&self, path: &Path, limits: &Limits) -> Result<Inspected, Error> {
        match self {
            Source::Contents(contents) => contents.inspect(path, limits),
            Source::InPlace(file) => inspect_in(path, file, limits),
        }
    }

    /// Returns true if this is what is mapped at an address, as far as the list of mappings tells.
    ///
    /// The loader opens the path of a file in place once more, and may find another file there.
    pub(crate) fn is_mapped_at(&self, address: usize) -> bool {
        match self {
            #[cfg(target_os = "linux")]
            Source::InPlace(file) => crate::maps::is_at(file, address).unwrap_or(true),
            _ => {
                _ = address;
                true
            }
        }
    }

    /// Returns the name of a symbol of the library's own for which the loader would take another library's.
    #[cfg(target_os = "linux")]
    pub(crate) fn replaced_symbol(&self) -> Option<String> {
        use crate::symbols::replaced;
        match self {
            Source::Contents(Contents::Sealed(sealed)) => replaced(sealed.file()),
            Source::Contents(Contents::Heap(bytes, _)) => replaced(&**bytes),
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
            Source::Contents(Contents::Heap(_, reason)) => reason.as_deref(),
            _ => None,
        }
    }
}

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
            Source::Contents(Contents::Sealed(sealed)) => Image::unnamed(sealed.file().try_clone()?),
            Source::Contents(Contents::Heap(bytes, _)) => copy(path, bytes),
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
        let path = memory::unique_path(&file, inode)?.into();
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

/// A way from a directory to itself, which is another text for each number: `/` is a zero, and 16 in a row are a fifteen.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn spelling(mut number: u64) -> String {
    let mut path = String::new();
    while number != 0 {
        path.extend(std::iter::repeat_n('/', 1 + (number % 16) as usize));
        path.push('.');
        number /= 16;
    }
    path
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
    //! They have no directory of their own: another user could make that directory first, and would own its contents.

    use std::fs::{self, File, OpenOptions};
    use std::io::{self, Read as _, Write as _};
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
        Ok(Image { path: path.to_path_buf(), inode: None, keep: Keep::Copy(held, path) })
    }

    /// Writes the bytes to a new file, and returns the file opened for reading: the loader refuses a file that is open for
    /// writing.
    ///
    /// The bytes that are mapped are the bytes that were verified. While the returned descriptor is open, no process can write
    /// to the file, delete it or replace it. A process could have written between the two descriptors, so this function
    /// compares the file with the bytes at the end.
    fn fill(mut file: File, path: &Path, bytes: &[u8]) -> io::Result<File> {
        file.write_all(bytes)?;
        let open = |share| OpenOptions::new().read(true).share_mode(share).open(path);
        let between = open(FILE_SHARE_READ | FILE_SHARE_WRITE)?;
        drop(file);
        let mut file = open(FILE_SHARE_READ)?;
        drop(between);
        let mut chunk = vec![0; 1 << 16];
        let mut left = bytes;
        loop {
            let read = file.read(&mut chunk)?;
            match left.strip_prefix(&chunk[..read]) {
                Some([]) if read == 0 => return Ok(file),
                Some(rest) if read != 0 => left = rest,
                _ => return Err(io::Error::other("somebody wrote to its private copy")),
            }
        }
    }

    /// Deletes the copies that are not in use.
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
    use std::fs::{File, OpenOptions};
    use std::hash::{BuildHasher as _, RandomState};
    use std::io;
    use std::os::fd::{AsRawFd as _, FromRawFd as _, IntoRawFd as _, OwnedFd};
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
    use std::path::Path;
    use std::sync::{Mutex, PoisonError};

    use super::{beyond_standard_streams, spelling};

    /// A path to a file in memory. No other file is mapped by this path.
    ///
    /// The loader takes a path that it knows for the library that it loaded from there, and descriptors are used again. So
    /// each path has the number of the file's inode in its [`spelling`], which no other file has while this one is mapped,
    /// whichever of the process's hosts mapped it.
    ///
    /// Debuggers open the path, too. They wait for ever if the path leads to a pipe. So the path names the process by its
    /// number, because `/proc/self` would be the debugger. `/proc` says the number, because it may count other processes
    /// than `getpid` does. A debugger may read the path in a core file when another process has this number. So the path
    /// goes through a descriptor that is a directory: through any other descriptor, the kernel refuses to go.
    pub(super) fn unique_path(file: &File, inode: u64) -> io::Result<String> {
        let process = match std::fs::read_link("/proc/self") {
            Ok(process) => process,
            // The loader will not find the file, and the error says that there is no `/proc`.
            Err(_) => return Ok(format!("/proc/self/fd/{}", file.as_raw_fd())),
        };
        let process = Path::new("/proc").join(process).join("fd");
        let directory = directory(&process)?;
        Ok(format!("{}/{directory}{}/{}", process.display(), spelling(inode), file.as_raw_fd()))
    }

    /// Returns the number of a descriptor of the directory of this process's descriptors, `path`.
    ///
    /// The descriptor stays open until the process ends, because every library that stays mapped needs it. A process opens one of
    /// its own if it was forked, or if other code has closed the descriptor.
    fn directory(path: &Path) -> io::Result<i32> {
        static OPENED: Mutex<Option<i32>> = Mutex::new(None);
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        let identity = |path: &Path| std::fs::metadata(path).map(|found| (found.dev(), found.ino()));
        let wanted = identity(path)?;
        if let Some(number) = *opened
            && identity(&path.join(number.to_string())).is_ok_and(|found| found == wanted)
        {
            return Ok(number);
        }
        let number = open_directory(path)?.into_raw_fd();
        *opened = Some(number);
        Ok(number)
    }

    /// Opens a directory. The number of the descriptor is chosen at random where the limit of the process allows that:
    /// another process of the same program has probably nothing there.
    fn open_directory(path: &Path) -> io::Result<OwnedFd> {
        const FIRST: u64 = 64;
        const NUMBERS: u64 = 448;
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        let directory = beyond_standard_streams(|| OpenOptions::new().read(true).custom_flags(flags).open(path))?;
        let least = (FIRST + RandomState::new().hash_one(path) % NUMBERS) as i32;
        // SAFETY: a descriptor that is open.
        match unsafe { libc::fcntl(directory.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) } {
            number if number < 0 => Ok(directory.into()),
            // SAFETY: just made, and no other code has it.
            number => Ok(unsafe { OwnedFd::from_raw_fd(number) }),
        }
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
                files.iter().map(|file| super::unique_path(file, file.metadata().unwrap().ino()).unwrap()).collect();
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
