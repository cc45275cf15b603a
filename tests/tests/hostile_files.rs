//! Files that are made to cost their reader time or memory. The cost grows only as their size does, and has limits.

#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use plugin_host::{Error, Host, Limits, Mapping, PluginInfo, Trust, inspect, inspect_with};
use proptest::prelude::*;
use tempfile::TempDir;
use tests::hostile::{KINDS, Library, export, library, takes, tuple, unit_function, with_records};
use tests::{fixture, host, is_long_run};

fn write(directory: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Inspects and loads a file with these limits, expects the same error from both, and returns it.
fn refused(path: &Path, limits: &Limits) -> Error {
    let error = inspect_with(path, limits).unwrap_err();
    for mapping in [Mapping::Private, Mapping::InPlace] {
        let host = host().with_limits(limits.clone()).with_mapping(mapping);
        assert_eq!(host.load(path).unwrap_err().to_string(), error.to_string());
        assert!(host.plugins().is_empty());
    }
    error
}

/// Inspects a file in a program of its own, perhaps under a tool. Returns the output and the errors of both.
fn look(path: &Path, tool: &[&str]) -> (String, String) {
    let program = env!("CARGO_BIN_EXE_look");
    let mut command = match tool {
        [] => Command::new(program),
        [tool, arguments @ ..] => {
            let mut command = Command::new(tool);
            command.args(arguments).arg(program);
            command
        }
    };
    let output = command.arg(path).output().unwrap();
    let [said, noted] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{}: {said}{noted}", path.display());
    (said, noted)
}

/// Counts the instructions for inspecting a file and writing out everything in it.
fn instructions(path: &Path) -> u64 {
    let (_, noted) = look(path, &["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    let count = noted.lines().find_map(|line| line.split_once("Collected : "));
    count.and_then(|(_, count)| count.trim().parse().ok()).unwrap_or_else(|| panic!("valgrind says:\n{noted}"))
}

/// Runs `check` for each kind of hostile library, two at a time.
fn for_each_kind(check: impl Fn(&'static str) + Sync) {
    let kinds = Mutex::new(KINDS.iter());
    let next = || kinds.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| std::iter::from_fn(next).for_each(|kind| check(kind)));
        }
    });
}

/// The step from two to four times the size adds twice as many instructions as the step from one to two, or a little more
/// where there is sorting. In quadratic time it would add four times as many.
#[test]
fn time_grows_as_the_size() {
    if !Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        println!("skipped: there is no valgrind, which counts instructions");
        return;
    }
    if !is_long_run("the instructions that files take which are made to cost much") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for_each_kind(|kind| {
        let counts = [1, 2, 4].map(|times| {
            instructions(&write(&directory, &format!("{kind}{times}.so"), &library(kind, times * (32 << 10))))
        });
        let (first, second) = (counts[1].saturating_sub(counts[0]), counts[2].saturating_sub(counts[1]));
        println!("{kind:10} {counts:?}");
        assert!(second as f64 <= 2.6 * first as f64 + 50_000.0, "{kind}: {counts:?}");
    });
}

/// An inspection takes a few times the file's size in memory, and for a moment the memory for decoding the longest
/// descriptor.
#[test]
fn memory_grows_as_the_size() {
    const SIZE: usize = 4 << 20;
    const DESCRIPTOR: usize = 40 << 20;
    let directory = tempfile::tempdir().unwrap();
    let little = write(&directory, "little.so", &library("exports", 1000));
    let used = |path: &Path| look(path, &[]).0.trim().parse::<usize>().unwrap() << 10;
    let least = used(&little);
    for_each_kind(|kind| {
        let path = write(&directory, &format!("{kind}.so"), &library(kind, SIZE));
        let used = used(&path).saturating_sub(least);
        println!("{kind:10} {:4.1} times the size", used as f64 / SIZE as f64);
        assert!(used <= 5 * SIZE + DESCRIPTOR, "{kind}: {used} bytes for {SIZE}");
    });
}

