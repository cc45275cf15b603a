//! Unloading: waiting, the reasons to stay mapped and their reports. Threads that used the plugin go on safely.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use plugin_host::{Error, Host, PinReason, Unload};
use tests::{LONG, fixture, host, library_name, rounds, wait_until};

/// A copy of a fixture's library under a name that nothing else in this process has.
struct Copy {
    directory: tempfile::TempDir,
    file: PathBuf,
}

impl Copy {
    fn of(fixture_name: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let directory = tempfile::tempdir().unwrap();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let file = directory.path().join(library_name(&format!("{fixture_name}_copy_{number}_")));
        std::fs::copy(fixture(fixture_name), &file).unwrap();
        Copy { directory, file }
    }

    /// The number of mappings of the copy in this process. It is 0 where it is not known.
    fn mapped(&self) -> usize {
        let name = self.file.file_name().unwrap().to_str().unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        maps.lines().filter(|line| line.contains(name)).count()
    }

    fn assert_unloaded(&self, unloaded: &Unload) {
        if cfg!(target_os = "linux") {
            assert_eq!(*unloaded, Unload::Unmapped);
            assert_eq!(self.mapped(), 0);
        } else {
            assert_eq!(*unloaded, Unload::Pinned(vec![PinReason::Platform]));
        }
    }
}

/// A host with a copy of `leaver`.
fn host_and_copy() -> (Host, Copy) {
    let (host, copy) = (host(), Copy::of("leaver"));
    host.load(&copy.file).unwrap();
    (host, copy)
}

#[test]
fn a_plugin_that_is_not_in_use_is_unmapped() {
    let (host, copy) = host_and_copy();
    assert_eq!(host.get::<fn() -> usize>("touch").unwrap()(), 1001);
    if cfg!(target_os = "linux") {
        assert_ne!(copy.mapped(), 0);
    }
    copy.assert_unloaded(&host.unload("leaver", Duration::ZERO).unwrap());

    assert!(matches!(host.plugin("leaver"), Err(Error::NoSuchPlugin { .. })));
    assert!(matches!(host.get::<fn() -> usize>("touch"), Err(Error::NoSuchExport { .. })));
    assert!(host.plugins().is_empty());
    if cfg!(target_os = "linux") {
        let error = host.unload("leaver", LONG).unwrap_err();
        assert_eq!(error.to_string(), "no plugin `leaver` is loaded");
    } else {
        copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
    }

    // The second load has a fresh state.
    host.load(&copy.file).unwrap();
    assert_eq!(host.get::<fn() -> usize>("touch").unwrap()(), 1001);
    copy.assert_unloaded(&host.unload("leaver", Duration::MAX).unwrap());
    assert!(copy.file.exists());
}

#[test]
fn a_name_is_written_either_way() {
    let host = host();
    host.load(fixture("grown-1")).unwrap();
    let error = host.unload("grown-2", LONG).unwrap_err();
    assert_eq!(error.to_string(), "no plugin `grown-2` is loaded; there is `grown-1`");
    assert!(matches!(host.unload("grown\0", LONG), Err(Error::NulInName { .. })));
    _ = host.unload("grown_1", LONG).unwrap();
    assert!(host.plugins().is_empty());
}

#[test]
fn a_file_that_was_replaced_is_the_new_code() {
    let (host, copy) = host_and_copy();
    let edition = || host.get::<fn() -> String>("edition").unwrap()();
    assert!(edition().ends_with("called the 1st"));

    let mut bytes = std::fs::read(&copy.file).unwrap();
    tests::rewrite(&mut bytes, &[("library that is called the 1st", "library that is called the 2nd")]);
    let next = copy.directory.path().join("next");
    std::fs::write(&next, bytes).unwrap();
    std::fs::rename(next, &copy.file).unwrap();

    assert!(edition().ends_with("called the 1st"));
    copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
    host.load(&copy.file).unwrap();
    assert!(edition().ends_with("called the 2nd"));
}

