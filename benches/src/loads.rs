//! The cost of loading a library, calling it once and unloading it, the memory that such a cycle leaves behind, and the
//! cost of many plugins at once.

use std::fs::File;
use std::hint::black_box;
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use plugin_host::{Host, Mapping, Trust, Unload};
use stabby::libloading::StabbyLibrary as _;

use crate::contenders::{AbiStable, Libraries, build, host};
use crate::generated;
use crate::measure::{Batch, Row, Workload, median};

/// Opens a library, calls it, and closes it.
pub fn bare_cycle(path: &Path) {
    // SAFETY: the library is `plugins/bare`, which was built here. Its initializers are those of Rust's std, and its `add` has
    // this type. The library stays open during the call.
    unsafe {
        let library = libloading::Library::new(path).expect("the library");
        let add = library.get::<extern "C" fn(u64, u64) -> u64>("add").expect("it is there");
        black_box(add(20, 22));
    }
}

fn stabby_cycle(path: &Path) {
    // SAFETY: the library is `plugins/stabby-plugin`, which was built here. Its initializers are those of Rust's std.
    // `get_stabbied` compares the type. The library stays open during the call.
    unsafe {
        let library = libloading::Library::new(path).expect("the library");
        let add = library.get_stabbied::<extern "C" fn(u64, u64) -> u64>(b"add").expect("it is there");
        black_box(add(20, 22));
    }
}

fn our_cycle(host: &Host, path: &Path) {
    let plugin = host.load(path).unwrap_or_else(|error| panic!("{error}"));
    black_box(plugin.get::<fn(u64, u64) -> u64>("add").expect("it is there")(20, 22));
    drop(plugin);
    assert_eq!(host.unload("ours", Duration::ZERO).expect("it is loaded"), Unload::Unmapped);
}

/// The time that the loader alone needs for our library.
fn dlopen_alone(path: &Path) {
    // SAFETY: the library was built here, and its constructors are sound without a host. Nothing in it is called.
    let library = unsafe { libloading::Library::new(path) }.expect("the library");
    library.close().expect("it closes");
}

/// The time that the kernel needs for a copy that can be sealed.
fn copy_alone(path: &Path) {
    // SAFETY: `memfd_create` reads a name that ends with NUL, as a literal `c".."` does.
    let copy = unsafe { libc::memfd_create(c"copy".as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) };
    assert!(copy >= 0);
    // SAFETY: `memfd_create` has just made this descriptor and returned its number only here, so this is its only owner.
    let mut copy = File::from(unsafe { OwnedFd::from_raw_fd(copy) });
    std::io::copy(&mut File::open(path).expect("the library"), &mut copy).expect("there is room");
}

/// Measures load, first call and unload, and the parts of them that no library can avoid. abi_stable never unloads, and
/// hot-lib-reloader starts threads that never end.
pub fn run(libraries: &Libraries) -> Vec<Row> {
    let Libraries { bare, ours, stabby, .. } = libraries;
    let in_place = host().with_mapping(Mapping::InPlace);
    let private = host();
    let bytes = std::fs::read(ours).expect("the library");
    let digest = Trust::digest_of(&bytes);
    // SAFETY: the file with this digest was built here, from the sources beside this one.
    let verifying = Host::new(unsafe { Trust::digests([digest]) });
    fn repeated<'a>(cycle: impl Fn() + 'a) -> Batch<'a> {
        Box::new(move |count| (0..count).for_each(|_| cycle()))
    }
    let contenders = vec![
        (crate::BARE, repeated(|| bare_cycle(bare))),
        (crate::OURS_IN_PLACE, repeated(move || our_cycle(&in_place, ours))),
        (crate::OURS_PRIVATE, repeated(move || our_cycle(&private, ours))),
        (crate::OURS_VERIFIED, repeated(move || our_cycle(&verifying, ours))),
        (crate::STABBY, repeated(|| stabby_cycle(stabby))),
        (crate::DLOPEN, repeated(|| dlopen_alone(ours))),
        (crate::COPY, repeated(|| copy_alone(ours))),
        (crate::SHA_256, repeated(|| _ = black_box(Trust::digest_of(black_box(&bytes))))),
    ];
    vec![Workload { name: "load, first call, unload".to_owned(), contenders }.measure()]
}

/// The remains of one contender's cycles.
pub struct Leftovers {
    /// The contender's name.
    pub contender: &'static str,
    /// The growth of the resident memory for each cycle, in bytes.
    pub bytes: f64,
    /// The number of libraries that are still mapped.
    pub mapped: usize,
    /// The number of cycles.
    pub cycles: usize,
}

/// The value of a line of `/proc/self/status`, in bytes.
fn status(key: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("a key");
    line.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<f64>().expect("a number") * 1024.0
}

/// The number of mapped libraries whose path contains this text.
fn mapped(name: &str) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux");
    maps.lines().filter(|line| line.contains(name) && line.contains(" r-xp ")).count()
}

