//! The formats of libraries: finds the records and the table of a plugin in a file.
//!
//! In a hostile file many symbols or sections can share one long name, and many lists can lead to one other list. So this
//! code never asks for a whole name, and never follows a list of lists. It compares the start of a name with the name that
//! it looks for, and reads no more of the name than that. It looks at each byte of a file a few times at most.

mod elf;
mod found;
mod macho;
mod pe;

use object::{Endianness, FileKind, ReadRef};

use found::Problem;
pub(crate) use found::{Found, Head};

/// Reads the head of a file. Returns `None` if the file is in none of the formats.
pub(crate) fn head<'a, R: ReadRef<'a>>(kind: FileKind, data: R) -> Option<Result<Head, Problem>> {
    use object::elf::{FileHeader32, FileHeader64};
    use object::macho::{MachHeader32, MachHeader64};
    use object::pe::{ImageNtHeaders32, ImageNtHeaders64};
    let head = match kind {
        FileKind::Elf32 => elf::head::<FileHeader32<Endianness>, R>(data),
        FileKind::Elf64 => elf::head::<FileHeader64<Endianness>, R>(data),
        FileKind::Pe32 => pe::head::<ImageNtHeaders32, R>(data),
        FileKind::Pe64 => pe::head::<ImageNtHeaders64, R>(data),
        FileKind::MachO32 => macho::head::<MachHeader32<Endianness>, R>(data),
        FileKind::MachO64 => macho::head::<MachHeader64<Endianness>, R>(data),
        _ => return None,
    };
    Some(head.map_err(|error| error.to_string()))
}

/// Finds the parts of a plugin in a file of `size` bytes.
pub(crate) fn find<'a, R: ReadRef<'a>>(kind: FileKind, data: R, size: u64) -> Result<Found, Problem> {
    use object::elf::{FileHeader32, FileHeader64};
    use object::macho::{MachHeader32, MachHeader64};
    use object::pe::{ImageNtHeaders32, ImageNtHeaders64};
    match kind {
        FileKind::Elf32 => elf::find::<FileHeader32<Endianness>, R>(data, size),
        FileKind::Elf64 => elf::find::<FileHeader64<Endianness>, R>(data, size),
        FileKind::Pe32 => pe::find::<ImageNtHeaders32, R>(data, size),
        FileKind::Pe64 => pe::find::<ImageNtHeaders64, R>(data, size),
        FileKind::MachO32 => macho::find::<MachHeader32<Endianness>, R>(data, size),
        FileKind::MachO64 => macho::find::<MachHeader64<Endianness>, R>(data, size),
        _ => Ok(Found::default()),
    }
}

/// Describes a file by its first bytes, if these are not those of a library.
pub(crate) fn no_library(start: &[u8]) -> Option<&'static str> {
    const MAGICS: [&[u8]; 4] = [b"\x7FELF", b"MZ", b"\xCF\xFA\xED\xFE", b"\xCE\xFA\xED\xFE"];
    if start.starts_with(b"!<arch>") {
        Some("an archive, as an rlib or staticlib is")
    } else if MAGICS.iter().any(|magic| start.starts_with(magic) || magic.starts_with(start)) {
        None
    } else if is_text(start) {
        Some("a text file")
    } else {
        Some("a file of some other kind")
    }
}

/// Returns true if a file with these first bytes is a text.
fn is_text(start: &[u8]) -> bool {
    // Its last character may be cut short.
    std::str::from_utf8(start).map_or_else(|error| error.error_len().is_none(), |_| true)
}

#[cfg(test)]
mod tests;
