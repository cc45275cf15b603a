//! `endure WHAT THREADS CYCLES LIBRARY`: loads, calls and unloads the fixture `endurance` that often on each of that
//! many threads at once. Expects that nothing of the fixture is left, and writes figures to standard error.
//!
//! It is a program of its own because it counts for the whole process, and because the plugin prints.

use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use plugin_host::{Fault, Host, Memory, PinReason, Unload};
use tests::{LONG, host};

/// After so many cycles on each thread, all values that are made once and kept exist.
const WARM_UP: usize = 100;

/// The bytes that the plugin leaks in each cycle, without those of the list that keeps them.
const LEAKED: usize = 64 * 1024;

static LEAKS: AtomicUsize = AtomicUsize::new(0);
static FAULTS: AtomicUsize = AtomicUsize::new(0);

fn main() {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [what, threads, cycles, library] = &arguments[..] else {
        panic!("usage: endure WHAT THREADS CYCLES LIBRARY");
    };
    let [threads, cycles] = [threads, cycles].map(|number| number.parse::<usize>().expect("a number"));
    let library = Path::new(library);
    // A thread that fails would leave the others waiting for it.
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        std::process::exit(1);
    }));

    let started = Instant::now();
    let warm_up = WARM_UP.min(cycles / 2);
    let phases = [warm_up, cycles - warm_up];
    let barrier = Barrier::new(threads);
    let mut counts = Vec::new();
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| {
                let host = new_host();
                for cycles in phases {
                    (0..cycles).for_each(|_| cycle(&host, library));
                    barrier.wait();
                    // Here the contents of the process are counted.
                    barrier.wait();
                }
            });
        }
        let host = new_host();
        let mut done = 0;
        for cycles in phases {
            (0..cycles).for_each(|_| cycle(&host, library));
            barrier.wait();
            done += threads * cycles;
            assert_all_told(done);
            counts.push(process::count(library));
            barrier.wait();
        }
    });
    let micros = started.elapsed().as_micros() / (threads * cycles) as u128;
    let [first, last] = &counts[..] else { unreachable!("one for each phase") };
    eprintln!(
        "endurance of {what}: {threads} x {cycles} cycles, {micros} us each; after {warm_up}: {first}; at the end: {last}"
    );
    last.assert_no_more_than(first);
}

fn new_host() -> Host {
    host()
        .with_memory(Memory::Tracked)
        .with_leak_handler(|leak| {
            assert!((LEAKED..LEAKED + 1024).contains(&leak.bytes), "{leak:?}");
            LEAKS.fetch_add(1, Ordering::SeqCst);
        })
        .with_fault_handler(|_| _ = FAULTS.fetch_add(1, Ordering::SeqCst))
}

fn cycle(host: &Host, library: &Path) {
    host.load(library).unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)));
    let destroyed = host.get::<fn() -> u32>("live").unwrap()();
    if cfg!(target_os = "linux") {
        // Two destructors on each of three threads. On other systems, a thread that was joined may not have run its
        // destructors yet.
        assert_eq!(destroyed, 6);
    }
    let fault = host.get::<fn(&str) -> Result<(), Fault>>("panic").unwrap()("on purpose").unwrap_err();
    assert_eq!(fault.message, "on purpose");
    let unloaded = host.unload("endurance", LONG).unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(unloaded, Unload::Unmapped);
    } else {
        assert_eq!(unloaded, Unload::Pinned(vec![PinReason::Platform]));
    }
}

/// Expects that the host reported each cycle's leak, and its two faults that no call returned.
fn assert_all_told(cycles: usize) {
    if !cfg!(target_os = "linux") {
        // A library that stays mapped keeps its leaks, and its faults to the end of the thread.
        return;
    }
    assert_eq!(LEAKS.load(Ordering::SeqCst), cycles);
    let started = Instant::now();
    while FAULTS.load(Ordering::SeqCst) < 2 * cycles {
        assert!(started.elapsed() < LONG, "{FAULTS:?} faults in {cycles} cycles");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(FAULTS.load(Ordering::SeqCst), 2 * cycles);
}

#[cfg(target_os = "linux")]
mod process {
    use std::fmt;
    use std::fs::{read_dir, read_to_string};
    use std::path::Path;

    /// The contents of this process.
    pub(super) struct Count {
        mappings: usize,
        files: usize,
        free_keys: usize,
        resident_kib: usize,
    }

    impl fmt::Display for Count {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let Count { mappings, files, free_keys, resident_kib } = self;
            write!(f, "{resident_kib} KiB resident, {mappings} mappings, {files} files, {free_keys} free keys")
        }
    }

    pub(super) fn count(library: &Path) -> Count {
        let resident_kib = resident_kib();
        let name = library.file_name().and_then(|name| name.to_str()).unwrap();
        let maps = read_to_string("/proc/self/maps").unwrap();
        Count {
            mappings: maps.lines().filter(|line| line.contains(name)).count(),
            files: read_dir("/proc/self/fd").unwrap().count(),
            free_keys: free_keys(),
            resident_kib,
        }
    }

    impl Count {
        pub(super) fn assert_no_more_than(&self, first: &Count) {
            assert_eq!((first.mappings, self.mappings), (0, 0));
            assert_eq!(self.files, first.files);
            assert_eq!(self.free_keys, first.free_keys);
            // A tool that watches memory has memory of its own, and keeps freed blocks.
            if std::env::var_os("PLUGIN_TEST_SLOWER").is_none() {
                assert!(self.resident_kib < first.resident_kib + 1024, "memory grows");
            }
        }
    }

    /// Counted page by page. `VmRSS` may lack the pages that a processor has not yet added to it.
    fn resident_kib() -> usize {
        let rollup = read_to_string("/proc/self/smaps_rollup").unwrap();
        let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
        line.trim_end_matches("kB").trim().parse().unwrap()
    }

    /// The number of keys for thread-specific values that can still be created.
    fn free_keys() -> usize {
        let create = || {
            let mut key = 0;
            // SAFETY: `pthread_key_create` writes one key, for which `key` has room.
            (unsafe { libc::pthread_key_create(&raw mut key, None) } == 0).then_some(key)
        };
        let keys: Vec<_> = std::iter::from_fn(create).collect();
        for &key in &keys {
            // SAFETY: the key was created above, and is deleted once. No thread has set a value of it.
            unsafe { libc::pthread_key_delete(key) };
        }
        keys.len()
    }
}

#[cfg(not(target_os = "linux"))]
mod process {
    //! Libraries stay mapped here with all their memory, so comparing makes no sense.

    use std::fmt;
    use std::path::Path;

    pub(super) struct Count;

    impl fmt::Display for Count {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("not counted")
        }
    }

    pub(super) fn count(_: &Path) -> Count {
        Count
    }

    impl Count {
        pub(super) fn assert_no_more_than(&self, _: &Count) {}
    }
}
