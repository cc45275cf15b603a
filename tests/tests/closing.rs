//! A host that is dropped or closed. Its work ends first, and `close` tells the outcome for each plugin.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use plugin_host::{Closed, Event, Host, PinReason, Unload};
use tests::versions::{copies_mapped, replace, version_of};
use tests::{LONG, fixture, library_name, rounds, wait_until};

/// The tests look at the process's mappings, so they run one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of mapped copies of the fixture. It is 0 where it is not known.
fn mapped(fixture: &str) -> usize {
    copies_mapped(fixture).unwrap_or(0)
}

fn write(file: &Path, number: u64) {
    write_as(file, number, "serve");
}

/// Replaces the file by a version with this behaviour.
fn write_as(file: &Path, number: u64, behaviour: &str) {
    replace(file, &version_of(&fixture("upgrades"), number, behaviour));
}

struct File(tempfile::TempDir);

impl File {
    fn new() -> Self {
        let file = File(tempfile::tempdir().unwrap());
        write(&file.path(), 1);
        file
    }

    fn path(&self) -> PathBuf {
        self.0.path().join(library_name("upgrades"))
    }
}

fn quick() -> Host {
    tests::host().with_watch_quiet(Duration::from_millis(1)).with_fault_handler(|_| ())
}

/// After the drop of the host, shutdown hooks have run and the library is unmapped. The thread of the watch may be at
/// any point.
#[test]
fn a_host_that_watches_is_gone_when_it_is_dropped() {
    let _alone = alone();
    let file = File::new();
    for round in 0..rounds(40) as u64 {
        let host = quick();
        host.load(file.path()).unwrap();
        let watch = host.watch("upgrades").unwrap();
        write(&file.path(), round + 2);
        // Each round drops the host in another phase of the upgrade.
        std::thread::sleep(Duration::from_millis(round));
        drop(host);
        assert_eq!(mapped("upgrades"), 0, "round {round}");
        drop(watch);
    }
}

/// The host is dropped while the watch's upgrade is in the middle of an init hook.
#[test]
fn an_upgrade_in_progress_ends_before_the_host_is_gone() {
    let _alone = alone();
    let (file, waits) = (File::new(), std::env::temp_dir().join(format!("plugin-waits-{}", std::process::id())));
    for _ in 0..rounds(5) {
        fs::write(&waits, "").unwrap();
        write(&file.path(), 1);
        let host = quick();
        host.load(file.path()).unwrap();
        let _watch = host.watch("upgrades").unwrap();
        write_as(&file.path(), 2, "wait init");
        if cfg!(target_os = "linux") {
            wait_until("the next version is mapped", || mapped("upgrades") == 2);
        }
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(50));
                fs::remove_file(&waits).unwrap();
            });
            drop(host);
            assert!(!waits.exists(), "it was not waited for");
            assert_eq!(mapped("upgrades"), 0);
        });
    }
}

/// If the time limit ends before the upgrade, the upgrade has no effect.
#[test]
fn an_upgrade_that_takes_too_long_replaces_nothing() {
    let _alone = alone();
    let (file, waits) = (File::new(), std::env::temp_dir().join(format!("plugin-waits-{}", std::process::id())));
    fs::write(&waits, "").unwrap();
    let events: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = events.clone();
    let host = quick().with_event_handler(move |event| seen.lock().unwrap().push(event.to_string()));
    host.load(file.path()).unwrap();
    let _watch = host.watch("upgrades").unwrap();
    write_as(&file.path(), 2, "wait init");
    if cfg!(target_os = "linux") {
        wait_until("the next version is mapped", || mapped("upgrades") == 2);
    }
    let closed = host.close(Duration::from_millis(20));
    assert_eq!(closed.len(), 1);
    fs::remove_file(&waits).unwrap();
    if cfg!(target_os = "linux") {
        wait_until("both versions are gone", || mapped("upgrades") == 0);
    }
    assert!(!events.lock().unwrap().iter().any(|event| event.contains("is upgraded")), "{events:?}");
}

/// A thread of the host must not wait for itself.
#[test]
fn an_event_handler_may_drop_the_host() {
    let _alone = alone();
    let file = File::new();
    let kept: Arc<Mutex<Option<Host>>> = Arc::default();
    let (to_drop, (sender, dropped)) = (kept.clone(), channel());
    let host = quick().with_event_handler(move |event| {
        if let Event::Upgraded { .. } = event {
            let started = Instant::now();
            drop(to_drop.lock().unwrap().take());
            sender.send(started.elapsed()).unwrap();
        }
    });
    host.load(file.path()).unwrap();
    let _watch = host.watch("upgrades").unwrap();
    *kept.lock().unwrap() = Some(host);
    write(&file.path(), 2);
    assert!(dropped.recv_timeout(LONG).expect("it is dropped") < Duration::from_secs(20));
    wait_until("the plugin is gone", || mapped("upgrades") == 0);
}

