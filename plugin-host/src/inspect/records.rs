//! The records of a plugin: one of its build, and one of each export and hook.

use std::ffi::OsStr;
use std::path::Path;

use plugin_core::host::record::{Build, Item, Kind, RawRecord};
use plugin_core::host::table::ABI_VERSION;

use crate::error::Error;
use crate::error::at::FileError;
use crate::inspect::info::{ExportInfo, PanicStrategy, PluginInfo};
use crate::inspect::limits::Limits;
use crate::schema::signature::Signature;

/// The records of a library.
pub(crate) struct Records<'a> {
    build: Build<'a>,
    items: Vec<Item<'a>>,
}

impl<'a> Records<'a> {
    pub(crate) fn read(section: &'a [u8], limits: &Limits) -> Result<Self, FileError> {
        let (mut build, mut items, mut rest) = (None, Vec::new(), section);
        // Items beyond the limit are counted and not kept.
        let mut count = 0;
        while let Some((record, after)) =
            RawRecord::read(rest).map_err(|error| FileError::damaged(error.to_string()))?
        {
            rest = after;
            match Kind::from_byte(record.kind) {
                Some(Kind::Build) if build.is_some() => return Err(FileError::damaged("it has two build records")),
                Some(Kind::Build) => {
                    build =
                        Some(Build::read(&record).ok_or_else(|| FileError::damaged("its build record is cut short"))?);
                }
                Some(_) => {
                    let item = Item::read(&record)
                        .ok_or_else(|| FileError::damaged("a record of its exports is cut short"))?;
                    let found = item.descriptor.len();
                    if found > limits.descriptor {
                        let (export, limit) = (item.name.to_owned(), limits.descriptor);
                        return Err(FileError::new(move |path| Error::DescriptorTooLarge {
                            path,
                            export,
                            found,
                            limit,
                        }));
                    }
                    count += 1;
                    if count <= limits.exports {
                        items.push(item);
                    }
                }
                // A kind of record that a later SDK has added.
                None => {}
            }
        }
        if count > limits.exports {
            let limit = limits.exports;
            return Err(FileError::new(move |path| Error::TooManyExports { path, found: count, limit }));
        }
        let build = build.ok_or_else(|| FileError::damaged("it has no build record"))?;
        if build.abi != ABI_VERSION {
            let found = build.abi;
            return Err(FileError::new(move |path| Error::AbiVersion { path, expected: ABI_VERSION, found }));
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
        let items = || self.items.iter().filter(|item| item.in_library);
        match items().find(|item| crate_of(item) == stem).or_else(|| items().next()) {
            Some(item) => (item.package.to_owned(), item.version.to_owned()),
            None => (stem.to_owned(), String::new()),
        }
    }

    /// The outcome of a panic.
    pub(crate) fn panic(&self) -> PanicStrategy {
        panic_strategy(&self.build)
    }

    /// Returns the names of the exports, in order.
    pub(crate) fn exports(&self) -> Result<Vec<&'a str>, FileError> {
        names(self.items.iter())
    }

    pub(crate) fn into_info(self, path: &Path) -> Result<PluginInfo, FileError> {
        let (name, version) = self.root(path);
        PluginInfo::new(&name, &version, &self.build, self.items.iter())
    }
}

/// Returns the plugin's panic strategy. One build record is enough: the compiler refuses crates of both strategies in one
/// library.
fn panic_strategy(build: &Build<'_>) -> PanicStrategy {
    match build.panic == "abort" {
        true => PanicStrategy::Abort,
        false => PanicStrategy::Unwind,
    }
}

/// Returns the names of the exports among `items`, in order. Two exports of one name are an error, and so are two hooks that
/// save or two that restore.
fn names<'i, 'a: 'i>(items: impl Iterator<Item = &'i Item<'a>> + Clone) -> Result<Vec<&'a str>, FileError> {
    let of = |wanted| items.clone().filter(move |item| item.kind == wanted);
    for (kind, hook) in [(Kind::Save, "save"), (Kind::Restore, "restore")] {
        let mut hooks = of(kind).map(|item| item.module.to_owned());
        if let (Some(first), Some(second)) = (hooks.next(), hooks.next()) {
            return Err(FileError::new(move |path| Error::DuplicateHook { path, hook, first, second }));
        }
    }
    let mut exports: Vec<_> = of(Kind::Export).map(|item| (item.name, item.module)).collect();
    // A stable sort: items with the same name stay in their order.
    exports.sort_by_key(|(name, _)| *name);
    if let Some(same) = exports.windows(2).find(|two| two[0].0 == two[1].0) {
        let (name, first, second) = (same[0].0.to_owned(), same[0].1.to_owned(), same[1].1.to_owned());
        return Err(FileError::new(|path| Error::DuplicateExport { path, name, first, second }));
    }
    Ok(exports.into_iter().map(|(name, _)| name).collect())
}

impl PluginInfo {
    pub(crate) fn new<'i, 'a: 'i>(
        name: &str,
        version: &str,
        build: &Build<'_>,
        items: impl Iterator<Item = &'i Item<'a>> + Clone,
    ) -> Result<Self, FileError> {
        names(items.clone())?;
        let panic = panic_strategy(build);
        let exports = items.filter(|item| item.kind == Kind::Export);
        let mut exports: Vec<_> = exports.map(ExportInfo::new).collect();
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

/// Joins the lines of a doc comment. The space at the beginning of a line is left out.
fn docs(lines: &str) -> String {
    let mut docs = String::with_capacity(lines.len());
    for (number, line) in lines.lines().enumerate() {
        docs.extend((number != 0).then_some('\n'));
        docs.push_str(line.strip_prefix(' ').unwrap_or(line));
    }
    docs
}
