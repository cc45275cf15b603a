//! Versions of one plugin that run in different places: their library is loaded into the process of the host, or they are reached by
//! bytes alone. An upgrade goes from each place to each, with the state and under calls, and an unload ends both.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use plugin_host::__private::{Loopback, Message, loopback};
use plugin_host::{Cause, Error, Fault, Host, PinReason, Unload};
use tests::versions::version_of;
use tests::{LONG, fixture, host, host_with, library_name, rounds, variant, wait_until};

/// A version of the fixture `upgrades`.
#[derive(Clone)]
struct Version {
    library: PathBuf,
    number: u64,
    behaviour: &'static str,
}

/// The place of a version.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Loaded,
    Looped,
}

use Place::{Loaded, Looped};

/// The plugin in a host, and the versions that it may be upgraded to.
struct Plugin {
    host: Host,
    directory: tempfile::TempDir,
    events: Arc<Mutex<Vec<String>>>,
}

impl Version {
    fn serving(feature: Option<&str>, number: u64) -> Self {
        let library = feature.map_or_else(|| fixture("upgrades"), |feature| variant("upgrades", feature));
        Version { library, number, behaviour: "serve" }
    }
}

impl Plugin {
    fn new(place: Place, version: &Version) -> Self {
        let events: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = events.clone();
        let host = host().with_event_handler(move |event| told.lock().unwrap().push(event.to_string()));
        let plugin = Plugin { host, directory: tempfile::tempdir().unwrap(), events };
        match place {
            Loaded => _ = plugin.host.load(plugin.file(version)).unwrap(),
            Looped => plugin.far(version).load(&plugin.host).unwrap(),
        }
        plugin
    }

    /// Writes the version to a file.
    fn file(&self, version: &Version) -> PathBuf {
        let directory = self.directory.path().join(version.number.to_string());
        std::fs::create_dir_all(&directory).unwrap();
        let file = directory.join(library_name("upgrades"));
        std::fs::write(&file, version_of(&version.library, version.number, version.behaviour)).unwrap();
        file
    }

    /// A host of its own with the version.
    fn far(&self, version: &Version) -> Loopback {
        let far = host();
        far.load(self.file(version)).unwrap();
        Loopback::new(far)
    }

    fn upgrade(&self, place: Place, version: &Version) -> Result<(), Error> {
        match place {
            Loaded => self.host.reload(self.file(version)).map(drop),
            Looped => self.far(version).upgrade(&self.host, "upgrades"),
        }
    }

    fn call<R>(&self, export: &str) -> R
    where
        fn() -> R: plugin_host::Lookup<Handle = plugin_host::Function<fn() -> R>>,
        plugin_host::Function<fn() -> R>: std::ops::Deref<Target: Fn() -> R>,
    {
        self.host.get::<fn() -> R>(export).unwrap()()
    }

    fn wait_for(&self, event: &str) {
        wait_until(event, || self.events.lock().unwrap().iter().any(|seen| seen == event));
    }

    /// Waits until an old version is unmapped, where that can be known.
    fn wait_until_retired(&self, revision: u64) {
        if cfg!(target_os = "linux") {
            self.wait_for(&format!("revision {revision} of plugin `upgrades` is unmapped"));
        }
    }
}

/// Returns true if the text is in one of the process's mappings, where that can be known.
fn is_mapped(text: &str) -> bool {
    cfg!(target_os = "linux") && std::fs::read_to_string("/proc/self/maps").unwrap().contains(text)
}

