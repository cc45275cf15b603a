//! Looking at a plugin's file without running any of it.

use std::borrow::Cow;
use std::env::consts::ARCH;
use std::ffi::OsStr;
use std::path::Path;

use object::pe::{IMAGE_SIZEOF_SYMBOL, ImageSectionHeader};
use object::read::NameOrOrdinal;
use object::{
    Architecture, ExportTarget, FileKind, LittleEndian, Object as _, ObjectKind, ObjectSection as _,
    ObjectSegment as _, ObjectSymbol as _, ReadRef, U32,
};
use plugin_core::record::{Build, Item, Kind, RawRecord, SECTION};
use plugin_core::table::{ABI_VERSION, HEADER_SIZE, MAGIC, TABLE_SYMBOL, TABLE_V1_SIZE};

use crate::error::Error;
use crate::file::{Mapping, Source};
use crate::manifest::Manifest;
use crate::signature::Signature;

/// What a plugin says of itself. For an example see [`inspect`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PluginInfo {
    /// The package it was built from.
    pub name: String,
    /// The package's version; empty if the library's own package has no annotated item.
    pub version: String,
    /// The version of plugin-core it was built with.
    pub sdk: String,
    /// The compiler it was built with, as that calls itself.
    pub rustc: String,
    /// The target triple it was built for.
    pub target: String,
    /// Whether its panics can be caught.
    pub panic: PanicStrategy,
    /// What it exports, in the order of the names.
    pub exports: Vec<ExportInfo>,
}

/// What becomes of a plugin's panics: its build profile's `panic` setting.
///
/// # Example
///
/// ```no_run
/// use plugin_host::{PanicStrategy, inspect};
///
/// if inspect("target/release/libgreeter.so")?.panic == PanicStrategy::Abort {
///     eprintln!("a panic of this plugin would end the program");
/// }
/// # Ok::<(), plugin_host::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanicStrategy {
    /// They reach the host as faults.
    Unwind,
    /// They end the process.
    Abort,
}

/// One export of a plugin.
///
/// It displays as its declaration: `fn greet(name: &str) -> String`. For an example see [`inspect`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportInfo {
    /// The name it is looked up by.
    pub name: String,
    /// Its doc comment, as Markdown.
    pub docs: String,
    /// Its type.
    pub signature: Signature,
    /// The names of a function's arguments, `_` where one has none.
    pub arguments: Vec<String>,
    /// The module it stands in, crate first.
    pub module: String,
    /// The line of its attribute.
    pub line: u32,
}

impl std::fmt::Display for ExportInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.signature.declaration(&self.name, &self.arguments))
    }
}

/// Reads what a plugin's file says of itself. Nothing of the file is run, so it need not be trusted.
///
/// # Errors
///
/// Each of [`Error`]'s variants that speak of a file and what is in it.
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
    let path = path.as_ref();
    // It need not be copied for that.
    let (source, _) = Source::read(path, Mapping::InPlace)?;
    Ok(source.inspect(path)?.manifest.into_info())
}

/// What was found in a file.
pub(crate) struct Inspected {
    pub(crate) manifest: Manifest,
    /// Whether the linker marked the library as never to be unmapped.
    pub(crate) no_delete: bool,
}

/// What [`inspect`] does, for what was read already or is read as needed; `path` is for the messages.
pub(crate) fn inspect_data<'a, R: ReadRef<'a>>(path: &Path, data: R) -> Result<Inspected, Error> {
    let object = parse(path, data)?;
    let section = records(path, &object)?;
    check_table(path, &object, data)?;
    let manifest = Manifest::read(path, section)?;
    Ok(Inspected { manifest, no_delete: no_delete(&object) })
}

fn no_delete<'a, R: ReadRef<'a>>(object: &object::File<'a, R>) -> bool {
    const DT_FLAGS_1: usize = 0x6fff_fffb;
    const DF_1_NODELETE: usize = 8;
    const WORD: usize = size_of::<usize>();
    if !cfg!(all(unix, not(target_vendor = "apple"))) {
        return false;
    }
    let dynamic = object.section_by_name(".dynamic").and_then(|section| section.data().ok()).unwrap_or_default();
    // Tags and values, in the host's own words.
    let word = |bytes: &[u8]| usize::from_ne_bytes(bytes.try_into().expect("a word"));
    dynamic.chunks_exact(2 * WORD).any(|entry| {
        let (tag, value) = entry.split_at(WORD);
        word(tag) == DT_FLAGS_1 && word(value) & DF_1_NODELETE != 0
    })
}

