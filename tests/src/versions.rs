//! The versions of the fixture `upgrades`, and files and mappings of them.

use std::fs;
use std::path::Path;

use crate::{library_name, rewrite, wait_until};

/// The bytes of a version of that number which behaves so, made of a library of the fixture's.
pub fn version_of(library: &Path, number: u64, behaviour: &str) -> Vec<u8> {
    let mut bytes = fs::read(library).unwrap();
    let texts = [
        ("version is 0000000001", &*format!("version is {number:010}")),
        ("version does is to serve     ", &*format!("version does is to {behaviour:10}")),
    ];
    rewrite(&mut bytes, &texts);
    bytes
}

/// Puts a file in the place of another, whole and at once, as a build does.
pub fn replace(file: &Path, bytes: &[u8]) {
    let next = file.with_extension("next");
    fs::write(&next, bytes).unwrap();
    if cfg!(windows) {
        // It is refused while the file is open, as it is for a moment while a host looks at it.
        wait_until("the file can be replaced", || fs::rename(&next, file).is_ok());
    } else {
        fs::rename(next, file).unwrap();
    }
}

/// How many copies of a fixture are mapped; `None` where that cannot be told.
pub fn copies_mapped(fixture: &str) -> Option<usize> {
    // Under Wine it can be read, but has other names.
    let maps = cfg!(target_os = "linux").then(|| fs::read_to_string("/proc/self/maps").unwrap())?;
    let name = library_name(fixture);
    Some(maps.lines().filter(|line| line.contains(&name) && line.contains(" 00000000 ")).count())
}