#[test]
fn handles_plugins_and_values_pin_a_plugin_that_serves_on() {
    let (host, copy) = host_and_copy();
    host.load(fixture("rival")).unwrap();
    let names = || host.plugins().iter().map(|plugin| plugin.name().to_owned()).collect::<Vec<_>>();
    let pinned = || host.unload("leaver", Duration::from_millis(5)).unwrap().to_string();

    let touch = host.get::<fn() -> usize>("touch").unwrap();
    let counter = host.get::<AtomicU32>("COUNTER").unwrap();
    let share = host.get::<fn() -> Bytes>("share").unwrap();
    let others = [touch.clone(), touch.clone()];
    assert_eq!(pinned(), "pinned: 5 handles to its exports are alive: `COUNTER` (1), `share` (1), `touch` (3)");
    // The plugin serves as before.
    assert_eq!(names(), ["leaver", "rival"]);
    assert_eq!(touch(), 1001);
    assert_eq!(host.get::<fn() -> usize>("touch").unwrap()(), 1002);
    assert_eq!(host.get::<fn() -> String>("who").unwrap()(), "rival");
    assert!(matches!(host.load(&copy.file), Err(Error::AlreadyLoaded { .. })));

    drop(others);
    drop(counter);
    let plugin = host.plugin("leaver").unwrap();
    let bytes = [share(), share()];
    assert_eq!(pinned(), "pinned: 2 handles to its exports are alive: `share` (1), `touch` (1); 1 `Plugin` is alive");
    drop((touch, share));
    assert_eq!(pinned(), "pinned: 2 values that lead back into it are alive (such as a `Bytes`); 1 `Plugin` is alive");
    let unloaded = host.unload("leaver", Duration::ZERO).unwrap();
    let Unload::Pinned(reasons) = unloaded else { panic!("{unloaded}") };
    assert!(
        matches!(reasons[..], [PinReason::Values { count: 2, .. }, PinReason::Plugins { count: 1, .. }]),
        "{reasons:?}"
    );
    assert!(reasons.iter().all(PinReason::is_serving));
    drop(plugin);
    let [first, second] = bytes;
    drop(second);
    assert_eq!(pinned(), "pinned: 1 value that leads back into it is alive (such as a `Bytes`)");
    // For a caller that needs it gone, that is an error.
    let unloaded = || -> Result<(), Box<dyn std::error::Error>> {
        host.unload("leaver", Duration::ZERO)?.unmapped()?;
        Ok(())
    };
    assert_eq!(
        unloaded().unwrap_err().to_string(),
        "the plugin's library is still mapped: 1 value that leads back into it is alive (such as a `Bytes`)"
    );
    assert_eq!(Unload::Unmapped.unmapped(), Ok(()));
    assert_eq!(first, [1, 2, 3][..]);
    // A slice of the bytes is a share too.
    let slice = first.slice(1..);
    drop(first);
    assert_eq!(pinned(), "pinned: 1 value that leads back into it is alive (such as a `Bytes`)");
    drop(slice);
    copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
    assert_eq!(names(), ["rival"]);
}

#[test]
fn an_unload_waits_for_the_last_handle() {
    let (host, copy) = host_and_copy();
    let touch = host.get::<fn() -> usize>("touch").unwrap();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        drop(touch);
    });
    copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
    thread.join().unwrap();
}

#[test]
fn an_unload_waits_for_a_call_in_progress() {
    let (host, copy) = host_and_copy();
    let calls = host.get::<AtomicU32>("COUNTER").unwrap();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| host.get::<fn(u64)>("sleep").unwrap()(300));
        wait_until("the call begins", || calls.load(Ordering::SeqCst) == 1);
        drop(calls);
        let unloaded = host.unload("leaver", Duration::from_millis(10)).unwrap();
        assert_eq!(unloaded.to_string(), "pinned: 1 handle to its exports is alive: `sleep` (1)");
        copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
        call.join().unwrap();
    });
}

