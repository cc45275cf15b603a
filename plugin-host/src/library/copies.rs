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

const PREFIX: &str = "plugin-host-copy-";
const SUFFIX: &str = ".dll";

const FILE_SHARE_READ: u32 = 1;
const FILE_SHARE_WRITE: u32 = 2;

pub(crate) fn copy(path: &Path, bytes: &[u8]) -> io::Result<(File, tempfile::TempPath)> {
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
    Ok((held, path))
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
        let (file, held) = super::copy(Path::new("directory/name"), b"bytes").unwrap();
        let path = held.to_path_buf();
        assert_eq!(std::fs::read(&path).unwrap(), b"bytes");
        std::fs::remove_file(&path).unwrap_err();
        drop((file, held));
        assert!(!path.exists());
    }
}
