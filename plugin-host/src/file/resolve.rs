//! A path or a bare name, and the file that is meant by it.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::error::Error;
use crate::error::names::no_nul_in_path;
use crate::error::similar::closest;

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

/// The file that is meant by a path, which need not be there, or is found for a bare name in the search directories.
pub(crate) fn resolve(name: &Path, directories: impl FnOnce() -> Vec<PathBuf>) -> Result<PathBuf, Error> {
    no_nul_in_path(name)?;
    if !is_bare(name) {
        return Ok(name.to_owned());
    }
    let file_name = file_name_of(name);
    let candidates: Vec<_> = directories().iter().map(|directory| directory.join(&file_name)).collect();
    match candidates.iter().find(|path| path.exists()) {
        Some(found) => Ok(found.clone()),
        None => Err(not_found(name, candidates)),
    }
}

/// An error about a file that does not exist, and the library beside it that is most likely meant.
pub(crate) fn not_found(name: &Path, tried: Vec<PathBuf>) -> Error {
    let closest = tried.iter().find_map(|path| library_like(path));
    Error::NotFound { name: name.display().to_string(), tried, closest }
}

/// The library in a path's directory that has the most similar name: `target/debug/libgreeter.so` for
/// `target/debug/greeter`.
fn library_like(path: &Path) -> Option<PathBuf> {
    // A directory may have any number of files.
    const MOST: usize = 1000;
    let directory = path.parent()?;
    let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let files =
        fs::read_dir(listed).ok()?.flatten().take(MOST).filter_map(|entry| entry.file_name().into_string().ok());
    let libraries: Vec<_> = files.filter(|file| file.ends_with(std::env::consts::DLL_SUFFIX)).collect();
    let wanted = path.file_name()?.to_str()?.replace('-', "_");
    let closest = closest(crate_of(&wanted), libraries.iter().map(|file| crate_of(file)))?;
    let file = libraries.iter().find(|file| crate_of(file) == closest)?;
    Some(directory.join(file))
}

/// The name of the crate in the name of a library file of any system.
fn crate_of(file: &str) -> &str {
    let stem = [".so", ".dll", ".dylib"].iter().find_map(|suffix| file.strip_suffix(suffix)).unwrap_or(file);
    stem.strip_prefix("lib").unwrap_or(stem)
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
}