#[test]
fn the_state_goes_from_each_place_to_each_and_may_grow() {
    let [plain, grown] = [None, Some("grown")];
    let plugin = Plugin::new(Loaded, &Version::serving(None, 1));
    let count = plugin.host.live::<fn() -> u64>("count").unwrap();
    plugin.host.get::<fn(Bytes)>("remember").unwrap()(Bytes::from(vec![7; 100_000]));
    assert_eq!((count(), count()), (1, 2));

    let steps = [
        (Looped, plain, None),
        (Looped, grown, Some(1)),
        (Loaded, grown, Some(2)),
        (Loaded, plain, None),
        (Looped, grown, Some(1)),
        (Loaded, plain, None),
        (Looped, plain, None),
    ];
    for (step, (place, feature, generations)) in steps.into_iter().enumerate() {
        let number = step as u64 + 2;
        plugin.upgrade(place, &Version::serving(feature, number)).unwrap();
        assert_eq!(plugin.call::<u64>("version"), number);
        assert_eq!(count(), number + 1, "{place:?}");
        let found = plugin.host.get::<fn() -> u64>("generations").ok().map(|generations| generations());
        assert_eq!(found, generations, "{place:?}");
        plugin.wait_until_retired(number - 1);
    }
    let expected: Vec<_> = (1..9).map(|number| format!("version {number} was here")).collect();
    assert_eq!(plugin.call::<Vec<String>>("history"), expected[..7]);
    assert_eq!(plugin.call::<Vec<u8>>("remembered"), [7; 100_000]);
}

