//! The path that the loader is given to open a file in memory.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, IntoRawFd as _, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::library::spelling::spelling;
use crate::os::descriptors::beyond_standard_streams;

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
pub(crate) fn unique_path(file: &File, inode: u64) -> io::Result<String> {
    let process = match std::fs::read_link("/proc/self") {
        Ok(process) => process,
        // Without `/proc`, the loader will not find the file, and its error will say so.
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
    // SAFETY: `F_DUPFD_CLOEXEC` takes a descriptor and a number, and touches no memory. `directory` keeps the descriptor open.
    match unsafe { libc::fcntl(directory.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) } {
        number if number < 0 => Ok(directory.into()),
        // SAFETY: `fcntl` has just made this descriptor and returned its number only here, so this is its only owner.
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
