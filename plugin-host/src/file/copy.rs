//! A private copy of a file.

use std::io::{self, Write};
use std::path::Path;

use crate::error::at::FileError;
use crate::file::contents::Contents;
#[cfg(unix)]
use crate::file::open::not_read;
#[cfg(target_os = "linux")]
use crate::file::symbols::prefer_own;
use crate::inspect::limits::Limits;
use crate::inspect::{Inspected, inspect_in};
use crate::load::digest::Digest;

/// The bytes of a file at the time of reading. They never change.
///
/// On Linux the copy has a flag that the file may lack: it makes a library use its own symbols (see [`prefer_own`]). The digest
/// is that of the file's bytes.
///
/// On Linux the copy is not on the heap. A library is large, and an allocator keeps a block of that size in each of its arenas
/// after the block is freed. So a host that loads plugins from many threads would be larger for good.
pub(crate) enum FileCopy {
    #[cfg(target_os = "linux")]
    Sealed(sealed::Sealed),
    /// The bytes, and on Linux the reason why they are not sealed.
    Heap(Vec<u8>, Option<String>),
}

impl FileCopy {
    /// Copies all contents once, and computes its digest on the way if the digest is `wanted`.
    pub(crate) fn read<C: Contents + ?Sized>(
        path: &Path,
        contents: &C,
        limits: &Limits,
        wanted: bool,
    ) -> Result<(Self, Option<Digest>), FileError> {
        #[cfg(target_os = "linux")]
        let reason = match sealed::Sealed::read(path, contents, limits, wanted)? {
            Ok((sealed, digest)) => return Ok((FileCopy::Sealed(sealed), digest)),
            Err(reason) => Some(reason),
        };
        #[cfg(not(target_os = "linux"))]
        let reason = {
            _ = path; // Only a file in memory has a name.
            None
        };
        let mut heap = Heap(Vec::new());
        let digest = contents.copy(limits, wanted, &mut heap)?;
        #[cfg(target_os = "linux")]
        if let Some(change) = prefer_own(&*heap.0, limits)
            && let Ok(start) = usize::try_from(change.place)
        {
            heap.0[start..][..change.bytes.len()].copy_from_slice(&change.bytes);
        }
        // The loader needs a file with these bytes.
        #[cfg(unix)]
        if may_write().is_some_and(|limit| heap.0.len() as u64 > limit) {
            return Err(not_read(may_not_write()));
        }
        Ok((FileCopy::Heap(heap.0, reason), digest))
    }

    /// Inspects the copy. `path` gives a plugin its name if the copy does not.
    pub(crate) fn inspect(&self, path: &Path, limits: &Limits) -> Result<Inspected, FileError> {
        match self {
            // Reading the few parts that inspection needs is faster than mapping the file.
            #[cfg(target_os = "linux")]
            FileCopy::Sealed(sealed) => inspect_in(path, sealed.file(), limits),
            FileCopy::Heap(bytes, _) => inspect_in(path, &**bytes, limits),
        }
    }
}

/// The number of bytes that a file of this process's may have, in memory or not (`ulimit -f`). Writing more would raise a
/// signal that ends the process. Returns `None` without a limit.
#[cfg(unix)]
fn may_write() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `getrlimit` writes one `rlimit`, for which `limit` has room.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit) } == 0;
    #[allow(clippy::useless_conversion)] // It is another type on other systems.
    (known && limit.rlim_cur != libc::RLIM_INFINITY).then(|| u64::try_from(limit.rlim_cur).unwrap_or(u64::MAX))
}

#[cfg(unix)]
fn may_not_write() -> io::Error {
    let reason = "its private copy would be longer than a file that this process may write (`ulimit -f`)";
    io::Error::new(io::ErrorKind::FileTooLarge, reason)
}

/// A file that is not written to beyond a limit.
#[cfg(target_os = "linux")]
struct Bounded<'a> {
    file: &'a std::fs::File,
    left: u64,
}

#[cfg(target_os = "linux")]
impl Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        if count == 0 && !bytes.is_empty() {
            return Err(may_not_write());
        }
        let written = self.file.write(&bytes[..count])?;
        self.left -= written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes on the heap. If memory runs out, writing returns an error and does not abort.
struct Heap(Vec<u8>);

