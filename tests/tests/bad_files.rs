//! Files that are not plugins, or not any more. Each has its own error, and none is half loaded.

use std::fs;
use std::path::{Path, PathBuf};

use plugin_core::host::record::MARK;
use plugin_core::host::table::{ABI_VERSION, MAGIC, TABLE_SYMBOL, TABLE_V1_SIZE};
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

/// Loads a file that cannot be loaded. Checks that the host is unchanged, and that the message names the file.
fn refused(path: &Path) -> Error {
    let host = host();
    let error = host.load(path).unwrap_err();
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    assert!(host.plugins().is_empty());
    host.load(fixture("rival")).unwrap();
    error
}

/// Does the same, and checks that inspecting the file and loading it in place give the same error. Loading in place
/// reads as little of the file as the inspection.
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

/// Replaces `right` by `wrong` if it stands `after` bytes past a `mark`. Returns the number of changes.
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
fn a_missing_file_is_refused() {
    let error = refused_at_a_look(Path::new("/nonexistent/libplugin.so"));
    assert!(matches!(&error, Error::NotFound { tried, .. } if *tried == [Path::new("/nonexistent/libplugin.so")]));
}

#[test]
fn a_directory_is_refused() {
    let files = Files::new();
    assert!(matches!(refused_at_a_look(files.0.path()), Error::IsDirectory { .. }));
}

#[test]
fn an_empty_file_is_refused() {
    let files = Files::new();
    assert!(matches!(refused_at_a_look(&files.write("libempty.so", "")), Error::Empty { .. }));
}

#[test]
fn a_text_file_is_refused() {
    let files = Files::new();
    let error = refused_at_a_look(&files.write("libtext.so", "Hello, I am a plugin.\n"));
    assert!(matches!(&error, Error::NotALibrary { found, .. } if found == "a text file"), "{error}");
    assert!(error.to_string().contains("cdylib"), "{error}");
}

#[test]
fn files_of_other_formats_are_refused() {
    let files = Files::new();
    let error = refused_at_a_look(&files.write("liba.rlib", b"!<arch>\n"));
    assert!(matches!(&error, Error::NotALibrary { found, .. } if found.contains("archive")), "{error}");
    let error = refused_at_a_look(&files.write("random", [0xFF, 0xFE, 0x00, 0x80, 0x99]));
    assert!(matches!(&error, Error::NotALibrary { .. }), "{error}");
}

/// Reading from a pipe would wait for ever.
#[cfg(unix)]
#[test]
fn a_pipe_is_refused() {
    let files = Files::new();
    let path = files.0.path().join("pipe");
    let name = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
    // SAFETY: the path ends with NUL.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    assert!(matches!(refused_at_a_look(&path), Error::NotAFile { .. }));
    assert!(matches!(refused_at_a_look(Path::new("/dev/zero")), Error::NotAFile { .. }));
}

/// The host finds out the kind of these files without opening them, because opening could wait or have effects.
#[cfg(unix)]
#[test]
fn sockets_and_devices_are_refused_unopened() {
    let files = Files::new();
    let path = files.0.path().join("socket");
    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(matches!(refused_at_a_look(&path), Error::NotAFile { .. }));
    // Opening the first creates a terminal, and opening the second can take control of the process.
    for device in ["/dev/ptmx", "/dev/tty", "/dev/null"] {
        let link = files.0.path().join("link");
        std::os::unix::fs::symlink(device, &link).unwrap();
        let host = Host::new(Trust::none());
        assert!(matches!(host.load(&link), Err(Error::NotAFile { path, .. }) if path == link), "{device}");
        fs::remove_file(link).unwrap();
    }
}

/// If a process holds a lease on a file, other processes wait in `open` until that process gives up the lease.
#[cfg(target_os = "linux")]
#[test]
fn a_leased_file_is_not_waited_for() {
    use std::os::fd::AsRawFd as _;

    let files = Files::new();
    let path = files.write("libleased.so", zoo());
    let file = fs::File::options().write(true).open(&path).unwrap();
    // SAFETY: `signal` and `fcntl` get numbers and touch no memory of this process. `file` is open. With `SIG_IGN`, the
    // kernel's signal to the holder of a lease calls nothing.
    let leased = unsafe {
        libc::signal(libc::SIGIO, libc::SIG_IGN) != libc::SIG_ERR
            && libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_WRLCK) == 0
    };
    if !leased {
        println!("skipped: {}", std::io::Error::last_os_error());
        return;
    }
    let start = std::time::Instant::now();
    let error = host().load(&path).unwrap_err();
    assert!(matches!(&error, Error::Read { source, .. } if source.kind() == std::io::ErrorKind::WouldBlock), "{error}");
    // Waiting would take 45 seconds.
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
    drop(file);
    host().load(&path).unwrap();
}

