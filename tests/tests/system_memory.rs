//! A program that says it uses the C library's allocator. A plugin that uses its host's allocator then allocates by
//! itself, and values cross without a copy.
//!
//! A block that gets to a wrong allocator is found by tools that watch `malloc`. `.ci/run` runs such tools.

use std::sync::{Arc, Mutex};

use plugin_host::{Host, Leak, Memory};
use tests::{fixture, host, round_trips};

plugin_host::use_system_allocator!();

fn host_of(name: &str, memory: Memory) -> Host {
    let host = host().with_memory(memory);
    host.load(fixture(name)).unwrap();
    host
}

#[test]
fn what_owns_memory_moves_without_a_copy() {
    for memory in [Memory::Plain, Memory::Tracked] {
        let host = host_of("host-allocated", memory);
        let (text, at) = host.get::<fn() -> (String, usize)>("text").unwrap()();
        assert_eq!(text.as_ptr().addr(), at);
        assert_eq!(host.get::<fn(String) -> usize>("address_of_text").unwrap()(text), at);
        let (mut bytes, at) = host.get::<fn() -> (Vec<u8>, usize)>("bytes").unwrap()();
        assert_eq!(bytes.as_ptr().addr(), at);
        bytes.reserve_exact(100_000);
        let at = bytes.as_ptr().addr();
        assert_eq!(host.get::<fn(Vec<u8>) -> usize>("address_of_bytes").unwrap()(bytes), at);
    }
}

/// Before a library has a host, its memory comes from the C library's allocator too, so all blocks are of one
/// allocator. On other systems, a plugin does not find out that the allocators are one.
#[test]
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn what_constructors_keep_moves_as_well() {
    for name in ["early-blocks", "early-many"] {
        let host = host_of(name, Memory::Plain);
        let grow = host.get::<fn(usize, usize) -> Vec<u64>>("grow").unwrap();
        assert_eq!(grow(1, 100_000), [1; 100_000]);
        let (last, at) = host.get::<fn() -> Option<(Vec<u64>, usize)>>("take").unwrap()().unwrap();
        assert_eq!((last.as_ptr().addr(), last.len()), (at, 21), "{name}");
        let (block, at) = host.get::<fn() -> (Vec<u64>, usize)>("new").unwrap()();
        assert_eq!(block.as_ptr().addr(), at, "{name}");
        host.get::<fn()>("free").unwrap()();
    }
}

#[test]
fn everything_crosses() {
    for name in ["host-allocated", "zoo", "zoo-apart"] {
        round_trips::all(&host_of(name, Memory::Plain));
    }
}

#[test]
fn what_is_tracked_is_still_asked_for() {
    let leaks = Arc::new(Mutex::new(Vec::new()));
    let heard = leaks.clone();
    let host = host()
        .with_memory(Memory::Tracked)
        .with_leak_handler(move |leak: &Leak| heard.lock().unwrap().push(leak.bytes));
    host.load(fixture("host-allocated")).unwrap();
    host.get::<fn(usize)>("leak").unwrap()(4096);
    drop(host);
    // Only on Linux are libraries unmapped, and their leaks freed.
    let expected: &[usize] = if cfg!(target_os = "linux") { &[4096] } else { &[] };
    assert_eq!(*leaks.lock().unwrap(), expected);
}

/// The plugin allocates by itself here, and its buffer is not on a list.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn a_plugin_that_prints_loses_no_buffer() {
    tests::losses::assert_of_printing("a_plugin_that_prints_loses_no_buffer");
}
