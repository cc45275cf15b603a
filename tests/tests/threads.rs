//! Threads, thread-locals and handles, moved, dropped and outlived in every order. Nothing fails, and a library is
//! unmapped as soon as nothing needs it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use plugin_host::{Error, Fault};
use tests::{fixture, host, host_with, rounds};

/// The number of mappings of the fixture in this process. It is 0 where it is not known.
fn mapped(fixture: &str) -> usize {
    let name = tests::library_name(fixture);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines().filter(|line| line.contains(&name)).count()
}

/// Libraries are unmapped on Linux only; the other tests of this process load other fixtures than `threads`.
fn assert_unmapped(fixture: &str) {
    if !cfg!(target_os = "linux") {
        return;
    }
    let started = Instant::now();
    while mapped(fixture) != 0 {
        assert!(started.elapsed() < Duration::from_secs(20), "still mapped: {fixture}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Everything that keeps or unmaps the fixture `threads` is in one test, because it looks at the process's mappings.
#[test]
fn a_library_is_unmapped_when_nothing_of_it_is_left() {
    // Thread-locals used on this thread: their destructors run on this thread, at the detach.
    let host = host_with(&["threads"]);
    let destroyed = host.get::<AtomicU32>("DESTROYED").unwrap();
    let touch = host.get::<fn() -> usize>("touch").unwrap();
    assert_eq!(touch(), 1001);
    assert_eq!(touch(), 1002);
    // Thread-locals used on a thread that ends: their destructors run at its end.
    let elsewhere = touch.clone();
    std::thread::spawn(move || assert_eq!(elsewhere(), 1001)).join().unwrap();
    assert_eq!(destroyed.load(Ordering::SeqCst), 101);
    // Thread-locals used on a thread of the plugin's own.
    assert_eq!(host.get::<fn() -> usize>("spawn_and_join").unwrap()(), 1001);
    assert_eq!(destroyed.load(Ordering::SeqCst), 202);
    drop((destroyed, touch));
    drop(host);
    assert_unmapped("threads");

    // A thread of the host that used them and ends after the library is unmapped.
    for _ in 0..rounds(1000) {
        let host = host_with(&["threads"]);
        let touch = host.get::<fn() -> usize>("touch").unwrap();
        let (touched, gone) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let thread = {
            let (touched, gone) = (touched.clone(), gone.clone());
            std::thread::spawn(move || {
                assert_eq!(touch(), 1001);
                drop(touch);
                touched.wait();
                gone.wait();
            })
        };
        touched.wait();
        drop(host);
        assert_unmapped("threads");
        gone.wait();
        thread.join().unwrap();
    }

    // Running threads of the plugin keep the library. It is unmapped when the last of them ends, without another
    // request.
    let host = host_with(&["threads"]);
    host.get::<fn()>("start_worker").unwrap()();
    host.get::<fn()>("start_worker").unwrap()();
    host.get::<AtomicBool>("ABANDON_WORKERS").unwrap().store(true, Ordering::SeqCst);
    let directory = tempfile::tempdir().unwrap();
    let may_end = directory.path().join("may-end");
    host.get::<fn(String)>("end_when_there_is").unwrap()(may_end.to_str().unwrap().to_owned());
    drop(host);
    if cfg!(target_os = "linux") {
        assert_ne!(mapped("threads"), 0, "its threads still run");
    }
    std::fs::write(may_end, "").unwrap();
    assert_unmapped("threads");

    // Threads that the plugin's shutdown hook ends.
    let host = host_with(&["threads"]);
    host.get::<fn()>("start_worker").unwrap()();
    drop(host);
    assert_unmapped("threads");

    // More loads than a process has keys. Each load has a key and threads.
    for _ in 0..rounds(1500) {
        let host = host_with(&["threads"]);
        host.get::<fn() -> usize>("touch").unwrap()();
        host.get::<fn() -> usize>("spawn_and_join").unwrap()();
    }
    assert_unmapped("threads");
}

/// One test, because it looks at the process's mappings.
#[test]
fn code_that_runs_after_the_last_handle_keeps_the_library() {
    a_destructor_that_starts_a_thread();
    a_fault_handler_that_drops_the_last_handle();
    assert_unmapped("spawner");
}

/// A thread-local's destructor starts a thread while the last handle goes: the library waits for both.
fn a_destructor_that_starts_a_thread() {
    for round in 0..rounds(40) {
        let host = host_with(&["spawner"]);
        let touch = host.get::<fn()>("touch").unwrap();
        let thread = std::thread::spawn(move || {
            touch();
            // The handle goes before the thread's destructors run.
        });
        // The drop happens before, during or after the destructor.
        std::thread::sleep(Duration::from_millis(round as u64 % 8));
        drop(host);
        thread.join().unwrap();
    }
}

/// A handler may drop the last handle of the plugin whose fault it handles.
fn a_fault_handler_that_drops_the_last_handle() {
    for _ in 0..rounds(20) {
        let kept: Arc<Mutex<Option<plugin_host::Host>>> = Arc::default();
        let (to_drop, heard) = (kept.clone(), Arc::new(AtomicUsize::new(0)));
        let counter = heard.clone();
        let host = host().with_fault_handler(move |_| {
            drop(to_drop.lock().unwrap().take());
            counter.fetch_add(1, Ordering::SeqCst);
        });
        host.load(fixture("spawner")).unwrap();
        let panic_and_catch = host.get::<fn(String)>("panic_and_catch").unwrap();
        *kept.lock().unwrap() = Some(host);
        // More panics than the plugin stores, so that some are reported within the panic hook, and some at the thread's
        // end.
        let thread = std::thread::spawn(move || (0..12).for_each(|n| panic_and_catch(format!("{n}"))));
        thread.join().unwrap();
        let started = Instant::now();
        // The other panics are not reported if the library is unmapped before the thread's end.
        while heard.load(Ordering::SeqCst) < 4 {
            assert!(started.elapsed() < Duration::from_secs(20), "{heard:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A library is not unmapped while the kernel could call it.
#[cfg(target_os = "linux")]
#[test]
fn a_library_with_a_registered_signal_handler_stays() {
    let host = host_with(&["signals"]);
    host.get::<fn(i32)>("handle_signals").unwrap()(libc::SIGUSR1);
    // SAFETY: `raise` has no conditions. The plugin has installed a handler for the signal, which only counts.
    unsafe { libc::raise(libc::SIGUSR1) };
    assert_eq!(host.get::<fn() -> u32>("caught").unwrap()(), 1);
    drop(host);
    // SAFETY: `raise` has no conditions. The plugin's handler is still there, because its library stays mapped. Without the
    // handler, the signal would end the process.
    unsafe { libc::raise(libc::SIGUSR1) };
    assert_ne!(mapped("signals"), 0);
}

/// A plugin that uses its compiler's std in a separate library. That library knows nothing of the host.
#[cfg(target_os = "linux")]
#[test]
fn a_library_with_a_std_elsewhere_stays() {
    if std::env::var("PLUGIN_TEST_CARGO_ARGS").is_ok() {
        println!("skipped: the std that is built here is in no library of its own");
        return;
    }
    let rustc = std::process::Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
    let sysroot = String::from_utf8(rustc.stdout).unwrap();
    let runpath = format!("-Clink-arg=-Wl,-rpath,{}/lib", sysroot.trim());
    let library = tests::variant_with("assembled", "prefer-dynamic", &["--", "-Cprefer-dynamic", &runpath]);
    let info = plugin_host::inspect(&library).unwrap();
    let host = host();
    host.load(&library).unwrap();
    assert_eq!(host.get::<fn() -> u32>("own").unwrap()(), 18);
    let unloaded = host.unload("assembled", Duration::from_secs(20)).unwrap();
    assert_eq!(unloaded, plugin_host::Unload::Pinned(vec![plugin_host::PinReason::StdElsewhere]));
    let name = format!("/{}", library.file_name().unwrap().to_str().unwrap());
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(maps.contains(&name.replace('/', "memfd:")), "{}: {maps}", info.name);
    assert!(maps.contains("libstd-"), "{maps}");
}

/// A `dylib` that has a std inside is unmapped like any other library. It has one unless it is built to use the
/// compiler's separate std.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn a_dylib_with_its_std_inside_goes() {
    if std::env::var_os("PLUGIN_TEST_CARGO_ARGS").is_some() || std::env::var_os("PLUGIN_TEST_FIXTURES").is_some() {
        println!("skipped: the library is not where it is looked for");
        return;
    }
    let error = tests::build_of("dynamic").run().unwrap_err();
    assert!(matches!(error, plugin_host::build::BuildError::NotACdylib { .. }), "{error}");
    let library = tests::fixture_target_dir("default").join("debug").join(tests::library_name("dynamic"));
    for _ in 0..3 {
        let host = host();
        host.load(&library).unwrap();
        assert_eq!(host.get::<fn() -> usize>("touch").unwrap()(), 1);
        assert_eq!(host.unload("dynamic", Duration::from_secs(20)).unwrap(), plugin_host::Unload::Unmapped);
    }
}

/// Only the crate that is built as the library can define what shows the host its threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn a_library_without_an_annotated_item_of_its_own_stays() {
    let host = host();
    let name = host.load(fixture("unannotated")).unwrap().name().to_owned();
    let unloaded = host.unload(&name, Duration::from_secs(20)).unwrap();
    assert_eq!(unloaded, plugin_host::Unload::Pinned(vec![plugin_host::PinReason::Uncontrolled]));
}

/// 16 threads load, look up, call and drop. Each thread has a host of its own, and all threads share another host.
#[test]
fn sixteen_threads_load_call_and_drop() {
    let shared = host_with(&["zoo"]);
    let (calls, loads) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let rounds = rounds(250);
    std::thread::scope(|scope| {
        for thread in 0..16_u64 {
            let (shared, calls, loads) = (&shared, &calls, &loads);
            scope.spawn(move || {
                for round in 0..rounds as u64 {
                    let add = shared.get::<fn(u64, u64) -> u64>("add").unwrap();
                    assert_eq!(add(thread, round), thread + round);
                    let own = host();
                    own.load(fixture(if round % 2 == 0 { "rival" } else { "zoo" })).unwrap();
                    let who = own.get::<fn() -> String>("who").unwrap();
                    let panics = shared.get::<fn(&str) -> Result<u32, Fault>>("panic_with").unwrap();
                    drop(own);
                    assert_eq!(who(), if round % 2 == 0 { "rival" } else { "zoo" });
                    assert_eq!(panics("m").unwrap_err().message, "m");
                    calls.fetch_add(3, Ordering::Relaxed);
                    loads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(loads.load(Ordering::Relaxed), 16 * rounds);
    assert_eq!(calls.load(Ordering::Relaxed), 16 * rounds * 3);
    drop(shared);
    assert_unmapped("zoo");
    assert_unmapped("rival");
}

/// If threads load one plugin into one host at once, one of them succeeds.
#[test]
fn a_race_to_load_has_one_winner() {
    for _ in 0..rounds(50) {
        let host = host();
        let barrier = Barrier::new(8);
        let won = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    match host.load(fixture("assembled")) {
                        Ok(_) => _ = won.fetch_add(1, Ordering::Relaxed),
                        Err(Error::AlreadyLoaded { name, .. }) => assert_eq!(name, "assembled"),
                        Err(error) => panic!("{error}"),
                    }
                });
            }
        });
        assert_eq!(won.load(Ordering::Relaxed), 1);
        // The init hooks ran once.
        assert_eq!(host.get::<fn() -> Vec<String>>("history").unwrap()().len(), 4);
    }
}

/// A mapped library keeps the one descriptor that backtraces are read from, and gives it back when it goes.
#[cfg(target_os = "linux")]
#[test]
fn a_mapped_library_keeps_one_descriptor() {
    // A name that no other test loads.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("libdescriptors.so");
    std::fs::copy(fixture("assembled"), &path).unwrap();
    let kept = || {
        let is_one = |path: &std::path::Path| {
            std::fs::read_link(path).is_ok_and(|to| to.to_string_lossy().contains("libdescriptors"))
        };
        std::fs::read_dir("/proc/self/fd").unwrap().filter(|entry| is_one(&entry.as_ref().unwrap().path())).count()
    };
    let mut hosts = Vec::new();
    for count in 1..=20 {
        let host = host();
        host.load(&path).unwrap();
        hosts.push(host);
        assert_eq!(kept(), if std::env::var_os("PLUGIN_TEST_IN_PLACE").is_some() { 0 } else { count });
    }
    drop(hosts);
    assert_eq!(kept(), 0);
}
