//! `teardown SCENE STDERR TROUBLED UPGRADES`: a host goes through one scene of the life of a plugin that fails everywhere,
//! while its standard error is `open`, `closed`, `broken` (a pipe without a reader) or `full`. The last two arguments are
//! the libraries of the fixtures of these names.
//!
//! It is a program of its own because the standard error is the process's, and because a failure ends the process. It
//! prints `done` if it gets to its end.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use plugin_host::{Host, Memory, Trust, Unload};
use tests::{LONG, host};

fn main() {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [scene, stderr, troubled, upgrades] = &arguments[..] else {
        panic!("usage: teardown SCENE STDERR TROUBLED UPGRADES");
    };
    let (troubled, upgrades) = (Path::new(troubled), Path::new(upgrades));
    set_stderr(stderr);
    match scene.as_str() {
        "shutdown" => live_and_leave(host(), troubled),
        "handlers-panic" => live_and_leave(with_panicking_handlers(host()), troubled),
        "handlers-panic-when-dropped" => live_and_leave(with_handlers_that_panic_when_dropped(host()), troubled),
        "thread" => panic_in_thread(host(), troubled),
        "thread-and-handler" => panic_in_thread(with_panicking_handlers(host()), troubled),
        "unwinding" => leave_while_unwinding(host(), troubled),
        "after-shutdown" => panic_after_shutdown(troubled),
        "last-handle-elsewhere" => leave_on_another_thread(host(), troubled),
        "descriptors" => run_out_of_descriptors(troubled),
        "printed-meanwhile" => load_while_others_print(troubled),
        "unloaded-without-descriptors" => unload_without_descriptors(troubled),
        "events" => upgrade(with_panicking_handlers(host()), upgrades),
        "events-without-handler" => upgrade(host(), upgrades),
        scene => panic!("there is no scene `{scene}`"),
    }
    println!("done");
}

/// Loads copies of the plugin until no descriptor is left.
#[cfg(unix)]
fn run_out_of_descriptors(troubled: &Path) {
    let (limit, margin) = (libc::rlimit { rlim_cur: 64, rlim_max: 64 }, 20);
    // SAFETY: `setrlimit` reads one `rlimit`, which `limit` is.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    let mut hosts = Vec::new();
    let error = loop {
        let host = host();
        match host.load(troubled) {
            Ok(_) => hosts.push(host),
            Err(error) => break error,
        }
        assert!(hosts.len() <= 64, "each keeps one");
    };
    assert!(hosts.len() >= margin, "a plugin keeps more than one: only {} are loaded", hosts.len());
    assert_eq!(
        error.to_string(),
        format!(
            "cannot load `{}`: this process can open no more files (Too many open files (os error 24)); each loaded plugin \
             keeps one open: allow more with `ulimit -n`",
            troubled.display()
        )
    );
    // The loaded plugins serve. One free descriptor is enough to load another plugin.
    let touch = hosts.pop().expect("there are some").get::<fn() -> usize>("touch").expect("it is there");
    touch();
    drop(touch);
    drop(hosts.pop());
    host().load(troubled).expect("there is room again");
}

#[cfg(not(unix))]
fn run_out_of_descriptors(_: &Path) {
    panic!("there is no such limit here");
}

/// Loads the plugin while another thread prints. If standard error is closed, a new file gets its number.
fn load_while_others_print(troubled: &Path) {
    let digest = Trust::digest_of(&std::fs::read(troubled).expect("a library"));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                // This prints as `eprintln!` does, but `eprintln!` would panic if standard error is broken.
                _ = std::io::stderr().write_all(b"a warning of another thread\n");
            }
        });
        for _ in 0..10 {
            // SAFETY: the file with this digest is a fixture that the test has built.
            let host = Host::new(unsafe { Trust::digests([digest]) });
            host.load(troubled).unwrap_or_else(|error| panic!("{error}"));
        }
        done.store(true, Ordering::SeqCst);
    });
}

/// Unloads the plugin while this program has it open a second time, and the list of mappings cannot be read.
#[cfg(target_os = "linux")]
fn unload_without_descriptors(troubled: &Path) {
    use std::os::unix::ffi::OsStrExt as _;
    let host = host().with_mapping(plugin_host::Mapping::InPlace).with_fault_handler(|_| ());
    host.load(troubled).expect("it loads");
    let path = std::ffi::CString::new(troubled.as_os_str().as_bytes()).expect("a path");
    // SAFETY: the path is a `CString`, which ends with NUL. The library is mapped already, so this runs no constructor.
    assert!(!unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) }.is_null());
    let limit = libc::rlimit { rlim_cur: 64, rlim_max: 64 };
    // SAFETY: `setrlimit` reads one `rlimit`, which `limit` is.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    let mut files = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        files.push(file);
    }
    let unload = host.unload("troubled", LONG).expect("it is loaded");
    drop(files);
    assert_eq!(unload, Unload::Pinned(vec![plugin_host::PinReason::StillMapped]));
}

#[cfg(not(target_os = "linux"))]
fn unload_without_descriptors(_: &Path) {
    panic!("nothing is unmapped here");
}

#[cfg(not(unix))]
fn set_stderr(kind: &str) {
    assert_eq!(kind, "open");
}

