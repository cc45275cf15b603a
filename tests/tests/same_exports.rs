//! Plugins that export the same names: each is followed, upgraded, watched and unloaded through its own `Plugin`, and all
//! together through `live_all`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use plugin_host::{Error, Host, Limits, Live, LiveAll, PinReason, Plugin, Unload};
use tests::versions::{copies_mapped, renamed, replace, version_of};
use tests::{LONG, fixture, library_name, rounds, variant, wait_until};

/// The two plugins. The second one is the first with another name.
const NAMES: [&str; 2] = ["upgrades", "updaters"];

/// The numbers of the second plugin's versions begin here.
const SECOND: u64 = 1_000_000;

/// The tests run one at a time, because they look at the mappings of the same fixture.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The files of both plugins, each in a directory of its own.
struct Files {
    directory: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Files {
    fn new() -> Self {
        let (alone, directory) = (alone(), tempfile::tempdir().unwrap());
        NAMES.iter().for_each(|name| fs::create_dir(directory.path().join(name)).unwrap());
        Files { directory, _alone: alone }
    }

    fn file(&self, plugin: usize) -> PathBuf {
        self.directory.path().join(NAMES[plugin]).join(library_name("upgrades"))
    }

    /// Replaces the file of a plugin by that version of `library`.
    fn write(&self, plugin: usize, library: &Path, number: u64, behaviour: &str) {
        replace(&self.file(plugin), &renamed(version_of(library, number, behaviour), NAMES[plugin]));
    }

    /// Writes the first versions of both plugins, and loads them.
    fn load(&self, host: &Host, library: &Path) -> [Plugin; 2] {
        [0, 1].map(|plugin| {
            self.write(plugin, library, SECOND * plugin as u64 + 1, "serve");
            host.load(self.file(plugin)).unwrap()
        })
    }
}

type Number = fn() -> u64;
type Greet = fn(&str) -> String;

/// Calls `next` without pause until `stop`, on four threads. Checks that the numbers are those of one plugin's versions, and
/// never of an older version than before.
fn call_without_pause(plugin: usize, stop: &AtomicBool, next: &Live<Number>) -> u64 {
    let range = SECOND * plugin as u64..SECOND * (plugin as u64 + 1);
    let call_on = || {
        let (mut last, mut calls) = (0, 0);
        while !stop.load(Ordering::Relaxed) {
            let number = next();
            assert!(range.contains(&number), "{number} is of another plugin than `{}`", NAMES[plugin]);
            assert!(number >= last, "{number} after {last}");
            (last, calls) = (number, calls + 1);
        }
        calls
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(call_on)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

/// Ends the calls of a test, also if the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn two_plugins_with_the_same_exports_are_followed_while_both_are_upgraded() {
    let files = Files::new();
    let library = variant("upgrades", "stateless");
    let host = tests::host();
    let plugins = files.load(&host, &library);
    assert!(matches!(host.live::<Number>("version"), Err(Error::Ambiguous { .. })));
    let live = plugins.each_ref().map(|plugin| plugin.live::<Number>("version").unwrap());
    assert_eq!(live.each_ref().map(|version| version()), [1, SECOND + 1]);
    let all = host.live_all::<Number>("version").unwrap();

    let upgrades = rounds(500) as u64;
    let stop = AtomicBool::new(false);
    let calls = std::thread::scope(|scope| {
        let _stop = Stop(&stop);
        let stop = &stop;
        let callers = [0, 1].map(|plugin| {
            let version = live[plugin].clone();
            scope.spawn(move || call_without_pause(plugin, stop, &version))
        });
        let everyone = scope.spawn(|| {
            let mut rounds = 0;
            while !stop.load(Ordering::Relaxed) {
                let found: Vec<u64> = all.iter().map(|found| found.unwrap().1()).collect();
                assert!(matches!(found[..], [first, second] if first < SECOND && second > SECOND), "{found:?}");
                rounds += 1;
            }
            rounds
        });
        let upgrades = plugins.map(|mut plugin| {
            let files = &files;
            let index = NAMES.iter().position(|name| *name == plugin.name()).unwrap();
            scope.spawn(move || {
                let mut bytes = fs::read(files.file(index)).unwrap();
                let text = b"version is 0";
                let at = bytes.windows(text.len()).position(|found| found == text).unwrap() + text.len() - 1;
                for number in 2..upgrades + 2 {
                    let text = format!("{:010}", SECOND * index as u64 + number);
                    bytes[at..][..text.len()].copy_from_slice(text.as_bytes());
                    replace(&files.file(index), &bytes);
                    plugin = plugin.reload().unwrap();
                    assert_eq!((plugin.name(), plugin.revision()), (NAMES[index], number));
                }
            })
        });
        upgrades.into_iter().for_each(|upgrade| upgrade.join().unwrap());
        drop(_stop);
        let [first, second] = callers.map(|caller| caller.join().unwrap());
        [first, second, everyone.join().unwrap()]
    });
    println!("{upgrades} upgrades of each plugin under {calls:?} calls");
    assert!(calls.iter().all(|calls| *calls > 0));
    assert_eq!(live.each_ref().map(|version| version()), [upgrades + 1, SECOND + upgrades + 1]);
    drop(live);
    if copies_mapped("upgrades").is_some() {
        wait_until("the old versions are unmapped", || host.draining().is_empty());
        assert_eq!(copies_mapped("upgrades"), Some(2));
    }
    for plugin in host.plugins() {
        let outcome = plugin.unload(LONG).unwrap();
        assert!(cfg!(windows) || outcome == Unload::Unmapped, "{outcome}");
    }
}

#[test]
fn a_plugin_of_an_older_version_leads_to_the_one_that_serves() {
    let files = Files::new();
    let library = fixture("upgrades");
    let host = tests::host();
    let [first, second] = files.load(&host, &library);
    files.write(0, &library, 2, "serve");
    let upgraded = first.reload().unwrap();
    assert_eq!((first.revision(), upgraded.revision(), second.revision()), (1, 2, 1));
    // A look-up stays with the version, and a handle that follows does not.
    assert_eq!(first.get::<Number>("version").unwrap()(), 1);
    let live = first.live::<Number>("version").unwrap();
    assert_eq!((live(), second.live::<Number>("version").unwrap()()), (2, SECOND + 1));
    files.write(0, &library, 3, "serve");
    assert_eq!(first.reload().unwrap().revision(), 3);
    assert_eq!((live(), host.plugin("upgrades").unwrap().revision()), (3, 3));

    // Refusals are those of the host's functions.
    let error = second.live::<Number>("versions").unwrap_err();
    assert_eq!(error.to_string(), "plugin `updaters` exports no `versions`; there is `version`");
    assert!(matches!(second.live::<fn() -> u32>("version"), Err(Error::TypeMismatch(_))));
    files.write(0, &library, 4, "fail init");
    assert!(matches!(first.reload(), Err(Error::InitFailed { .. })));
    assert_eq!(live(), 3);
}

#[test]
fn a_plugin_uses_the_settings_that_its_host_has_now() {
    let files = Files::new();
    let host = tests::host();
    let [plugin, _] = files.load(&host, &fixture("upgrades"));
    let host = host.with_limits(Limits::default().with_file(1000));
    assert!(matches!(plugin.reload(), Err(Error::FileTooLarge { limit: 1000, .. })));
    let _host = host.with_limits(Limits::default());
    assert_eq!(plugin.reload().unwrap().revision(), 2);
}

#[test]
fn a_plugin_is_unloaded_through_itself() {
    let files = Files::new();
    let library = fixture("upgrades");
    let host = tests::host();
    let [first, second] = files.load(&host, &library);
    let clone = first.clone();
    let outcome = first.unload(Duration::from_millis(20)).unwrap();
    let Unload::Pinned(reasons) = outcome else { panic!("a clone keeps it") };
    assert!(reasons.iter().all(PinReason::is_serving), "{reasons:?}");
    assert_eq!(clone.live::<Number>("version").unwrap()(), 1);

    // The old version's `Plugin` no longer keeps the version that serves.
    let upgraded = clone.reload().unwrap();
    let old = clone.get::<Number>("version").unwrap();
    drop(upgraded);
    let stale = clone.clone();
    let outcome = clone.unload(Duration::from_millis(20)).unwrap();
    assert!(outcome.to_string().contains("its revision 1 is still there"), "{outcome}");
    assert!(matches!(host.plugin("upgrades"), Err(Error::NoSuchPlugin { .. })));

    // Another plugin takes the name, and is not meant.
    let again = host.load(files.file(0)).unwrap();
    let unloaded =
        "plugin `upgrades` does not serve any more: it was unloaded; load it again, and use the new `Plugin`";
    let refused = [
        stale.live::<Number>("version").map(drop),
        stale.reload().map(drop),
        stale.watch().map(drop),
        stale.clone().unload(LONG).map(drop),
    ];
    refused.into_iter().for_each(|refused| assert_eq!(refused.unwrap_err().to_string(), unloaded));
    assert_eq!((old(), again.live::<Number>("version").unwrap()()), (1, 1));
    drop((old, stale));
    for plugin in [again, second] {
        let outcome = plugin.unload(LONG).unwrap();
        assert!(cfg!(windows) || outcome == Unload::Unmapped, "{outcome}");
    }
}

#[test]
fn without_its_host_a_plugin_only_serves() {
    let files = Files::new();
    let host = tests::host();
    let [plugin, other] = files.load(&host, &fixture("upgrades"));
    let live = plugin.live::<Number>("version").unwrap();
    let all = host.live_all::<Number>("version").unwrap();
    drop(host);
    assert_eq!((live(), plugin.get::<Number>("version").unwrap()()), (1, 1));
    let refused = [
        (plugin.live::<Number>("version").map(drop), "follow `version` of plugin `upgrades`"),
        (plugin.reload().map(drop), "reload plugin `upgrades`"),
        (plugin.watch().map(drop), "watch the file of plugin `upgrades`"),
        (other.unload(LONG).map(drop), "unload plugin `updaters`"),
        (all.iter().map(|found| found.map(drop)).next().unwrap(), "follow `version` of all plugins"),
    ];
    for (refused, operation) in refused {
        let text = format!("cannot {operation}: the host was dropped; keep the `Host` for as long as this is needed");
        assert_eq!(refused.unwrap_err().to_string(), text);
    }
    assert_eq!(all.iter().count(), 1);
    drop((live, plugin));
    if copies_mapped("upgrades").is_some() {
        wait_until("both are unmapped", || copies_mapped("upgrades") == Some(0));
    }
}

/// The drop of a host waits for upgrades that begin in a `Plugin`, as for those of a watch.
#[test]
fn the_drop_of_a_host_waits_for_a_reload_of_a_plugin() {
    let files = Files::new();
    let library = fixture("upgrades");
    let host = tests::host();
    let [plugin, _] = files.load(&host, &library);
    let block = std::env::temp_dir().join(format!("plugin-waits-{}", std::process::id()));
    fs::write(&block, "").unwrap();
    files.write(0, &library, 2, "wait init");
    let dropped = AtomicBool::new(false);
    let upgraded = std::thread::scope(|scope| {
        let upgrade = scope.spawn(|| plugin.reload().map(|plugin| plugin.revision()));
        match copies_mapped("upgrades") {
            Some(_) => wait_until("the next version is mapped", || copies_mapped("upgrades") == Some(3)),
            None => std::thread::sleep(Duration::from_millis(500)),
        }
        let drops = scope.spawn(|| {
            drop(host);
            dropped.store(true, Ordering::SeqCst);
        });
        std::thread::sleep(Duration::from_millis(200));
        let early = dropped.load(Ordering::SeqCst);
        fs::remove_file(&block).unwrap();
        drops.join().unwrap();
        assert!(!early, "the host was dropped while a plugin of it was being upgraded");
        upgrade.join().unwrap()
    });
    assert_eq!(upgraded.unwrap(), 2);
    assert!(matches!(plugin.reload(), Err(Error::HostDropped { .. })));
}

#[test]
fn a_plugin_is_watched_through_itself() {
    let files = Files::new();
    let library = fixture("upgrades");
    let host = tests::host().with_watch_quiet(Duration::from_millis(60));
    let plugins = files.load(&host, &library);
    let watches = plugins.each_ref().map(|plugin| plugin.watch().unwrap());
    assert!(matches!(host.watch("updaters"), Err(Error::AlreadyWatched { plugin, .. }) if plugin == "updaters"));
    assert!(matches!(plugins[0].watch(), Err(Error::AlreadyWatched { plugin, .. }) if plugin == "upgrades"));
    let live = plugins.map(|plugin| plugin.live::<Number>("version").unwrap());
    for (plugin, number) in [(1, SECOND + 2), (0, 2)] {
        files.write(plugin, &library, number, "serve");
        wait_until("the change upgrades this plugin", || live[plugin]() == number);
    }
    assert_eq!(live.each_ref().map(|version| (version(), version.revision())), [(2, 2), (SECOND + 2, 2)]);
    drop(watches);
}

/// The answers of all plugins that have the function now.
fn answers(all: &LiveAll<Greet>) -> Vec<String> {
    let answer = |found: Result<(Plugin, Live<Greet>), Error>| match found {
        Ok((plugin, greet)) => format!("{} {}: {}", plugin.name(), plugin.revision(), greet("you")),
        Err(Error::TypeMismatch(mismatch)) => format!("{} has another type", mismatch.plugin),
        Err(error) => panic!("{error}"),
    };
    all.into_iter().map(answer).collect()
}

#[test]
fn all_plugins_with_an_export_are_followed_also_those_that_come_later() {
    let files = Files::new();
    let library = fixture("upgrades");
    let host = tests::host();
    let all = host.live_all::<Greet>("greet").unwrap();
    assert_eq!(answers(&all), [""; 0]);
    let [mut first, second] = files.load(&host, &library);
    let both = ["upgrades 1: Hello, you!", "updaters 1: Hello, you!"];
    assert_eq!(answers(&all), both);
    assert_eq!(answers(&all.clone()), both);

    // A version without the function, and one with another function of that name, are not refused: nothing keeps the handles of
    // an iteration.
    files.write(0, &variant("upgrades", "lacking"), 2, "serve");
    first = first.reload().unwrap();
    assert_eq!(answers(&all), both[1..]);
    files.write(0, &variant("upgrades", "changed"), 3, "serve");
    first = first.reload().unwrap();
    assert_eq!(answers(&all), ["upgrades has another type", both[1]]);
    assert!(matches!(host.live_all::<Greet>("greet"), Err(Error::TypeMismatch(_))));
    assert!(matches!(host.live_all::<Number>("a\0b"), Err(Error::NulInName { .. })));

    // A handle of an iteration that is kept follows its plugin, and keeps it as every handle does.
    files.write(0, &library, 4, "serve");
    drop(first.reload().unwrap());
    drop(first);
    let (plugin, kept) = all.iter().next().unwrap().unwrap();
    assert_eq!((plugin.name(), kept.revision()), ("upgrades", 4));
    drop(plugin);
    files.write(0, &library, 5, "serve");
    host.reload("upgrades").unwrap();
    assert_eq!(kept.revision(), 5);
    assert!(matches!(host.unload("upgrades", Duration::ZERO).unwrap(), Unload::Pinned(_)));
    drop(kept);
    assert_eq!(answers(&all).len(), 2);
    // `all` keeps no plugin.
    let outcome = host.unload("upgrades", LONG).unwrap();
    assert!(cfg!(windows) || outcome == Unload::Unmapped, "{outcome}");
    assert_eq!(answers(&all), both[1..]);
    let outcome = second.unload(LONG).unwrap();
    assert!(cfg!(windows) || outcome == Unload::Unmapped, "{outcome}");
    assert_eq!(answers(&all), [""; 0]);
}
