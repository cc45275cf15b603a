//! The versions of the fixture `upgrades`, and files and mappings of them.

use std::fs;
use std::path::Path;

use crate::{library_name, rewrite, wait_until};

/// Makes a version from a library of the fixture: returns its bytes with that number and that behaviour.
pub fn version_of(library: &Path, number: u64, behaviour: &str) -> Vec<u8> {
    let mut bytes = fs::read(library).unwrap();
    let texts = [
        ("version is 0000000001", &*format!("version is {number:010}")),
        ("version does is to serve     ", &*format!("version does is to {behaviour:10}")),
    ];
    rewrite(&mut bytes, &texts);
    bytes
}

/// Replaces a file by another in one step, as a build does.
pub fn replace(file: &Path, bytes: &[u8]) {
    let next = file.with_extension("next");
    fs::write(&next, bytes).unwrap();
    if cfg!(windows) {
        // Windows refuses this while the file is open, for example for a moment while a host looks at it.
        wait_until("the file can be replaced", || fs::rename(&next, file).is_ok());
    } else {
        fs::rename(next, file).unwrap();
    }
}

/// Returns the number of mapped copies of a fixture, or `None` if that is not known.
pub fn copies_mapped(fixture: &str) -> Option<usize> {
    // Under Wine the list can be read, but it has other names.
    let maps = cfg!(target_os = "linux").then(|| fs::read_to_string("/proc/self/maps").unwrap())?;
    let name = library_name(fixture);
    Some(maps.lines().filter(|line| line.contains(&name) && line.contains(" 00000000 ")).count())
}

/// Gives a library of the fixture `upgrades` another name of the same length as a plugin: another plugin with the same exports.
pub fn renamed(mut library: Vec<u8>, name: &str) -> Vec<u8> {
    let old = "upgrades";
    assert_eq!(name.len(), old.len(), "the names take the same room");
    let mut at = 0;
    while let Some(found) = library[at..].windows(old.len()).position(|bytes| bytes == old.as_bytes()) {
        let place = at + found;
        at = place + old.len();
        library[place..at].copy_from_slice(name.as_bytes());
    }
    library
}