#[test]
fn a_thread_of_the_plugins_pins_until_it_ends() {
    let (host, copy) = host_and_copy();
    let may_end = [copy.directory.path().join("first"), copy.directory.path().join("second")];
    for (name, path) in ["indexer", "writer"].into_iter().zip(&may_end) {
        std::fs::write(path, "").unwrap();
        start_stubborn(&host, Some(name), path);
    }
    let running = |names: &[&str]| {
        if !cfg!(target_os = "linux") {
            return copy.assert_unloaded(&host.unload("leaver", Duration::from_millis(10)).unwrap());
        }
        // A thread takes its name when it has begun to run, and ends only after it has seen that the file is gone.
        wait_until("such threads run", || {
            let unloaded = host.unload("leaver", Duration::from_millis(10)).unwrap();
            let text = unloaded.to_string();
            let Unload::Pinned(reasons) = unloaded else { panic!("{text}") };
            let [PinReason::Threads { threads, .. }] = &reasons[..] else { panic!("{text}") };
            assert!(!reasons[0].is_serving());
            if threads.iter().any(|thread| thread.name.is_none()) {
                // The thread has only just been started.
                return false;
            }
            let listed: Vec<_> = threads
                .iter()
                .map(|thread| format!("`{}` (thread {})", thread.name.as_ref().unwrap(), thread.id.unwrap()))
                .collect();
            let count =
                if names.len() == 1 { "1 thread that it started runs" } else { "2 threads that it started run" };
            threads.len() == names.len()
                && names.iter().all(|name| threads.iter().any(|thread| thread.name.as_deref() == Some(name)))
                && text == format!("pinned: {count}: {}", listed.join(", "))
        });
        assert_ne!(copy.mapped(), 0);
    };
    running(&["indexer", "writer"]);
    // The library is detached.
    assert!(matches!(host.get::<fn() -> usize>("touch"), Err(Error::NoSuchExport { .. })));
    std::fs::remove_file(&may_end[0]).unwrap();
    running(&["writer"]);
    std::fs::remove_file(&may_end[1]).unwrap();
    copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
    if cfg!(target_os = "linux") {
        assert!(matches!(host.unload("leaver", LONG), Err(Error::NoSuchPlugin { .. })));
    }
}

/// Starts a thread of the plugin that runs for as long as the file exists.
fn start_stubborn(host: &Host, name: Option<&str>, file: &Path) {
    let start = host.get::<fn(Option<String>, String)>("start_stubborn").unwrap();
    start(name.map(str::to_owned), file.to_str().unwrap().to_owned());
}

/// Otherwise the thread would have the program's name.
#[cfg(target_os = "linux")]
#[test]
fn a_thread_without_a_name_has_its_plugins() {
    let (host, copy) = host_and_copy();
    let may_end = copy.directory.path().join("may-end");
    std::fs::write(&may_end, "").unwrap();
    start_stubborn(&host, None, &may_end);
    wait_until("the thread runs", || {
        let unloaded = host.unload("leaver", Duration::ZERO).unwrap().to_string();
        unloaded.starts_with("pinned: 1 thread that it started runs: thread ")
            && unloaded.contains(" (without a name of its own, so it has its plugin's, `leaver`)")
    });
    std::fs::remove_file(&may_end).unwrap();
    copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
}

/// A library that its threads keep mapped does not hinder another load.
#[test]
fn a_plugin_is_loaded_beside_the_remains_of_another() {
    let (host, copy) = host_and_copy();
    let may_end = copy.directory.path().join("may-end");
    std::fs::write(&may_end, "").unwrap();
    start_stubborn(&host, Some("old"), &may_end);
    assert_ne!(host.unload("leaver", Duration::ZERO).unwrap(), Unload::Unmapped);

    let next = Copy::of("leaver");
    host.load(&next.file).unwrap();
    assert_eq!(host.get::<fn() -> usize>("touch").unwrap()(), 1001);
    next.assert_unloaded(&host.unload("leaver", LONG).unwrap());
    // Now the question is about the old library again.
    assert_ne!(host.unload("leaver", Duration::ZERO).unwrap(), Unload::Unmapped);
    std::fs::remove_file(&may_end).unwrap();
    // The old library is unmapped without another request.
    wait_until("the old one goes", || copy.mapped() == 0);
    copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
}

