//! Watching: the changes of a file that upgrade its plugin, the time of the upgrade, and the events for other changes.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plugin_core::plugin_export;
use plugin_host::{Error, Event, Host, Live, Watch};
use tests::versions::{replace, version_of};
use tests::{LONG, fixture, host, library_name, wait_until};

/// The quiet time before an upgrade. Writes that must count as one change have shorter pauses, and others have longer
/// ones.
const QUIET: Duration = Duration::from_millis(60);

/// The time in which nothing must happen.
const A_WHILE: Duration = Duration::from_millis(600);

/// All events, except those about unmapped versions.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn host(&self, patience: Duration) -> Host {
        let told = self.clone();
        host().with_watch_quiet(QUIET).with_watch_patience(patience).with_event_handler(move |event| {
            if !matches!(event, Event::Retired { .. }) {
                told.0.lock().unwrap().push(event.to_string());
            }
        })
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn failures(&self) -> Vec<String> {
        self.all().into_iter().filter(|event| event.contains("is not upgraded")).collect()
    }
}

/// A plugin that is loaded from a file of its own, and that file.
struct Watched {
    host: Host,
    told: Told,
    directory: tempfile::TempDir,
    file: PathBuf,
    edition: Live<fn() -> String>,
}

impl Watched {
    fn new(patience: Duration) -> (Self, Watch) {
        let watched = Self::loaded(patience);
        let watch = watched.host.watch("leaver").unwrap();
        (watched, watch)
    }

    fn loaded(patience: Duration) -> Self {
        let told = Told::default();
        let host = told.host(patience);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(library_name("watched"));
        fs::write(&file, version(1)).unwrap();
        host.load(&file).unwrap();
        let edition = host.live("edition").unwrap();
        Watched { host, told, directory, file, edition }
    }

    /// The number of the version that serves.
    fn serves(&self) -> usize {
        number(&(self.edition)())
    }

    fn revision(&self) -> u64 {
        self.host.plugin("leaver").unwrap().revision()
    }

    /// Waits until that version serves, after that many upgrades.
    fn wait_for(&self, version: usize, revision: u64) {
        wait_until(&format!("version {version} serves; {:?}", self.told.all()), || self.serves() == version);
        wait_until("it is told", || self.told.all().len() as u64 >= revision - 1);
        assert_eq!(self.revision(), revision, "{:?}", self.told.all());
    }

    fn replace(&self, bytes: &[u8]) {
        replace(&self.file, bytes);
    }
}

/// The fixture's library with this number, as if its source had the number.
fn version(number: usize) -> Vec<u8> {
    let mut bytes = fs::read(fixture("leaver")).unwrap();
    let text = format!("library that is called the {number:03}");
    tests::rewrite(&mut bytes, &[("library that is called the 1st", &text)]);
    bytes
}

fn number(edition: &str) -> usize {
    edition[edition.len() - 3..].parse().unwrap()
}

#[test]
fn a_file_that_is_replaced_upgrades() {
    let (watched, _watch) = Watched::new(LONG);
    assert_eq!(watched.serves(), 1);
    for n in 2..5 {
        watched.replace(&version(n));
        watched.wait_for(n, n as u64);
    }
    // Some builds replace a file in this way.
    for n in 5..7 {
        fs::remove_file(&watched.file).unwrap();
        std::thread::sleep(3 * QUIET);
        fs::write(&watched.file, version(n)).unwrap();
        watched.wait_for(n, n as u64);
    }
    std::thread::sleep(A_WHILE);
    assert_eq!(watched.revision(), 6);
    assert_eq!(watched.told.failures(), [""; 0]);
}

