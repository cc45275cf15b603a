//! Files that are no plugins, or no more: each has its own error, and none is half loaded.

use std::fs;
use std::path::{Path, PathBuf};

use plugin_core::record::MARK;
use plugin_core::table::{ABI_VERSION, MAGIC, TABLE_SYMBOL, TABLE_V1_SIZE};
use plugin_host::{Error, Host, Mapping, Trust, inspect};
use proptest::prelude::*;
use tempfile::TempDir;
use tests::{fixture, host, library_name};

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Files(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// Loads what cannot be loaded, and checks that the host is as it was and the message names the file.
fn refused(path: &Path) -> Error {
    let host = host();
    let error = host.load(path).unwrap_err();
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    assert!(host.plugins().is_empty());
    host.load(fixture("rival")).unwrap();
    error
}

/// The same, and looking at the file says the same; so does loading it in place, which reads as little of it.
fn refused_at_a_look(path: &Path) -> Error {
    let error = refused(path);
    assert_eq!(inspect(path).unwrap_err().to_string(), error.to_string());
    let in_place = host().with_mapping(Mapping::InPlace).load(path).unwrap_err();
    assert_eq!(in_place.to_string(), error.to_string());
    error
}

fn zoo() -> Vec<u8> {
    fs::read(fixture("zoo")).unwrap()
}

/// Replaces what stands `after` bytes past each place where `mark` stands, if `right` stands there.
fn patch(bytes: &mut [u8], mark: &[u8], after: usize, right: &[u8], wrong: &[u8]) -> usize {
    let places: Vec<usize> = bytes
        .windows(mark.len())
        .enumerate()
        .filter(|(_, window)| *window == mark)
        .map(|(place, _)| place + after)
        .collect();
    let mut patched = 0;
    for place in places {
        if bytes.get(place..place + right.len()) == Some(right) {
            bytes[place..place + right.len()].copy_from_slice(wrong);
            patched += 1;
        }
    }
    patched
}

#[test]
fn missing() {
    let error = refused_at_a_look(Path::new("/nonexistent/libplugin.so"));
    assert!(matches!(&error, Error::NotFound { tried, .. } if *tried == [Path::new("/nonexistent/libplugin.so")]));
}

#[test]
fn directory() {
    let files = Files::new();
    assert!(matches!(refused_at_a_look(files.0.path()), Error::IsDirectory { .. }));
}

#[test]
fn empty() {
    let files = Files::new();
    assert!(matches!(refused_at_a_look(&files.write("libempty.so", "")), Error::Empty { .. }));
}

#[test]
fn text() {
    let files = Files::new();
    let error = refused_at_a_look(&files.write("libtext.so", "Hello, I am a plugin.\n"));
    assert!(matches!(&error, Error::NotALibrary { found, .. } if found == "a text file"), "{error}");
    assert!(error.to_string().contains("cdylib"), "{error}");
}

#[test]
fn other_kinds_of_files() {
    let files = Files::new();
    let error = refused_at_a_look(&files.write("liba.rlib", b"!<arch>\n"));
    assert!(matches!(&error, Error::NotALibrary { found, .. } if found.contains("archive")), "{error}");
    let error = refused_at_a_look(&files.write("random", [0xFF, 0xFE, 0x00, 0x80, 0x99]));
    assert!(matches!(&error, Error::NotALibrary { .. }), "{error}");
}

/// Reading from a pipe would wait for ever.
#[cfg(unix)]
#[test]
fn a_pipe() {
    let files = Files::new();
    let path = files.0.path().join("pipe");
    let name = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
    // SAFETY: a path that ends with NUL.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    assert!(matches!(refused_at_a_look(&path), Error::NotAFile { .. }));
    assert!(matches!(refused_at_a_look(Path::new("/dev/zero")), Error::NotAFile { .. }));
}

/// An ELF library with these section headers and dynamic symbols, all names from one table.
#[cfg(target_os = "linux")]
fn elf(names: &[u8], sections: usize, section_name: u32, symbols: usize) -> Vec<u8> {
    const HEADER: usize = 64;
    let mut bytes = vec![0; HEADER];
    bytes[..7].copy_from_slice(b"\x7FELF\x02\x01\x01");
    bytes[16..18].copy_from_slice(&3_u16.to_le_bytes());
    bytes[18..20].copy_from_slice(&(if cfg!(target_arch = "aarch64") { 0xB7_u16 } else { 0x3E }).to_le_bytes());
    bytes[20] = 1;
    bytes[52..54].copy_from_slice(&64_u16.to_le_bytes());
    bytes[54..56].copy_from_slice(&56_u16.to_le_bytes());
    bytes[58..60].copy_from_slice(&64_u16.to_le_bytes());
    let names_at = bytes.len();
    bytes.extend(names);
    let symbols_at = bytes.len();
    for _ in 0..symbols {
        let mut symbol = [0; 24];
        symbol[0] = 1;
        symbol[4] = 0x11;
        symbol[6] = 1;
        bytes.extend(symbol);
    }
    let sections_at = bytes.len();
    let end = sections_at + (sections + 3) * 64;
    let mut section = |name: u32, kind: u32, link: u32, at: usize, len: usize, entry: u64| {
        let mut header = [0; 64];
        header[..4].copy_from_slice(&name.to_le_bytes());
        header[4..8].copy_from_slice(&kind.to_le_bytes());
        header[24..32].copy_from_slice(&(at as u64).to_le_bytes());
        header[32..40].copy_from_slice(&(len as u64).to_le_bytes());
        header[40..44].copy_from_slice(&link.to_le_bytes());
        header[44..48].copy_from_slice(&1_u32.to_le_bytes());
        header[56..64].copy_from_slice(&entry.to_le_bytes());
        bytes.extend(header);
    };
    section(0, 0, 0, 0, 0, 0);
    section(0, 3, 0, names_at, names.len(), 0);
    section(0, 11, 1, symbols_at, symbols * 24, 24);
    for _ in 0..sections {
        section(section_name, 1, 0, 0, end, 0);
    }
    bytes[40..48].copy_from_slice(&(sections_at as u64).to_le_bytes());
    bytes[60..62].copy_from_slice(&((sections + 3) as u16).to_le_bytes());
    bytes[62..64].copy_from_slice(&1_u16.to_le_bytes());
    bytes
}

/// Files whose tables refer to the same bytes again and again: looking at them takes no more memory than they have.
#[cfg(target_os = "linux")]
#[test]
fn that_multiply_when_read() {
    let files = Files::new();
    let error = inspect(files.write("libsections.so", elf(b"\0.plugin\0", 40_000, 1, 0))).unwrap_err();
    assert!(matches!(&error, Error::Damaged { problem, .. } if problem.contains("several sections")), "{error}");
    let mut names = vec![b'a'; 1 << 20];
    names[0] = 0;
    names.push(0);
    let error = inspect(files.write("libsymbols.so", elf(&names, 0, 0, 2_000))).unwrap_err();
    assert!(matches!(error, Error::NotAPlugin { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn unreadable() {
    use std::os::unix::fs::PermissionsExt as _;

    let files = Files::new();
    let path = files.write("libsecret.so", zoo());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // SAFETY: has no effect and cannot fail.
    if unsafe { libc::geteuid() } == 0 {
        println!("skipped: the superuser reads every file");
        return;
    }
    assert!(matches!(refused_at_a_look(&path), Error::Read { .. }));
}

#[test]
fn truncated() {
    let files = Files::new();
    let zoo = zoo();
    for len in [3, 5, 16, 63, 64, 200, zoo.len() / 4, zoo.len() / 2, zoo.len() - 1] {
        let error = refused_at_a_look(&files.write("libtruncated.so", &zoo[..len]));
        assert!(matches!(error, Error::Damaged { .. }), "{len}: {error}");
    }
}

#[test]
fn of_another_architecture() {
    let files = Files::new();
    let mut bytes = zoo();
    let wrong: [u8; 2] = if cfg!(target_arch = "aarch64") { [0x3E, 0] } else { [0xB7, 0] };
    let (found, at) = if cfg!(windows) {
        let header = u32::from_le_bytes(bytes[0x3C..0x40].try_into().unwrap()) as usize;
        ("aarch64 PE", header + 4)
    } else if cfg!(target_arch = "aarch64") {
        ("x86_64 ELF", 18)
    } else {
        ("aarch64 ELF", 18)
    };
    bytes[at..at + 2].copy_from_slice(if cfg!(windows) { &[0x64, 0xAA] } else { &wrong });
    let error = refused_at_a_look(&files.write("libforeign.so", bytes));
    let Error::WrongTarget { expected, found: is, .. } = &error else { panic!("{error}") };
    assert_eq!(is, found);
    assert!(expected.starts_with(std::env::consts::ARCH));
    assert!(error.to_string().contains("--target"), "{error}");
}

#[test]
fn of_another_system() {
    let files = Files::new();
    // The smallest PE that has all its headers: no section, no symbol.
    let mut pe = vec![0; 0x200];
    pe[..2].copy_from_slice(b"MZ");
    pe[0x3C] = 0x80;
    pe[0x80..0x84].copy_from_slice(b"PE\0\0");
    pe[0x84..0x86].copy_from_slice(&0x8664_u16.to_le_bytes());
    pe[0x94..0x96].copy_from_slice(&240_u16.to_le_bytes());
    pe[0x96..0x98].copy_from_slice(&0x2022_u16.to_le_bytes());
    pe[0x98..0x9A].copy_from_slice(&0x20B_u16.to_le_bytes());
    pe[0x80 + 24 + 108..0x80 + 24 + 112].copy_from_slice(&16_u32.to_le_bytes());
    let error = refused_at_a_look(&files.write("plugin.dll", pe));
    if cfg!(windows) {
        assert!(matches!(error, Error::NotAPlugin { .. }), "{error}");
    } else {
        assert!(matches!(&error, Error::WrongTarget { found, .. } if found == "x86_64 PE"), "{error}");
    }
}

#[test]
fn a_library_that_is_no_plugin() {
    let error = refused_at_a_look(&fixture("plain"));
    assert!(matches!(error, Error::NotAPlugin { .. }), "{error}");
    assert!(error.to_string().contains(TABLE_SYMBOL));
    if cfg!(windows) {
        let kernel = Path::new(&std::env::var_os("SystemRoot").unwrap()).join("System32").join("kernel32.dll");
        let error = refused_at_a_look(&kernel);
        assert!(matches!(error, Error::NotAPlugin { .. }), "{error}");
    }
    if cfg!(target_os = "linux") {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let libc = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| path.contains("libc.so"));
        let error = refused_at_a_look(Path::new(libc.expect("the C library is loaded")));
        assert!(matches!(error, Error::NotAPlugin { .. }), "{error}");
    }
}

#[test]
fn with_a_table_of_another_abi_version() {
    let files = Files::new();
    let (right, wrong) = (ABI_VERSION.to_ne_bytes(), 7_u32.to_ne_bytes());
    // As the records say it, and as the table itself says it.
    let mut bytes = zoo();
    let build_record_abi = MARK.len() + 4 + 1 + 4;
    assert!(patch(&mut bytes, &MARK, build_record_abi, &right, &wrong) >= 1);
    let error = refused_at_a_look(&files.write("libold.so", &bytes));
    assert!(matches!(error, Error::AbiVersion { expected: 1, found: 7, .. }), "{error}");
    let mut bytes = zoo();
    assert_eq!(patch(&mut bytes, &MAGIC, MAGIC.len(), &right, &wrong), 1);
    let error = refused_at_a_look(&files.write("libold.so", &bytes));
    assert!(matches!(error, Error::AbiVersion { expected: 1, found: 7, .. }), "{error}");
    // And as its symbol is called.
    let mut bytes = zoo();
    let renamed = TABLE_SYMBOL.replace("_v1", "_v9");
    assert!(patch(&mut bytes, TABLE_SYMBOL.as_bytes(), 0, TABLE_SYMBOL.as_bytes(), renamed.as_bytes()) >= 1);
    let error = refused_at_a_look(&files.write("libnew.so", &bytes));
    assert!(matches!(error, Error::AbiVersion { expected: 1, found: 9, .. }), "{error}");
}

#[test]
fn with_a_table_that_is_too_short() {
    let files = Files::new();
    let size = TABLE_V1_SIZE as u32;
    let shorter = (size - 8).to_ne_bytes();
    // More than what a sanitizer adds behind a static.
    let longer = (size + 4096).to_ne_bytes();
    let mut bytes = zoo();
    assert_eq!(patch(&mut bytes, &MAGIC, MAGIC.len() + 4, &size.to_ne_bytes(), &shorter), 1);
    let error = refused_at_a_look(&files.write("libshort.so", &bytes));
    let (expected, found) = (u64::from(size), u64::from(size) - 8);
    assert!(
        matches!(error, Error::TableTooShort { expected: e, found: f, .. } if (e, f) == (expected, found)),
        "{error}"
    );
    if cfg!(target_os = "linux") {
        // Its header says more than there is.
        let mut bytes = zoo();
        assert_eq!(patch(&mut bytes, &MAGIC, MAGIC.len() + 4, &size.to_ne_bytes(), &longer), 1);
        let error = refused_at_a_look(&files.write("liblong.so", &bytes));
        let Error::TableTooShort { expected, found, .. } = error else { panic!("{error}") };
        assert_eq!(expected, u64::from(size) + 4096);
        assert!((u64::from(size)..expected).contains(&found), "{found}");
    } else {
        println!("skipped in part: only ELF files say how long a table really is");
    }
}

#[test]
fn that_are_not_trusted() {
    let zoo = fixture("zoo");
    let error = Host::new(Trust::none()).load(&zoo).unwrap_err();
    assert!(matches!(&error, Error::NotTrusted { path, .. } if *path == zoo), "{error}");

    let digest = Trust::digest_of(&fs::read(&zoo).unwrap());
    // SAFETY: the zoo is our own.
    let host = Host::new(unsafe { Trust::digests([digest]) });
    host.load(&zoo).unwrap();
    let error = host.load(fixture("rival")).unwrap_err();
    let rival = Trust::digest_of(&fs::read(fixture("rival")).unwrap());
    let hex: String = rival.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(error.to_string().contains(&hex), "{error}");
    assert_eq!(host.plugins().len(), 1);
}

/// Trust comes first: what is not trusted is not even parsed.
#[test]
fn trust_comes_before_inspection() {
    let files = Files::new();
    let text = files.write("libtext.so", "text");
    assert!(matches!(Host::new(Trust::none()).load(text), Err(Error::NotTrusted { .. })));
}

#[test]
fn loaded_twice() {
    let host = host();
    host.load(fixture("zoo")).unwrap();
    let files = Files::new();
    let copy = files.write(&library_name("zoo"), zoo());
    let error = host.load(&copy).unwrap_err();
    let Error::AlreadyLoaded { path, name, loaded } = &error else { panic!("{error}") };
    assert_eq!((path, name.as_str(), loaded), (&copy, "zoo", &fixture("zoo")));
    assert_eq!(host.plugins().len(), 1);
    assert_eq!(host.get::<fn(u64, u64) -> u64>("add").unwrap()(1, 2), 3);
}

#[test]
fn that_export_a_name_twice() {
    let error = refused_at_a_look(&fixture("twice"));
    let Error::DuplicateExport { name, first, second, .. } = &error else { panic!("{error}") };
    let mut modules = [first.as_str(), second.as_str()];
    modules.sort_unstable();
    assert_eq!((name.as_str(), modules), ("part", ["parts", "twice"]));
}

/// A renamed file is still the plugin that it was.
#[test]
fn renamed() {
    let files = Files::new();
    let path = files.write("some-other-name.plugin", zoo());
    assert_eq!(host().load(path).unwrap().name(), "zoo");
    // Also if it is now called like a crate that it depends on.
    let path = files.write(&library_name("parts"), fs::read(fixture("assembled")).unwrap());
    let info = inspect(path).unwrap();
    assert_eq!((info.name.as_str(), info.version.as_str()), ("assembled", "0.4.0"));
}

/// The bytes that are mapped are those that were read: the file may change or go while its plugin is loaded.
#[test]
fn replaced_while_it_is_loaded() {
    let files = Files::new();
    let path = files.write(&library_name("zoo"), zoo());
    let (one, two) = (host(), host());
    one.load(&path).unwrap();
    fs::write(&path, vec![0; 1 << 20]).unwrap();
    assert_eq!(one.get::<fn() -> String>("who").unwrap()(), "zoo");
    fs::write(&path, fs::read(fixture("rival")).unwrap()).unwrap();
    assert_eq!(two.load(&path).unwrap().name(), "rival", "not the library that the path had before");
    fs::remove_file(&path).unwrap();
    assert_eq!(one.get::<fn() -> String>("who").unwrap()(), "zoo");
    assert_eq!(two.get::<fn() -> String>("who").unwrap()(), "rival");
}

#[test]
fn in_place() {
    // SAFETY: as in `tests::host`; nobody writes to the fixture while this runs.
    let host = Host::new(unsafe { Trust::any() }).with_mapping(Mapping::InPlace);
    host.load(fixture("rival")).unwrap();
    assert_eq!(host.get::<fn() -> String>("who").unwrap()(), "rival");
    // The system's loader would give a second host the same library, statics and all.
    // SAFETY: as above.
    let second = Host::new(unsafe { Trust::any() }).with_mapping(Mapping::InPlace);
    let error = second.load(fixture("rival")).unwrap_err();
    assert!(matches!(&error, Error::AlreadyMapped { path } if *path == fixture("rival")), "{error}");
    assert_eq!(host.get::<fn() -> String>("who").unwrap()(), "rival");
    // What was digested is not what is mapped in place.
    let digest = Trust::digest_of(&fs::read(fixture("rival")).unwrap());
    // SAFETY: as above.
    let digests = Host::new(unsafe { Trust::digests([digest]) }).with_mapping(Mapping::InPlace);
    assert!(matches!(digests.load(fixture("rival")), Err(Error::NotTrusted { .. })));
    if cfg!(target_os = "linux") {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        assert!(maps.contains(&*fixture("rival").canonicalize().unwrap().to_string_lossy()));
        // Once it is unmapped, it can be loaded again.
        drop(host);
        second.load(fixture("rival")).unwrap();
        assert_eq!(second.get::<fn() -> String>("who").unwrap()(), "rival");
    } else {
        println!("skipped in part: only Linux lists what a process has mapped, and unmaps it");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the bytes, looking at them ends with an answer.
    #[test]
    fn random_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..2000), magic in 0..4_usize) {
        let magics: [&[u8]; 4] = [b"", b"\x7FELF\x02\x01\x01", b"MZ", b"\xCF\xFA\xED\xFE"];
        let files = Files::new();
        let path = files.write("libfuzz.so", [magics[magic], &bytes].concat());
        prop_assert!(inspect(path).is_err());
    }

    #[test]
    fn truncations_are_answered(len in any::<prop::sample::Index>()) {
        let files = Files::new();
        let zoo = zoo();
        let path = files.write("libfuzz.so", &zoo[..len.index(zoo.len())]);
        prop_assert!(inspect(path).is_err());
    }

    /// Flips in the parts of the file that are read: headers, records, symbols, the table.
    #[test]
    fn byte_flips_are_answered(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=u8::MAX), 1..20),
        part in 0..4_usize,
    ) {
        let mut bytes = zoo();
        let find = |mark: &[u8]| bytes.windows(mark.len()).position(|window| window == mark).unwrap();
        let range = match part {
            0 => 0..1024,
            1 => { let start = find(&MARK); start..start + 4096 }
            2 => { let start = find(&MAGIC); start..start + 64 }
            _ => bytes.len() - 4096..bytes.len(),
        };
        for (index, flip) in flips {
            let place = range.start + index.index(range.len());
            bytes[place] ^= flip;
        }
        let files = Files::new();
        _ = inspect(files.write("libfuzz.so", bytes)).map_err(|error| error.to_string());
    }
}
