//! The cost of an upgrade, and of a handle that follows upgrades.

use std::hint::black_box;

use plugin_host::{FunctionType, Host, Live, Lookup};

use crate::contenders::{Libraries, host};
use crate::measure::{Batch, Row, Workload};

/// Measures a call through a handle that stays with its version, and a call through a handle that follows upgrades.
fn calls(host: &Host) -> Row {
    type Add = fn(u64, u64) -> u64;
    let (plain, live) = (host.get::<Add>("add").expect("it is there"), live::<Add>(host, "add"));
    let contenders: Vec<(&str, Batch<'_>)> = vec![
        (crate::OURS, Box::new(|count| (0..count).for_each(|n| _ = black_box(plain(u64::from(n), black_box(22)))))),
        (crate::OURS_LIVE, Box::new(|count| (0..count).for_each(|n| _ = black_box(live(u64::from(n), black_box(22)))))),
    ];
    Workload { name: "add(u64, u64) -> u64".to_owned(), contenders }.measure()
}

fn live<F: FunctionType + Lookup>(host: &Host, name: &str) -> Live<F> {
    host.live(name).unwrap_or_else(|error| panic!("{error}"))
}

/// Measures an upgrade while a handle follows, until the old version is unmapped, and the time that the loader alone
/// needs to open and close a library.
fn upgrade(host: &Host, libraries: &Libraries) -> Row {
    let add = live::<fn(u64, u64) -> u64>(host, "add");
    let contenders: Vec<(&str, Batch<'_>)> = vec![
        (crate::BARE, Box::new(|count| (0..count).for_each(|_| crate::loads::bare_cycle(&libraries.bare)))),
        (
            crate::OURS,
            Box::new(|count| {
                for _ in 0..count {
                    host.reload("ours").unwrap_or_else(|error| panic!("{error}"));
                    black_box(add(20, 22));
                    while !host.draining().is_empty() {
                        std::thread::yield_now();
                    }
                }
            }),
        ),
    ];
    Workload { name: "upgrade, first call, old version unmapped".to_owned(), contenders }.measure()
}

/// Measures calls that follow upgrades.
pub fn run_calls(libraries: &Libraries) -> Vec<Row> {
    vec![calls(&loaded(libraries))]
}

/// Measures upgrades.
pub fn run(libraries: &Libraries) -> Vec<Row> {
    vec![upgrade(&loaded(libraries), libraries)]
}

fn loaded(libraries: &Libraries) -> Host {
    let host = host();
    host.load(&libraries.ours).unwrap_or_else(|error| panic!("{error}"));
    host
}
