//! A host and a plugin with two allocators: each block is freed once, by its own allocator, and no block is left.
//!
//! The allocators abort the process if a block gets to the wrong one, or a second time to its own.

use std::collections::HashMap;

use api::Mixed;
use checked_allocator::CheckedAllocator;
use plugin_host::Host;
use tests::{assert_leaves_nothing, host_with, round_trips};

#[global_allocator]
static ALLOCATOR: CheckedAllocator<0x5A5A_0002> = CheckedAllocator::new();

/// One test, because it counts all memory of the process.
#[test]
fn everything_is_freed_once_by_its_own_allocator() {
    let host = host_with(&["zoo-apart"]);
    let live_in_plugin = host.get::<fn() -> isize>("live_blocks").unwrap();
    let panics = host.get::<fn(&str) -> Result<u32, plugin_host::Fault>>("panic_with").unwrap();
    let round = || {
        round_trips::all(&host);
        assert!(panics("x").is_err());
    };
    // The blocks of the plugin and of the host.
    assert_leaves_nothing(round, || (live_in_plugin(), ALLOCATOR.live()));
    nothing_is_allocated_for_each_element(&host);
}

/// Lends a number of elements and then twice as many, and expects the same number of blocks from both allocators each
/// time: some chunks, and a table for a map.
fn nothing_is_allocated_for_each_element(host: &Host) {
    let made_in_plugin = host.get::<fn() -> isize>("made_blocks").unwrap();
    let blocks = |call: &dyn Fn() -> usize, expected: usize| {
        let before = made_in_plugin() + ALLOCATOR.made();
        assert_eq!(call(), expected);
        made_in_plugin() + ALLOCATOR.made() - before
    };
    let letters = host.get::<fn(&[Mixed]) -> usize>("letters").unwrap();
    let letters_inside = host.get::<fn(&HashMap<String, Vec<Box<Mixed>>>) -> usize>("letters_inside").unwrap();
    let mixed = |n: usize| Mixed(n as u8, format!("the text of number {n:6}"), (n as u64, 'm'));
    let length = mixed(0).1.len();
    let counts = [10_000, 20_000].map(|count| {
        let all: Vec<Mixed> = (0..count).map(mixed).collect();
        let inside: HashMap<String, Vec<Box<Mixed>>> =
            (0..count / 10).map(|n| (format!("{n:6}"), (0..10).map(|_| Box::new(mixed(n))).collect())).collect();
        let flat = blocks(&|| letters(&all), count * length);
        (flat, blocks(&|| letters_inside(&inside), count * length + count / 10 * 6))
    });
    let [few, many] = counts;
    assert_eq!(few.0, many.0, "one chunk on each side, at most");
    assert!(many.1 - few.1 < 10, "{counts:?}: a chunk is up to a megabyte");
}
