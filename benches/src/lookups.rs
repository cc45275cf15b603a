//! The cost of a look-up among few and among many exports.
//!
//! One library of ours with 100,000 exports would take a quarter of an hour to compile. So there are 100 plugins in one
//! host, which looks in all of them. Of these, 99 are copies of the first with other names. dlsym has one library with
//! as many symbols.

use std::hint::black_box;
use std::path::Path;

use plugin_host::Host;
use stabby::libloading::StabbyLibrary as _;

use crate::contenders::{build, host};
use crate::generated;
use crate::measure::{Batch, Random, Row, Workload};

/// Looks the names up in turn.
fn cycle<'a, N>(names: &'a [N], mut look_up: impl FnMut(&'a N) + 'a) -> Batch<'a> {
    let mut next = names.iter().cycle();
    Box::new(move |count| next.by_ref().take(count as usize).for_each(&mut look_up))
}

fn workload<'a>(
    name: String,
    names: &'a (Vec<String>, Vec<String>),
    symbols: &'a libloading::Library,
    host: &'a Host,
    stabby: Option<&'a libloading::Library>,
) -> Workload<'a> {
    let (names, with_nul) = names;
    let mut contenders = vec![
        (
            crate::DLSYM,
            // SAFETY: `generated::symbols` gives each function this type. No function is called, and `symbols` stays open.
            cycle(with_nul, |name| unsafe {
                _ = black_box(symbols.get::<extern "C" fn(u64) -> u64>(name.as_bytes()).expect("it is there"));
            }),
        ),
        (crate::OURS, cycle(names, |name| drop(black_box(host.get::<fn(u64) -> u64>(name).expect("it is there"))))),
    ];
    if let Some(stabby) = stabby {
        contenders.push((
            crate::STABBY,
            cycle(names, |name| {
                // SAFETY: `get_stabbied` compares the type with the one that the library reports. The library, which was built
                // here, reports it truly, because `#[stabby::export]` writes both.
                _ = black_box(unsafe {
                    stabby.get_stabbied::<extern "C" fn(u64) -> u64>(name.as_bytes()).expect("it is there")
                });
            }),
        ));
    }
    Workload { name, contenders }
}

/// The names, as Rust and as C texts. Both kinds lie in memory in the order of the look-ups.
fn both(names: Vec<&String>) -> (Vec<String>, Vec<String>) {
    let with_nul = names.iter().map(|name| format!("{name}\0")).collect();
    (names.into_iter().cloned().collect(), with_nul)
}

/// Measures the look-ups.
pub fn run() -> Vec<Row> {
    let directory = tempfile::tempdir().expect("a directory");
    let stabby = |name, count| {
        let library = build(&generated::stabby(name, count));
        // SAFETY: the library was just built from generated sources of ours. Its initializers are those of Rust's std.
        unsafe { libloading::Library::new(library) }.expect("the library")
    };
    let libraries =
        [("few-000", "few-stabby", 1, 10), ("many-000", "many-stabby", 1, 1000), ("many-000", "", 100, 1000)];
    let mut rows = Vec::new();
    for (ours, stabbys, plugins, each) in libraries {
        let all: Vec<String> = (0..plugins).flat_map(|plugin| generated::names(plugin, each)).collect();
        let stabby = (!stabbys.is_empty()).then(|| stabby(stabbys, each));
        let path = directory.path().join(format!("libsymbols{}.so", all.len()));
        generated::symbols(&path, all.iter().cloned());
        // SAFETY: `generated::symbols` has just made the library, which has no initializers.
        let symbols = unsafe { libloading::Library::new(path) }.expect("the library");
        let host = host();
        load_copies(&host, &build(&generated::ours(ours, each)), ours, plugins, directory.path());

        let title = |what: &str| format!("lookup of {what} among {} exports", thousands(all.len()));
        let ten = both(all.iter().step_by(all.len() / 10).collect());
        rows.push(workload(title("ten names"), &ten, &symbols, &host, stabby.as_ref()).measure());
        if all.len() > 10 {
            let mut shuffled: Vec<&String> = all.iter().collect();
            let mut random = Random(1);
            (1..shuffled.len()).rev().for_each(|last| shuffled.swap(last, random.below(last + 1)));
            let every = both(shuffled);
            rows.push(workload(title("every name"), &every, &symbols, &host, stabby.as_ref()).measure());
        }
    }
    rows
}

/// Loads `count` copies of a generated plugin.
pub fn load_copies(host: &Host, library: &Path, name: &str, count: usize, directory: &Path) {
    let bytes = std::fs::read(library).expect("the library");
    let stem = name.strip_suffix("-000").expect("a name with a number");
    let path = directory.join("libcopy.so");
    for number in 0..count {
        std::fs::write(&path, generated::copy(&bytes, stem, number)).expect("a copy");
        host.load(&path).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// Writes a number with commas, such as `100,000`.
fn thousands(number: usize) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
}