fn parse<'a, R: ReadRef<'a>>(path: &Path, data: R) -> Result<object::File<'a, R>, Error> {
    let size = data.len().unwrap_or_default();
    if size == 0 {
        return Err(Error::Empty { path: path.to_owned() });
    }
    // As much as there is of what tells the kind.
    let start = data.read_bytes_at(0, size.min(4096)).unwrap_or_default();
    let not_a_library = |found: &str| Error::NotALibrary { path: path.to_owned(), found: found.to_owned() };
    let damaged = |problem: String| Error::Damaged { path: path.to_owned(), problem };
    let kind = match FileKind::parse(data) {
        Ok(kind) => kind,
        Err(_) if start.starts_with(b"!<arch>") => {
            return Err(not_a_library("an archive, as an rlib or staticlib is"));
        }
        Err(_) if is_library_magic(start) => {
            return Err(damaged("its header is cut short".to_owned()));
        }
        Err(_) if is_text(start) => return Err(not_a_library("a text file")),
        Err(_) => return Err(not_a_library("a file of some other kind")),
    };
    let format = match kind {
        FileKind::Elf32 | FileKind::Elf64 => "ELF",
        FileKind::Pe32 | FileKind::Pe64 => "PE",
        FileKind::MachO32 | FileKind::MachO64 => "Mach-O",
        FileKind::Coff | FileKind::CoffBig => return Err(not_a_library("an object file")),
        _ => return Err(not_a_library("a file of some other kind")),
    };
    let object = object::File::parse(data).map_err(|error| damaged(error.to_string()))?;
    let found = architecture(object.architecture(), object.is_64(), object.is_little_endian());
    if (&*found, format) != (ARCH, FORMAT) {
        let (expected, found) = (format!("{ARCH} {FORMAT}"), format!("{found} {format}"));
        return Err(Error::WrongTarget { path: path.to_owned(), expected, found });
    }
    if object.kind() != ObjectKind::Dynamic {
        return Err(not_a_library(match object.kind() {
            ObjectKind::Executable => "a program",
            ObjectKind::Relocatable => "an object file",
            _ => "a file of some other kind",
        }));
    }
    // The loader maps what the segments name; a page that is not in the file would end the process when touched.
    for segment in object.segments() {
        let (start, len) = segment.file_range();
        if start.checked_add(len).is_none_or(|end| end > size) {
            return Err(damaged(format!("a segment of {len} bytes at {start} does not fit in its {size} bytes")));
        }
    }
    if !is_whole(&object, data, size) {
        return Err(damaged(format!("its sections or symbols do not fit in its {size} bytes")));
    }
    Ok(object)
}

/// Whether a PE file has all that no segment names: what pads its sections, and at its end the symbols for debuggers.
fn is_whole<'a, R: ReadRef<'a>>(object: &object::File<'a, R>, data: R, size: u64) -> bool {
    let (header, sections) = match object {
        object::File::Pe32(file) => (&file.nt_headers().file_header, file.section_table()),
        object::File::Pe64(file) => (&file.nt_headers().file_header, file.section_table()),
        _ => return true,
    };
    let number = |number: &U32<LittleEndian>| u64::from(number.get(LittleEndian));
    let fits =
        |section: &ImageSectionHeader| number(&section.pointer_to_raw_data) + number(&section.size_of_raw_data) <= size;
    let symbols = number(&header.pointer_to_symbol_table);
    // The symbols' names follow, after the length of both.
    let names = symbols + number(&header.number_of_symbols) * IMAGE_SIZEOF_SYMBOL as u64;
    let length = data.read_bytes_at(names, 4).ok().and_then(|bytes| bytes.first_chunk::<4>());
    let length = length.map(|length| u64::from(u32::from_le_bytes(*length)));
    sections.iter().all(fits) && (symbols == 0 || length.is_some_and(|length| names + length <= size))
}