impl Write for Heap {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_reserve(bytes.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
pub(crate) mod sealed {
    use std::ffi::CString;
    use std::fs::File;
    use std::io;
    use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
    use std::os::unix::fs::FileExt as _;
    use std::path::Path;
    use std::time::Duration;

    use super::{Bounded, may_write};
    use crate::error::at::FileError;
    use crate::file::contents::Contents;
    use crate::file::open::not_read;
    use crate::file::symbols::prefer_own;
    use crate::inspect::limits::Limits;
    use crate::load::digest::Digest;
    use crate::os::descriptors::beyond_standard_streams;
    use crate::os::loader::loader;

    /// A file that is only in memory and can never change again.
    pub(crate) struct Sealed(File);

    /// The reason why the kernel denies such a file. A lack of memory or of descriptors is an error instead.
    type Reason = String;

    impl Sealed {
        /// Copies all contents, and computes its digest on the way if the digest is `wanted`.
        ///
        /// The digest is that of the bytes which were copied. Until the file is sealed, only this process has it open, and
        /// only a process of the same user that may also trace this one could open it and write to it.
        pub(super) fn read<C: Contents + ?Sized>(
            path: &Path,
            contents: &C,
            limits: &Limits,
            wanted: bool,
        ) -> Result<Result<(Self, Option<Digest>), Reason>, FileError> {
            let denied = |(step, source): (&str, io::Error)| match source.raw_os_error() {
                Some(libc::EPERM | libc::EACCES | libc::ENOSYS | libc::EINVAL | libc::EOPNOTSUPP | libc::EBUSY) => {
                    Ok(Err(format!("{step}: {source}")))
                }
                _ => Err(not_read(source)),
            };
            let mut file = match create(path).and_then(|file| check_mappable(&file).map(|()| file)) {
                Ok(file) => file,
                Err(error) => return denied(error),
            };
            let digest = match may_write() {
                Some(left) => contents.copy(limits, wanted, &mut Bounded { file: &file, left })?,
                // The kernel can copy from one file to another by itself.
                None => contents.copy(limits, wanted, &mut file)?,
            };
            if let Some(change) = prefer_own(&file, limits) {
                // The bytes are within the file, which does not grow.
                file.write_all_at(&change.bytes, change.place).map_err(not_read)?;
            }
            match seal(&file) {
                Ok(()) => Ok(Ok((Sealed(file), digest))),
                Err(error) => denied(error),
            }
        }

        pub(crate) fn file(&self) -> &File {
            &self.0
        }
    }

    /// The step that failed, and the error.
    type Failed = (&'static str, io::Error);

    /// Makes a file in memory.
    fn create(path: &Path) -> Result<File, Failed> {
        let failed = |error| ("a file in memory cannot be made", error);
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        // The kernel takes names of up to 249 bytes.
        let name = CString::new(&name[..name.len().min(200)]).map_err(|error| failed(error.into()))?;
        let make = || {
            // SAFETY: `memfd_create` reads a name that ends with NUL, as a `CString` does.
            let fd = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) };
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: `memfd_create` has just made this descriptor and returned its number only here, so this is its only owner.
            Ok(File::from(unsafe { OwnedFd::from_raw_fd(fd) }))
        };
        // The digest is that of the source, so nothing else may be written into the copy.
        beyond_standard_streams(make).map_err(failed)
    }

    /// Checks that the loader may map the file as code. Some systems forbid that for files in memory.
    fn check_mappable(file: &File) -> Result<(), Failed> {
        let failed = || ("a file in memory cannot be mapped as code", io::Error::last_os_error());
        let (length, protection) = (1, libc::PROT_READ | libc::PROT_EXEC);
        let _one_at_a_time = loader();
        // SAFETY: the kernel chooses an address that is free, so this changes no memory that is in use. `file` is open. Nothing
        // reads the mapping, so the file may be shorter.
        let mapped =
            unsafe { libc::mmap(std::ptr::null_mut(), length, protection, libc::MAP_PRIVATE, file.as_raw_fd(), 0) };
        if mapped == libc::MAP_FAILED {
            return Err(failed());
        }
        // SAFETY: the mapping was made above. Nothing has its address.
        unsafe { libc::munmap(mapped, length) };
        Ok(())
    }

    /// Makes the file immutable, for this process too.
    ///
    /// The kernel refuses for as long as it still uses a page of the file, for example because another processor has not yet
    /// come to list the page. That passes.
    pub(super) fn seal(file: &File) -> Result<(), Failed> {
        const SEALS: libc::c_int = libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;
        /// The kernel itself waits for some 75 ms in each.
        const MAX_ATTEMPTS: u32 = 60;
        for attempt in 1.. {
            // SAFETY: `F_ADD_SEALS` takes a descriptor and numbers, and touches no memory of this process. `file` is open.
            if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, SEALS) } >= 0 {
                break;
            }
            let error = io::Error::last_os_error();
            if attempt == MAX_ATTEMPTS || error.raw_os_error() != Some(libc::EBUSY) {
                return Err(("a file in memory cannot be sealed", error));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::error::at::At as _;
    use crate::file::open::Opened;
    use crate::load::trust::Trust;

    fn read(path: &Path, limits: &Limits) -> Result<(FileCopy, Option<Digest>), Error> {
        FileCopy::read(path, &Opened::new(path)?, limits, true).at(path)
    }

    fn bytes_of(copy: &FileCopy) -> Vec<u8> {
        match copy {
            #[cfg(target_os = "linux")]
            FileCopy::Sealed(sealed) => {
                let mut bytes = Vec::new();
                let mut file = sealed.file();
                io::Seek::rewind(&mut file).unwrap();
                io::Read::read_to_end(&mut file, &mut bytes).unwrap();
                bytes
            }
            FileCopy::Heap(bytes, _) => bytes.clone(),
        }
    }

    #[test]
    fn a_file_is_read_to_its_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for length in [0, 1, 4095, 4096, 4097, 100_000, 400_000] {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            std::fs::write(file.path(), &bytes).unwrap();
            let (copy, digest) = read(file.path(), &Limits::default()).unwrap();
            // A later change of the file has no effect.
            std::fs::write(file.path(), "other").unwrap();
            assert_eq!(digest.unwrap(), Trust::digest_of(&bytes), "{length}");
            assert_eq!(bytes_of(&copy), bytes, "{length}");
        }
        assert!(matches!(read(Path::new("/nonexistent"), &Limits::default()), Err(Error::NotFound { .. })));
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // Takes no room, until it is read.
        file.as_file().set_len(1 << 40).unwrap();
        let error = read(file.path(), &Limits::default()).map(drop).unwrap_err();
        let path = file.path().display();
        assert_eq!(
            error.to_string(),
            format!(
                "`{path}` is too large: at least 1099511627776 bytes, where at most 1073741824 are read; allow more with \
                 `Limits::with_file`"
            )
        );
        file.as_file().set_len(100).unwrap();
        read(file.path(), &Limits::default().with_file(100)).unwrap();
        assert!(read(file.path(), &Limits::default().with_file(99)).is_err());
    }

    /// The kernel reports a length of zero for such a file. The arguments of a process are one.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_does_not_know_its_length_is_read_to_its_end_if_it_begins_as_a_library() {
        use std::os::unix::process::CommandExt as _;
        let arguments = "a".repeat(100_000);
        // A shell that waits for a line.
        let mut shell = std::process::Command::new("sh");
        shell.arg0("\x7FELF").args(["-c", "read line", &arguments]).stdin(std::process::Stdio::piped());
        let mut child = shell.spawn().unwrap();
        let path = format!("/proc/{}/cmdline", child.id());
        let path = Path::new(&path);
        // A process that was just started has none yet.
        while std::fs::read(path).unwrap().is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(std::fs::metadata(path).unwrap().len(), 0);
        let (whole, digest) = read(path, &Limits::default()).unwrap();
        let expected = std::fs::read(path).unwrap();
        let too_large = read(path, &Limits::default().with_file(100_000));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(expected.len() > 100_000 && bytes_of(&whole) == expected);
        assert_eq!(digest.unwrap(), Trust::digest_of(&expected));
        assert!(matches!(too_large, Err(Error::FileTooLarge { found: 100_001, limit: 100_000, .. })));
    }

