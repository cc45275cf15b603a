//! A path or a bare name, and the file that is meant by it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use crate::error::Error;
use crate::error::at::FileError;
use crate::error::names::no_nul_in_path;
use crate::error::similar::{MAX_LISTED, closest};

/// Whether `name` is a bare name to be searched for, rather than a path.
pub(crate) fn is_bare(name: &Path) -> bool {
    let mut components = name.components();
    let single = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
    single && name.extension().is_none() && !ends_with_separator(name)
}

fn ends_with_separator(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().last().is_some_and(|&byte| std::path::is_separator(byte.into()))
}

/// `libgreeter.so`, `greeter.dll` or `libgreeter.dylib` for `greeter`. As cargo does, `-` becomes `_`.
fn file_name_of(name: &Path) -> OsString {
    let name = name.to_string_lossy().replace('-', "_");
    format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX).into()
}

/// The bare name that leads to this library in a search directory, if `name` is a file name without a directory: `greeter` for
/// `libgreeter.so`.
fn bare_name_for(name: &Path) -> Option<String> {
    let is_file_name = name.file_name() == Some(name.as_os_str()) && name.extension().is_some();
    Some(crate_of(name)).filter(|bare| is_file_name && is_bare(Path::new(bare)))
}

/// The paths of a crate's library in these directories.
fn libraries_of(name: &Path, directories: &[PathBuf]) -> Vec<PathBuf> {
    let file_name = file_name_of(name);
    directories.iter().map(|directory| directory.join(&file_name)).collect()
}

/// The file that is meant by a path, or that is found for a bare name in the search directories. If the path has a directory, the
/// file need not be there.
pub(crate) fn resolve(name: &Path, directories: impl FnOnce() -> Vec<PathBuf>) -> Result<PathBuf, Error> {
    no_nul_in_path(name)?;
    if is_bare(name) {
        let candidates = libraries_of(name, &directories());
        let found = candidates.iter().find(|path| path.exists()).cloned();
        return found.ok_or_else(|| not_found(name, candidates, &libraries_of(name, &[".".into()]), None));
    }
    match bare_name_for(name) {
        Some(bare) if fs::symlink_metadata(name).is_err_and(|error| error.kind() == ErrorKind::NotFound) => {
            let tried = std::path::absolute(name).unwrap_or_else(|_| name.to_owned());
            let others = libraries_of(Path::new(&bare), &directories());
            Err(not_found(name, vec![tried], &others, Some(&bare)))
        }
        _ => Ok(name.to_owned()),
    }
}

/// An error about a file that does not exist, and the library that is most likely meant. `others` are the paths that another
/// spelling of the name stands for.
pub(crate) fn not_found(name: &Path, tried: Vec<PathBuf>, others: &[PathBuf], bare_name: Option<&str>) -> Error {
    let name = name.display().to_string();
    let other = others.iter().find(|path| path.exists()).cloned();
    let closest = other.or_else(|| tried.iter().chain(others).find_map(|path| library_like(path)));
    let directories: BTreeSet<_> =
        tried.iter().filter(|_| closest.is_none()).filter_map(|path| path.parent()).collect();
    let (existing, count) = listed(directories.into_iter().flat_map(libraries_in).collect());
    Error::NotFound { name, tried, closest, existing, count, bare_name: bare_name.map(Into::into) }
}

/// The first of these files, and the number of all.
pub(crate) fn listed(mut files: Vec<PathBuf>) -> (Vec<PathBuf>, usize) {
    files.sort();
    let count = files.len();
    files.truncate(MAX_LISTED);
    (files, count)
}

/// The libraries in a directory.
pub(crate) fn libraries_in(directory: &Path) -> Vec<PathBuf> {
    // A directory may have any number of files.
    const MAX_NAMES: usize = 1000;
    let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let names = fs::read_dir(listed).into_iter().flatten().flatten().take(MAX_NAMES).map(|entry| entry.file_name());
    let is_library = |name: &OsString| name.as_encoded_bytes().ends_with(std::env::consts::DLL_SUFFIX.as_bytes());
    names.filter(is_library).map(|name| directory.join(name)).collect()
}

/// The library in a path's directory that has the most similar name: `target/debug/libgreeter.so` for
/// `target/debug/greeter`.
fn library_like(path: &Path) -> Option<PathBuf> {
    let libraries = libraries_in(path.parent()?);
    let crates: Vec<_> = libraries.iter().map(|library| crate_of(library)).collect();
    let closest = closest(&crate_of(path), crates.iter().map(String::as_str))?;
    let index = crates.iter().position(|of| *of == closest)?;
    Some(libraries[index].clone())
}

/// An error about a file that is something else than a library, and the library of the same crate's beside it.
pub(crate) fn not_a_library(found: &str) -> FileError {
    let found = found.to_owned();
    FileError::new(|path| {
        let beside = path.with_file_name(file_name_of(Path::new(&crate_of(&path))));
        let beside = Some(beside).filter(|beside| *beside != path && beside.is_file());
        Error::NotALibrary { path, found, beside }
    })
}

/// The name of the crate in the name of a file that is built from it on any system.
fn crate_of(path: &Path) -> String {
    const LIBRARY_SUFFIXES: [&str; 8] = [".so", ".dll", ".dylib", ".rlib", ".rmeta", ".a", ".d", ".exe"];
    let file = path.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
    let stem = LIBRARY_SUFFIXES.iter().find_map(|end| file.strip_suffix(end)).unwrap_or(&file);
    stem.strip_prefix("lib").unwrap_or(stem).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_names_have_one_component_and_no_extension() {
        assert!(is_bare(Path::new("greeter")));
        assert!(is_bare(Path::new("my-plugin")));
        for path in ["./greeter", "a/greeter", "/greeter", "greeter.so", "greeter/", "..", ""] {
            assert!(!is_bare(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn a_file_name_has_a_bare_name() {
        for name in ["libgreeter.so", "greeter.dll", "libgreeter.dylib", "greeter.so"] {
            assert_eq!(bare_name_for(Path::new(name)).as_deref(), Some("greeter"), "{name}");
        }
        for path in ["greeter", "./libgreeter.so", "a/libgreeter.so", "/libgreeter.so", "libgreeter.so.1", "..", ""] {
            assert_eq!(bare_name_for(Path::new(path)), None, "{path}");
        }
    }
}
