//! The standard error, for reports that have no handler.

use std::fmt::Arguments;
use std::io::Write as _;

/// Writes a line to the standard error.
///
/// Unlike `eprintln!`, it does not panic if the line cannot be written: the standard error may be closed, a broken pipe, or
/// a file on a full disk. Reports are made in places that must not unwind, such as the end of a library.
pub(crate) fn print(line: Arguments<'_>) {
    let line = format!("{line}\n");
    // In one piece, so that lines of two threads do not mix. A failure has no other place to be reported to.
    _ = std::io::stderr().write_all(line.as_bytes());
}
