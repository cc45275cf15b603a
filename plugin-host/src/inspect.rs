//! Looking at a plugin's file without running any of it.

use std::env::consts::ARCH;
use std::ffi::OsStr;
use std::ops::Range;
use std::path::Path;

use object::{FileKind, ObjectKind, ReadRef};
use plugin_core::record::{Build, Item, Kind, RawRecord, SECTION};
use plugin_core::table::{ABI_VERSION, HEADER_SIZE, MAGIC, TABLE_SYMBOL, TABLE_V1_SIZE};

use crate::error::Error;
use crate::file::{Opened, not_a_library};
use crate::formats::{self, Found, Head};
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::parts::{Parts, ReadAt};
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
    /// Whether its panics can be caught. A host refuses to look up a [`Fault`](crate::Fault) where they cannot, unless it
    /// [says otherwise](crate::AbortPlugins).
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

/// How a host treats plugins that are built with `panic = "abort"`, whose panics end the process.
///
/// # Example
///
/// ```
/// use plugin_host::{AbortPlugins, Host, Trust};
///
/// // This program is restarted when it ends.
/// let host = Host::new(Trust::none()).with_abort_plugins(AbortPlugins::AllowFaults);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AbortPlugins {
    /// They are loaded. A look-up that asks for a [`Fault`](crate::Fault) in one is [`Error::NoFaults`], because no call would
    /// ever return it; other look-ups are answered.
    #[default]
    RefuseFaults,
    /// They are treated as all others. A call that asks for a [`Fault`](crate::Fault) never returns one.
    AllowFaults,
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

/// Reads what a plugin's file says of itself. Nothing of the file is run, so the file need not be trusted. The default
/// [`Limits`] bound the time and memory that a hostile file costs.
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
    inspect_with(path, &Limits::default())
}

/// Reads what a plugin's file says of itself, as [`inspect`] does, with other limits. For an example see [`Limits`].
///
/// # Errors
///
/// Those of [`inspect`].
pub fn inspect_with(path: impl AsRef<Path>, limits: &Limits) -> Result<PluginInfo, Error> {
    let path = path.as_ref();
    let opened = Opened::new(path)?;
    opened.check_length(path, limits)?;
    // Inspection needs no copy of the file.
    Ok(inspect_in(path, &opened.file, limits)?.manifest.into_info())
}

/// What was found in a file.
pub(crate) struct Inspected {
    pub(crate) manifest: Manifest,
    /// Whether the linker marked the library as never to be unmapped.
    pub(crate) no_delete: bool,
    /// Whether the loader looks for the library's symbols in the library first.
    pub(crate) prefers_own: bool,
}

