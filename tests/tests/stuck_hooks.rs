//! Hooks that do not return: no caller waits for them for ever, and the host says which libraries they keep.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use plugin_host::{Error, Host, PinReason, Unload};
use tests::versions::{copies_mapped, replace, version_of};
use tests::{LONG, fixture, library_name, wait_until};

/// The time limit. Hooks that return never take this long.
const TIMEOUT: Duration = Duration::from_millis(500);

/// A file. While it exists, the hooks that a version's behaviour names wait. The tests run one at a time, because all
/// hooks look at one file.
struct Blocked {
    file: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Blocked {
    fn new() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let file = std::env::temp_dir().join(format!("plugin-waits-{}", std::process::id()));
        fs::write(&file, "").unwrap();
        Blocked { file, _alone: alone }
    }

    fn release(&self) {
        _ = fs::remove_file(&self.file);
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        self.release();
    }
}

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Files(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join(library_name("upgrades"))
    }

    /// Replaces the file by a version with this behaviour.
    fn write(&self, number: u64, behaviour: &str) -> PathBuf {
        replace(&self.path(), &version_of(&fixture("upgrades"), number, behaviour));
        self.path()
    }
}

fn host() -> Host {
    tests::host().with_hook_timeout(Some(TIMEOUT))
}

/// Expects an error with exactly this text.
fn assert_timed_out(error: &Error, hook: &str, file: &Path) {
    assert!(matches!(error, Error::HookTimedOut { hook: found, timeout: TIMEOUT, .. } if found == hook), "{error}");
    assert_eq!(
        error.to_string(),
        format!(
            "plugin `upgrades` (from `{}`): its hook `{hook}` has not returned within 500ms; it runs on, and its library stays \
             mapped until it returns; allow for more time with `Host::with_hook_timeout`",
            file.display()
        )
    );
}

fn assert_mapped(copies: usize) {
    let is_so = || copies_mapped("upgrades").is_none_or(|found| found == copies);
    wait_until(&format!("{copies} copies are mapped"), is_so);
}

fn unloaded(host: &Host, deadline: Duration) -> Unload {
    host.unload("upgrades", deadline).unwrap()
}

/// Expects that only this hook pins the plugin. On other systems than Linux, plugins stay mapped in any case.
#[track_caller]
fn assert_stuck(unloaded: &Unload, hook: &str) {
    let Unload::Pinned(reasons) = unloaded else { panic!("{unloaded}") };
    let is_so = match &reasons[..] {
        [PinReason::Hook { hook: found, .. }] => cfg!(target_os = "linux") && found == hook,
        [PinReason::Platform] => cfg!(not(target_os = "linux")),
        _ => false,
    };
    assert!(is_so, "{unloaded}, and the hook is `{hook}`");
}

fn gone() -> Unload {
    if cfg!(target_os = "linux") { Unload::Unmapped } else { Unload::Pinned(vec![PinReason::Platform]) }
}

#[test]
fn an_init_hook_that_does_not_return_fails_the_load() {
    let (blocked, files) = (Blocked::new(), Files::new());
    let host = host();
    let file = files.write(1, "wait init");
    let error = host.load(&file).unwrap_err();
    assert_timed_out(&error, "start", &file);
    assert!(host.plugins().is_empty());
    assert_mapped(1);
    // The plugin's name is free, and the host goes on.
    host.load(files.write(2, "serve")).unwrap();
    assert_eq!(host.get::<fn() -> u64>("version").unwrap()(), 2);
    assert_eq!(unloaded(&host, LONG), gone());
    assert_mapped(1);
    blocked.release();
    // When its hook has returned, the library is shut down and unmapped.
    assert_mapped(0);
}

#[test]
fn an_init_hook_that_does_not_return_fails_the_upgrade() {
    let (blocked, files) = (Blocked::new(), Files::new());
    let host = host();
    host.load(files.write(1, "serve")).unwrap();
    let count = host.live::<fn() -> u64>("count").unwrap();
    files.write(2, "wait init");
    let error = host.reload("upgrades").unwrap_err();
    assert_timed_out(&error, "start", &files.path());
    assert_eq!((count(), count.revision()), (1, 1));
    // Another upgrade is possible while the first hook still waits.
    files.write(3, "serve");
    host.reload("upgrades").unwrap();
    assert_eq!((count(), count.revision()), (2, 2));
    blocked.release();
    assert_mapped(1);
}

/// Calls an export without a pause, until `meanwhile` has ended, and then once more: no call waits for ever.
fn calling<R>(host: &Host, meanwhile: impl FnOnce() -> R) -> R {
    let (count, stop) = (host.live::<fn() -> u64>("count").unwrap(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let mut last = 0;
            while !stop.load(Ordering::SeqCst) {
                let next = count();
                assert!(next > last, "{next} after {last}");
                last = next;
            }
        });
        let result = meanwhile();
        stop.store(true, Ordering::SeqCst);
        caller.join().unwrap();
        result
    })
}