/// Changes standard error as the argument says.
#[cfg(unix)]
fn set_stderr(kind: &str) {
    let replace = |descriptor: libc::c_int| {
        assert!(descriptor >= 0);
        // SAFETY: `dup2` takes two descriptors and touches no memory. Only std uses descriptor 2, by its number, so std may find
        // another file there.
        assert_eq!(unsafe { libc::dup2(descriptor, 2) }, 2);
        // SAFETY: this function has opened the descriptor, so it owns it. It is not used afterwards.
        unsafe { libc::close(descriptor) };
    };
    match kind {
        "open" => {}
        // SAFETY: only std uses this descriptor, and std expects that the descriptor may be closed.
        "closed" => assert_eq!(unsafe { libc::close(2) }, 0),
        "broken" => {
            let mut ends = [0; 2];
            // SAFETY: `pipe` writes two descriptors, for which `ends` has room.
            assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
            replace(ends[1]);
            // SAFETY: `pipe` has opened the descriptor just above, so this function owns it. It is not used afterwards.
            unsafe { libc::close(ends[0]) };
        }
        // SAFETY: the path is a `CStr`, which ends with NUL.
        "full" => replace(unsafe { libc::open(c"/dev/full".as_ptr(), libc::O_WRONLY) }),
        kind => panic!("standard error cannot be `{kind}`"),
    }
}

fn with_panicking_handlers(host: Host) -> Host {
    host.with_fault_handler(|_| panic!("the fault handler"))
        .with_leak_handler(|_| panic!("the leak handler"))
        .with_event_handler(|_| panic!("the event handler"))
}

/// Panics when it is dropped, unless the thread unwinds already.
struct Bomb;

impl Bomb {
    /// The owner of the bomb calls this function.
    fn tick(&self) {}
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a handler's own value");
    }
}

fn with_handlers_that_panic_when_dropped(host: Host) -> Host {
    let (a, b, c) = (Bomb, Bomb, Bomb);
    host.with_fault_handler(move |_| a.tick())
        .with_leak_handler(move |_| b.tick())
        .with_event_handler(move |_| c.tick())
}

/// Loads the plugin, leaves its threads, keys and thread-locals, and drops the host. The thread that used the plugin
/// ends last.
fn live_and_leave(host: Host, troubled: &Path) {
    let host = host.with_memory(Memory::Tracked);
    let plugin = host.load(troubled).expect("it loads");
    host.get::<fn(usize)>("leak").expect("it is there")(1000);
    let touch = host.get::<fn() -> usize>("touch").expect("it is there");
    touch();
    let (gone, wait) = channel::<()>();
    let (touched, was_touched) = channel();
    let thread = std::thread::spawn(move || {
        touch();
        drop(touch);
        touched.send(()).expect("it is waited for");
        _ = wait.recv();
    });
    was_touched.recv().expect("it is sent");
    drop(plugin);
    drop(host);
    drop(gone);
    thread.join().expect("the thread ends well");
}

fn panic_in_thread(host: Host, troubled: &Path) {
    host.load(troubled).expect("it loads");
    host.get::<fn()>("panic_at_exit").expect("it is there")();
    let touch = host.get::<fn() -> usize>("touch").expect("it is there");
    std::thread::spawn(move || _ = touch()).join().expect("the thread ends well");
    host.get::<fn()>("panic_in_thread").expect("it is there")();
    live_and_leave(self::host(), troubled);
    drop(host);
}

/// The last handle is dropped while this thread unwinds.
fn leave_while_unwinding(host: Host, troubled: &Path) {
    host.load(troubled).expect("it loads");
    host.get::<fn() -> usize>("touch").expect("it is there")();
    let thread = std::thread::spawn(move || {
        let _host = host;
        panic!("with a host");
    });
    thread.join().expect_err("it panics");
}

/// A thread of the plugin's panics between the detach and the close: that is a fault like any other.
fn panic_after_shutdown(troubled: &Path) {
    let faults = Arc::new(AtomicUsize::new(0));
    let seen = faults.clone();
    let host = host().with_fault_handler(move |fault| {
        if fault.message == "after the shutdown" && fault.export.as_deref() == Some("troubled") {
            assert!(fault.location.is_some());
            seen.fetch_add(1, Ordering::SeqCst);
        }
    });
    host.load(troubled).expect("it loads");
    host.get::<fn()>("panic_after_shutdown").expect("it is there")();
    let pinned = host.unload("troubled", Duration::ZERO).expect("it is loaded");
    assert!(matches!(pinned, Unload::Pinned(_)), "{pinned}");
    let unmapped = host.unload("troubled", LONG).expect("it is known");
    assert_eq!(unmapped, Unload::Unmapped);
    let started = Instant::now();
    while faults.load(Ordering::SeqCst) == 0 {
        assert!(started.elapsed() < LONG, "the fault is not reported");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn leave_on_another_thread(host: Host, troubled: &Path) {
    host.load(troubled).expect("it loads");
    let touch = host.get::<fn() -> usize>("touch").expect("it is there");
    drop(host);
    std::thread::spawn(move || _ = touch()).join().expect("the thread ends well");
}

fn upgrade(host: Host, upgrades: &Path) {
    host.load(upgrades).expect("it loads");
    for _ in 0..3 {
        host.reload("upgrades").expect("it is upgraded");
    }
    while !host.draining().is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(host);
}