#[test]
fn a_shutdown_hook_that_stops_the_threads_ends_the_pin() {
    let (host, copy) = host_and_copy();
    for name in ["one", "another"] {
        host.get::<fn(String)>("start").unwrap()(name.to_owned());
    }
    copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
}

#[test]
fn a_library_that_is_marked_as_never_to_be_unmapped_is_pinned() {
    let (host, copy) = (host(), Copy::of("nodelete"));
    host.load(&copy.file).unwrap();
    assert!(host.get::<fn() -> bool>("stays").unwrap()());
    for _ in 0..2 {
        let unloaded = host.unload("nodelete", LONG).unwrap();
        if cfg!(target_os = "linux") {
            assert_eq!(unloaded.to_string(), "pinned: its linker marked it as never to be unmapped (`-z nodelete`)");
            assert_eq!(unloaded, Unload::Pinned(vec![PinReason::NoDelete]));
            assert_ne!(copy.mapped(), 0);
            // Backtraces read its symbols from there.
            let name = copy.file.file_name().unwrap().to_str().unwrap();
            let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
            let leads_there =
                |path: PathBuf| std::fs::read_link(path).is_ok_and(|file| file.to_string_lossy().contains(name));
            assert_eq!(descriptors.filter(|entry| leads_there(entry.path())).count(), 1);
        } else {
            copy.assert_unloaded(&unloaded);
        }
    }
    host.load(&copy.file).unwrap();
    assert!(host.get::<fn() -> bool>("stays").unwrap()());
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_handler_pins_the_plugin() {
    let (host, copy) = (host(), Copy::of("signals"));
    host.load(&copy.file).unwrap();
    host.get::<fn(i32)>("handle_signals").unwrap()(libc::SIGUSR2);
    for _ in 0..2 {
        let unloaded = host.unload("signals", LONG).unwrap();
        let Unload::Pinned(reasons) = &unloaded else { panic!("{unloaded}") };
        let [PinReason::Registered { things, .. }] = &reasons[..] else { panic!("{unloaded}") };
        assert!(
            matches!(things[0].thing, plugin_host::Registration::SignalHandler { signal: libc::SIGUSR2, .. }),
            "{unloaded}"
        );
        assert_eq!(
            unloaded.to_string(),
            "pinned: the system may call or use it: it has a handler for SIGUSR2 (signal 12), by `signal`, to call \
             `signals::handle_signals::caught`"
        );
    }
    // SAFETY: the plugin handles the signal. Without the handler, the signal would end the process.
    unsafe { libc::raise(libc::SIGUSR2) };
    assert_ne!(copy.mapped(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_library_that_is_opened_a_second_time_is_pinned() {
    let copy = Copy::of("leaver");
    let host = host().with_mapping(plugin_host::Mapping::InPlace);
    host.load(&copy.file).unwrap();
    let path = std::ffi::CString::new(copy.file.to_str().unwrap()).unwrap();
    // SAFETY: the path ends with NUL, and the library is loaded already.
    let opened = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    assert!(!opened.is_null());
    for _ in 0..2 {
        let unloaded = host.unload("leaver", LONG).unwrap();
        assert_eq!(unloaded, Unload::Pinned(vec![PinReason::StillMapped]));
    }
    assert!(matches!(host.load(&copy.file), Err(Error::AlreadyMapped { .. })));
    // SAFETY: the library was opened above.
    unsafe { libc::dlclose(opened) };
    assert_eq!(host.unload("leaver", LONG).unwrap(), Unload::Unmapped);
    assert_eq!(copy.mapped(), 0);
}

/// A thread of the host that used the plugin's thread-locals ends after the library is unmapped. This is safe a
/// thousand times.
#[test]
fn threads_may_end_after_the_unload() {
    let (host, copy) = (host(), Copy::of("leaver"));
    for _ in 0..rounds(1000) {
        host.load(&copy.file).unwrap();
        let touch = host.get::<fn() -> usize>("touch").unwrap();
        let barrier = Arc::new(Barrier::new(2));
        let thread = {
            let barrier = barrier.clone();
            std::thread::spawn(move || {
                assert_eq!(touch(), 1001);
                drop(touch);
                barrier.wait();
                barrier.wait();
            })
        };
        barrier.wait();
        copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
        barrier.wait();
        thread.join().unwrap();
    }
}

/// The thread ends while the library is being unmapped.
#[test]
fn threads_may_end_during_the_unload() {
    let (host, copy) = (host(), Copy::of("leaver"));
    for _ in 0..rounds(300) {
        host.load(&copy.file).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                let touch = host.get::<fn() -> usize>("touch").unwrap();
                scope.spawn(move || assert_eq!(touch(), 1001));
            }
            copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
        });
    }
}

#[test]
fn eight_threads_load_call_and_unload() {
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let (host, copy) = (host(), Copy::of("leaver"));
                for _ in 0..rounds(50) {
                    host.load(&copy.file).unwrap();
                    assert_eq!(host.get::<fn() -> usize>("touch").unwrap()(), 1001);
                    host.get::<fn(String)>("start").unwrap()("worker".to_owned());
                    copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
                }
            });
        }
    });
}