#[test]
fn a_file_that_is_written_in_pieces_upgrades_once_it_is_complete() {
    let (watched, _watch) = Watched::new(LONG);
    let bytes = version(2);
    let mut file = File::create(&watched.file).unwrap();
    for piece in bytes.chunks(bytes.len() / 4 + 1) {
        std::thread::sleep(4 * QUIET);
        assert_eq!(watched.told.all(), [""; 0]);
        file.write_all(piece).unwrap();
        file.flush().unwrap();
    }
    drop(file);
    watched.wait_for(2, 2);
    assert_eq!(watched.told.failures(), [""; 0]);
}

/// A file that is cut short is never loaded, even if no process has it open.
#[test]
fn a_file_that_is_cut_short_is_not_loaded() {
    let (watched, _watch) = Watched::new(LONG);
    let bytes = version(2);
    for end in [0, 3, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&watched.file, &bytes[..end]).unwrap();
        std::thread::sleep(3 * QUIET);
        assert_eq!(watched.serves(), 1);
    }
    assert_eq!(watched.told.all(), [""; 0]);
    fs::write(&watched.file, &bytes).unwrap();
    watched.wait_for(2, 2);
}

/// Half of one version and half of another have the right length together. Only the writer knows that the file is
/// incomplete.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_being_written_to_is_not_loaded() {
    use std::io::{Seek as _, SeekFrom};

    let (watched, _watch) = Watched::new(LONG);
    let mut file = File::options().write(true).open(&watched.file).unwrap();
    let bytes = version(2);
    let (front, back) = bytes.split_at(bytes.len() / 2);
    file.seek(SeekFrom::Start(front.len() as u64)).unwrap();
    file.write_all(back).unwrap();
    std::thread::sleep(A_WHILE);
    assert_eq!(watched.revision(), 1);
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(front).unwrap();
    std::thread::sleep(A_WHILE);
    assert_eq!(watched.revision(), 1);
    assert_eq!(watched.told.all(), [""; 0]);
    drop(file);
    watched.wait_for(2, 2);
}

/// The watch waits for the writer only for a limited time.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_never_closed_upgrades_when_patience_ends() {
    let (watched, _watch) = Watched::new(A_WHILE);
    let mut file = File::options().write(true).open(&watched.file).unwrap();
    file.write_all(&version(2)).unwrap();
    watched.wait_for(2, 2);
    drop(file);
}

#[test]
fn what_stays_incomplete_is_told_once_and_the_old_version_serves() {
    let (watched, _watch) = Watched::new(Duration::from_millis(200));
    let bytes = version(2);
    let broken: [(&[u8], &str); 3] = [
        (b"", "the file is empty; was its build interrupted?"),
        (b"not a library", "is not a shared library but a text file"),
        (&bytes[..bytes.len() / 2], "is a damaged or truncated library"),
    ];
    for (count, (bytes, problem)) in broken.into_iter().enumerate() {
        watched.replace(bytes);
        wait_until("a failure is told", || watched.told.all().len() > count);
        assert!(watched.told.all()[count].contains(problem), "{:?}", watched.told.all());
        assert_eq!(watched.serves(), 1);
    }
    fs::remove_file(&watched.file).unwrap();
    wait_until("a failure is told", || watched.told.all().len() > broken.len());
    assert!(watched.told.all()[broken.len()].contains("no such file"), "{:?}", watched.told.all());

    std::thread::sleep(A_WHILE);
    let failures = watched.told.failures();
    assert_eq!(failures.len(), broken.len() + 1, "{failures:?}");
    let expected = format!("plugin `leaver` is not upgraded to `{}`: ", watched.file.display());
    assert!(failures.iter().all(|failure| failure.starts_with(&expected)), "{failures:?}");
    assert_eq!((watched.serves(), watched.revision()), (1, 1));

    watched.replace(&version(3));
    wait_until("it is upgraded", || watched.serves() == 3);
}