#[test]
fn a_fault_handler_may_drop_the_host() {
    let _alone = alone();
    let kept: Arc<Mutex<Option<Host>>> = Arc::default();
    let (to_drop, (sender, dropped)) = (kept.clone(), channel());
    let host = tests::host().with_fault_handler(move |_| {
        let started = Instant::now();
        drop(to_drop.lock().unwrap().take());
        _ = sender.send(started.elapsed());
    });
    host.load(fixture("threads")).unwrap();
    let panic_in_thread = host.get::<fn(String)>("panic_in_thread").unwrap();
    *kept.lock().unwrap() = Some(host);
    panic_in_thread("now".to_owned());
    drop(panic_in_thread);
    assert!(dropped.recv_timeout(LONG).expect("it is dropped") < Duration::from_secs(20));
}

/// A handler that waits until it is told to go on.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn wait(&self) {
        let mut open = self.0.0.lock().unwrap();
        while !*open {
            open = self.0.1.wait(open).unwrap();
        }
    }

    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

/// Each host has its own thread for faults. The drop of a host waits for the handler only for a limited time.
#[test]
fn a_fault_handler_that_blocks_delays_only_its_own_host() {
    let _alone = alone();
    let (gate, heard) = (Gate::default(), Arc::new(AtomicU64::new(0)));
    let blocked = gate.clone();
    let blocking =
        tests::host().with_hook_timeout(Some(Duration::from_millis(200))).with_fault_handler(move |_| blocked.wait());
    let counter = heard.clone();
    let other = tests::host().with_fault_handler(move |_| _ = counter.fetch_add(1, Ordering::SeqCst));
    for host in [&blocking, &other] {
        host.load(fixture("threads")).unwrap();
        host.get::<fn(String)>("panic_in_thread").unwrap()("now".to_owned());
    }
    wait_until("the other host hears of its fault", || heard.load(Ordering::SeqCst) != 0);
    let started = Instant::now();
    drop(blocking);
    assert!(started.elapsed() < LONG);
    gate.open();
}

/// Faults that were reported before the drop are handled before the drop ends.
#[test]
fn faults_are_handled_before_the_host_is_gone() {
    let _alone = alone();
    for _ in 0..rounds(20) {
        let heard = Arc::new(AtomicU64::new(0));
        let counter = heard.clone();
        let host = tests::host().with_fault_handler(move |_| {
            std::thread::sleep(Duration::from_millis(2));
            counter.fetch_add(1, Ordering::SeqCst);
        });
        host.load(fixture("threads")).unwrap();
        for _ in 0..3 {
            host.get::<fn(String)>("panic_in_thread").unwrap()("now".to_owned());
        }
        drop(host);
        assert_eq!(heard.load(Ordering::SeqCst), 3);
    }
}

fn outcomes(closed: &[Closed]) -> Vec<(&str, String)> {
    closed.iter().map(|closed| (closed.plugin.as_str(), closed.outcome.to_string())).collect()
}

#[test]
fn close_says_what_becomes_of_each_plugin() {
    let _alone = alone();
    let host = tests::host().with_fault_handler(|_| ());
    for name in ["rival", "threads", "leaver", "spawner"] {
        host.load(fixture(name)).unwrap();
    }
    let who = host.get::<fn() -> String>("who").unwrap();
    host.get::<fn()>("start_worker").unwrap()();
    assert_eq!(outcomes(&host.close(Duration::ZERO)).len(), 4);
    assert_eq!(who(), "rival", "what is in use serves on");
    drop(who);

    let host = tests::host();
    for name in ["rival", "leaver"] {
        host.load(fixture(name)).unwrap();
    }
    let who = host.get::<fn() -> String>("who").unwrap();
    let started = Instant::now();
    let closed = host.close(Duration::from_millis(100));
    assert!(started.elapsed() < LONG);
    let gone = if cfg!(target_os = "linux") {
        "unmapped".to_owned()
    } else {
        Unload::Pinned(vec![PinReason::Platform]).to_string()
    };
    assert_eq!(
        outcomes(&closed),
        [("leaver", gone.clone()), ("rival", "pinned: 1 handle to its exports is alive: `who` (1)".to_owned())]
    );
    assert_eq!(closed[0].to_string(), format!("plugin `leaver` is {gone}"));
    drop(who);
    if cfg!(target_os = "linux") {
        assert_eq!(mapped("rival"), 0);
    }
}