/// Inspects a file that is open, or the bytes of one. Messages name `path`.
pub(crate) fn inspect_in<F: ReadAt + ?Sized>(path: &Path, file: &F, limits: &Limits) -> Result<Inspected, Error> {
    let not_read = |source| Error::Read { path: path.to_owned(), source };
    let parts = Parts::new(file, limits.symbols).map_err(not_read)?;
    let (records, found) = match look(path, &parts) {
        Ok(found) => found,
        Err(error) => return Err(parts.explain(path, error)),
    };
    let length = records.end - records.start;
    if length > limits.section {
        return Err(Error::SectionTooLarge { path: path.to_owned(), found: length, limit: limits.section });
    }
    let section = read_section(file, records).map_err(not_read)?;
    let Found { no_delete, prefers_own, .. } = found;
    Ok(Inspected { manifest: Manifest::read(path, section, limits)?, no_delete, prefers_own })
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
fn look<'a, R: ReadRef<'a>>(path: &Path, data: R) -> Result<(Range<u64>, Found), Error> {
    let damaged = |problem: String| Error::Damaged { path: path.to_owned(), problem };
    let found = find(path, data)?;
    let records = match &found.records {
        Some(_) if found.has_more_records => {
            return Err(damaged(format!("it has several sections named `{SECTION}`")));
        }
        Some(records) => records.clone(),
        None if found.table.is_some() => 0..0,
        None => return Err(Error::NotAPlugin { path: path.to_owned() }),
    };
    check_table(path, &found, data)?;
    Ok((records, found))
}

/// Finds the parts of a plugin in a library for this machine.
fn find<'a, R: ReadRef<'a>>(path: &Path, data: R) -> Result<Found, Error> {
    let size = data.len().unwrap_or_default();
    if size == 0 {
        return Err(Error::Empty { path: path.to_owned() });
    }
    let is_instead = |found| not_a_library(path, found);
    let damaged = |problem: String| Error::Damaged { path: path.to_owned(), problem };
    let Ok(kind) = FileKind::parse(data) else {
        // Enough bytes to tell the kind.
        let start = data.read_bytes_at(0, size.min(4096)).unwrap_or_default();
        return Err(match no_library(start) {
            Some(found) => is_instead(found),
            None => damaged("its header is cut short".to_owned()),
        });
    };
    let Some(head) = formats::head(kind, data) else {
        let is_object = matches!(kind, FileKind::Coff | FileKind::CoffBig);
        return Err(is_instead(if is_object { "an object file" } else { "a file of some other kind" }));
    };
    let Head { architecture, format, kind: object } = head.map_err(damaged)?;
    if (&*architecture, format) != (ARCH, FORMAT) {
        let (expected, found) = (format!("{ARCH} {FORMAT}"), format!("{architecture} {format}"));
        return Err(Error::WrongTarget { path: path.to_owned(), expected, found });
    }
    if object != ObjectKind::Dynamic {
        return Err(is_instead(match object {
            ObjectKind::Executable => "a program",
            ObjectKind::Relocatable => "an object file",
            _ => "a file of some other kind",
        }));
    }
    let found = formats::find(kind, data, size).map_err(damaged)?;
    if found.is_program { Err(is_instead("a program")) } else { Ok(found) }
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

/// The format of the host's libraries.
const FORMAT: &str = if cfg!(windows) {
    "PE"
} else if cfg!(target_vendor = "apple") {
    "Mach-O"
} else {
    "ELF"
};

/// Checks the table's header as it stands in the file.
fn check_table<'a, R: ReadRef<'a>>(path: &Path, found: &Found, data: R) -> Result<(), Error> {
    let path = || path.to_owned();
    let damaged = |problem: &str| Error::Damaged { path: path(), problem: problem.to_owned() };
    let Some(table) = &found.table else {
        return Err(match found.other_version {
            Some(found) => Error::AbiVersion { path: path(), expected: ABI_VERSION, found },
            None => Error::NotAPlugin { path: path() },
        });
    };
    let header = table.header.and_then(|start| data.read_bytes_at(start, HEADER_SIZE as u64).ok());
    let header = header.ok_or_else(|| damaged("its table is not within any section"))?;
    Header::parse(header).ok_or_else(|| damaged("its table's header is cut short"))?.check(&path(), table.size)
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
    pub(crate) fn read(path: &Path, section: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        let damaged = |problem: String| Error::Damaged { path: path.to_owned(), problem };
        let (mut build, mut items, mut rest) = (None, Vec::new(), section);
        // Items beyond the limit are counted and not kept.
        let mut count = 0;
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
                    let found = item.descriptor.len();
                    if found > limits.descriptor {
                        let (path, export) = (path.to_owned(), item.name.to_owned());
                        return Err(Error::DescriptorTooLarge { path, export, found, limit: limits.descriptor });
                    }
                    count += 1;
                    if count <= limits.exports {
                        items.push((kind, item));
                    }
                }
                // Of a later version, which only adds.
                None => {}
            }
        }
        if count > limits.exports {
            return Err(Error::TooManyExports { path: path.to_owned(), found: count, limit: limits.exports });
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

    /// The outcome of a panic.
    pub(crate) fn panic(&self) -> PanicStrategy {
        panic_strategy(&self.build)
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

/// The compiler refuses crates of both strategies in one library, so the build record says it for all of them.
fn panic_strategy(build: &Build<'_>) -> PanicStrategy {
    match build.panic == "abort" {
        true => PanicStrategy::Abort,
        false => PanicStrategy::Unwind,
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
        let panic = panic_strategy(build);
        let exports = items.filter(|(kind, _)| *kind == Kind::Export);
        let mut exports: Vec<_> = exports.map(|(_, item)| ExportInfo::new(item)).collect();
        exports.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(PluginInfo {
            name: name.to_owned(),
            version: version.to_owned(),
            sdk: build.sdk.to_owned(),
            rustc: build.rustc.to_owned(),
            target: build.target.to_owned(),
            panic,
            exports,
        })
    }
}

impl ExportInfo {
    fn new(item: &Item<'_>) -> Self {
        ExportInfo {
            name: item.name.to_owned(),
            docs: docs(item.docs),
            signature: Signature::read(item.descriptor),
            arguments: item.arguments.lines().take(MAX_ARGUMENTS).map(str::to_owned).collect(),
            module: item.module.to_owned(),
            line: item.line,
        }
    }
}

/// More arguments than any function has. Without this limit, each line feed of a hostile file would become a text.
const MAX_ARGUMENTS: usize = 255;

/// Joins the lines of a doc comment. Most of them begin with a space, which goes.
fn docs(lines: &str) -> String {
    let mut docs = String::with_capacity(lines.len());
    for (number, line) in lines.lines().enumerate() {
        docs.extend((number != 0).then_some('\n'));
        docs.push_str(line.strip_prefix(' ').unwrap_or(line));
    }
    docs
}