    /// Reading these files would never end, or would wait.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_does_not_know_its_length_and_is_no_library_is_refused_by_its_start() {
        let kmsg = Path::new("/proc/kmsg");
        // Only the superuser may open the file, and there may be no message to read at this moment.
        match read(kmsg, &Limits::default()).map(drop) {
            Err(Error::NotALibrary { .. }) => {}
            Err(Error::Read { source, .. }) => {
                assert!(
                    matches!(source.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::PermissionDenied),
                    "{source}"
                );
            }
            Err(Error::NotFound { .. }) => println!("skipped in part: there is no {}", kmsg.display()),
            other => panic!("{other:?}"),
        }
        for path in ["/proc/self/pagemap", "/proc/self/cmdline", "/proc/self/mem"] {
            let refused = read(Path::new(path), &Limits::default()).map(drop);
            let is_refused = match &refused {
                Err(Error::NotALibrary { path: found, .. }) => found == Path::new(path),
                // Nothing is mapped at address zero.
                Err(Error::Read { .. }) => path == "/proc/self/mem",
                _ => false,
            };
            assert!(is_refused, "{path}: {refused:?}");
        }
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_is_an_error() {
        struct Growing<'a>(&'a Path, Vec<u8>);
        impl Write for Growing<'_> {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                std::fs::OpenOptions::new().append(true).open(self.0)?.write_all(b"more")?;
                self.1.extend(bytes);
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![1; 1000]).unwrap();
        let opened = Opened::new(file.path()).unwrap();
        let mut copy = Growing(file.path(), Vec::new());
        let error = opened.copy(&Limits::default(), true, &mut copy).at(file.path()).unwrap_err();
        assert!(matches!(error, Error::Changed { .. }), "{error}");
        let path = file.path().display();
        assert_eq!(
            error.to_string(),
            format!("`{path}` was written to while it was read; load it again when it is complete")
        );
    }

    #[test]
    fn a_file_that_is_cut_short_while_it_is_read_is_an_error() {
        struct Cutting<'a>(&'a Path);
        impl Write for Cutting<'_> {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                std::fs::OpenOptions::new().write(true).open(self.0)?.set_len(10)?;
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![1; 1_000_000]).unwrap();
        let opened = Opened::new(file.path()).unwrap();
        for wanted in [false, true] {
            let copied = opened.copy(&Limits::default(), wanted, &mut Cutting(file.path())).at(file.path());
            assert!(matches!(copied, Err(Error::Changed { .. })));
        }
    }

    /// Each of these files reports the length of a page.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_reports_too_great_a_length_is_an_error() {
        let path = Path::new("/sys/kernel/mm/transparent_hugepage/enabled");
        let Ok(opened) = Opened::new(path) else {
            println!("skipped: there is no {}", path.display());
            return;
        };
        let length = std::fs::read(path).unwrap().len();
        let error = opened.copy(&Limits::default(), true, &mut io::sink()).at(path).unwrap_err();
        let Error::Read { source, .. } = error else { panic!("{error}") };
        assert_eq!(source.to_string(), format!("it has {length} bytes, and reports a length of 4096"));
    }

    /// Writing more would raise a signal.
    #[cfg(target_os = "linux")]
    #[test]
    fn writing_stops_at_the_limit_for_files() {
        let file = tempfile::tempfile().unwrap();
        let mut bounded = Bounded { file: &file, left: 10 };
        bounded.write_all(b"12345678").unwrap();
        let error = bounded.write_all(b"12345678").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge, "{error}");
        assert_eq!(file.metadata().unwrap().len(), 10);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_is_sealed_when_the_kernel_no_longer_uses_its_pages() {
        use std::io::Read as _;
        use std::os::fd::AsRawFd as _;
        use std::time::Duration;

        // SAFETY: the name ends with NUL. `memfd_create` returns the number of the new descriptor only here, so the file is its
        // only owner. A number below 0 ends the test in `from_raw_fd`.
        let file = unsafe {
            let number = libc::memfd_create(c"pages".as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING);
            <std::fs::File as std::os::fd::FromRawFd>::from_raw_fd(number)
        };
        (&file).write_all(&[7; 4096]).unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        let mut start = 0;
        // SAFETY: `file` and `writer` are open. `splice` reads and writes one number, `start`.
        let moved = unsafe {
            libc::splice(file.as_raw_fd(), &raw mut start, writer.as_raw_fd(), std::ptr::null_mut(), 4096, 0)
        };
        assert_eq!(moved, 4096, "{}", io::Error::last_os_error());
        // The pipe has the file's page now.
        // SAFETY: `F_ADD_SEALS` takes a descriptor and a number, and touches no memory of this process. `file` is open.
        let refused = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, libc::F_SEAL_WRITE) };
        assert_eq!((refused, io::Error::last_os_error().raw_os_error()), (-1, Some(libc::EBUSY)));
        let later = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            reader.read_exact(&mut [0; 4096]).unwrap();
        });
        sealed::seal(&file).unwrap_or_else(|(step, error)| panic!("{step}: {error}"));
        later.join().unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_copy_is_sealed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "contents").unwrap();
        let (copy, _) = read(file.path(), &Limits::default()).unwrap();
        let FileCopy::Sealed(sealed) = &copy else { panic!("it is on the heap") };
        let mut again = sealed.file().try_clone().unwrap();
        assert_eq!(again.write_all(b"other").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(again.set_len(0).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(bytes_of(&copy), b"contents");
    }
}