/// The file is complete, so the watch need not wait.
#[test]
fn what_cannot_replace_the_plugin_is_told_at_once() {
    let (watched, _watch) = Watched::new(LONG);
    watched.replace(&fs::read(fixture("rival")).unwrap());
    wait_until("a failure is told", || !watched.told.all().is_empty());
    let expected = format!(
        "plugin `leaver` is not upgraded to `{0}`: `{0}` cannot replace plugin `leaver`: it is plugin `rival`",
        watched.file.display()
    );
    std::thread::sleep(A_WHILE);
    assert_eq!(watched.told.all(), [expected]);
    watched.replace(&version(2));
    wait_until("it is upgraded", || watched.serves() == 2);
}

#[test]
fn the_same_bytes_again_are_no_change() {
    let (watched, _watch) = Watched::new(LONG);
    let rewritten = |n: usize, revision: u64| {
        fs::write(&watched.file, version(n)).unwrap();
        std::thread::sleep(A_WHILE);
        watched.replace(&version(n));
        std::thread::sleep(A_WHILE);
        File::options().append(true).open(&watched.file).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
        std::thread::sleep(A_WHILE);
        assert_eq!(watched.revision(), revision, "{:?}", watched.told.all());
    };
    rewritten(1, 1);
    watched.replace(&version(2));
    watched.wait_for(2, 2);
    rewritten(2, 2);
    // Nor if another call has upgraded to the same bytes.
    watched.replace(&version(3));
    assert_eq!(watched.host.reload("leaver").unwrap().revision(), 3);
    // The watch reads the file to recognise the bytes. On a busy machine this may take long.
    std::thread::sleep(5 * A_WHILE);
    rewritten(3, 3);
    watched.replace(&version(4));
    watched.wait_for(4, 4);
    assert_eq!(watched.told.failures(), [""; 0]);
}

#[test]
fn many_quick_changes_are_few_upgrades() {
    let (watched, _watch) = Watched::new(LONG);
    let versions: Vec<_> = (2..102).map(version).collect();
    for bytes in &versions {
        watched.replace(bytes);
    }
    wait_until("the last version serves", || watched.serves() == 101);
    // If each change caused an upgrade, the count would be a hundred.
    assert!(watched.revision() < 50, "{:?}", watched.told.all());
    assert_eq!(watched.told.failures(), [""; 0]);
}

/// The hooks of one plugin may take long.
#[test]
fn an_upgrade_that_takes_long_delays_no_other() {
    let (watched, _watch) = Watched::new(LONG);
    let file = watched.directory.path().join(library_name("upgrades"));
    let next = |number, behaviour| version_of(&fixture("upgrades"), number, behaviour);
    fs::write(&file, next(1, "serve")).unwrap();
    watched.host.load(&file).unwrap();
    let other = watched.host.live::<fn() -> u64>("version").unwrap();
    let _other_watch = watched.host.watch("upgrades").unwrap();
    // While this file exists, the hook waits.
    let blocking = std::env::temp_dir().join(format!("plugin-waits-{}", std::process::id()));
    fs::write(&blocking, "").unwrap();
    replace(&file, &next(2, "wait init"));
    std::thread::sleep(5 * QUIET);
    watched.replace(&version(2));
    wait_until("the other is upgraded", || watched.serves() == 2);
    assert_eq!(other(), 1);
    // A change meanwhile is not lost.
    replace(&file, &next(3, "serve"));
    std::thread::sleep(3 * QUIET);
    fs::remove_file(&blocking).unwrap();
    wait_until("the last version serves", || other() == 3);
    assert_eq!(watched.told.failures(), [""; 0]);
}

#[test]
fn nothing_happens_after_the_watch() {
    let (watched, watch) = Watched::new(LONG);
    drop(watch);
    watched.replace(&version(2));
    std::thread::sleep(A_WHILE);
    assert_eq!((watched.serves(), watched.revision()), (1, 1));
    // But the change came after the load.
    let _watch = watched.host.watch("leaver").unwrap();
    watched.wait_for(2, 2);
}

