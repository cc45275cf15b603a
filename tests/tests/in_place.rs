//! Files that are mapped in place, and are replaced while they are mapped.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plugin_host::{Error, Host, Mapping, Unload};
use tests::versions::{copies_mapped, replace, version_of};
use tests::{LONG, fixture, host, library_name, variant, wait_until};

/// A file of the fixture `upgrades`, in a directory of its own.
struct File {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl File {
    fn new(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(library_name(name));
        fs::write(&path, version(1)).unwrap();
        File { _directory: directory, path }
    }

    fn is_mapped(&self, text: &str) -> bool {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        maps.lines().any(|line| line.contains(&*self.path.to_string_lossy()) && line.contains(text))
    }
}

fn version(number: u64) -> Vec<u8> {
    version_of(&fixture("upgrades"), number, "serve")
}

fn in_place() -> Host {
    host().with_mapping(Mapping::InPlace)
}

fn serves(host: &Host) -> u64 {
    host.get::<fn() -> u64>("version").unwrap()()
}

/// Only on Linux can a mapped file be replaced, and only there does the loader take another spelling of a path for
/// another file.
fn is_skipped() -> bool {
    let skipped = !cfg!(target_os = "linux");
    if skipped {
        println!("skipped: only Linux is known to load a file that was renamed over one that is mapped");
    }
    skipped
}

#[test]
fn each_file_that_was_at_a_path_is_a_library_of_its_own() {
    if is_skipped() {
        return;
    }
    let file = File::new("in-place-hosts");
    let mut hosts = Vec::new();
    for number in 1..=5 {
        let host = in_place();
        host.load(&file.path).unwrap();
        hosts.push(host);
        replace(&file.path, &version(number + 1));
    }
    for (host, number) in hosts.iter().zip(1..) {
        assert_eq!(serves(host), number);
    }
    // The newest file is loaded only once at a time, under any spelling of its path.
    _ = hosts[0].unload("upgrades", LONG).unwrap();
    hosts[0].load(&file.path).unwrap();
    assert_eq!(serves(&hosts[0]), 6);
    for path in [file.path.clone(), file.path.parent().unwrap().join(".").join(file.path.file_name().unwrap())] {
        assert!(matches!(in_place().load(path), Err(Error::AlreadyMapped { .. })));
    }
    for host in hosts {
        host.close(LONG);
    }
    if cfg!(target_env = "gnu") {
        assert!(!file.is_mapped(""));
        let host = in_place();
        host.load(&file.path).unwrap();
        assert_eq!(serves(&host), 6);
        assert!(!file.is_mapped("deleted"));
    }
}

#[test]
fn reload_and_watch_follow_a_file_that_is_renamed_into_place() {
    if is_skipped() {
        return;
    }
    let file = File::new("in-place-reload");
    let told = Arc::new(Mutex::new(Vec::new()));
    let host = {
        let told = told.clone();
        in_place()
            .with_watch_quiet(Duration::from_millis(60))
            .with_event_handler(move |event| told.lock().unwrap().push(event.to_string()))
    };
    host.load(&file.path).unwrap();
    let live = host.live::<fn() -> u64>("version").unwrap();
    for number in 2..=5 {
        replace(&file.path, &version(number));
        assert_eq!(host.reload("upgrades").unwrap().revision(), number);
        assert_eq!(live(), number);
    }
    let _watch = host.watch("upgrades").unwrap();
    for number in 6..=8 {
        replace(&file.path, &version(number));
        wait_until("the next version serves", || live() == number);
    }
    assert!(!told.lock().unwrap().iter().any(|told| told.contains("not upgraded")), "{:?}", told.lock().unwrap());
    drop(live);
    wait_until("old versions are gone", || host.draining().is_empty());
    if cfg!(target_env = "gnu") {
        wait_until(&format!("old versions are unmapped; {:?}", told.lock().unwrap()), || !file.is_mapped("deleted"));
        assert_eq!(host.unload("upgrades", LONG).unwrap(), Unload::Unmapped);
        assert!(!file.is_mapped(""));
    }
}

/// The error does not say that the old file is still mapped.
#[test]
fn the_real_problem_of_the_next_version_is_told() {
    if is_skipped() {
        return;
    }
    let file = File::new("in-place-problem");
    let host = in_place();
    host.load(&file.path).unwrap();
    let handle = host.get::<fn(&str) -> String>("greet").unwrap();
    let refused = |bytes: &[u8]| {
        replace(&file.path, bytes);
        let error = host.reload("upgrades").unwrap_err();
        assert_eq!((handle("World"), serves(&host)), ("Hello, World!".to_owned(), 1));
        error
    };
    let next = |path: &Path| fs::read(path).unwrap();
    let error = refused(&next(&variant("upgrades", "other-state")));
    assert!(matches!(error, Error::StateMismatch { .. }), "{error}");
    for lacks in ["changed", "lacking"] {
        let error = refused(&next(&variant("upgrades", lacks)));
        assert!(matches!(error, Error::InUse { .. }), "{error}");
    }
    let error = refused(&next(&fixture("plain")));
    assert!(matches!(error, Error::NotAPlugin { .. }), "{error}");
    let error = refused(b"no library");
    assert!(matches!(error, Error::NotALibrary { .. }), "{error}");
    let error = refused(&next(&fixture("rival")));
    assert!(matches!(error, Error::OtherPlugin { .. }), "{error}");
    replace(&file.path, &version(2));
    host.reload("upgrades").unwrap();
    assert_eq!(serves(&host), 2);
}

/// A write changes the bytes of the mapped library, so the file has no other library.
#[test]
fn a_file_that_is_written_to_is_the_same_library() {
    let file = File::new("in-place-written");
    let host = in_place();
    host.load(&file.path).unwrap();
    if !cfg!(windows) {
        // The same bytes, because the library runs from them.
        OpenOptions::new().write(true).open(&file.path).unwrap().write_all(&version(1)).unwrap();
    }
    let error = host.reload("upgrades").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "`{}` is mapped in place already, and the system would give the same library again; rename the next version \
             over it rather than writing to it, or load it with `Mapping::Private`",
            file.path.display()
        )
    );
    assert_eq!(serves(&host), 1);
    assert_ne!(copies_mapped("in-place-written"), Some(0));
}