/// Whether what begins so is a text.
fn is_text(start: &[u8]) -> bool {
    // Its last character may be cut short.
    std::str::from_utf8(start).map_or_else(|error| error.error_len().is_none(), |_| true)
}

fn is_library_magic(bytes: &[u8]) -> bool {
    const MAGICS: [&[u8]; 4] = [b"\x7FELF", b"MZ", b"\xCF\xFA\xED\xFE", b"\xCE\xFA\xED\xFE"];
    MAGICS.iter().any(|magic| bytes.starts_with(magic) || magic.starts_with(bytes))
}

/// As [`ARCH`] says it.
fn architecture(architecture: Architecture, is_64: bool, little: bool) -> Cow<'static, str> {
    let name = match architecture {
        Architecture::X86_64 => "x86_64",
        Architecture::I386 => "x86",
        Architecture::Aarch64 => "aarch64",
        Architecture::Arm => "arm",
        Architecture::Riscv64 => "riscv64",
        Architecture::PowerPc64 => "powerpc64",
        Architecture::S390x => "s390x",
        Architecture::LoongArch64 => "loongarch64",
        other => {
            return format!(
                "{other:?} ({}-bit, {}-endian)",
                if is_64 { 64 } else { 32 },
                if little { "little" } else { "big" }
            )
            .into();
        }
    };
    let big = !little && matches!(architecture, Architecture::Aarch64 | Architecture::Arm);
    if big { format!("{name}eb").into() } else { name.into() }
}

/// The format of the host's libraries.
const FORMAT: &str = if cfg!(windows) {
    "PE"
} else if cfg!(target_vendor = "apple") {
    "Mach-O"
} else {
    "ELF"
};

