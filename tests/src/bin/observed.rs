//! `observed LIBRARY SECONDS`: a host that lets the fixture `busy` compute for that time. It prints a line once the
//! plugin is loaded.
//!
//! It is a program of its own so that debuggers and profilers can run it.

use std::time::Duration;

use tests::host;

fn main() {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [library, seconds] = &arguments[..] else {
        panic!("usage: observed LIBRARY SECONDS");
    };
    let host = host();
    host.load(library).unwrap_or_else(|error| panic!("{error}"));
    let work = host.get::<fn(Duration) -> u64>("work").unwrap_or_else(|error| panic!("{error}"));
    println!("loaded");
    println!("{} rounds", work(Duration::from_secs(seconds.parse().expect("a number of seconds"))));
}
