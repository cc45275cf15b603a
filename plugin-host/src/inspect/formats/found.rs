//! The facts about a library that matter to a host, in whatever format the library is.

use std::borrow::Cow;
use std::ops::Range;

use object::ObjectKind;
use plugin_core::host::record::SECTION;
use plugin_core::host::table::{ABI_VERSION, HEADER_SIZE, TABLE_SYMBOL};

/// The facts in the first bytes of a library.
pub(crate) struct Head {
    /// The architecture, as [`ARCH`](std::env::consts::ARCH) calls it.
    pub(crate) architecture: Cow<'static, str>,
    /// `ELF`, `PE` or `Mach-O`.
    pub(crate) format: &'static str,
    pub(crate) kind: ObjectKind,
}

/// The parts of a file that belong to a plugin.
#[derive(Default)]
pub(crate) struct Found {
    /// The section with the records, from byte to byte.
    pub(crate) records: Option<Range<u64>>,
    /// Whether there is another section of that name.
    pub(crate) has_more_records: bool,
    /// The table of the version that this host reads.
    pub(crate) table: Option<Table>,
    /// The version of another table.
    pub(crate) other_version: Option<u32>,
    /// Whether the linker marked the library as never to be unmapped.
    pub(crate) no_delete: bool,
    /// Whether the linker marked the library to look for symbols in itself first.
    pub(crate) prefers_own: bool,
    /// Whether the file is a program. Its header can look like that of a library.
    pub(crate) is_program: bool,
}

/// The place of a table in a file.
pub(crate) struct Table {
    /// The offset of its header in the file, if one section has the whole header.
    pub(crate) header: Option<u64>,
    /// The table's length, in formats that record it.
    pub(crate) size: Option<u64>,
}

/// The reason why a file is damaged.
pub(super) type Problem = String;

impl Found {
    pub(super) fn add_records(&mut self, range: Range<u64>) {
        self.has_more_records |= self.records.is_some();
        self.records.get_or_insert(range);
    }

    /// Notes a table of this version. If there are several of one version, the first counts.
    pub(super) fn add_table(&mut self, version: u32, table: impl FnOnce() -> Table) {
        if version == ABI_VERSION {
            self.table.get_or_insert_with(table);
        } else {
            self.other_version.get_or_insert(version);
        }
    }
}

/// Names a machine: by its architecture, or else by its number.
pub(super) fn architecture(name: Option<&'static str>, number: u32, is_64: bool, little: bool) -> Cow<'static, str> {
    match (name, little) {
        (Some(name), true) => name.into(),
        (Some(name @ ("powerpc64" | "s390x" | "mips" | "mips64" | "powerpc" | "sparc64")), false) => name.into(),
        (Some(name @ ("aarch64" | "arm")), false) => format!("{name}eb").into(),
        _ => {
            let bits = if is_64 { 64 } else { 32 };
            format!("machine {number:#x} ({bits}-bit, {}-endian)", if little { "little" } else { "big" }).into()
        }
    }
}

/// Checks that a segment lies within the file. Touching a page outside the file would end the process.
pub(super) fn check_segment((start, length): (u64, u64), size: u64) -> Result<(), Problem> {
    match start.checked_add(length) {
        Some(end) if end <= size => Ok(()),
        _ => Err(format!("a segment of {length} bytes at {start} does not fit in its {size} bytes")),
    }
}

/// Returns the offset in the file of a table's header at `address`, if the whole header is in the section that begins at
/// the address `start` and has these bytes of the file: an offset and a length.
pub(super) fn place(address: u64, start: u64, (offset, length): (u64, u64)) -> Option<u64> {
    let within = address.checked_sub(start)?;
    let fits = within.checked_add(HEADER_SIZE as u64).is_some_and(|end| end <= length);
    fits.then(|| offset.checked_add(within)).flatten()
}

/// The name of a table without its version.
pub(super) fn table_prefix() -> &'static str {
    TABLE_SYMBOL.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// The most digits that a version has.
pub(super) const MAX_DIGITS: usize = 10;

/// Returns the version in the name of a table. The name begins with these bytes and ends with a zero. Only the start of a
/// long name is read.
pub(super) fn table_version(name: &[u8]) -> Option<u32> {
    let rest = name.strip_prefix(table_prefix().as_bytes())?;
    let digits = &rest[..rest.iter().take(MAX_DIGITS + 1).position(|&byte| byte == 0)?];
    version(digits)
}

/// Parses a version.
pub(super) fn version(digits: &[u8]) -> Option<u32> {
    let version: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    // No sign, and no zeros in front.
    (version.to_string().as_bytes() == digits).then_some(version)
}

/// Returns true if the name at `start` in `names`, which ends with a zero, is that of the section with the records.
pub(super) fn is_records(names: &[u8], start: u32) -> bool {
    let rest = usize::try_from(start).ok().and_then(|start| names.get(start..)?.strip_prefix(SECTION.as_bytes()));
    rest.is_some_and(|rest| rest.first() == Some(&0))
}
