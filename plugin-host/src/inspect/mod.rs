//! Looking at a plugin's file without running any of it.

pub(crate) mod description;
pub(crate) mod formats;
pub(crate) mod header;
pub(crate) mod info;
pub(crate) mod lazy_file;
pub(crate) mod limits;
pub(crate) mod records;

use std::env::consts::ARCH;
use std::ops::Range;
use std::path::Path;

use object::{FileKind, ObjectKind, ReadRef};
use plugin_core::host::record::SECTION;
use plugin_core::host::table::{ABI_VERSION, HEADER_SIZE};

use crate::error::Error;
use crate::error::at::{At as _, FileError};
use crate::file::open::Opened;
use crate::file::resolve::not_a_library;
use crate::inspect::description::Description;
use crate::inspect::formats::{Found, Head, no_library};
use crate::inspect::header::Header;
use crate::inspect::info::PluginInfo;
use crate::inspect::lazy_file::{LazyFile, ReadAt};
use crate::inspect::limits::Limits;

/// Reads a plugin's description of itself from its file. No code of the file is run, so the file need not be trusted. The
/// default [`Limits`] bound the time and memory that a hostile file costs.
///
/// # Errors
///
/// Every variant of [`Error`] about a file or its contents.
///
/// # Example
///
/// ```no_run
/// let plugin = plugin_host::inspect("target/debug/libgreeter.so")?;
/// println!("{} {}, built by {}", plugin.name, plugin.version, plugin.rustc);
/// for export in &plugin.exports {
///     println!("    {export}");
/// }
/// # Ok::<(), plugin_host::Error>(())
/// ```
pub fn inspect(path: impl AsRef<Path>) -> Result<PluginInfo, Error> {
    inspect_with(path, &Limits::default())
}

/// Reads a plugin's description of itself, as [`inspect`] does, with other limits. For an example see [`Limits`].
///
/// # Errors
///
/// Those of [`inspect`].
pub fn inspect_with(path: impl AsRef<Path>, limits: &Limits) -> Result<PluginInfo, Error> {
    let path = path.as_ref();
    let opened = Opened::new(path)?;
    opened.check_length(limits).at(path)?;
    // Inspection needs no copy of the file.
    Ok(inspect_in(path, &opened.file, limits).at(path)?.description.into_info())
}

/// The results of an inspection.
pub(crate) struct Inspected {
    pub(crate) description: Description,
    /// Whether the linker marked the library as never to be unmapped.
    pub(crate) no_delete: bool,
    /// Whether the loader looks for the library's symbols in the library first.
    pub(crate) prefers_own: bool,
}

/// Inspects a file that is open, or the bytes of one. `path` gives a plugin its name if the file does not.
pub(crate) fn inspect_in<F: ReadAt + ?Sized>(path: &Path, file: &F, limits: &Limits) -> Result<Inspected, FileError> {
    let not_read = |source| FileError::new(|path| Error::Read { path, source });
    let lazy = LazyFile::new(file, limits.symbols).map_err(not_read)?;
    let (records, found) = match look(&lazy) {
        Ok(found) => found,
        Err(error) => return Err(lazy.explain(error)),
    };
    let length = records.end - records.start;
    if length > limits.section {
        let limit = limits.section;
        return Err(FileError::new(move |path| Error::SectionTooLarge { path, found: length, limit }));
    }
    let section = read_section(file, records).map_err(not_read)?;
    let Found { no_delete, prefers_own, .. } = found;
    Ok(Inspected { description: Description::read(path, section, limits)?, no_delete, prefers_own })
}

fn read_section<F: ReadAt + ?Sized>(file: &F, range: Range<u64>) -> std::io::Result<Box<[u8]>> {
    let out_of_memory = || std::io::Error::from(std::io::ErrorKind::OutOfMemory);
    let length = usize::try_from(range.end - range.start).map_err(|_| out_of_memory())?;
    let mut section = Vec::new();
    section.try_reserve_exact(length).map_err(|_| out_of_memory())?;
    section.resize(length, 0);
    file.read_at(&mut section, range.start)?;
    Ok(section.into_boxed_slice())
}

/// Checks everything but the records. Returns the place of the records, and everything that was found.
fn look<'a, R: ReadRef<'a>>(data: R) -> Result<(Range<u64>, Found), FileError> {
    let found = find(data)?;
    let records = match &found.records {
        Some(_) if found.has_more_records => {
            return Err(FileError::damaged(format!("it has several sections named `{SECTION}`")));
        }
        Some(records) => records.clone(),
        None if found.table.is_some() => 0..0,
        None => return Err(FileError::new(|path| Error::NotAPlugin { path })),
    };
    check_table(&found, data)?;
    Ok((records, found))
}

/// Finds the parts of a plugin in a library for this machine.
fn find<'a, R: ReadRef<'a>>(data: R) -> Result<Found, FileError> {
    let size = data.len().unwrap_or_default();
    if size == 0 {
        return Err(FileError::new(|path| Error::Empty { path }));
    }
    let Ok(kind) = FileKind::parse(data) else {
        // Enough bytes to tell the kind.
        let start = data.read_bytes_at(0, size.min(4096)).unwrap_or_default();
        return Err(match no_library(start) {
            Some(found) => not_a_library(found),
            None => FileError::damaged("its header is cut short"),
        });
    };
    let Some(head) = formats::head(kind, data) else {
        let is_object = matches!(kind, FileKind::Coff | FileKind::CoffBig);
        return Err(not_a_library(if is_object { "an object file" } else { "a file of some other kind" }));
    };
    let Head { architecture, format, kind: object } = head.map_err(FileError::damaged)?;
    if (&*architecture, format) != (ARCH, FORMAT) {
        let (expected, found) = (format!("{ARCH} {FORMAT}"), format!("{architecture} {format}"));
        return Err(FileError::new(|path| Error::WrongTarget { path, expected, found }));
    }
    if object != ObjectKind::Dynamic {
        return Err(not_a_library(match object {
            ObjectKind::Executable => "a program",
            ObjectKind::Relocatable => "an object file",
            _ => "a file of some other kind",
        }));
    }
    let found = formats::find(kind, data, size).map_err(FileError::damaged)?;
    if found.is_program { Err(not_a_library("a program")) } else { Ok(found) }
}

/// The format of the host's libraries.
const FORMAT: &str = if cfg!(windows) {
    "PE"
} else if cfg!(target_vendor = "apple") {
    "Mach-O"
} else {
    "ELF"
};

/// Checks the table's header as it stands in the file.
fn check_table<'a, R: ReadRef<'a>>(found: &Found, data: R) -> Result<(), FileError> {
    let Some(table) = &found.table else {
        return Err(match found.other_version {
            Some(found) => FileError::new(move |path| Error::AbiVersion { path, expected: ABI_VERSION, found }),
            None => FileError::new(|path| Error::NotAPlugin { path }),
        });
    };
    let header = table.header.and_then(|start| data.read_bytes_at(start, HEADER_SIZE as u64).ok());
    let header = header.ok_or_else(|| FileError::damaged("its table is not within any section"))?;
    Header::parse(header).ok_or_else(|| FileError::damaged("its table's header is cut short"))?.check(table.size)
}