#[test]
fn no_call_is_lost_while_the_place_changes() {
    let plugin = Plugin::new(Looped, &Version::serving(None, 1));
    let count = plugin.host.live::<fn() -> u64>("count").unwrap();
    let answer = plugin.host.live::<fn(String) -> Result<(u64, String, u64), Fault>>("answer").unwrap();
    let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    let last = std::thread::scope(|scope| {
        let counting = scope.spawn(|| {
            let mut last = 0;
            while !stop.load(Ordering::Relaxed) {
                let next = count();
                assert_eq!(next, last + 1);
                last = next;
            }
            last
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let mut version = 1;
                while !stop.load(Ordering::Relaxed) {
                    let (begun, text, ended) = answer("question".to_owned()).expect("no call fails");
                    assert_eq!((text.as_str(), begun), ("noitseuq", ended), "an answer is from one version");
                    assert!(version <= begun, "an older version than before");
                    version = begun;
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for number in 2..rounds(100) as u64 + 2 {
            let place = if number % 3 == 0 { Loaded } else { Looped };
            plugin.upgrade(place, &Version::serving(None, number)).unwrap();
            // Each version is called.
            let before = calls.load(Ordering::Relaxed);
            wait_until("a call", || calls.load(Ordering::Relaxed) > before + 2);
        }
        stop.store(true, Ordering::Relaxed);
        counting.join().unwrap()
    });
    assert_eq!(count(), last + 1);
}

/// After each failure, the old version serves on, with its state.
#[test]
fn after_any_failure_the_old_version_serves_on() {
    for (old, new) in [(Loaded, Looped), (Looped, Looped), (Looped, Loaded)] {
        let plugin = Plugin::new(old, &Version::serving(None, 1));
        let count = plugin.host.live::<fn() -> u64>("count").unwrap();
        let mut expected = 0;
        let mut fails = |feature: Option<&str>, behaviour| {
            let version = Version { behaviour, ..Version::serving(feature, 2) };
            let error = plugin.upgrade(new, &version).unwrap_err();
            expected += 1;
            assert_eq!((count(), plugin.call::<u64>("version")), (expected, 1), "{behaviour} {error}");
            error
        };
        let error = fails(None, "fail rest");
        assert!(matches!(&error, Error::RestoreFailed { message, .. } if message.contains("invalid digit")), "{error}");
        let error = fails(None, "panic rest");
        let Error::RestorePanicked { fault, .. } = &error else { panic!("{error}") };
        assert_eq!(fault.message, "the state is not for this version");
        assert_eq!(fault.export.as_deref(), Some("upgrades::restore"));
        let error = fails(Some("other-state"), "serve");
        assert!(matches!(&error, Error::StateMismatch { difference, .. } if difference.contains("count")), "{error}");
        let error = fails(Some("no-restore"), "serve");
        assert!(matches!(error, Error::StateNotRestored { .. }), "{error}");
        let greet = plugin.host.live::<fn(&str) -> String>("greet").unwrap();
        let error = fails(Some("lacking"), "serve");
        assert!(matches!(error, Error::InUse { .. }), "{error}");
        drop(greet);

        // Without a failure, it goes on where it was.
        plugin.upgrade(new, &Version::serving(None, 2)).unwrap();
        assert_eq!((count(), plugin.call::<u64>("version")), (expected + 1, 2));

        // The old version cannot save.
        let plugin = Plugin::new(old, &Version { behaviour: "panic save", ..Version::serving(None, 1) });
        let error = plugin.upgrade(new, &Version::serving(None, 2)).unwrap_err();
        let Error::SavePanicked { fault, .. } = &error else { panic!("{error}") };
        assert_eq!(
            (fault.message.as_str(), fault.export.as_deref()),
            ("the state is not to be had", Some("upgrades::save"))
        );
        assert_eq!(plugin.call::<u64>("version"), 1);
    }
}

#[test]
fn only_a_version_of_the_same_package_is_the_next() {
    let plugin = Plugin::new(Loaded, &Version::serving(None, 1));
    let busy = || Loopback::new(host_with(&["busy"]));
    assert!(matches!(busy().upgrade(&plugin.host, "upgrades"), Err(Error::NoSuchPlugin { .. })));
    assert!(matches!(busy().upgrade(&plugin.host, "busy"), Err(Error::NoSuchPlugin { .. })));
    // An instance of another package under the plugin's name.
    let far = host();
    far.load_as(fixture("busy"), "upgrades").unwrap();
    let error = Loopback::new(far).upgrade(&plugin.host, "upgrades").unwrap_err();
    assert!(matches!(error, Error::OtherPlugin { .. }), "{error}");
    assert_eq!(plugin.call::<u64>("version"), 1);
}

/// A handle to memory of the plugin's that changes.
#[test]
fn a_handle_that_cannot_leave_keeps_the_plugin_where_it_is() {
    let plugin = Plugin::new(Loaded, &Version::serving(None, 1));
    let waiting = plugin.host.get::<AtomicU64>("WAITING").unwrap();
    let error = plugin.upgrade(Looped, &Version::serving(None, 2)).unwrap_err();
    let Error::InUse { problem, .. } = &error else { panic!("{error}") };
    assert!(matches!(**problem, Error::CannotLeave(_)), "{error}");
    assert_eq!(plugin.call::<u64>("version"), 1);
    plugin.upgrade(Loaded, &Version::serving(None, 3)).unwrap();
    drop(waiting);
    plugin.upgrade(Looped, &Version::serving(None, 4)).unwrap();
    assert_eq!(plugin.call::<u64>("version"), 4);
    assert!(matches!(plugin.host.get::<AtomicU64>("WAITING"), Err(Error::CannotLeave(_))));
}

#[test]
fn an_unload_ends_the_plugin_on_the_far_side() {
    let faults: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = faults.clone();
    let far = host().with_fault_handler(move |fault| told.lock().unwrap().push(fault.to_string()));
    far.load(fixture("shutdown-fails")).unwrap();
    let near = host();
    Loopback::new(far).load(&near).unwrap();
    let name = near.plugins()[0].name().to_owned();
    let plugin = near.plugin(&name).unwrap();

    let pinned = near.unload(&name, Duration::ZERO).unwrap();
    assert!(matches!(&pinned, Unload::Pinned(reasons) if matches!(reasons[..], [PinReason::Plugins { count: 1, .. }])));
    assert_eq!(*faults.lock().unwrap(), [""; 0]);
    assert!(!cfg!(target_os = "linux") || is_mapped(&library_name("shutdown-fails")));
    drop(plugin);
    let unloaded = near.unload(&name, LONG).unwrap();
    assert!(!cfg!(target_os = "linux") || unloaded == Unload::Unmapped, "{unloaded}");
    assert!(!is_mapped(&library_name("shutdown-fails")));
    // Its shutdown hooks ran.
    assert_ne!(*faults.lock().unwrap(), [""; 0]);
    assert!(matches!(near.plugin(&name), Err(Error::NoSuchPlugin { .. })));
}

#[test]
fn the_last_handle_ends_the_plugin_on_the_far_side() {
    let near = loopback(host_with(&["zoo"])).unwrap();
    let add = near.get::<fn(u64, u64) -> u64>("add").unwrap();
    drop(near);
    assert_eq!(add(1, 2), 3);
    assert!(!cfg!(target_os = "linux") || is_mapped(&library_name("zoo")));
    drop(add);
    assert!(!is_mapped(&library_name("zoo")));
}

/// Messages with a state that were changed, cut or are too long.
#[test]
fn a_damaged_state_is_refused() {
    type Change = fn(&mut Vec<u8>);
    let damages: [(Change, &str); 4] = [
        (|reply| reply.truncate(3), "the state that was saved is damaged"),
        (|reply| reply.push(0), "the state that was saved is damaged"),
        (Vec::clear, "its reply is damaged"),
        (|reply| reply[0] = 9, "its reply is damaged"),
    ];
    for (damage, expected) in damages {
        let plugin = Plugin::new(Loaded, &Version::serving(None, 1));
        let far = plugin.far(&Version::serving(None, 2)).through(1 << 20, move |message| {
            if let Message::Reply(reply) = message
                && reply.len() > 10
            {
                damage(reply);
            }
        });
        far.upgrade(&plugin.host, "upgrades").unwrap();
        let history = plugin.host.live::<fn() -> u64>("count").unwrap();
        assert_eq!(history(), 1);
        let error = plugin.upgrade(Loaded, &Version::serving(None, 3)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!((plugin.call::<u64>("version"), history()), (2, 2));
    }
}

#[test]
fn a_state_that_is_too_long_stays_where_it_is() {
    for place in [Loaded, Looped] {
        let plugin = Plugin::new(place, &Version::serving(None, 1));
        plugin.host.get::<fn(Bytes)>("remember").unwrap()(Bytes::from(vec![7; 100_000]));
        let error =
            plugin.far(&Version::serving(None, 2)).through(4096, |_| ()).upgrade(&plugin.host, "upgrades").unwrap_err();
        assert!(error.to_string().contains("bytes, and a message may have 4096"), "{error}");
        assert_eq!((plugin.call::<u64>("version"), plugin.call::<Vec<u8>>("remembered").len()), (1, 100_000));
    }
}

/// A state that is damaged on its way to the version that restores it. That version relies on nothing that the host has checked.
#[test]
fn a_version_elsewhere_checks_the_state_itself() {
    /// Upgrades to a loopback of a version with this feature. `change` sees the request to restore the state.
    fn upgraded(
        feature: Option<&str>,
        change: impl Fn(&mut Vec<u8>) + Send + Sync + 'static,
    ) -> Result<(), Box<Fault>> {
        let plugin = Plugin::new(Loaded, &Version::serving(feature, 1));
        let far = plugin.far(&Version::serving(feature, 2)).through(1 << 20, move |message| {
            if let Message::Request(request) = message
                && request.len() > 40
            {
                change(request);
            }
        });
        let result = far.upgrade(&plugin.host, "upgrades");
        assert_eq!(plugin.call::<u64>("version"), if result.is_ok() { 2 } else { 1 });
        result.map_err(|error| match error {
            Error::RestorePanicked { fault, .. } => fault,
            error => panic!("{error}"),
        })
    }

    let other: Arc<Mutex<Vec<u8>>> = Arc::default();
    let seen = other.clone();
    upgraded(Some("other-state"), move |request| seen.lock().unwrap().clone_from(request)).unwrap();
    assert!(other.lock().unwrap().len() > 40);

    type Change = Box<dyn Fn(&mut Vec<u8>) + Send + Sync>;
    let damages: [(Change, Cause, &str); 5] = [
        (Box::new(Vec::clear), Cause::Refused, "the request is damaged"),
        (Box::new(|request| request.truncate(40)), Cause::Refused, "the request is damaged"),
        (Box::new(|request| request[5] ^= 0x55), Cause::Refused, "the state has another type"),
        (
            Box::new(|request| request.push(0)),
            Cause::Disconnected,
            "the state that was saved is damaged: 1 bytes follow",
        ),
        // Whole, and of a state with a `u32` for a `u64`.
        (
            Box::new(move |request| request.clone_from(&other.lock().unwrap())),
            Cause::Refused,
            "the state has another type than the one that the plugin restores",
        ),
    ];
    for (damage, cause, expected) in damages {
        let fault = upgraded(None, damage).unwrap_err();
        assert_eq!(fault.cause, cause, "{fault}");
        assert!(fault.message.starts_with(expected), "{fault}");
    }
}

/// The file of a loopback is the far side's affair: a reload by name would move the plugin into this process.
#[test]
fn a_loopback_is_not_reloaded_from_a_file() {
    let plugin = Plugin::new(Looped, &Version::serving(None, 1));
    let error = plugin.host.reload("upgrades").unwrap_err();
    assert!(matches!(error, Error::InMemory { .. }), "{error}");
    assert_eq!(plugin.host.plugin("upgrades").unwrap().path(), None);
    assert!(matches!(plugin.host.get::<AtomicU64>("WAITING"), Err(Error::CannotLeave(_))));
    // A linked plugin is never upgraded, so it is not the next version either.
    let linked = Loopback::new(Host::linked().unwrap());
    assert!(matches!(linked.upgrade(&plugin.host, "upgrades"), Err(Error::NoSuchPlugin { .. })));
}

/// The hooks wait until a file of this process is gone.
#[test]
fn a_hook_that_takes_too_long_keeps_its_side_until_it_returns() {
    let waits = std::env::temp_dir().join(format!("plugin-waits-{}", std::process::id()));
    std::fs::write(&waits, "").unwrap();
    let short = Duration::from_millis(50);
    let mut plugin = Plugin::new(Loaded, &Version::serving(None, 1));
    plugin.host = host().with_hook_timeout(Some(short));
    plugin.host.load(plugin.file(&Version::serving(None, 1))).unwrap();
    let count = plugin.host.live::<fn() -> u64>("count").unwrap();
    assert_eq!(count(), 1);
    let slow = Version { behaviour: "wait rest", ..Version::serving(None, 2) };
    let error = plugin.upgrade(Looped, &slow).unwrap_err();
    assert!(matches!(&error, Error::HookTimedOut { hook, .. } if hook == "restore"), "{error}");
    assert_eq!(count(), 2);
    std::fs::remove_file(&waits).unwrap();

    // The same on the far side, with the hook that saves.
    plugin.upgrade(Looped, &Version { behaviour: "wait save", ..Version::serving(None, 3) }).unwrap();
    assert_eq!(count(), 3);
    std::fs::write(&waits, "").unwrap();
    let error = plugin.upgrade(Loaded, &Version::serving(None, 4)).unwrap_err();
    assert!(matches!(&error, Error::HookTimedOut { hook, .. } if hook == "save"), "{error}");
    assert_eq!(count(), 4);
    drop(count);
    // The hook still uses the far side.
    let pinned = plugin.host.unload("upgrades", Duration::ZERO).unwrap();
    assert!(matches!(&pinned, Unload::Pinned(reasons) if reasons[0] == PinReason::Closing), "{pinned}");
    std::fs::remove_file(&waits).unwrap();
    let unloaded = plugin.host.unload("upgrades", LONG).unwrap();
    assert!(!cfg!(target_os = "linux") || unloaded == Unload::Unmapped, "{unloaded}");
}