/// Runs cycles with a call that leaves a thread-local with a destructor. Each cycle has a new copy of the library, as
/// after a rebuild: for a known path, the loader returns the library that is mapped already.
pub fn cycles(libraries: &Libraries) -> Vec<Leftovers> {
    const CYCLES: usize = 200;
    let directory = tempfile::tempdir().expect("a directory");
    let Libraries { bare, ours, abi_stable, stabby, .. } = libraries;
    let host = host();
    // SAFETY: the library is `plugins/bare`, which was built here. Its initializers are those of Rust's std, and its `remember`
    // has this type. The library stays open during the call, and std keeps it mapped for the destructor of the thread-local.
    let bare_cycle = |path: &Path| unsafe {
        let library = libloading::Library::new(path).expect("the library");
        black_box(library.get::<extern "C" fn() -> u64>("remember").expect("it is there")());
        library.close().expect("it closes");
    };
    let our_cycle = |path: &Path| {
        let plugin = host.load(path).unwrap_or_else(|error| panic!("{error}"));
        black_box(plugin.get::<fn() -> u64>("remember").expect("it is there")());
        drop(plugin);
        assert_eq!(host.unload("ours", Duration::ZERO).expect("it is loaded"), Unload::Unmapped);
    };
    // abi_stable cannot unload.
    let abi_stable_cycle = |path: &Path| _ = black_box(AbiStable::load_another(path).remember()());
    // SAFETY: the library is `plugins/stabby-plugin`, which was built here. Its initializers are those of Rust's std.
    // `get_stabbied` compares the type. The library stays open during the call, and std keeps it mapped for the destructor.
    let stabby_cycle = |path: &Path| unsafe {
        let library = libloading::Library::new(path).expect("the library");
        black_box(library.get_stabbied::<extern "C" fn() -> u64>(b"remember").expect("it is there")());
        library.close().expect("it closes");
    };
    let contenders: [(&'static str, &Path, &dyn Fn(&Path)); 4] = [
        (crate::BARE, bare, &bare_cycle),
        (crate::OURS, ours, &our_cycle),
        (crate::ABI_STABLE, abi_stable, &abi_stable_cycle),
        (crate::STABBY, stabby, &stabby_cycle),
    ];
    let measured = contenders.map(|(contender, library, cycle)| {
        let name = format!("cycle-{}-", contender.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
        let mut before = 0.0;
        for number in 0..CYCLES {
            // By then, everything is made that is made once and kept.
            if number == CYCLES / 10 {
                before = status("VmRSS");
            }
            let path = directory.path().join(format!("{name}{number}.so"));
            std::fs::copy(library, &path).expect("a copy");
            cycle(&path);
            std::fs::remove_file(path).expect("the copy");
        }
        let bytes = (status("VmRSS") - before) / (CYCLES - CYCLES / 10) as f64;
        Leftovers { contender, bytes, mapped: mapped(&name), cycles: CYCLES }
    });
    measured.into()
}

/// The cost of many plugins in one host.
pub struct Many {
    /// The resident memory for each plugin, in bytes, in each quarter of the plugins.
    pub quarters: [f64; 4],
    /// The time of the first loads, in nanoseconds: the median of the first twenty.
    pub first: f64,
    /// The time of the last loads.
    pub last: f64,
    /// The ratio of the last to the first loads for bare libraries with dlopen: the part of the growth that the loader
    /// causes.
    pub bare_ratio: f64,
}

/// Measures a thousand plugins.
pub fn many(libraries: &Libraries) -> Many {
    const COUNT: usize = 1000;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("libcopy.so");
    let library = std::fs::read(build(&generated::ours("few-000", 10))).expect("the library");
    let host = host();
    let (mut times, mut resident) = (Vec::new(), vec![status("VmRSS")]);
    for number in 0..COUNT {
        std::fs::write(&path, generated::copy(&library, "few", number)).expect("a copy");
        let start = Instant::now();
        host.load(&path).unwrap_or_else(|error| panic!("{error}"));
        times.push(start.elapsed().as_nanos() as f64);
        if (number + 1) % (COUNT / 4) == 0 {
            resident.push(status("VmRSS"));
        }
    }
    let quarter = |quarter: usize| (resident[quarter + 1] - resident[quarter]) / (COUNT / 4) as f64;
    let ends = |times: &[f64]| (median(times[..20].to_vec()), median(times[times.len() - 20..].to_vec()));
    let (first, last) = ends(&times);
    drop(host);

    let mut bare = Vec::new();
    let mut bare_times = Vec::new();
    for number in 0..COUNT {
        let path = directory.path().join(format!("libbare{number}.so"));
        std::fs::copy(&libraries.bare, &path).expect("a copy");
        let start = Instant::now();
        // SAFETY: the file is a copy of `plugins/bare`, which was built here. Its initializers are those of Rust's std.
        bare.push(unsafe { libloading::Library::new(&path) }.expect("the library"));
        bare_times.push(start.elapsed().as_nanos() as f64);
        std::fs::remove_file(path).expect("the copy");
    }
    let (bare_first, bare_last) = ends(&bare_times);
    Many { quarters: [0, 1, 2, 3].map(quarter), first, last, bare_ratio: bare_last / bare_first }
}