/// Look-ups and calls while the plugin is unloaded and loaded again. Each is answered or refused, and a called library
/// is mapped.
#[test]
fn look_ups_during_loads_and_unloads_are_answered_or_refused() {
    let (host, copy) = (host(), Copy::of("leaver"));
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    match host.get::<fn() -> usize>("touch") {
                        Ok(touch) => {
                            assert!(touch() > 1000);
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(Error::NoSuchExport { .. } | Error::Unloading { .. }) => std::thread::yield_now(),
                        Err(error) => panic!("{error}"),
                    }
                    match host.plugin("leaver") {
                        Ok(plugin) => assert_eq!(plugin.exports().len(), 11),
                        Err(Error::NoSuchPlugin { .. } | Error::Unloading { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        for _ in 0..rounds(200) {
            host.load(&copy.file).unwrap();
            let before = answered.load(Ordering::Relaxed);
            wait_until("somebody calls", || answered.load(Ordering::Relaxed) != before);
            copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn calls_to_the_host_during_an_unload_are_refused() {
    let (host, copy) = host_and_copy();
    let plugin = host.plugin("leaver").unwrap();
    let touch = plugin.get::<fn() -> usize>("touch").unwrap();
    std::thread::scope(|scope| {
        let unload = scope.spawn(|| host.unload("leaver", LONG).unwrap());
        wait_until("it is being unloaded", || host.plugins().is_empty());

        let text = "plugin `leaver` is being unloaded at this moment";
        assert_eq!(host.unload("leaver", LONG).unwrap_err().to_string(), text);
        assert_eq!(host.load(&copy.file).unwrap_err().to_string(), text);
        assert_eq!(host.plugin("leaver").unwrap_err().to_string(), text);
        assert_eq!(host.get::<fn() -> usize>("touch").unwrap_err().to_string(), text);
        assert!(matches!(host.unload("leaver", LONG), Err(Error::Unloading { plugin, .. }) if plugin == "leaver"));
        assert!(host.get_all::<fn() -> usize>("touch").unwrap().is_empty());
        assert!(matches!(host.get::<fn()>("nothing"), Err(Error::NoSuchExport { .. })));
        // Other plugins are served.
        host.load(fixture("rival")).unwrap();
        assert_eq!(host.get::<fn() -> String>("who").unwrap()(), "rival");
        // A handle from before still works.
        assert_eq!(touch(), 1001);
        assert!(plugin.get::<fn() -> String>("edition").unwrap()().ends_with("1st"));

        drop((touch, plugin));
        copy.assert_unloaded(&unload.join().unwrap());
    });
    assert_eq!(host.plugins().len(), 1);
}

#[test]
fn one_of_several_unloads_at_once_succeeds() {
    let (host, copy) = (host(), Copy::of("leaver"));
    for _ in 0..rounds(100) {
        host.load(&copy.file).unwrap();
        let (barrier, unloaded) = (Barrier::new(4), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    barrier.wait();
                    match host.unload("leaver", LONG) {
                        Ok(result) => {
                            copy.assert_unloaded(&result);
                            unloaded.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(Error::Unloading { .. } | Error::NoSuchPlugin { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                });
            }
        });
        // Where the library stays mapped, it may be unloaded again.
        let unloaded = unloaded.into_inner();
        assert!(if cfg!(target_os = "linux") { unloaded == 1 } else { unloaded >= 1 }, "{unloaded}");
    }
}

/// The drop of the host closes all libraries, also those that are detached already.
#[test]
fn a_drop_of_the_host_closes_detached_libraries() {
    let (host, copy) = host_and_copy();
    let may_end = copy.directory.path().join("may-end");
    std::fs::write(&may_end, "").unwrap();
    start_stubborn(&host, Some("old"), &may_end);
    _ = host.unload("leaver", Duration::ZERO).unwrap();
    drop(host);
    std::fs::remove_file(&may_end).unwrap();
    if cfg!(target_os = "linux") {
        wait_until("it goes with its thread", || copy.mapped() == 0);
    }
}

/// The functions that the plugin calls. They find the host in a static.
struct CalledBack {
    host: OnceLock<Host>,
    said: Mutex<Vec<String>>,
}

impl CalledBack {
    const fn new() -> Self {
        CalledBack { host: OnceLock::new(), said: Mutex::new(Vec::new()) }
    }

    fn unload(&self) {
        let said = match self.host.get().unwrap().unload("leaver", Duration::from_millis(20)) {
            Ok(unloaded) => unloaded.to_string(),
            Err(error) => error.to_string(),
        };
        self.said.lock().unwrap().push(said);
    }

    fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }
}

fn address(function: extern "C" fn()) -> usize {
    function as usize
}

#[test]
fn an_unload_from_within_an_export_or_a_shutdown_hook_is_answered() {
    static CALLED_BACK: CalledBack = CalledBack::new();
    extern "C" fn call_back() {
        CALLED_BACK.unload();
    }

    let (host, copy) = host_and_copy();
    let host = CALLED_BACK.host.get_or_init(|| host);
    host.get::<fn(usize)>("call").unwrap()(address(call_back));
    assert_eq!(CALLED_BACK.said(), ["pinned: 1 handle to its exports is alive: `call` (1)"]);
    host.get::<fn(usize)>("call_at_shutdown").unwrap()(address(call_back));
    copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
    assert_eq!(CALLED_BACK.said()[1..], ["plugin `leaver` is being unloaded at this moment"]);
}

#[test]
fn an_unload_from_within_a_thread_of_the_plugin_is_answered() {
    static CALLED_BACK: CalledBack = CalledBack::new();
    static MAY_CALL: AtomicBool = AtomicBool::new(false);
    extern "C" fn call_back() {
        wait_until("the test goes on", || MAY_CALL.load(Ordering::SeqCst));
        CALLED_BACK.unload();
    }

    let (host, copy) = host_and_copy();
    let host = CALLED_BACK.host.get_or_init(|| host);
    host.get::<fn(usize)>("call_in_thread").unwrap()(address(call_back));
    MAY_CALL.store(true, Ordering::SeqCst);
    wait_until("it was called", || !CALLED_BACK.said().is_empty());
    if cfg!(target_os = "linux") {
        let said = &CALLED_BACK.said()[0];
        assert!(said.starts_with("pinned: 1 thread that it started runs: `caller` (thread "), "{said}");
        match host.unload("leaver", LONG) {
            Ok(unloaded) => copy.assert_unloaded(&unloaded),
            Err(error) => panic!("{error}"),
        }
    } else {
        copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
    }
}

/// A thread of the host that ends keeps the library until the thread has run the destructors.
#[test]
fn a_slow_destructor_on_a_thread_of_the_host_keeps_the_library() {
    if !cfg!(target_os = "linux") {
        println!("skipped: destructors run here without the host");
        return;
    }
    let (host, copy) = host_and_copy();
    let lasts = copy.directory.path().join("lasts");
    std::fs::write(&lasts, "").unwrap();
    let destroyed = host.get::<AtomicU32>("COUNTER").unwrap();
    let linger = host.get::<fn(String, usize)>("linger").unwrap();
    let path = lasts.to_str().unwrap().to_owned();
    let thread = std::thread::spawn(move || {
        linger(path, 0);
        drop(linger);
    });
    wait_until("the destructor runs", || destroyed.load(Ordering::SeqCst) == 1);
    drop(destroyed);
    for _ in 0..2 {
        let unloaded = host.unload("leaver", Duration::from_millis(5)).unwrap();
        let Unload::Pinned(reasons) = &unloaded else { panic!("{unloaded}") };
        assert!(matches!(reasons[..], [PinReason::Ending { count: 1, .. }]), "{unloaded}");
        assert_eq!(unloaded.to_string(), "pinned: 1 thread is running destructors of its thread-locals");
    }
    std::fs::remove_file(&lasts).unwrap();
    copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
    thread.join().unwrap();
}

#[test]
fn an_unload_from_within_a_destructor_of_the_plugin_is_answered() {
    static CALLED_BACK: CalledBack = CalledBack::new();
    extern "C" fn call_back() {
        CALLED_BACK.unload();
    }

    let (host, copy) = host_and_copy();
    let host = CALLED_BACK.host.get_or_init(|| host);
    let (linger, touch) =
        (host.get::<fn(String, usize)>("linger").unwrap(), host.get::<fn() -> usize>("touch").unwrap());
    let thread = std::thread::spawn(move || {
        touch();
        linger(String::new(), address(call_back));
        drop((linger, touch));
    });
    thread.join().unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(CALLED_BACK.said(), ["pinned: 1 thread is running destructors of its thread-locals"]);
    }
    copy.assert_unloaded(&host.unload("leaver", LONG).unwrap());
}

/// A signal handler may still read the values of the key, and must not find values of another key.
#[cfg(target_os = "linux")]
#[test]
fn a_pinned_plugin_keeps_its_keys() {
    let (host, copy) = (host(), Copy::of("signals"));
    host.load(&copy.file).unwrap();
    let key = host.get::<fn() -> u32>("make_key").unwrap()();
    host.get::<fn(i32)>("handle_signals").unwrap()(libc::SIGURG);
    let unloaded = host.unload("signals", LONG).unwrap();
    let handler = "it has a handler for SIGURG (signal 23), by `signal`, to call `signals::handle_signals::caught`";
    assert_eq!(unloaded.to_string(), format!("pinned: the system may call or use it: {handler}"));
    let mut other = 0;
    // SAFETY: there is a place for the key.
    assert_eq!(unsafe { libc::pthread_key_create(&raw mut other, None) }, 0);
    assert_ne!(other, key);
}

/// The plugin's own plugin may call it at any time.
#[cfg(target_os = "linux")]
#[test]
fn a_plugin_with_a_plugin_of_its_own_is_pinned() {
    let (host, copy) = (host(), Copy::of("nested"));
    host.load(&copy.file).unwrap();
    host.get::<fn(String)>("keep_host_of").unwrap()(fixture("leaver").to_str().unwrap().to_owned());
    let unloaded = host.unload("nested", LONG).unwrap();
    let plugin = "it has a plugin of its own, which is still mapped";
    assert_eq!(unloaded.to_string(), format!("pinned: the system may call or use it: {plugin}"));
    assert_ne!(copy.mapped(), 0);
}
