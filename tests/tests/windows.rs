//! The behaviour that only Windows has: its loader finds files in another way, and a mapped file cannot be deleted.
#![cfg(windows)]

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader};
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use plugin_host::{Error, Host, Mapping, Trust};
use tests::{fixture, host};

fn host_in_place() -> Host {
    // SAFETY: the tests have this host load only fixtures that they have built, and no code writes to the files while they are
    // loaded.
    Host::new(unsafe { Trust::any() }).with_mapping(Mapping::InPlace)
}

/// A process that has loaded a plugin and waits.
struct Loader(Child);

/// A variable that is set in such a process.
const IS_LOADER: &str = "PLUGIN_TEST_IS_LOADER";

impl Loader {
    fn start(temporary: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "copies_of_ended_processes_are_deleted", "--nocapture"])
            .env("TMP", temporary)
            .env(IS_LOADER, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().ends_with("loaded")));
        Loader(child)
    }

    fn run() {
        let host = host();
        host.load(fixture("rival")).unwrap();
        println!("loaded");
        std::io::stdin().read_line(&mut String::new()).unwrap();
        assert_eq!(host.get::<fn() -> String>("who").unwrap()(), "rival");
    }

    fn end(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

#[test]
fn copies_of_ended_processes_are_deleted() {
    if std::env::var_os(IS_LOADER).is_some() {
        return Loader::run();
    }
    let temporary = tempfile::tempdir().unwrap();
    let names = || {
        let entries = fs::read_dir(&temporary).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    fs::write(temporary.path().join("somebody-elses.dll"), "").unwrap();
    let one = Loader::start(temporary.path());
    let [copy_of_one, _] = &*names() else { panic!("{:?}", names()) };
    assert!(copy_of_one.starts_with("plugin-host-copy-") && copy_of_one.ends_with("-rival.dll"), "{copy_of_one}");
    fs::remove_file(temporary.path().join(copy_of_one)).expect_err("it is mapped");
    let two = Loader::start(temporary.path());
    assert_eq!(names().len(), 3, "each has its own");
    one.end();
    assert_eq!(names().len(), 3, "a process leaves its own behind");
    let three = Loader::start(temporary.path());
    assert_eq!(names().len(), 3, "that of the first is gone, that of the third has come");
    assert!(!names().contains(copy_of_one));
    assert!(names().contains(&"somebody-elses.dll".to_owned()));
    two.end();
    three.end();
}

#[test]
fn a_file_needs_no_extension() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("no").join("..").join("plugin");
    fs::create_dir(directory.path().join("no")).unwrap();
    fs::copy(fixture("rival"), &path).unwrap();
    let with_slashes = path.to_str().unwrap().replace('\\', "/");
    for host in [host(), host_in_place()] {
        assert_eq!(host.load(&with_slashes).unwrap().name(), "rival");
    }
}

#[test]
fn a_needed_library_is_found_beside_the_plugin_in_place_or_reported() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("needy.dll");
    fs::copy(fixture("needy"), &path).unwrap();
    let refused = |host: Host| {
        let error = host.load(&path).unwrap_err();
        assert!(matches!(error, Error::Map { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("a library that it needs is not found"), "{text}");
        assert!(text.contains(&path.display().to_string()), "{text}");
    };
    refused(host());
    refused(host_in_place());
    fs::copy(fixture("plain"), directory.path().join("needed.dll")).unwrap();
    refused(host());
    let host = host_in_place();
    host.load(&path).unwrap();
    assert_eq!(host.get::<fn() -> u32>("ask").unwrap()(), 42);
}

#[test]
fn a_file_that_is_locked_cannot_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("locked.dll");
    fs::copy(fixture("rival"), &path).unwrap();
    let _locked = OpenOptions::new().read(true).share_mode(0).open(&path).unwrap();
    assert!(matches!(host().load(&path), Err(Error::Read { path: at, .. }) if at == path));
}