/// The bytes of the section with the records.
fn records<'a, R: ReadRef<'a>>(path: &Path, object: &object::File<'a, R>) -> Result<&'a [u8], Error> {
    let damaged = |problem: String| Error::Damaged { path: path.to_owned(), problem };
    let mut sections = object.sections().filter(|section| section.name_bytes() == Ok(SECTION.as_bytes()));
    let Some(section) = sections.next() else {
        return if table(object).is_some() { Ok(&[]) } else { Err(Error::NotAPlugin { path: path.to_owned() }) };
    };
    if sections.next().is_some() {
        return Err(damaged(format!("it has several sections named `{SECTION}`")));
    }
    section.data().map_err(|error| damaged(error.to_string()))
}

/// What `find` makes of the first name for which it makes something, of those that the file exports to the system's
/// loader; names are as in C.
fn find_symbol<'a, R: ReadRef<'a>, T>(
    object: &object::File<'a, R>,
    find: impl Fn(&[u8], u64) -> Option<T>,
) -> Option<T> {
    object.exports().ok()?.find_map(|export| {
        let export = export.ok()?;
        let (NameOrOrdinal::Name(name), ExportTarget::Address { address }) = (export.name(), export.target()) else {
            return None;
        };
        // Mach-O puts an underscore before a name.
        let name = if cfg!(target_vendor = "apple") { name.strip_prefix(b"_").unwrap_or(name) } else { name };
        find(name, address)
    })
}

/// The address of the table and, where the format tells, its size.
fn table<'a, R: ReadRef<'a>>(object: &object::File<'a, R>) -> Option<(u64, Option<u64>)> {
    if let object::File::Elf32(_) | object::File::Elf64(_) = object {
        let is_table = |symbol: &object::Symbol<'a, '_, R>| {
            symbol.is_definition() && symbol.name_bytes() == Ok(TABLE_SYMBOL.as_bytes())
        };
        return object.dynamic_symbols().find(is_table).map(|symbol| (symbol.address(), Some(symbol.size())));
    }
    find_symbol(object, |name, address| (name == TABLE_SYMBOL.as_bytes()).then_some((address, None)))
}

/// Checks the table's header as it stands in the file.
fn check_table<'a, R: ReadRef<'a>>(path: &Path, object: &object::File<'a, R>, data: R) -> Result<(), Error> {
    let damaged = |problem: &str| Error::Damaged { path: path.to_owned(), problem: problem.to_owned() };
    let Some((address, size)) = table(object) else {
        return other_table(path, object);
    };
    let header = |section: object::Section<'a, '_, R>| {
        let (start, length) = section.file_range()?;
        let offset = address.checked_sub(section.address())?;
        let fits = offset.checked_add(HEADER_SIZE as u64).is_some_and(|end| end <= length);
        fits.then(|| data.read_bytes_at(start.checked_add(offset)?, HEADER_SIZE as u64).ok()).flatten()
    };
    let header = object.sections().find_map(header).ok_or_else(|| damaged("its table is not within any section"))?;
    Header::parse(header).ok_or_else(|| damaged("its table's header is cut short"))?.check(path, size)
}

/// There is no table of this host's version: is there one of another?
fn other_table<'a, R: ReadRef<'a>>(path: &Path, object: &object::File<'a, R>) -> Result<(), Error> {
    let prefix = TABLE_SYMBOL.trim_end_matches(|c: char| c.is_ascii_digit());
    let found = find_symbol(object, |name, _| {
        let version = name.strip_prefix(prefix.as_bytes())?;
        std::str::from_utf8(version).ok()?.parse().ok()
    });
    Err(match found {
        Some(found) => Error::AbiVersion { path: path.to_owned(), expected: ABI_VERSION, found },
        None => Error::NotAPlugin { path: path.to_owned() },
    })
}

/// What every version of the table begins with.
pub(crate) struct Header {
    magic: [u8; 8],
    abi: u32,
    size: u32,
}

impl Header {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let (abi, rest) = rest.split_first_chunk::<4>()?;
        let (size, _) = rest.split_first_chunk::<4>()?;
        Some(Header { magic: *magic, abi: u32::from_ne_bytes(*abi), size: u32::from_ne_bytes(*size) })
    }

    /// Checks the header; `size` is how long the table really is, where that is known.
    pub(crate) fn check(&self, path: &Path, size: Option<u64>) -> Result<(), Error> {
        if self.magic != MAGIC {
            return Err(Error::Damaged {
                path: path.to_owned(),
                problem: format!("its `{TABLE_SYMBOL}` does not begin as a table does"),
            });
        }
        if self.abi != ABI_VERSION {
            return Err(Error::AbiVersion { path: path.to_owned(), expected: ABI_VERSION, found: self.abi });
        }
        let (says, needed) = (u64::from(self.size), TABLE_V1_SIZE as u64);
        let too_short = |expected, found| Error::TableTooShort { path: path.to_owned(), expected, found };
        if says < needed {
            return Err(too_short(needed, says));
        }
        match size {
            Some(size) if size < says => Err(too_short(says, size)),
            _ => Ok(()),
        }
    }
}

/// The records of a library.
pub(crate) struct Records<'a> {
    build: Build<'a>,
    items: Vec<(Kind, Item<'a>)>,
}

impl<'a> Records<'a> {
    pub(crate) fn read(path: &Path, section: &'a [u8]) -> Result<Self, Error> {
        let damaged = |problem: String| Error::Damaged { path: path.to_owned(), problem };
        let (mut build, mut items, mut rest) = (None, Vec::new(), section);
        while let Some((record, after)) = RawRecord::read(rest).map_err(|error| damaged(error.to_string()))? {
            rest = after;
            match Kind::from_byte(record.kind) {
                Some(Kind::Build) if build.is_some() => return Err(damaged("it has two build records".to_owned())),
                Some(Kind::Build) => {
                    build =
                        Some(Build::read(&record).ok_or_else(|| damaged("its build record is cut short".to_owned()))?);
                }
                Some(kind) => {
                    let item = Item::read(&record)
                        .ok_or_else(|| damaged("a record of its exports is cut short".to_owned()))?;
                    items.push((kind, item));
                }
                // Of a later version, which only adds.
                None => {}
            }
        }
        let build = build.ok_or_else(|| damaged("it has no build record".to_owned()))?;
        if build.abi != ABI_VERSION {
            return Err(Error::AbiVersion { path: path.to_owned(), expected: ABI_VERSION, found: build.abi });
        }
        Ok(Records { build, items })
    }