/// The watch holds no reference that keeps the host, and ends with the host.
#[test]
fn a_watch_does_not_keep_the_host() {
    let (watched, watch) = Watched::new(LONG);
    let Watched { host, told, file, edition, directory } = watched;
    drop((host, edition));
    wait_until("the host's event handler is gone", || Arc::strong_count(&told.0) == 1);
    replace(&file, &version(2));
    std::thread::sleep(A_WHILE);
    assert_eq!(told.all(), [""; 0]);
    drop((watch, directory));
}

/// A program that upgrades only once does this.
#[test]
fn an_event_handler_may_drop_the_watch() {
    let watched = Watched::loaded(LONG);
    let slot = Arc::new(Mutex::new(None::<Watch>));
    let host = host().with_watch_quiet(QUIET).with_event_handler({
        let slot = slot.clone();
        move |event| {
            if matches!(event, Event::Upgraded { .. }) {
                _ = slot.lock().unwrap().take();
            }
        }
    });
    host.load(&watched.file).unwrap();
    *slot.lock().unwrap() = Some(host.watch("leaver").unwrap());
    watched.replace(&version(2));
    wait_until("the watch is dropped", || slot.lock().unwrap().is_none());
    watched.replace(&version(3));
    std::thread::sleep(A_WHILE);
    assert_eq!(host.plugin("leaver").unwrap().revision(), 2);
}

#[test]
fn a_plugin_that_is_unloaded_is_not_watched_any_more() {
    let (watched, first) = Watched::new(LONG);
    let Watched { host, told, file, edition, directory } = watched;
    drop(edition);
    _ = host.unload("leaver", LONG).unwrap();
    replace(&file, &version(2));
    std::thread::sleep(A_WHILE);
    assert!(matches!(host.plugin("leaver"), Err(Error::NoSuchPlugin { .. })));

    host.load(&file).unwrap();
    replace(&file, &version(3));
    std::thread::sleep(A_WHILE);
    assert_eq!(told.all(), [""; 0]);
    let second = host.watch("leaver").unwrap();
    wait_until("it is upgraded", || told.all().len() == 1);
    // The first watch does not belong to the plugin that is loaded now.
    drop(first);
    replace(&file, &version(4));
    wait_until("it is upgraded", || told.all().len() == 2);
    drop((second, directory));
}

#[test]
fn a_plugin_is_watched_once() {
    let (watched, watch) = Watched::new(LONG);
    let error = watched.host.watch("leaver").unwrap_err();
    assert_eq!(error.to_string(), "plugin `leaver` is watched already; drop that `Watch` first");
    watched.replace(&version(2));
    watched.wait_for(2, 2);
    drop(watch);
    let _watch = watched.host.watch("leaver").unwrap();
    watched.replace(&version(3));
    watched.wait_for(3, 3);
}

#[test]
fn the_file_that_it_was_reloaded_from_is_watched() {
    let (watched, _watch) = Watched::new(LONG);
    let elsewhere = tempfile::tempdir().unwrap();
    let other = elsewhere.path().join(library_name("other"));
    fs::write(&other, version(2)).unwrap();
    watched.host.reload(&other).unwrap();
    std::thread::sleep(A_WHILE);
    watched.replace(&version(3));
    std::thread::sleep(A_WHILE);
    assert_eq!((watched.serves(), watched.revision()), (2, 2));
    replace(&other, &version(4));
    watched.wait_for(4, 3);
}

/// `cargo clean` removes a directory in this way.
#[cfg(unix)]
#[test]
fn a_directory_may_go_and_come_back() {
    let (watched, _watch) = Watched::new(Duration::from_millis(200));
    fs::remove_dir_all(watched.directory.path()).unwrap();
    wait_until("a failure is told", || !watched.told.all().is_empty());
    let directory = fs::canonicalize(watched.directory.path().parent().unwrap()).unwrap();
    fs::create_dir(directory.join(watched.directory.path().file_name().unwrap())).unwrap();
    for n in 2..4 {
        watched.replace(&version(n));
        wait_until("it is upgraded", || watched.serves() == n);
    }
    let failures = watched.told.failures();
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert!(failures[0].contains("which does not exist; make it first"), "{failures:?}");
}

