//! The contents of a file, as they were when it was read.

use std::io;
use std::path::Path;

use crate::error::Error;
use crate::inspect::{Inspected, inspect_data};
#[cfg(target_os = "linux")]
use crate::parts;
use crate::trust::{Digest, Trust};

/// All that was in a file. It never changes.
///
/// On Linux it is not on the heap. A library is large: an allocator keeps a block of that size once it is free, in each of
/// its arenas, and so a host that loads plugins from many threads would be larger for good.
pub(crate) enum Contents {
    /// It is not mapped to be inspected: that takes longer than to read the few parts that inspection looks at.
    #[cfg(target_os = "linux")]
    Sealed(sealed::Sealed),
    Heap(Vec<u8>),
}

impl Contents {
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Ok(sealed) = sealed::Sealed::read(path) {
            return Ok(Contents::Sealed(sealed));
        }
        std::fs::read(path).map(Contents::Heap)
    }

    /// What they say of themselves; `path` is for the messages.
    pub(crate) fn inspect(&self, path: &Path) -> Result<Inspected, Error> {
        match self {
            #[cfg(target_os = "linux")]
            Contents::Sealed(sealed) => parts::inspect(path, sealed.file()),
            Contents::Heap(bytes) => inspect_data(path, &**bytes),
        }
    }

    /// Their SHA-256 digest.
    pub(crate) fn digest(&self) -> io::Result<Digest> {
        Ok(match self {
            #[cfg(target_os = "linux")]
            Contents::Sealed(sealed) => Trust::digest_of(sealed.view()?.bytes()),
            Contents::Heap(bytes) => Trust::digest_of(bytes),
        })
    }
}

#[cfg(target_os = "linux")]
pub(crate) mod sealed {
    use std::ffi::CString;
    use std::fs::File;
    use std::io;
    use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
    use std::path::Path;
    use std::ptr::NonNull;

    use crate::library::loader;

    /// A file that is only in memory and can never change again.
    pub(crate) struct Sealed(File);

    impl Sealed {
        /// Copies all of a file.
        pub(super) fn read(path: &Path) -> io::Result<Self> {
            let mut source = File::open(path)?;
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            // The kernel takes names of up to 249 bytes.
            let name = CString::new(&name[..name.len().min(200)])?;
            // SAFETY: a name that ends with NUL.
            let fd = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) };
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: just created, and nobody else's.
            let mut file = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
            // By the kernel alone, where it can.
            io::copy(&mut source, &mut file)?;
            let seals = libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;
            // SAFETY: a descriptor that is open, and seals.
            if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) } < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(Sealed(file))
        }

        pub(crate) fn file(&self) -> &File {
            &self.0
        }

        /// Maps all of it.
        pub(super) fn view(&self) -> io::Result<View> {
            let length = usize::try_from(self.0.metadata()?.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
            let mut start = NonNull::dangling();
            if length != 0 {
                let (protection, kind) = (libc::PROT_READ, libc::MAP_PRIVATE);
                // SAFETY: a new mapping of a descriptor that is open, wherever there is room.
                let mapped =
                    unsafe { libc::mmap(std::ptr::null_mut(), length, protection, kind, self.0.as_raw_fd(), 0) };
                let mapped = (mapped != libc::MAP_FAILED).then(|| NonNull::new(mapped.cast())).flatten();
                start = mapped.ok_or_else(io::Error::last_os_error)?;
            }
            Ok(View { start, length })
        }
    }

    /// What is in a [`Sealed`].
    pub(super) struct View {
        start: NonNull<u8>,
        length: usize,
    }

    impl View {
        pub(super) fn bytes(&self) -> &[u8] {
            // SAFETY: so long a mapping, of what can neither change nor shrink; or nothing.
            unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
        }
    }

    impl Drop for View {
        fn drop(&mut self) {
            if self.length != 0 {
                let _one_at_a_time = loader();
                // SAFETY: mapped by `view`, and nobody has a reference into it any more.
                unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_to_its_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for length in [0, 1, 4095, 4096, 4097, 100_000] {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            std::fs::write(file.path(), &bytes).unwrap();
            let contents = Contents::read(file.path()).unwrap();
            // Whatever becomes of the file.
            std::fs::write(file.path(), "other").unwrap();
            assert_eq!(contents.digest().unwrap(), Trust::digest_of(&bytes), "{length}");
        }
        let error = Contents::read(Path::new("/nonexistent")).map(drop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    /// The system says that such a file is empty.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_does_not_know_its_length_is_read_to_its_end() {
        let path = Path::new("/proc/self/cmdline");
        assert_eq!(std::fs::metadata(path).unwrap().len(), 0);
        let digest = Contents::read(path).unwrap().digest().unwrap();
        assert_eq!(digest, Trust::digest_of(&std::fs::read(path).unwrap()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_was_read_is_sealed() {
        use std::io::Write as _;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "contents").unwrap();
        let contents = Contents::read(file.path()).unwrap();
        let Contents::Sealed(sealed) = &contents else { panic!("it is on the heap") };
        let mut again = sealed.file().try_clone().unwrap();
        assert_eq!(again.write_all(b"other").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(again.set_len(0).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(contents.digest().unwrap(), Trust::digest_of(b"contents"));
    }
}
