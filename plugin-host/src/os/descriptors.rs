//! The numbers of open files.

#[cfg(unix)]
use std::fs;
use std::io;

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

/// Returns true if the error says that the process, or the whole machine, has too many open files.
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    cfg!(unix) && matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}