/// Calls through `Live` handles wait while the state is handed over, but not for ever: the old version goes on.
#[test]
fn a_save_hook_that_does_not_return_fails_the_upgrade() {
    let (blocked, files) = (Blocked::new(), Files::new());
    let host = host();
    host.load(files.write(1, "wait save")).unwrap();
    files.write(2, "serve");
    let error = calling(&host, || host.reload("upgrades").unwrap_err());
    assert_timed_out(&error, "save", &files.path());
    assert_eq!(host.plugin("upgrades").unwrap().revision(), 1);
    assert_eq!(host.get::<fn() -> u64>("version").unwrap()(), 1);
    assert_stuck(&unloaded(&host, Duration::from_millis(50)), "save");
    // Both versions are kept until the hook returns, because the hook's state was meant for the new version.
    assert_mapped(2);
    blocked.release();
    assert_eq!(unloaded(&host, LONG), gone());
    assert_mapped(0);
}

#[test]
fn a_restore_hook_that_does_not_return_fails_the_upgrade() {
    let (blocked, files) = (Blocked::new(), Files::new());
    let host = host();
    host.load(files.write(1, "serve")).unwrap();
    files.write(2, "wait rest");
    let error = calling(&host, || host.reload("upgrades").unwrap_err());
    assert_timed_out(&error, "restore", &files.path());
    assert_eq!(host.get::<fn() -> u64>("version").unwrap()(), 1);
    // The new version may still read the old one's state.
    assert_stuck(&unloaded(&host, Duration::from_millis(50)), "restore");
    assert_mapped(2);
    blocked.release();
    assert_eq!(unloaded(&host, LONG), gone());
    assert_mapped(0);
}

#[test]
fn a_shutdown_hook_that_does_not_return_keeps_the_library() {
    let (blocked, files) = (Blocked::new(), Files::new());
    let faults: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = faults.clone();
    let host = host().with_fault_handler(move |fault| seen.lock().unwrap().push(fault.to_string()));
    host.load(files.write(1, "wait stop")).unwrap();
    assert_stuck(&unloaded(&host, Duration::from_millis(50)), "stop");
    assert_eq!(
        *faults.lock().unwrap(),
        ["plugin export `upgrades::stop`: the shutdown hook has not returned within 500ms; it goes on, and its \
          library stays mapped until it returns"]
    );
    // Another of that name can be loaded meanwhile.
    host.load(files.write(2, "serve")).unwrap();
    assert_eq!(unloaded(&host, LONG), gone());
    blocked.release();
    assert_mapped(0);
}

#[test]
fn a_drop_of_the_host_does_not_wait_for_a_shutdown_hook_for_ever() {
    let (blocked, files) = (Blocked::new(), Files::new());
    let host = host().with_fault_handler(|_| ());
    host.load(files.write(1, "wait stop")).unwrap();
    let started = Instant::now();
    drop(host);
    assert!(started.elapsed() < LONG);
    assert_mapped(1);
    blocked.release();
    assert_mapped(0);
}

/// The time limit of a close is a limit for hooks too.
#[test]
fn a_close_of_the_host_does_not_wait_for_a_shutdown_hook_for_ever() {
    let (blocked, files) = (Blocked::new(), Files::new());
    let host = tests::host().with_hook_timeout(Some(LONG * 10)).with_fault_handler(|_| ());
    host.load(files.write(1, "wait stop")).unwrap();
    let started = Instant::now();
    let closed = host.close(Duration::from_millis(10));
    assert!(started.elapsed() < LONG);
    assert_eq!(closed.len(), 1);
    assert_stuck(&closed[0].outcome, "stop");
    blocked.release();
    assert_mapped(0);
}

/// Without a time limit, hooks run on the thread that calls the host. With a limit, they run on another thread.
#[cfg(target_os = "linux")]
#[test]
fn hooks_run_on_the_thread_that_the_timeout_asks_for() {
    let (_blocked, files) = (Blocked::new(), Files::new());
    let here = fs::read_link("/proc/thread-self").unwrap().display().to_string();
    let file = files.write(1, "serve");
    let started_on = |host: Host| {
        host.load(&file).unwrap();
        host.get::<std::sync::RwLock<String>>("STARTED_ON").unwrap().read().unwrap().clone()
    };
    assert_eq!(started_on(tests::host().with_hook_timeout(None)), here);
    assert_ne!(started_on(tests::host()), here);
}

/// The library's std still has text to write, and another thread holds the lock of the standard output.
#[test]
fn a_flush_of_the_standard_output_that_does_not_return_keeps_the_library() {
    let (blocked, files) = (Blocked::new(), Files::new());
    for dropped in [false, true] {
        let host = host().with_fault_handler(|_| ());
        host.load(files.write(1, "serve")).unwrap();
        host.get::<fn(String)>("lock_stdout").unwrap()(blocked.file.to_str().unwrap().to_owned());
        let started = Instant::now();
        if dropped {
            drop(host);
        } else {
            let unload = unloaded(&host, Duration::ZERO);
            assert!(matches!(unload, Unload::Pinned(_)), "{unload}");
        }
        assert!(started.elapsed() < LONG);
    }
    blocked.release();
    assert_mapped(0);
}