/// Each of these files takes a few kilobytes on the disk and claims that one of its parts is 128 MiB long.
#[test]
fn what_a_sparse_file_claims_is_not_read() {
    const CLAIM: u64 = 1 << 27;
    let directory = tempfile::tempdir().unwrap();
    let little = with_records([export("a", "", "", &unit_function())]);
    // The header, and the headers of the sections: none, the names, the symbols, the records, the table.
    let sections = u64::from_le_bytes(little[40..48].try_into().unwrap());
    let length_of = |section: u64| sections + section * 64 + 32;
    let start_of = |section: u64| sections + section * 64 + 24;
    /// Bytes, and their place in the file.
    type Changes<'a> = &'a [(u64, &'a [u8])];
    let claims: [(&str, Changes<'_>); 6] = [
        ("names", &[(length_of(1), &CLAIM.to_le_bytes())]),
        ("symbols", &[(length_of(2), &(CLAIM / 24 * 24).to_le_bytes())]),
        ("records", &[(length_of(3), &CLAIM.to_le_bytes())]),
        // There are so many sections that the first section has their number.
        ("sections", &[(60, &[0, 0]), (length_of(0), &(CLAIM / 64).to_le_bytes())]),
        (
            "segments",
            &[
                (32, &4096_u64.to_le_bytes()),
                (56, &[0xFF, 0xFF]),
                (sections + 44, &((CLAIM / 56) as u32).to_le_bytes()),
            ],
        ),
        // At this point, the symbols have been read.
        (
            "flags",
            &[
                (sections + 4 * 64 + 4, &6_u32.to_le_bytes()),
                (length_of(4), &CLAIM.to_le_bytes()),
                (start_of(4), &[0; 8]),
            ],
        ),
    ];
    for (what, changes) in claims {
        let path = write(&directory, &format!("lib{what}.so"), &little);
        let file = File::options().write(true).open(&path).unwrap();
        changes.iter().for_each(|(at, bytes)| file.write_all_at(bytes, *at).unwrap());
        file.set_len(CLAIM + (1 << 20)).unwrap();
        let error = refused(&path, &Limits::default());
        let (path, limit) = (path.display(), 64 << 20);
        match (what, &error) {
            ("records", Error::SectionTooLarge { .. }) => assert_eq!(
                error.to_string(),
                format!(
                    "the section `.plugin` of `{path}` is too large: {CLAIM} bytes, where at most {limit} are read; allow \
                     more with `Limits::with_section`"
                )
            ),
            (_, Error::SymbolsTooLarge { found, .. }) => {
                assert!((CLAIM - 64..CLAIM + (1 << 20)).contains(found), "{what}: {found}");
                let message = format!(
                    "the headers and symbols of `{path}` are too large: at least {found} bytes, where at most {limit} are \
                     read; allow more with `Limits::with_symbols`"
                );
                assert_eq!(error.to_string(), message);
            }
            _ => panic!("{what}: {error}"),
        }
        let used = look(&directory.path().join(format!("lib{what}.so")), &[]).0.trim().parse::<usize>().unwrap();
        assert!(used < 64 << 10, "{what}: {used} KiB");
    }
}

#[test]
fn each_limit_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let records = ["a", "b"].map(|name| export(name, "", "", &takes(tuple(100, &[4]))));
    let bytes = with_records(records);
    let path = write(&directory, "liblittle.so", &bytes);
    let at = path.display();
    let all = inspect(&path).unwrap();
    assert_eq!(all.exports.len(), 2);

    let length = bytes.len() as u64;
    let limits = Limits::default();
    let cases = [
        (
            limits.clone().with_file(length - 1),
            format!(
                "`{at}` is too large: at least {length} bytes, where at most {} are read; allow more with \
                 `Limits::with_file`",
                length - 1
            ),
        ),
        (
            limits.clone().with_exports(1),
            format!(
                "`{at}` has too many exports and hooks: 2, where at most 1 are read; allow more with \
                 `Limits::with_exports`"
            ),
        ),
        (
            limits.clone().with_descriptor(118),
            format!(
                "the type of `a` in `{at}` is too large: 119 bytes, where at most 118 are read; allow more with \
                 `Limits::with_descriptor`"
            ),
        ),
        (
            limits.clone().with_symbols(100),
            format!(
                "the headers and symbols of `{at}` are too large: at least {length} bytes, where at most 100 are read; \
                 allow more with `Limits::with_symbols`"
            ),
        ),
    ];
    // The whole file is one block, which is read at once.
    assert!(length < 4096);
    for (limits, message) in cases {
        assert_eq!(refused(&path, &limits).to_string(), message);
    }
    let exact = limits.with_file(length).with_exports(2).with_descriptor(119).with_symbols(length);
    assert_eq!(inspect_with(&path, &exact).unwrap(), all);
    let Err(Error::SectionTooLarge { found, limit: 10, .. }) = inspect_with(&path, &exact.clone().with_section(10))
    else {
        panic!("it has more than ten bytes of records");
    };
    inspect_with(&path, &exact.clone().with_section(found)).unwrap();
    assert!(inspect_with(&path, &exact.with_section(found - 1)).is_err());
}

/// The plugins that compilers make are far below each limit.
#[test]
fn real_plugins_meet_no_limit() {
    for name in ["zoo", "zoo-apart", "rival"] {
        let path = fixture(name);
        let length = fs::metadata(&path).unwrap().len();
        let few =
            Limits::default().with_symbols(1 << 20).with_section(1 << 20).with_exports(2_000).with_descriptor(1 << 14);
        inspect_with(&path, &few.with_file(length)).unwrap_or_else(|error| panic!("{error}"));
    }
    let many = (0..50_000).map(|place| export(&format!("function_{place}"), " Does something.", "a", &unit_function()));
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(inspect(write(&directory, "libmany.so", &with_records(many))).unwrap().exports.len(), 50_000);
}

/// The host reports this file's length as an error once it begins to read the file.
#[test]
fn trust_that_needs_no_bytes_is_asked_before_the_file_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(&directory, "liblarge.so", b"\x7FELF");
    File::options().write(true).open(&path).unwrap().set_len(3 << 30).unwrap();
    let not_trusted = |trust| Host::new(trust).with_mapping(Mapping::InPlace).load(&path).unwrap_err();
    assert!(matches!(Host::new(Trust::none()).load(&path), Err(Error::NotTrusted { .. })));
    assert!(matches!(not_trusted(Trust::none()), Error::NotTrusted { .. }));
    // SAFETY: no file has this digest, so such a host loads none.
    assert!(matches!(not_trusted(unsafe { Trust::digests([[0; 32].into()]) }), Error::NotTrusted { .. }));
    // SAFETY: no file has this digest, so this host loads none.
    let by_digest = Host::new(unsafe { Trust::digests([[0; 32].into()]) });
    assert!(matches!(by_digest.load(&path), Err(Error::FileTooLarge { .. })));
    // A missing file is an error without any trust.
    assert!(matches!(Host::new(Trust::none()).load("/nonexistent/a.so"), Err(Error::NotFound { .. })));
    assert!(matches!(Host::new(Trust::none()).load(directory.path()), Err(Error::IsDirectory { .. })));
}

/// Tables with many references to the same bytes.
#[test]
fn files_whose_contents_multiply_are_limited() {
    let directory = tempfile::tempdir().unwrap();
    let mut library = Library::new();
    let name = library.name(b".plugin");
    (0..40_000).for_each(|_| library.section(name, 1, 0, 0..4096));
    let error = refused(&write(&directory, "libsections.so", &library.bytes()), &Limits::default());
    assert!(matches!(&error, Error::Damaged { problem, .. } if problem.contains("several sections")), "{error}");
    let mut library = Library::new();
    let name = library.name(&vec![b'a'; 1 << 20]);
    (0..2_000).for_each(|_| library.symbol(name, 0, 0));
    let error = refused(&write(&directory, "libsymbols.so", &library.bytes()), &Limits::default());
    assert!(matches!(error, Error::NotAPlugin { .. }), "{error}");
    // Each line is one byte long, and becomes a text.
    let lines = "\n".repeat(10_000);
    let PluginInfo { exports, .. } =
        inspect(write(&directory, "liblines.so", &with_records([export("a", &lines, &lines, &unit_function())])))
            .unwrap();
    assert_eq!((exports[0].docs.len(), exports[0].arguments.len()), (9_999, 255));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Changes a few numbers in a small library: in its headers, names, symbols, records or descriptors. The inspection
    /// ends with an answer, and everything in the library can be written out.
    #[test]
    fn changed_numbers_are_answered(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize, any::<u64>(), 0..6_usize), 1..6),
        kind in prop::sample::select(KINDS.to_vec()),
    ) {
        let mut bytes = library(kind, 4000);
        for (place, width, number, which) in changes {
            let width = 1 << width;
            let place = place.index(bytes.len() - width);
            let length = bytes.len() as u64;
            let number = [number, u64::MAX, 0, length, length - 1, number % (2 * length)][which];
            bytes[place..place + width].copy_from_slice(&number.to_le_bytes()[..width]);
        }
        let directory = tempfile::tempdir().unwrap();
        match inspect(write(&directory, "libfuzz.so", &bytes)) {
            Err(error) => assert!(!error.to_string().is_empty()),
            Ok(info) => {
                for export in &info.exports {
                    assert!(!export.to_string().is_empty());
                    assert_eq!(export.signature, export.signature.clone());
                    assert!(export.signature.definitions().len() <= 256);
                }
            }
        }
    }
}