    /// The name and version of the plugin: of the package that was compiled as the library. Of several (a library may
    /// depend on another), it is the one that the file is named after, or else the one that was linked first. Of none (all
    /// exports are of crates that it depends on), only the file's name is known.
    pub(crate) fn root(&self, path: &Path) -> (String, String) {
        let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        let stem = stem.strip_prefix(std::env::consts::DLL_PREFIX).unwrap_or(stem);
        let crate_of = |item: &Item<'a>| item.module.split("::").next().unwrap_or_default();
        let items = || self.items.iter().map(|(_, item)| item).filter(|item| item.in_library);
        match items().find(|item| crate_of(item) == stem).or_else(|| items().next()) {
            Some(item) => (item.package.to_owned(), item.version.to_owned()),
            None => (stem.to_owned(), String::new()),
        }
    }

    /// The names of what is exported, in order.
    pub(crate) fn exports(&self, path: &Path) -> Result<Vec<&'a str>, Error> {
        names(path, self.items.iter().map(|(kind, item)| (*kind, item)))
    }

    pub(crate) fn into_info(self, path: &Path) -> Result<PluginInfo, Error> {
        let (name, version) = self.root(path);
        PluginInfo::new(path, &name, &version, &self.build, self.items.iter().map(|(kind, item)| (*kind, item)))
    }
}

/// The names of the exports among `items`, in order. None comes twice, and neither does a hook of which there may be one.
fn names<'i, 'a: 'i>(
    path: &Path,
    items: impl Iterator<Item = (Kind, &'i Item<'a>)> + Clone,
) -> Result<Vec<&'a str>, Error> {
    let of = |wanted| items.clone().filter(move |(kind, _)| *kind == wanted).map(|(_, item)| item);
    for (kind, hook) in [(Kind::Save, "save"), (Kind::Restore, "restore")] {
        let mut hooks = of(kind).map(|item| item.module.to_owned());
        if let (Some(first), Some(second)) = (hooks.next(), hooks.next()) {
            return Err(Error::DuplicateHook { path: path.to_owned(), hook, first, second });
        }
    }
    let mut exports: Vec<_> = of(Kind::Export).map(|item| (item.name, item.module)).collect();
    // Keeps the order of those that are equal.
    exports.sort_by_key(|(name, _)| *name);
    if let Some(same) = exports.windows(2).find(|two| two[0].0 == two[1].0) {
        let (name, first, second) = (same[0].0.to_owned(), same[0].1.to_owned(), same[1].1.to_owned());
        return Err(Error::DuplicateExport { path: path.to_owned(), name, first, second });
    }
    Ok(exports.into_iter().map(|(name, _)| name).collect())
}

impl PluginInfo {
    pub(crate) fn new<'i, 'a: 'i>(
        path: &Path,
        name: &str,
        version: &str,
        build: &Build<'_>,
        items: impl Iterator<Item = (Kind, &'i Item<'a>)> + Clone,
    ) -> Result<Self, Error> {
        names(path, items.clone())?;
        let exports = items.filter(|(kind, _)| *kind == Kind::Export);
        let mut exports: Vec<_> = exports.map(|(_, item)| ExportInfo::new(item)).collect();
        exports.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(PluginInfo {
            name: name.to_owned(),
            version: version.to_owned(),
            sdk: build.sdk.to_owned(),
            rustc: build.rustc.to_owned(),
            target: build.target.to_owned(),
            panic: if build.panic == "abort" { PanicStrategy::Abort } else { PanicStrategy::Unwind },
            exports,
        })
    }
}

impl ExportInfo {
    fn new(item: &Item<'_>) -> Self {
        ExportInfo {
            name: item.name.to_owned(),
            docs: item.docs.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n"),
            signature: Signature::read(item.descriptor),
            arguments: item.arguments.lines().map(str::to_owned).collect(),
            module: item.module.to_owned(),
            line: item.line,
        }
    }
}