/// `close` also tells about a plugin that was unloaded before and is still mapped.
#[cfg(target_os = "linux")]
#[test]
fn close_tells_of_a_plugin_that_was_unloaded_before() {
    let _alone = alone();
    let host = tests::host();
    host.load(fixture("signals")).unwrap();
    host.get::<fn(i32)>("handle_signals").unwrap()(libc::SIGWINCH);
    let before = host.unload("signals", LONG).unwrap();
    assert!(matches!(before, Unload::Pinned(_)), "{before}");
    let closed = host.close(LONG);
    assert_eq!(outcomes(&closed), [("signals", before.to_string())]);
}

/// `close` tells about two plugins of one name.
#[cfg(target_os = "linux")]
#[test]
fn close_tells_of_two_plugins_of_one_name() {
    let _alone = alone();
    let host = tests::host();
    for _ in 0..2 {
        host.load(fixture("signals")).unwrap();
        host.get::<fn(i32)>("handle_signals").unwrap()(libc::SIGWINCH);
        assert!(matches!(host.unload("signals", LONG).unwrap(), Unload::Pinned(_)));
    }
    host.load(fixture("signals")).unwrap();
    let closed = host.close(LONG);
    assert_eq!(closed.len(), 3, "{closed:?}");
    assert_eq!(closed[0].outcome, Unload::Unmapped);
    assert!(closed[1..].iter().all(|closed| matches!(closed.outcome, Unload::Pinned(_))), "{closed:?}");
}

/// A call through a `Live` handle sends no message when it ends in a replaced version.
#[cfg(target_os = "linux")]
#[test]
fn a_version_whose_last_call_has_ended_is_gone_with_the_host() {
    let _alone = alone();
    let (file, waits) = (File::new(), tempfile::NamedTempFile::new().unwrap());
    // A version with a state is not replaced during calls.
    let library = tests::variant("upgrades", "stateless");
    for _ in 0..rounds(20) {
        fs::write(waits.path(), "").unwrap();
        replace(&file.path(), &version_of(&library, 1, "serve"));
        let host = quick();
        host.load(file.path()).unwrap();
        let live = host.live::<fn(String) -> u64>("wait_while").unwrap();
        std::thread::scope(|scope| {
            let call = scope.spawn(|| live(waits.path().to_str().unwrap().to_owned()));
            let waiting = host.get::<AtomicU64>("WAITING").unwrap();
            wait_until("the call has begun", || waiting.load(Ordering::SeqCst) != 0);
            drop(waiting);
            replace(&file.path(), &version_of(&library, 2, "serve"));
            let reloaded = host.reload("upgrades").map(drop);
            // By now, the thread that waits for the call checks only rarely.
            std::thread::sleep(Duration::from_millis(40));
            fs::remove_file(waits.path()).unwrap();
            assert_eq!(call.join().unwrap(), 1);
            reloaded.unwrap();
        });
        let next = host.plugin("upgrades").unwrap();
        drop(host);
        assert_eq!(mapped("upgrades"), 1, "the first version is gone when the host is");
        drop((live, next));
        wait_until("the second version is gone", || mapped("upgrades") == 0);
    }
}

/// A shutdown hook runs on a thread of its own, and the thread that drops the version waits for it.
#[test]
fn the_fault_handler_of_a_replaced_versions_hook_may_drop_the_host() {
    const TIMEOUT: Duration = Duration::from_secs(20);
    let _alone = alone();
    let kept: Arc<Mutex<Option<Host>>> = Arc::default();
    let (to_drop, (sender, dropped)) = (kept.clone(), channel());
    let host = tests::host().with_hook_timeout(Some(TIMEOUT)).with_fault_handler(move |_| {
        let started = Instant::now();
        let host = to_drop.lock().unwrap().take();
        if let Some(host) = host {
            drop(host);
            _ = sender.send(started.elapsed());
        }
    });
    host.load(fixture("shutdown-fails")).unwrap();
    let old = host.plugin("shutdown-fails").unwrap();
    host.reload("shutdown-fails").unwrap();
    *kept.lock().unwrap() = Some(host);
    drop(old);
    assert!(dropped.recv_timeout(LONG).expect("it is dropped") < TIMEOUT / 2);
}
