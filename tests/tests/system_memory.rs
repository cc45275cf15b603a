//! A program whose allocator is the system's for certain: a plugin that uses its host's allocates by itself, and what
//! crosses is not copied.
//!
//! What gets to a wrong allocator is seen where the system's is watched, as `.ci/run` has it.

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

/// Before a library has a host it has its memory from the system, too, so all is one. Elsewhere a plugin
/// does not find out.
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
    // Unmapping, and so freeing what was left, is of Linux.
    let expected: &[usize] = if cfg!(target_os = "linux") { &[4096] } else { &[] };
    assert_eq!(*leaks.lock().unwrap(), expected);
}