/// The first file has no end. A read of the second file waits for a message of the kernel.
#[cfg(target_os = "linux")]
#[test]
fn files_without_a_known_length_are_refused() {
    for path in ["/proc/self/pagemap", "/proc/kmsg"] {
        match host().load(path).unwrap_err() {
            Error::NotALibrary { path: refused, .. } => assert_eq!(refused, Path::new(path)),
            Error::Read { source, .. } => {
                let kind = source.kind();
                assert!(
                    matches!(kind, std::io::ErrorKind::WouldBlock | std::io::ErrorKind::PermissionDenied),
                    "{source}"
                );
            }
            Error::NotFound { .. } => println!("skipped in part: there is no {path}"),
            other => panic!("{other}"),
        }
        assert!(matches!(
            Host::new(Trust::none()).load(path),
            Err(Error::NotTrusted { .. } | Error::Read { .. } | Error::NotFound { .. })
        ));
        assert!(inspect(path).is_err());
    }
}

/// Writing to a file while it is read cannot make the host run bytes that it does not trust.
#[test]
fn a_file_that_changes_during_the_load_never_runs_untrusted_bytes() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let files = Files::new();
    let (zoo, rival) = (zoo(), fs::read(fixture("rival")).unwrap());
    let path = files.write(&library_name("either"), &zoo);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                fs::write(&path, &rival).unwrap();
                fs::write(&path, &zoo).unwrap();
            }
        });
        for _ in 0..tests::rounds(100) {
            // SAFETY: the file with this digest is a fixture that the test has built.
            let host = Host::new(unsafe { Trust::digests([Trust::digest_of(&zoo)]) });
            match host.load(&path) {
                Ok(plugin) => assert_eq!(plugin.name(), "zoo"),
                Err(Error::NotTrusted { .. } | Error::Changed { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// Loads the zoo in a separate program while the kernel denies something to that program. Returns the program's output.
#[cfg(target_os = "linux")]
fn denied(what: &str) -> String {
    denied_for(what, &fixture("zoo"))
}

/// Loads another file in the same way.
#[cfg(target_os = "linux")]
fn denied_for(what: &str, file: &Path) -> String {
    let directory = tempfile::tempdir().unwrap();
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_denied"));
    let output = program.arg(what).arg(file).env("TMPDIR", directory.path()).output().unwrap();
    let noted = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {}: {noted}", output.status);
    String::from_utf8_lossy(&output.stdout).replace(&*file.to_string_lossy(), "ZOO")
}

#[cfg(target_os = "linux")]
#[test]
fn without_sealing_the_copy_is_a_private_file_and_an_event() {
    let sealed = "add: 42
mapped: /memfd:libzoo.so (deleted)
left in the directory for temporary files while it is loaded: 0
open for both, mode 777, 0 links
unload: unmapped
left in the directory for temporary files: 0
";
    assert_eq!(denied("nothing"), sealed);
    let cases = [
        ("memory", "a file in memory cannot be made: Operation not permitted (os error 1)"),
        ("memory-unknown", "a file in memory cannot be made: Function not implemented (os error 38)"),
        ("sealing", "a file in memory cannot be sealed: Operation not permitted (os error 1)"),
        ("code", "a file in memory cannot be mapped as code: Permission denied (os error 13)"),
    ];
    for (what, reason) in cases {
        // The copy has no name when it is mapped, and only its user could open it while it had one.
        let copied = format!(
            "event: `ZOO` is copied to a temporary file, because it cannot be kept in sealed memory: {reason}
add: 42
mapped: TEMP/RANDOM/libzoo.so (deleted)
left in the directory for temporary files while it is loaded: 0
open for reading, mode 600, 0 links
unload: unmapped
left in the directory for temporary files: 0
"
        );
        assert_eq!(denied(what), copied, "{what}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn without_room_for_a_private_copy_a_load_fails() {
    assert_eq!(
        denied("room"),
        "error: cannot read `ZOO`: Cannot allocate memory (os error 12)\nbecause: Cannot allocate memory (os error 12)\n"
    );
    assert_eq!(
        denied("descriptors"),
        "error: cannot load `ZOO`: this process can open no more files (Too many open files (os error 24)); each loaded \
         plugin keeps one open: allow more with `ulimit -n`\nbecause: Too many open files (os error 24)\n"
    );
    let reason = "its private copy would be longer than a file that this process may write (`ulimit -f`)";
    let too_long = format!("error: cannot read `ZOO`: {reason}\nbecause: {reason}\n");
    assert_eq!(denied("length"), too_long);
    assert_eq!(denied("memory+length"), too_long);
    // Also a file that does not know its length and begins as a library does. The arguments of a process are such a
    // file.
    let mut child = {
        use std::os::unix::process::CommandExt as _;
        // A shell that waits for a line.
        let mut shell = std::process::Command::new("sh");
        shell.arg0("\x7FELF").args(["-c", "read line", &"a".repeat(5000)]);
        shell.stdin(std::process::Stdio::piped()).spawn().unwrap()
    };
    let arguments = format!("/proc/{}/cmdline", child.id());
    let arguments = Path::new(&arguments);
    // A process that has just started has no arguments yet.
    while fs::read(arguments).unwrap().is_empty() {
        std::thread::yield_now();
    }
    let unknown = ["length", "memory+length"].map(|what| denied_for(what, arguments));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(unknown, [&*too_long; 2]);
    let without = denied("proc");
    if without.starts_with("skipped: ") {
        println!("{without}");
        return;
    }
    assert_eq!(
        without,
        "error: the system cannot map `ZOO`: its private copy is opened through `/proc/self/fd`, and there is no `/proc`; \
         mount that, or use `Mapping::InPlace`\n"
    );
}

/// A position-independent program has the same file kind as a library.
#[test]
fn a_program_is_refused() {
    for program in [Path::new(env!("CARGO_BIN_EXE_denied")), &std::env::current_exe().unwrap()] {
        let error = refused_at_a_look(program);
        assert!(matches!(&error, Error::NotALibrary { found, .. } if found == "a program"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let files = Files::new();
    let path = files.write("libsecret.so", zoo());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // SAFETY: the function has no effect and cannot fail.
    if unsafe { libc::geteuid() } == 0 {
        println!("skipped: the superuser reads every file");
        return;
    }
    assert!(matches!(refused_at_a_look(&path), Error::Read { .. }));
}

#[test]
fn a_truncated_library_is_refused() {
    let files = Files::new();
    let zoo = zoo();
    for len in [3, 5, 16, 63, 64, 200, zoo.len() / 4, zoo.len() / 2, zoo.len() - 1] {
        let error = refused_at_a_look(&files.write("libtruncated.so", &zoo[..len]));
        assert!(matches!(error, Error::Damaged { .. }), "{len}: {error}");
    }
}

#[test]
fn a_library_of_another_architecture_is_refused() {
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
fn a_library_of_another_system_is_refused() {
    let files = Files::new();
    // The smallest PE file with all headers. It has no section and no symbol.
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
fn a_library_without_a_table_is_refused() {
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
fn a_table_of_another_abi_version_is_refused() {
    let files = Files::new();
    let (right, wrong) = (ABI_VERSION.to_ne_bytes(), 7_u32.to_ne_bytes());
    // The version in the records, and the version in the table.
    let mut bytes = zoo();
    let build_record_abi = MARK.len() + 4 + 1 + 4;
    assert!(patch(&mut bytes, &MARK, build_record_abi, &right, &wrong) >= 1);
    let error = refused_at_a_look(&files.write("libold.so", &bytes));
    assert!(matches!(error, Error::AbiVersion { expected: ABI_VERSION, found: 7, .. }), "{error}");
    let mut bytes = zoo();
    assert_eq!(patch(&mut bytes, &MAGIC, MAGIC.len(), &right, &wrong), 1);
    let error = refused_at_a_look(&files.write("libold.so", &bytes));
    assert!(matches!(error, Error::AbiVersion { expected: ABI_VERSION, found: 7, .. }), "{error}");
    // The version in the name of the table's symbol.
    let mut bytes = zoo();
    let renamed = TABLE_SYMBOL.replace("_v2", "_v9");
    assert!(patch(&mut bytes, TABLE_SYMBOL.as_bytes(), 0, TABLE_SYMBOL.as_bytes(), renamed.as_bytes()) >= 1);
    let error = refused_at_a_look(&files.write("libnew.so", &bytes));
    assert!(matches!(error, Error::AbiVersion { expected: ABI_VERSION, found: 9, .. }), "{error}");
}

#[test]
fn a_table_that_is_too_short_is_refused() {
    let files = Files::new();
    let size = TABLE_V1_SIZE as u32;
    let shorter = (size - 8).to_ne_bytes();
    // More bytes than a sanitizer adds behind a static.
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
        // The header promises more bytes than the table has.
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
fn a_file_without_trust_is_refused() {
    let zoo = fixture("zoo");
    let error = Host::new(Trust::none()).load(&zoo).unwrap_err();
    assert!(matches!(&error, Error::NotTrusted { path, .. } if *path == zoo), "{error}");

    let digest = Trust::digest_of(&fs::read(&zoo).unwrap());
    // SAFETY: the file with this digest is a fixture that the test has built.
    let host = Host::new(unsafe { Trust::digests([digest]) });
    host.load(&zoo).unwrap();
    let error = host.load(fixture("rival")).unwrap_err();
    let rival = Trust::digest_of(&fs::read(fixture("rival")).unwrap());
    assert!(error.to_string().contains(&rival.to_string()), "{error}");
    assert_eq!(host.plugins().len(), 1);
}

/// The host asks the trust first, and does not even parse a file without trust.
#[test]
fn trust_comes_before_inspection() {
    let files = Files::new();
    let text = files.write("libtext.so", "text");
    assert!(matches!(Host::new(Trust::none()).load(text), Err(Error::NotTrusted { .. })));
}

#[test]
fn a_second_plugin_of_one_name_is_refused() {
    let host = host();
    host.load(fixture("zoo")).unwrap();
    let files = Files::new();
    let copy = files.write(&library_name("zoo"), zoo());
    let error = host.load(&copy).unwrap_err();
    let Error::AlreadyLoaded { path, name, loaded, .. } = &error else { panic!("{error}") };
    assert_eq!((path, name.as_str(), loaded), (&copy, "zoo", &fixture("zoo")));
    assert_eq!(host.plugins().len(), 1);
    assert_eq!(host.get::<fn(u64, u64) -> u64>("add").unwrap()(1, 2), 3);
}

#[test]
fn a_library_that_exports_a_name_twice_is_refused() {
    let error = refused_at_a_look(&fixture("twice"));
    let Error::DuplicateExport { name, first, second, .. } = &error else { panic!("{error}") };
    let mut modules = [first.as_str(), second.as_str()];
    modules.sort_unstable();
    assert_eq!((name.as_str(), modules), ("part", ["parts", "twice"]));
}

/// A renamed file is still the same plugin.
#[test]
fn a_renamed_file_is_the_same_plugin() {
    let files = Files::new();
    let path = files.write("some-other-name.plugin", zoo());
    assert_eq!(host().load(path).unwrap().name(), "zoo");
    // Also under the name of a crate that the plugin depends on.
    let path = files.write(&library_name("parts"), fs::read(fixture("assembled")).unwrap());
    let info = inspect(path).unwrap();
    assert_eq!((info.name.as_str(), info.version.as_str()), ("assembled", "0.4.0"));
}

/// The host maps the bytes that it has read, so the file may change or be deleted while its plugin is loaded.
#[test]
fn a_file_may_be_replaced_while_its_plugin_is_loaded() {
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
fn a_library_is_mapped_in_place_by_one_host_and_without_digests() {
    // SAFETY: this host loads only a fixture that the test has built. No code writes to the fixture while this test runs.
    let host = Host::new(unsafe { Trust::any() }).with_mapping(Mapping::InPlace);
    host.load(fixture("rival")).unwrap();
    assert_eq!(host.get::<fn() -> String>("who").unwrap()(), "rival");
    // The loader would give a second host the same library, with the same statics.
    // SAFETY: this host is asked for the same fixture only.
    let second = Host::new(unsafe { Trust::any() }).with_mapping(Mapping::InPlace);
    let error = second.load(fixture("rival")).unwrap_err();
    assert!(matches!(&error, Error::AlreadyMapped { path, .. } if *path == fixture("rival")), "{error}");
    assert_eq!(host.get::<fn() -> String>("who").unwrap()(), "rival");
    // The digest is of bytes that were read, and the loader would map other bytes in place.
    let digest = Trust::digest_of(&fs::read(fixture("rival")).unwrap());
    // SAFETY: the file with this digest is that fixture.
    let digests = Host::new(unsafe { Trust::digests([digest]) }).with_mapping(Mapping::InPlace);
    assert!(matches!(digests.load(fixture("rival")), Err(Error::NotTrusted { .. })));
    if cfg!(target_os = "linux") {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        assert!(maps.contains(&*fixture("rival").canonicalize().unwrap().to_string_lossy()));
        // Once the library is unmapped, it can be loaded again.
        drop(host);
        second.load(fixture("rival")).unwrap();
        assert_eq!(second.get::<fn() -> String>("who").unwrap()(), "rival");
    } else {
        println!("skipped in part: only Linux lists what a process has mapped, and unmaps it");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The inspection of any bytes ends with an answer.
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

    /// Flips bits in the parts of the file that the host reads: headers, records, symbols, the table.
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
