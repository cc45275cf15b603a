//! One version of a plugin replaces another during calls. If an upgrade fails, the old version serves on.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use plugin_host::{Error, Event, Fault, Host, Live, Memory, PinReason, Trust, Unload};
use tests::versions::{copies_mapped, replace, version_of};
use tests::{assert_child, fixture, library_name, rounds, variant};

const LONG: Duration = Duration::from_secs(20);

/// The tests run one at a time, because they look at the mappings of the same fixture.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that is replaced by other versions of the fixture.
struct Versions {
    directory: tempfile::TempDir,
    file: PathBuf,
    events: Arc<Mutex<Vec<String>>>,
    _alone: MutexGuard<'static, ()>,
}

impl Versions {
    fn new() -> Self {
        let alone = alone();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(library_name("upgrades"));
        Versions { directory, file, events: Arc::default(), _alone: alone }
    }

    /// A host that has loaded the first version of `library`.
    fn host(&self, library: &Path) -> Host {
        self.loaded(self.empty_host(), library)
    }

    /// Loads the first version of `library` into `host`.
    fn loaded(&self, host: Host, library: &Path) -> Host {
        self.write(library, 1, "serve");
        host.load(&self.file).unwrap();
        host
    }

    fn empty_host(&self) -> Host {
        let events = self.events.clone();
        tests::host().with_event_handler(move |event| events.lock().unwrap().push(event.to_string()))
    }

    /// Replaces the file by a version of that number in one step, as a build does.
    fn write(&self, library: &Path, number: u64, behaviour: &str) {
        self.put(&version_of(library, number, behaviour));
    }

    fn put(&self, bytes: &[u8]) {
        replace(&self.file, bytes);
    }

    fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().clone()
    }

    /// Waits for an event with this text.
    fn wait_for(&self, event: &str) {
        let started = Instant::now();
        while !self.events().iter().any(|seen| seen == event) {
            assert!(started.elapsed() < LONG, "{event}; but {:?}", self.events());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The remains of an unused version after an upgrade.
    fn wait_until_retired(&self, revision: u64) {
        let what = if cfg!(windows) {
            Unload::Pinned(vec![PinReason::Platform]).to_string()
        } else {
            Unload::Unmapped.to_string()
        };
        self.wait_for(&format!("revision {revision} of plugin `upgrades` is {what}"));
    }
}

/// The number of mapped copies of the fixture, or `None` where it is not known.
fn mapped() -> Option<usize> {
    copies_mapped("upgrades")
}

/// Waits until that many copies of the fixture are mapped.
fn assert_mapped(copies: usize) {
    let started = Instant::now();
    while mapped().is_some_and(|found| found != copies) {
        assert!(started.elapsed() < LONG, "{:?} copies are mapped, not {copies}", mapped());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_live_handle_follows_and_a_plain_one_stays() {
    let versions = Versions::new();
    let library = fixture("upgrades");
    let host = versions.host(&library);
    let live = host.live::<fn() -> u64>("version").unwrap();
    let greet = host.live::<fn(&str) -> String>("greet").unwrap();
    let plain = host.get::<fn() -> u64>("version").unwrap();
    assert_eq!((live(), plain(), live.revision(), host.plugin("upgrades").unwrap().revision()), (1, 1, 1, 1));
    assert_eq!(format!("{live:?}"), "Live(upgrades::version: fn() -> u64, revision 1)");

    versions.write(&library, 2, "serve");
    let second = host.reload("upgrades").unwrap();
    assert_eq!((second.revision(), second.name(), second.path()), (2, "upgrades", Some(&*versions.file)));
    assert_eq!((live(), plain(), live.revision(), greet.revision()), (2, 1, 2, 2));
    assert_eq!(greet("World"), "Hello, World!");
    assert_eq!(host.get::<fn() -> u64>("version").unwrap()(), 2);
    let upgraded =
        format!("plugin `upgrades` is upgraded to revision 2, version 0.1.0 from `{}`", versions.file.display());
    assert_eq!(versions.events(), [upgraded]);
    let draining: Vec<_> = host.draining().iter().map(ToString::to_string).collect();
    assert_eq!(
        draining,
        ["revision 1 of plugin `upgrades` is pinned: 1 handle to its exports is alive: `version` (1)"]
    );
    assert_mapped(2);

    // A third version, from another file. The plain handle of the second version outlives it too.
    let pinned = live.pin();
    drop(second);
    let elsewhere = versions.directory.path().join("elsewhere").join(library_name("upgrades"));
    fs::create_dir(elsewhere.parent().unwrap()).unwrap();
    versions.write(&library, 3, "serve");
    fs::rename(&versions.file, &elsewhere).unwrap();
    assert_eq!(host.reload(&elsewhere).unwrap().revision(), 3);
    assert_eq!((live(), pinned(), plain(), live.clone().pin()()), (3, 2, 1, 3));
    assert_eq!(host.draining().len(), 2);

    drop(pinned);
    versions.wait_until_retired(2);
    assert_eq!(plain(), 1);
    drop(plain);
    versions.wait_until_retired(1);
    assert_mapped(1);
    if !cfg!(windows) {
        assert_eq!(host.draining(), []);
    }
    // The name now means the other file.
    assert!(matches!(host.reload("upgrades").unwrap().path(), Some(path) if path == elsewhere));
    assert_eq!(live.revision(), 4);
    let info = host.plugins();
    assert_eq!(info.iter().map(|plugin| (plugin.name(), plugin.revision())).collect::<Vec<_>>(), [("upgrades", 4)]);
    drop((info, live, greet));
    assert_ne!(format!("{:?}", host.unload("upgrades", LONG).unwrap()), "");
}

#[test]
fn a_live_handle_outlives_its_host_and_pins_until_it_is_dropped() {
    let versions = Versions::new();
    let host = versions.host(&fixture("upgrades"));
    let live = host.live::<fn() -> u64>("version").unwrap();
    let clones: Vec<Live<fn() -> u64>> = vec![live.clone(); 2];
    let greet = host.live::<fn(&str) -> String>("greet").unwrap();
    let pinned = host.unload("upgrades", Duration::ZERO).unwrap();
    assert_eq!(pinned.to_string(), "pinned: 4 handles to its exports are alive: `greet` (1), `version` (3)");
    assert_eq!((live(), greet("you")), (1, "Hello, you!".to_owned()));
    drop((clones, greet));
    let pinned = host.unload("upgrades", Duration::ZERO).unwrap();
    assert_eq!(pinned.to_string(), "pinned: 1 handle to its exports is alive: `version` (1)");
    drop(host);
    assert_eq!(live(), 1);
    assert_mapped(1);
    drop(live);
    if !cfg!(windows) {
        assert_mapped(0);
    }

    // Without handles, nothing keeps the library.
    let host = versions.host(&fixture("upgrades"));
    drop(host.live::<fn() -> u64>("version").unwrap());
    let outcome = host.unload("upgrades", LONG).unwrap();
    assert!(cfg!(windows) || outcome == Unload::Unmapped, "{outcome}");
}

#[test]
fn live_look_ups_are_refused_as_others_are() {
    let versions = Versions::new();
    let host = versions.host(&fixture("upgrades"));
    let error = host.live::<fn() -> u64>("versions").unwrap_err();
    assert_eq!(error.to_string(), "no loaded plugin exports `versions`; there is `version`");
    let error = host.live::<fn() -> u32>("version").unwrap_err();
    assert!(matches!(error, Error::TypeMismatch(_)), "{error}");
    // A panic comes back as a fault here too.
    let live = host.live::<fn(String) -> Result<u64, Fault>>("wait_while").unwrap();
    assert_eq!(live("/nonexistent".to_owned()).unwrap(), 1);
}

/// Expects that the first version still serves, with its whole state.
struct Serving {
    version: Live<fn() -> u64>,
    count: Live<fn() -> u64>,
    counted: u64,
}

impl Serving {
    fn new(host: &Host) -> Self {
        Serving { version: host.live("version").unwrap(), count: host.live("count").unwrap(), counted: 0 }
    }

    fn check(&mut self, host: &Host, what: &str) {
        self.counted += 1;
        assert_eq!(((self.version)(), (self.count)()), (1, self.counted), "{what}");
        assert_eq!(host.plugin("upgrades").unwrap().revision(), 1, "{what}");
        assert_eq!(host.get::<fn() -> u64>("version").unwrap()(), 1, "{what}");
        if !cfg!(windows) {
            assert_eq!(host.draining(), [], "{what}");
            assert_mapped(1);
        }
    }
}

#[test]
fn after_any_failure_the_old_version_serves_on() {
    let versions = Versions::new();
    let library = fixture("upgrades");
    let host = versions.host(&library);
    host.load(fixture("rival")).unwrap();
    let mut serving = Serving::new(&host);
    let file = versions.file.display().to_string();
    let mut fails = |what: &str, expected: &str| {
        let error = host.reload("upgrades").unwrap_err();
        let source = std::error::Error::source(&error).map(|source| format!(" <- {source}")).unwrap_or_default();
        let said = format!("{error}{source}").replace(&file, "FILE");
        assert!(said.contains(expected), "{what}: {said}");
        serving.check(&host, what);
    };

    // The file.
    let good = fs::read(&library).unwrap();
    fs::remove_file(&versions.file).unwrap();
    fails("no file", "cannot load `FILE`: no such file");
    fs::create_dir(&versions.file).unwrap();
    fails("a directory", "it is a directory");
    fs::remove_dir(&versions.file).unwrap();
    versions.put(b"");
    fails("empty", "the file is empty");
    versions.put(b"a poem");
    fails("a text", "is not a shared library but a text file");
    versions.put(&good[..good.len() / 2]);
    fails("truncated", "damaged or truncated");
    versions.put(&fs::read(fixture("plain")).unwrap());
    fails("no plugin", "is a shared library but no plugin");
    versions.put(&fs::read(fixture("rival")).unwrap());
    fails("another plugin", "`FILE` cannot replace plugin `upgrades`: it is plugin `rival`");

    // Mistakes of its init hook.
    versions.write(&library, 2, "fail init");
    fails("init fails", "did not start: its init hook `start` failed: this version cannot start");
    versions.write(&library, 2, "panic init");
    fails("init panics", "did not start: its init hook `start` panicked at ");
    versions.write(&library, 2, "fail rest");
    fails(
        "restore fails",
        "`FILE` cannot replace plugin `upgrades`: its `#[plugin_export(restore)]` failed: invalid digit found in string",
    );
    versions.write(&library, 2, "panic rest");
    fails("restore panics", "`FILE` cannot replace plugin `upgrades`: its `#[plugin_export(restore)]` panicked at ");

    // The state.
    versions.write(&variant("upgrades", "no-restore"), 2, "serve");
    fails("no restore", "the old version saves its state, and the new one has no `#[plugin_export(restore)]`");
    versions.write(&variant("upgrades", "other-state"), 2, "serve");
    fails(
        "another state",
        "it restores a state of another type\n  saved:    fn() -> State\n  restored: fn() -> State\n  difference: what it \
         returns: State.count: u32 in the new version, u64 in the old version",
    );
    versions.write(&variant("upgrades", "two-saves"), 2, "serve");
    fails("two that save", "has `#[plugin_export(save)]` twice, in `upgrades::state` and in `upgrades::state`");

    // In the end, an upgrade works.
    versions.write(&library, 2, "serve");
    assert_eq!(host.reload("upgrades").unwrap().revision(), 2);
    assert_eq!(((serving.version)(), (serving.count)()), (2, serving.counted + 1));
}

#[test]
fn a_version_that_panics_while_it_saves_serves_on() {
    let versions = Versions::new();
    let library = fixture("upgrades");
    let host = versions.empty_host();
    versions.write(&library, 1, "panic save");
    host.load(&versions.file).unwrap();
    let mut serving = Serving::new(&host);
    versions.write(&library, 2, "serve");
    let error = host.reload("upgrades").unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("plugin `upgrades` is not upgraded: its `#[plugin_export(save)]` panicked at "), "{text}");
    assert!(text.ends_with(": the state is not to be had"), "{text}");
    let fault = std::error::Error::source(&error).unwrap().to_string();
    assert!(fault.contains("`upgrades::save` panicked at") && fault.ends_with("the state is not to be had"), "{fault}");
    serving.check(&host, "save panics");
}

#[test]
fn a_file_without_trust_replaces_nothing() {
    let versions = Versions::new();
    let library = fixture("upgrades");
    versions.write(&library, 1, "serve");
    let digest = Trust::digest_of(&fs::read(&versions.file).unwrap());
    // SAFETY: the file is a fixture's.
    let host = Host::new(unsafe { Trust::digests([digest]) });
    host.load(&versions.file).unwrap();
    let mut serving = Serving::new(&host);
    versions.write(&library, 2, "serve");
    assert!(matches!(host.reload("upgrades"), Err(Error::NotTrusted { .. })));
    serving.check(&host, "not trusted");
}

#[test]
fn only_what_is_loaded_from_a_file_is_replaced() {
    let versions = Versions::new();
    let host = versions.host(&fixture("upgrades"));
    let error = host.reload("upgrade").unwrap_err();
    assert_eq!(error.to_string(), "no plugin `upgrade` is loaded; there is `upgrades`");
    let error = host.reload(fixture("rival")).unwrap_err();
    let file = fixture("rival");
    assert_eq!(
        error.to_string(),
        format!("`{}` replaces nothing: its plugin `rival` is not loaded; load it with `Host::load`", file.display())
    );
    assert!(matches!(host.reload("upgrades\0"), Err(Error::NulInName { .. })));
    _ = host.unload("upgrades", LONG).unwrap();
    assert!(matches!(host.reload("upgrades"), Err(Error::NoSuchPlugin { .. })));
    assert!(matches!(host.reload(&versions.file), Err(Error::NothingToReplace { .. })));
}

/// In a process of its own, because its directory changes.
#[test]
fn a_relative_path_leads_to_the_same_file_for_good() {
    const CHILD: &str = "PLUGIN_TEST_RELATIVE";
    if let Some(directory) = std::env::var_os(CHILD) {
        std::env::set_current_dir(&directory).unwrap();
        let host = tests::host();
        let file = library_name("upgrades");
        let path = std::env::current_dir().unwrap().join(&file);
        assert_eq!(host.load(Path::new(".").join(&file)).unwrap().path(), Some(&*path));
        std::env::set_current_dir(std::env::temp_dir()).unwrap();
        assert_eq!(host.reload("upgrades").unwrap().path(), Some(&*path));
        // The host resolves a relative path from the current directory.
        assert!(matches!(host.reload(Path::new(".").join(&file)), Err(Error::NotFound { .. })));
        std::process::exit(27);
    }
    let versions = Versions::new();
    versions.write(&fixture("upgrades"), 1, "serve");
    assert_child("a_relative_path_leads_to_the_same_file_for_good", CHILD, versions.directory.path(), 27);
}

#[test]
fn the_next_version_must_have_all_exports_in_use() {
    let versions = Versions::new();
    let library = fixture("upgrades");
    let host = versions.host(&library);
    let mut serving = Serving::new(&host);
    let refused = |feature: &str| {
        versions.write(&variant("upgrades", feature), 2, "serve");
        let error = host.reload("upgrades").unwrap_err();
        assert!(matches!(&error, Error::InUse { plugin, .. } if plugin == "upgrades"), "{error}");
        error.to_string().replace(&versions.file.display().to_string(), "FILE")
    };
    let begins = "`FILE` cannot replace plugin `upgrades`: a handle to the old version is in use, and the new version does \
                  not have what it needs; drop it first, or keep the export: ";
    let missing = |found: &str, export: &str| {
        let expected = format!("{begins}plugin `upgrades` exports no `{export}`");
        assert!(found.starts_with(&expected), "{found}");
    };
    let changed = format!(
        "{begins}export `greet` of plugin `upgrades` has another type\n  asked for: fn(&str) -> String\n  exported:  \
         fn(&str, bool) -> String\n  difference: 1 argument in the handle, 2 arguments in the new version"
    );

    let greet = host.live::<fn(&str) -> String>("greet").unwrap();
    missing(&refused("lacking"), "greet");
    serving.check(&host, "lacking, live");
    assert_eq!(refused("changed"), changed);
    serving.check(&host, "changed, live");
    let plain = greet.pin();
    drop(greet);
    missing(&refused("lacking"), "greet");
    assert_eq!(refused("changed"), changed);
    serving.check(&host, "a function");
    assert_eq!(plain("you"), "Hello, you!");
    drop(plain);
    let greeter = host.get::<&str>("GREETER").unwrap();
    missing(&refused("lacking"), "GREETER");
    serving.check(&host, "a static");
    assert_eq!(&**greeter, "Hello");
    drop(greeter);

    // Without handles, both upgrades are allowed.
    versions.write(&variant("upgrades", "lacking"), 2, "serve");
    host.reload("upgrades").unwrap();
    assert!(matches!(host.get::<&str>("GREETER"), Err(Error::NoSuchExport { .. })));
    versions.write(&variant("upgrades", "changed"), 3, "serve");
    host.reload("upgrades").unwrap();
    assert_eq!(host.live::<fn(&str, bool) -> String>("greet").unwrap()("you", true), "Hello, you!!");
    assert_eq!((serving.version)(), 3);
}

#[test]
fn the_state_goes_with_it_and_may_grow() {
    let versions = Versions::new();
    let library = fixture("upgrades");
    let host = versions.host(&library);
    let count = host.live::<fn() -> u64>("count").unwrap();
    let history = host.live::<fn() -> Vec<String>>("history").unwrap();
    let remembered = host.live::<fn() -> Vec<u8>>("remembered").unwrap();
    host.get::<fn(Bytes)>("remember").unwrap()(Bytes::from(vec![7; 100_000]));
    assert_eq!((count(), count()), (1, 2));

    // Shared memory of the old version is copied, because that version is unmapped.
    versions.write(&library, 2, "serve");
    host.reload("upgrades").unwrap();
    versions.wait_until_retired(1);
    assert_eq!((count(), remembered()), (3, vec![7; 100_000]));
    // To a version with more fields, to another such version, and back to a version with fewer fields.
    let grown = variant("upgrades", "grown");
    for (number, library, generations) in [(3, &grown, Some(1)), (4, &grown, Some(2)), (5, &library, None)] {
        versions.write(library, number, "serve");
        host.reload("upgrades").unwrap();
        assert_eq!(count(), number + 1);
        let found = host.get::<fn() -> u64>("generations").ok().map(|generations| generations());
        assert_eq!(found, generations);
        versions.wait_until_retired(number - 1);
    }
    let expected: Vec<_> = (1..5).map(|number| format!("version {number} was here")).collect();
    assert_eq!((history(), remembered().len()), (expected, 100_000));
    // A version without a state hands none over, and a version with `restore` does not need one.
    let stateless = variant("upgrades", "stateless");
    let fresh = versions.empty_host();
    versions.write(&stateless, 1, "serve");
    fresh.load(&versions.file).unwrap();
    assert_eq!(fresh.live::<fn() -> u64>("count").unwrap()(), 1);
    versions.write(&library, 2, "serve");
    fresh.reload("upgrades").unwrap();
    assert_eq!(fresh.live::<fn() -> u64>("count").unwrap()(), 1);
}

/// Every number is given out once and in order, by all versions together.
#[test]
fn a_counter_that_is_handed_over_is_monotonic_under_calls() {
    let versions = Versions::new();
    let library = fixture("upgrades");
    let host = versions.host(&library);
    let count = host.live::<fn() -> u64>("count").unwrap();
    let stop = AtomicBool::new(false);
    let upgrades = rounds(100) as u64;
    let (calls, sum, squares) = std::thread::scope(|scope| {
        let count_on = || {
            let (mut last, mut calls, mut sum, mut squares) = (0, 0u128, 0u128, 0u128);
            while !stop.load(Ordering::Relaxed) {
                let next = count();
                assert!(next > last, "{next} after {last}");
                (last, calls) = (next, calls + 1);
                sum += u128::from(next);
                squares += u128::from(next).pow(2);
            }
            (calls, sum, squares)
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(count_on)).collect();
        for number in 2..upgrades + 2 {
            versions.write(&library, number, "serve");
            host.reload("upgrades").unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        let threads = threads.into_iter().map(|thread| thread.join().unwrap());
        threads.reduce(|a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2)).unwrap()
    });
    // The sums of the numbers from 1 to `calls`. No other numbers that a mistake here could give have both sums.
    assert_eq!(sum, calls * (calls + 1) / 2, "numbers are lost, or given twice");
    assert_eq!(squares, calls * (calls + 1) * (2 * calls + 1) / 6, "numbers are lost, or given twice");
    println!("{upgrades} upgrades under {calls} counts from 4 threads: none lost, none twice");
}

/// A file. A call lasts for as long as it exists, and ends with the test in any case.
struct Block(PathBuf);

impl Block {
    fn new(versions: &Versions) -> Self {
        let path = versions.directory.path().join("block");
        fs::write(&path, "").unwrap();
        Block(path)
    }

    fn path(&self) -> String {
        self.0.to_str().unwrap().to_owned()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.0);
    }
}

/// Waits until a call of `wait_while` has begun.
fn wait_for_call(host: &Host) {
    let waiting = host.get::<AtomicU64>("WAITING").unwrap();
    let started = Instant::now();
    while waiting.load(Ordering::SeqCst) == 0 {
        assert!(started.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A version that hands over no state never makes a caller wait, even if something in it takes long.
#[test]
fn a_call_in_progress_ends_where_it_began() {
    let versions = Versions::new();
    let stateless = variant("upgrades", "stateless");
    let host = versions.host(&stateless);
    let wait = host.live::<fn(String) -> u64>("wait_while").unwrap();
    let version = host.live::<fn() -> u64>("version").unwrap();
    std::thread::scope(|scope| {
        let block = Block::new(&versions);
        let path = block.path();
        let waiting = scope.spawn(|| wait(path));
        wait_for_call(&host);
        versions.write(&stateless, 2, "serve");
        host.reload("upgrades").unwrap();
        assert_eq!(version(), 2);
        // Only the handle of the call is left.
        let draining = host.draining();
        assert!(matches!(&draining[0].reasons[..], [PinReason::Handles { .. }]), "{draining:?}");
        drop(block);
        assert_eq!(waiting.join().unwrap(), 1);
    });
    versions.wait_until_retired(1);
}

#[test]
fn a_call_that_does_not_end_keeps_the_state_where_it_is() {
    let versions = Versions::new();
    let library = fixture("upgrades");
    let host = versions.loaded(versions.empty_host().with_handover_timeout(Duration::from_millis(100)), &library);
    let wait = host.live::<fn(String) -> u64>("wait_while").unwrap();
    let mut serving = Serving::new(&host);
    std::thread::scope(|scope| {
        let block = Block::new(&versions);
        let path = block.path();
        let waiting = scope.spawn(|| wait(path));
        wait_for_call(&host);
        versions.write(&library, 2, "serve");
        let error = host.reload("upgrades").unwrap_err();
        assert_eq!(
            error.to_string(),
            "plugin `upgrades` is not upgraded: to hand its state over, calls through `Live` handles must end, and some did \
             not within 100ms; try again, or allow for more with `Host::with_handover_timeout`"
        );
        serving.check(&host, "busy");
        drop(block);
        assert_eq!(waiting.join().unwrap(), 1);
    });
    host.reload("upgrades").unwrap();
    assert_eq!((serving.count)(), serving.counted + 1);
}

/// A call stays in progress, also after later look-ups and after several tries of an upgrade.
#[test]
fn a_call_in_progress_is_waited_for_whatever_came_since() {
    let versions = Versions::new();
    let library = fixture("upgrades");
    let host = versions.loaded(versions.empty_host().with_handover_timeout(Duration::from_millis(50)), &library);
    let wait = host.live::<fn(String) -> u64>("wait_while").unwrap();
    std::thread::scope(|scope| {
        let block = Block::new(&versions);
        let path = block.path();
        let waiting = scope.spawn(|| wait(path));
        wait_for_call(&host);
        let mut serving = Serving::new(&host);
        versions.write(&library, 2, "serve");
        for attempt in ["after look-ups", "after an attempt"] {
            let upgraded = host.reload("upgrades").map(|plugin| plugin.revision());
            assert!(matches!(upgraded, Err(Error::Busy { .. })), "{attempt}: {upgraded:?}");
            serving.check(&host, attempt);
        }
        drop(block);
        assert_eq!(waiting.join().unwrap(), 1);
    });
    assert_eq!(host.reload("upgrades").unwrap().revision(), 2);
}

/// Everything that was held for a `Live` handle is released when the handle is dropped, even if the next upgrade after
/// the drop fails.
#[test]
fn a_failed_upgrade_keeps_nothing_for_handles_that_are_gone() {
    let versions = Versions::new();
    let library = fixture("upgrades");
    let host = versions.host(&library);
    drop(host.live::<fn(&str) -> String>("greet").unwrap());
    versions.write(&library, 2, "fail init");
    assert!(matches!(host.reload("upgrades"), Err(Error::InitFailed { .. })));
    let outcome = host.unload("upgrades", Duration::from_secs(1)).unwrap();
    assert!(cfg!(windows) || outcome == Unload::Unmapped, "{outcome}");
}

#[test]
fn events_come_in_order() {
    let versions = Versions::new();
    let events = versions.events.clone();
    let host = tests::host().with_event_handler(move |event| {
        if matches!(event, Event::Upgraded { .. }) {
            std::thread::sleep(Duration::from_millis(100));
        }
        events.lock().unwrap().push(event.to_string());
    });
    versions.write(&fixture("upgrades"), 1, "serve");
    host.load(&versions.file).unwrap();
    host.reload("upgrades").unwrap();
    versions.wait_until_retired(1);
    assert!(versions.events()[0].starts_with("plugin `upgrades` is upgraded to revision 2"), "{:?}", versions.events());
}

/// An upgrade that waits for another one reads the file when its turn comes.
#[test]
fn an_upgrade_that_waited_does_not_bring_back_an_older_version() {
    let versions = Versions::new();
    let library = fixture("upgrades");
    let host = versions.loaded(versions.empty_host().with_handover_timeout(LONG), &library);
    let wait = host.live::<fn(String) -> u64>("wait_while").unwrap();
    let version = host.live::<fn() -> u64>("version").unwrap();
    for asked in [Path::new("upgrades"), &versions.file] {
        let before = host.plugin("upgrades").unwrap().revision();
        let number = 10 * before;
        std::thread::scope(|scope| {
            let block = Block::new(&versions);
            let path = block.path();
            let waiting = scope.spawn(|| wait(path));
            wait_for_call(&host);
            versions.write(&library, number, "serve");
            let upgrades: Vec<_> = (0..2).map(|_| scope.spawn(|| host.reload(asked).unwrap().revision())).collect();
            // Both upgrades now wait.
            std::thread::sleep(Duration::from_millis(300));
            versions.write(&library, number + 1, "serve");
            drop(block);
            waiting.join().unwrap();
            let last = upgrades.into_iter().map(|upgrade| upgrade.join().unwrap()).max();
            assert_eq!((last, version()), (Some(before + 2), number + 1), "{}", asked.display());
        });
    }
}

#[test]
fn upgrades_and_unloads_take_turns() {
    let versions = Versions::new();
    let library = fixture("upgrades");
    let host = versions.loaded(versions.empty_host().with_handover_timeout(LONG), &library);
    let wait = host.live::<fn(String) -> u64>("wait_while").unwrap();
    std::thread::scope(|scope| {
        let block = Block::new(&versions);
        let path = block.path();
        let waiting = scope.spawn(|| wait(path));
        wait_for_call(&host);
        versions.write(&library, 2, "serve");
        // The first waits for the call, and the other waits for the first. Both may find the plugin being unloaded,
        // until the first has begun.
        let upgrade = || loop {
            match host.reload("upgrades") {
                Err(Error::Unloading { .. }) => std::thread::sleep(Duration::from_micros(100)),
                upgraded => break upgraded.unwrap().revision(),
            }
        };
        let upgrades: Vec<_> = (0..2).map(|_| scope.spawn(upgrade)).collect();
        let started = Instant::now();
        let refused = loop {
            match host.unload("upgrades", Duration::ZERO) {
                // Neither of them has begun.
                Ok(Unload::Pinned(reasons)) => assert!(reasons.iter().all(PinReason::is_serving), "{reasons:?}"),
                other => break other,
            }
            assert!(started.elapsed() < LONG);
            std::thread::sleep(Duration::from_millis(1));
        };
        assert_eq!(refused.unwrap_err().to_string(), "plugin `upgrades` is being upgraded at this moment");
        drop(block);
        assert_eq!(waiting.join().unwrap(), 1);
        let mut revisions: Vec<_> = upgrades.into_iter().map(|upgrade| upgrade.join().unwrap()).collect();
        revisions.sort_unstable();
        assert_eq!(revisions, [2, 3]);
    });
}

#[test]
fn an_unload_waits_for_old_versions() {
    let versions = Versions::new();
    let library = fixture("upgrades");
    let host = versions.host(&library);
    let old = host.get::<fn() -> u64>("version").unwrap();
    versions.write(&library, 2, "serve");
    host.reload("upgrades").unwrap();
    let reason = "its revision 1 is still there: 1 handle to its exports is alive: `version` (1)";
    let outcome = host.unload("upgrades", Duration::from_millis(20)).unwrap();
    if cfg!(windows) {
        assert!(outcome.to_string().ends_with(reason), "{outcome}");
        return;
    }
    assert_eq!(outcome.to_string(), format!("pinned: {reason}"));
    assert_eq!(host.draining().len(), 1);
    // The plugin does not serve any more. Another unload is about the libraries that are left.
    assert!(matches!(host.plugin("upgrades"), Err(Error::NoSuchPlugin { .. })));
    assert_eq!(host.unload("upgrades", Duration::ZERO).unwrap().to_string(), format!("pinned: {reason}"));
    assert_eq!(old(), 1);
    drop(old);
    assert_eq!(host.unload("upgrades", LONG).unwrap(), Unload::Unmapped);
    assert_mapped(0);
    assert_eq!(host.draining(), []);
}

#[test]
fn a_handler_that_panics_harms_nothing() {
    let versions = Versions::new();
    let library = fixture("upgrades");
    let told = Arc::new(AtomicU64::new(0));
    let counter = told.clone();
    let host = tests::host().with_event_handler(move |event| {
        counter.fetch_add(1, Ordering::SeqCst);
        if matches!(event, Event::Upgraded { .. }) {
            panic!("told of an upgrade");
        }
    });
    versions.write(&library, 1, "serve");
    host.load(&versions.file).unwrap();
    assert_eq!(host.reload("upgrades").unwrap().revision(), 2);
    let started = Instant::now();
    while told.load(Ordering::SeqCst) < 2 {
        assert!(started.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The outcome of a thread that calls without pause.
struct Caller {
    calls: u64,
    slowest: Duration,
    versions: BTreeSet<u64>,
}

/// Calls from 4 threads, while `meanwhile` runs on this one.
fn call_without_pause(host: &Host, meanwhile: impl FnOnce()) -> Vec<Caller> {
    let answer = host.live::<fn(String) -> Result<(u64, String, u64), Fault>>("answer").unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let call_on = || {
            let mut caller = Caller { calls: 0, slowest: Duration::ZERO, versions: BTreeSet::new() };
            while !stop.load(Ordering::Relaxed) {
                let started = Instant::now();
                let (begun, text, ended) = answer("question".to_owned()).expect("no call fails");
                caller.slowest = caller.slowest.max(started.elapsed());
                assert_eq!((text.as_str(), begun), ("noitseuq", ended), "an answer is from one version");
                assert!(caller.versions.last().is_none_or(|last| *last <= begun), "an older version than before");
                caller.versions.insert(begun);
                caller.calls += 1;
            }
            caller
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(call_on)).collect();
        meanwhile();
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn upgrades_under_calls_drop_none() {
    let versions = Versions::new();
    let (without, with) = (variant("upgrades", "stateless"), fixture("upgrades"));
    for (library, what, upgrades) in [(without, "without state", 500), (with, "with state", 100)] {
        let host = versions.empty_host().with_memory(Memory::Tracked);
        versions.write(&library, 1, "serve");
        host.load(&versions.file).unwrap();
        let upgrades = rounds(upgrades) as u64;
        let first = fs::read(&versions.file).unwrap();
        let number = b"version is 0000000001";
        let at = first.windows(number.len()).position(|bytes| bytes == number).unwrap() + number.len() - 10;

        let started = Instant::now();
        let callers = call_without_pause(&host, || {
            let mut bytes = first.clone();
            for number in 2..upgrades + 2 {
                bytes[at..at + 10].copy_from_slice(format!("{number:010}").as_bytes());
                versions.put(&bytes);
                assert_eq!(host.reload("upgrades").unwrap().revision(), number);
            }
        });
        let took = started.elapsed();
        // At the end, only the last version is mapped, and perhaps the one before, whose calls may just have ended.
        let left: Vec<_> = host.draining().iter().map(|old| old.revision).collect();
        let undisturbed = call_without_pause(&host, || std::thread::sleep(took.min(Duration::from_secs(2))));
        let slowest = |callers: &[Caller]| callers.iter().map(|caller| caller.slowest).max().unwrap();
        let calls: u64 = callers.iter().map(|caller| caller.calls).sum();
        let seen = callers.iter().flat_map(|caller| &caller.versions).collect::<BTreeSet<_>>().len();
        println!(
            "{upgrades} upgrades {what} in {took:.1?} under {calls} calls from 4 threads: none failed, {seen} versions \
             answered; the slowest call took {:.1?} with upgrades, {:.1?} without",
            slowest(&callers),
            slowest(&undisturbed),
        );
        assert!(callers.iter().all(|caller| caller.calls > 0));
        if !cfg!(windows) {
            let started = Instant::now();
            while host.draining().iter().any(|old| old.revision < upgrades) {
                assert!(started.elapsed() < LONG, "{:?} of {upgrades}, at first {left:?}", host.draining());
                std::thread::sleep(Duration::from_millis(1));
            }
            versions.wait_until_retired(upgrades);
            assert_mapped(1);
        }
        versions.events.lock().unwrap().clear();
        assert!(cfg!(windows) || host.unload("upgrades", LONG).unwrap() == Unload::Unmapped);
    }
}
