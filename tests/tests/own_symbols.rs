//! A plugin calls its own C functions, even if the program or another library has functions of the same names. Those
//! come first in the loader's search.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use plugin_host::{Host, Mapping, Trust};
use tempfile::TempDir;
use tests::fixture;

/// A library of C that has the fixture's symbols, with other values.
const OTHER: &str = "unsigned helper_function(void) { return 2; }\nunsigned HELPER_VARIABLE = 2;\n";

/// Loads the C library, so that all other libraries find its symbols. Returns false without a C compiler.
fn load_other() -> bool {
    static LOADED: OnceLock<bool> = OnceLock::new();
    *LOADED.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let (source, library) = (directory.path().join("other.c"), directory.path().join("libother.so"));
        std::fs::write(&source, OTHER).unwrap();
        match Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status() {
            Ok(status) => assert!(status.success(), "{status}"),
            Err(error) => {
                println!("skipped: there is no compiler of C: {error}");
                return false;
            }
        }
        let path = CString::new(library.as_os_str().as_bytes()).unwrap();
        // SAFETY: the library has no constructors.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
        assert!(!handle.is_null());
        true
    })
}

fn host(mapping: Mapping) -> Host {
    // SAFETY: the test loads a fixture, and files that were made from it.
    Host::new(unsafe { Trust::any() }).with_mapping(mapping)
}

fn assert_calls_its_own(library: &Path, mapping: Mapping) {
    let host = host(mapping);
    host.load(library).unwrap_or_else(|error| panic!("{error}"));
    for export in ["call", "call_by_address", "read"] {
        assert_eq!(host.get::<fn() -> u32>(export).unwrap()(), 1, "{export}");
    }
}

/// An entry of the dynamic section, as the file has it.
type Tag = u64;
const DT_NULL: Tag = 0;
const DT_DEBUG: Tag = 21;
const DT_BIND_NOW: Tag = 24;
const DT_FLAGS: Tag = 30;
const DT_RELACOUNT: Tag = 0x6fff_fff9;

/// A copy of the fixture whose dynamic section has other tags, and room for one more entry or not. `DT_DEBUG` has no effect in
/// a library.
fn changed(directory: &TempDir, name: &str, tags: &[(Tag, Tag)], room: bool) -> PathBuf {
    use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _};
    let mut bytes = std::fs::read(fixture("helper")).unwrap();
    let (start, entries) = {
        let header = object::elf::FileHeader64::<object::Endianness>::parse(&*bytes).unwrap();
        let endian = header.endian().unwrap();
        let segments = header.program_headers(endian, &*bytes).unwrap();
        let segment = segments.iter().find(|segment| segment.p_type(endian) == object::elf::PT_DYNAMIC).unwrap();
        let entries = segment.dynamic(endian, &*bytes).unwrap().unwrap();
        let entries: Vec<_> = entries.iter().map(|entry| entry.tag(endian).0 as Tag).collect();
        (segment.p_offset(endian) as usize, entries)
    };
    let end = entries.iter().position(|tag| *tag == DT_NULL).unwrap();
    let mut set_tag = |index: usize, tag: Tag| bytes[start + 16 * index..][..8].copy_from_slice(&tag.to_ne_bytes());
    // The linkers of some systems leave room for more entries. Each test says what room there is.
    (end..entries.len() - 1).for_each(|index| set_tag(index, DT_DEBUG));
    for (index, tag) in entries.iter().enumerate() {
        if let Some((_, new)) = tags.iter().find(|(old, _)| old == tag) {
            set_tag(index, *new);
        }
    }
    if room {
        // The last entry takes the place of the flags.
        let flags = entries.iter().position(|tag| *tag == DT_FLAGS).unwrap();
        let place = |index| start + 16 * index..start + 16 * (index + 1);
        bytes.copy_within(place(end - 1), place(flags).start);
        bytes[place(end - 1).start..place(entries.len() - 1).end].fill(0);
    }
    let path = directory.path().join(format!("lib{name}.so"));
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_plugin_calls_its_own_functions() {
    if load_other() {
        assert_calls_its_own(&fixture("helper"), Mapping::Private);
    }
}

/// If the linker wrote no flags, the flag gets another place.
#[test]
#[cfg(all(target_pointer_width = "64", target_env = "gnu"))]
fn a_plugin_calls_its_own_functions_however_it_was_linked() {
    if load_other() {
        let directory = tempfile::tempdir().unwrap();
        assert_calls_its_own(&changed(&directory, "bind_now", &[(DT_FLAGS, DT_BIND_NOW)], false), Mapping::Private);
        assert_calls_its_own(&changed(&directory, "room", &[(DT_RELACOUNT, DT_DEBUG)], true), Mapping::Private);
        assert_calls_its_own(&changed(&directory, "count", &[(DT_FLAGS, DT_DEBUG)], false), Mapping::Private);
    }
}

/// The file must not be changed with one mapping, and has no room for the flag with the other.
#[test]
#[cfg(all(target_pointer_width = "64", target_env = "gnu"))]
fn a_plugin_that_would_call_another_function_is_refused() {
    if !load_other() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let without_room = changed(&directory, "full", &[(DT_FLAGS, DT_DEBUG), (DT_RELACOUNT, DT_DEBUG)], false);
    for (library, mapping) in [(fixture("helper"), Mapping::InPlace), (without_room, Mapping::Private)] {
        let error = host(mapping).load(&library).unwrap_err();
        let symbol = error.to_string().split('`').nth(3).unwrap().to_owned();
        assert!(["helper_function", "HELPER_VARIABLE"].contains(&&*symbol), "{error}");
        let private = if mapping == Mapping::InPlace { "load it with `Mapping::Private`, or " } else { "" };
        let expected = format!(
            "the system cannot map `{}`: it would use the `{symbol}` of the program or of another library instead of its \
             own; {private}link it with `-Wl,-Bsymbolic`, for example in its build script with \
             `println!(\"cargo::rustc-cdylib-link-arg=-Wl,-Bsymbolic\")`",
            library.display()
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_plugin_calls_its_own_functions_in_a_program_that_exports_others() {
    let output = Command::new(env!("CARGO_BIN_EXE_exporting")).arg(fixture("helper")).output().unwrap();
    let expected = "\"helper_function\" of the program is found: true\n\
                    \"HELPER_VARIABLE\" of the program is found: true\n\
                    call: 1\ncall_by_address: 1\nread: 1\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{}", String::from_utf8_lossy(&output.stderr));
}