#[plugin_export]
fn linked_into_this_test() {}

#[test]
fn what_cannot_be_watched_is_refused() {
    let watched = Watched::loaded(LONG);
    assert!(matches!(watched.host.watch("lever"), Err(Error::NoSuchPlugin { .. })));
    assert!(matches!(watched.host.watch("lea\0ver"), Err(Error::NulInName { .. })));
    assert!(matches!(Host::linked().unwrap().watch("tests"), Err(Error::Linked { .. })));

    fs::remove_dir_all(watched.directory.path()).unwrap();
    let error = watched.host.watch("leaver").unwrap_err();
    let expected = format!(
        "plugin `leaver` is not watched: the system cannot watch the directory `{}`, which does not exist; make it first",
        watched.directory.path().display()
    );
    assert_eq!(error.to_string(), expected);
    // Once the directory exists, the plugin can be watched.
    fs::create_dir(watched.directory.path()).unwrap();
    let _watch = watched.host.watch("leaver").unwrap();
    watched.replace(&version(2));
    watched.wait_for(2, 2);
}

/// No process touches the file again. Only the obstacle is removed.
#[test]
fn what_fails_for_a_reason_that_passes_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(library_name("upgrades"));
    let blocking = directory.path().join("waits");
    std::fs::write(&blocking, "").unwrap();
    std::fs::copy(fixture("upgrades"), &file).unwrap();
    let events: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = events.clone();
    let host = tests::host()
        .with_watch_quiet(Duration::from_millis(10))
        .with_handover_timeout(Duration::from_millis(20))
        .with_event_handler(move |event| seen.lock().unwrap().push(event.to_string()));
    host.load(&file).unwrap();
    let _watch = host.watch("upgrades").unwrap();
    let wait = host.live::<fn(String) -> u64>("wait_while").unwrap();
    let path = blocking.to_str().unwrap().to_owned();
    let caller = std::thread::spawn(move || wait(path));
    let waiting = host.get::<std::sync::atomic::AtomicU64>("WAITING").unwrap();
    wait_until("the call has begun", || waiting.load(std::sync::atomic::Ordering::SeqCst) == 1);
    let mut bytes = std::fs::read(&file).unwrap();
    tests::rewrite(&mut bytes, &[("version is 0000000001", "version is 0000000002")]);
    replace(&file, &bytes);
    // The failure is reported once, even after several tries.
    wait_until("it is refused", || {
        events.lock().unwrap().iter().any(|event| event.contains("some did not within 20ms"))
    });
    std::thread::sleep(Duration::from_secs(1));
    std::fs::remove_file(&blocking).unwrap();
    assert_eq!(caller.join().unwrap(), 1);
    wait_until("it is upgraded", || host.plugin("upgrades").unwrap().revision() == 2);
    let refusals = events.lock().unwrap().iter().filter(|event| event.contains("is not upgraded")).count();
    assert_eq!(refusals, 1, "{events:?}");
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    /// A plugin that is loaded through links from a directory with several versions of it.
    struct Linked {
        watched: Watched,
        top: PathBuf,
    }

    impl Linked {
        /// `make` puts links into the directory, and names the file to load.
        fn new(make: impl FnOnce(&Path)) -> (Self, Watch) {
            let told = Told::default();
            let host = told.host(LONG);
            let directory = tempfile::tempdir().unwrap();
            let top = directory.path().to_owned();
            for n in 1..=4 {
                let lib = top.join(format!("v{n}/lib"));
                fs::create_dir_all(&lib).unwrap();
                fs::write(lib.join(library_name("watched")), version(n)).unwrap();
            }
            make(&top);
            let file = top.join("current").join(library_name("watched"));
            host.load(&file).unwrap();
            let edition = host.live("edition").unwrap();
            let watched = Watched { host, told, directory, file, edition };
            let watch = watched.host.watch("leaver").unwrap();
            assert_eq!(watched.serves(), 1);
            // The event of the first look must not be mistaken for a later event.
            std::thread::sleep(3 * QUIET);
            (Linked { watched, top }, watch)
        }

        /// Replaces a link by another in one step.
        fn switch(&self, link: &str, target: impl AsRef<Path>) {
            let next = self.top.join("next");
            symlink(target, &next).unwrap();
            fs::rename(next, self.top.join(link)).unwrap();
        }

        fn wait_for(&self, version: usize, revision: u64) {
            self.watched.wait_for(version, revision);
            assert_eq!(self.watched.told.failures(), [""; 0]);
        }
    }

    #[test]
    fn a_link_to_a_directory_is_followed() {
        let (linked, _watch) = Linked::new(|top| symlink("v1/lib", top.join("current")).unwrap());
        linked.switch("current", "v2/lib");
        linked.wait_for(2, 2);
        linked.switch("current", linked.top.join("v3/lib"));
        linked.wait_for(3, 3);
        // The watch follows the link to its new file, and ignores the old file.
        replace(&linked.top.join("v3/lib").join(library_name("watched")), &version(5));
        linked.wait_for(5, 4);
        replace(&linked.top.join("v1/lib").join(library_name("watched")), &version(6));
        std::thread::sleep(A_WHILE);
        linked.wait_for(5, 4);
        // Some tools replace links in this way.
        fs::remove_file(linked.top.join("current")).unwrap();
        std::thread::sleep(3 * QUIET);
        symlink("v4/lib", linked.top.join("current")).unwrap();
        linked.wait_for(4, 5);
    }

    #[test]
    fn a_chain_of_links_is_followed() {
        let (linked, _watch) = Linked::new(|top| {
            symlink("v1", top.join("stable")).unwrap();
            symlink("stable/../stable", top.join("latest")).unwrap();
            symlink(top.join("latest/lib"), top.join("current")).unwrap();
        });
        linked.switch("stable", "v2");
        linked.wait_for(2, 2);
        linked.switch("latest", "v3");
        linked.wait_for(3, 3);
        linked.switch("latest", "stable");
        linked.wait_for(2, 4);
        linked.switch("stable", "v4");
        linked.wait_for(4, 5);
    }

    #[test]
    fn a_link_to_the_file_is_followed() {
        let name = library_name("watched");
        let (linked, _watch) = Linked::new(|top| {
            fs::create_dir(top.join("current")).unwrap();
            symlink(top.join("v1/lib").join(&name), top.join("current").join(&name)).unwrap();
        });
        let link = format!("current/{name}");
        linked.switch(&link, format!("../v2/lib/{name}"));
        linked.wait_for(2, 2);
        // The file itself has another name than the link.
        let other = linked.top.join("v3/lib/other-name");
        fs::write(&other, version(7)).unwrap();
        linked.switch(&link, &other);
        linked.wait_for(7, 3);
        replace(&other, &version(8));
        linked.wait_for(8, 4);
    }

    #[test]
    fn a_directory_that_is_renamed_into_place_is_followed() {
        let (linked, _watch) = Linked::new(|top| fs::rename(top.join("v1/lib"), top.join("current")).unwrap());
        let current = linked.top.join("current");
        fs::rename(&current, linked.top.join("old")).unwrap();
        fs::rename(linked.top.join("v2/lib"), &current).unwrap();
        linked.wait_for(2, 2);
        replace(&linked.watched.file, &version(9));
        linked.wait_for(9, 3);
        if !cfg!(target_os = "linux") {
            println!("skipped in part: only on Linux are all directories above the file watched");
            return;
        }
        // The directory above.
        let next = linked.top.with_extension("next");
        fs::create_dir_all(next.join("current")).unwrap();
        fs::write(next.join("current").join(library_name("watched")), version(10)).unwrap();
        let old = linked.top.with_extension("old");
        fs::rename(&linked.top, &old).unwrap();
        fs::rename(next, &linked.top).unwrap();
        linked.wait_for(10, 4);
        replace(&linked.watched.file, &version(11));
        linked.wait_for(11, 5);
        fs::remove_dir_all(old).unwrap();
    }
}

/// A system allows few sources of its reports for each user: 128 are usual.
#[cfg(target_os = "linux")]
#[test]
fn many_plugins_are_watched_by_one_thread() {
    const CHILD: &str = "PLUGIN_TEST_MANY_WATCHED";
    const COUNT: usize = 200;
    if std::env::var_os(CHILD).is_none() {
        tests::assert_child("many_plugins_are_watched_by_one_thread", CHILD, "yes", 31);
        return;
    }
    let inotify = || {
        let files = fs::read_dir("/proc/self/fd").unwrap().flatten();
        files.filter(|file| fs::read_link(file.path()).is_ok_and(|to| to.ends_with("anon_inode:inotify"))).count()
    };
    let threads = || fs::read_dir("/proc/self/task").unwrap().count();
    // A small plugin, because it is loaded so often.
    let library = fs::read(tests::variant_with("leaver", "stripped", &["--", "-Cstrip=symbols"])).unwrap();
    let places: Vec<usize> =
        library.windows(6).enumerate().filter(|(_, bytes)| bytes == b"leaver").map(|(at, _)| at).collect();
    let text = b"library that is called the 1st";
    let edition_at = library.windows(text.len()).position(|bytes| bytes == text).unwrap();
    let named = |number: usize, edition: usize| {
        let (name, edition) = (format!("lea{number:03}"), format!("library that is called the {edition:03}"));
        let mut bytes = library.clone();
        bytes[edition_at..][..edition.len()].copy_from_slice(edition.as_bytes());
        for &at in &places {
            bytes[at..][..name.len()].copy_from_slice(name.as_bytes());
        }
        bytes
    };
    let told = Told::default();
    let host = told.host(LONG);
    let directory = tempfile::tempdir().unwrap();
    // Some plugins share a directory, and some do not.
    let file =
        |number: usize| directory.path().join(format!("d{}", number % 50)).join(library_name(&format!("p{number}")));
    for number in 0..COUNT {
        fs::create_dir_all(file(number).parent().unwrap()).unwrap();
        fs::write(file(number), named(number, 1)).unwrap();
        host.load(file(number)).unwrap();
    }
    let (threads_before, inotify_before) = (threads(), inotify());
    let mut watches: Vec<Watch> = (0..COUNT).map(|number| host.watch(&format!("lea{number:03}")).unwrap()).collect();
    assert_eq!(inotify() - inotify_before, 1);
    // One thread is the host's, and one belongs to the source of the kernel's reports.
    let more = threads() - threads_before;
    assert!(more <= 2, "{more} threads more");
    let serves = |number: usize| {
        let plugin = host.plugin(&format!("lea{number:03}")).unwrap();
        self::number(&plugin.get::<fn() -> String>("edition").unwrap()())
    };
    for chosen in [0, 77, COUNT - 1] {
        replace(&file(chosen), &named(chosen, 2));
        wait_until("it is upgraded", || serves(chosen) == 2);
    }
    // The other files in a directory are still watched after the watch of one file has ended.
    drop(watches.remove(7));
    for chosen in [57, 107] {
        replace(&file(chosen), &named(chosen, 3));
        wait_until("it is upgraded", || serves(chosen) == 3);
    }
    replace(&file(7), &named(7, 3));
    std::thread::sleep(A_WHILE);
    assert_eq!(serves(7), 1);
    assert_eq!(told.failures(), [""; 0]);
    watches.clear();
    wait_until("nothing of it is left", || inotify() == inotify_before);
    let _again = host.watch("lea007").unwrap();
    wait_until("it is upgraded", || serves(7) == 3);
    drop(directory);
    std::process::exit(31);
}
