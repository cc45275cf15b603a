//! A plugin that uses the host's allocator. Values cross without a copy, and in the end all memory is freed.
//!
//! The allocators abort the process if a block gets to the wrong one, or is freed a second time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use checked_allocator::CheckedAllocator;
use plugin_host::{Fault, Host, Leak, Memory};
use tests::{assert_leaves_nothing, fixture, host, host_with, round_trips, rounds, variant};

#[global_allocator]
static ALLOCATOR: CheckedAllocator<0x5A5A_0003> = CheckedAllocator::new();

/// Only on Linux are libraries unmapped, and their leaks freed.
const UNMAPS: bool = cfg!(target_os = "linux");

/// The tests run one at a time, because some look at all memory of the process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

type Leaks = Arc<Mutex<Vec<Leak>>>;

/// A host with this fixture, and the leaks that the host reports.
fn host_of(name: &str, memory: Memory) -> (Host, Leaks) {
    let leaks = Leaks::default();
    let heard = leaks.clone();
    let host = host().with_memory(memory).with_leak_handler(move |leak| heard.lock().unwrap().push(leak.clone()));
    host.load(fixture(name)).unwrap();
    (host, leaks)
}

fn taken(leaks: &Leaks) -> Vec<Leak> {
    std::mem::take(&mut leaks.lock().unwrap())
}

#[test]
fn everything_crosses_and_nothing_is_left() {
    let _alone = alone();
    for memory in [Memory::Plain, Memory::Tracked] {
        let (host, leaks) = host_of("host-allocated", memory);
        let panics = host.get::<fn(&str) -> Result<u32, Fault>>("panic_with").unwrap();
        let round = || {
            round_trips::all(&host);
            panics("x").unwrap_err();
        };
        match memory {
            Memory::Plain => assert_leaves_nothing(round, || ALLOCATOR.live()),
            // The list of blocks takes memory too, and its size does not follow the number of blocks exactly.
            _ => round(),
        }
        drop((panics, host));
        assert_eq!(taken(&leaks), [], "{memory:?}: such a plugin leaks nothing");
    }
}

#[test]
fn what_owns_memory_moves_without_a_copy() {
    let _alone = alone();
    for memory in [Memory::Plain, Memory::Tracked] {
        let (host, leaks) = host_of("host-allocated", memory);
        let (text, at) = host.get::<fn() -> (String, usize)>("text").unwrap()();
        assert_eq!((text.as_ptr().addr(), text.as_str()), (at, "from the pluginfrom the pluginfrom the plugin"));
        let (bytes, at) = host.get::<fn() -> (Vec<u8>, usize)>("bytes").unwrap()();
        assert_eq!((bytes.as_ptr().addr(), bytes.len()), (at, 5000));
        let (mut floats, at) = host.get::<fn() -> (Vec<f64>, usize)>("floats").unwrap()();
        assert_eq!((floats.as_ptr().addr(), floats.as_slice()), (at, &[1.5, 2.5][..]));
        floats.extend(std::iter::repeat_n(3.5, 98));
        assert_eq!((floats.as_ptr().addr(), floats.len()), (at, 100), "with the room that it had");
        let (texts, at) = host.get::<fn() -> (Vec<String>, [usize; 2])>("texts").unwrap()();
        assert_eq!([texts.as_ptr().addr(), texts[1].as_ptr().addr()], at, "the list and what is in it");
        assert_eq!(texts, ["first", "second"]);
        let (boxed, at) = host.get::<fn() -> (Box<u64>, usize)>("boxed").unwrap()();
        assert_eq!(((&raw const *boxed).addr(), *boxed), (at, 17));

        floats.push(4.5);
        let at = (text.as_ptr().addr(), bytes.as_ptr().addr(), floats.as_ptr().addr(), (&raw const *boxed).addr());
        let there = (
            host.get::<fn(String) -> usize>("address_of_text").unwrap()(text),
            host.get::<fn(Vec<u8>) -> usize>("address_of_bytes").unwrap()(bytes),
            host.get::<fn(Vec<f64>) -> usize>("address_of_floats").unwrap()(floats),
            host.get::<fn(Box<u64>) -> usize>("address_of_boxed").unwrap()(boxed),
        );
        assert_eq!(there, at);

        // A value without memory has none on the other side either.
        let echo = host.get::<fn(String) -> String>("echo_string").unwrap();
        assert_eq!(echo(String::new()).capacity(), 0);
        let text = "longer than it is short".to_owned();
        let at = text.as_ptr();
        let text = echo(text);
        assert_eq!(text.as_ptr(), at, "there and back");
        drop((echo, host));
        assert_eq!(taken(&leaks), []);
        assert_eq!(text, "longer than it is short");
    }
}

#[test]
fn what_a_plugin_leaks_is_freed_when_it_is_gone() {
    let _alone = alone();
    let load = || {
        let (host, leaks) = host_of("host-allocated", Memory::Tracked);
        host.get::<fn(usize)>("leak").unwrap()(64 * 1024);
        drop(host);
        if UNMAPS {
            let leaks = taken(&leaks);
            assert_eq!(leaks.len(), 1);
            assert_eq!((leaks[0].plugin.as_str(), leaks[0].blocks, leaks[0].bytes), ("host-allocated", 1, 64 * 1024));
        }
    };
    if UNMAPS {
        assert_leaves_nothing(|| (0..rounds(100)).for_each(|_| load()), || ALLOCATOR.live());
    } else {
        load();
    }
}

#[test]
fn the_last_owner_of_a_value_frees_its_memory() {
    let _alone = alone();
    let (host, leaks) = host_of("host-allocated", Memory::Tracked);
    let keep = host.get::<fn(Vec<u8>)>("keep").unwrap();
    let give_back = host.get::<fn() -> Option<Vec<u8>>>("give_back").unwrap();
    keep(vec![1; 1000]);
    keep(vec![2; 2000]);
    keep(vec![3; 3000]);
    let returned = give_back().unwrap();
    let (bytes, _) = host.get::<fn() -> (Vec<u8>, usize)>("bytes").unwrap()();
    drop((host, keep, give_back));
    if UNMAPS {
        // The two values, and the list that kept them.
        let leaks = taken(&leaks);
        assert_eq!((leaks.len(), leaks[0].blocks), (1, 3));
        assert!((3000..3500).contains(&leaks[0].bytes), "{leaks:?}");
    }
    assert_eq!(returned, [3; 3000]);
    assert_eq!(bytes, [7; 5000]);
}

#[test]
fn a_value_moves_from_one_plugin_to_another() {
    let _alone = alone();
    let (first, first_leaks) = host_of("host-allocated", Memory::Tracked);
    let (second, second_leaks) = host_of("early-blocks", Memory::Tracked);
    let (apart, apart_leaks) = host_of("zoo-apart", Memory::Tracked);
    let (numbers, at) = second.get::<fn() -> (Vec<u64>, usize)>("new").unwrap()();
    let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    assert_eq!(numbers.as_ptr().addr(), at);
    let bytes = apart.get::<fn(Vec<u8>) -> Vec<u8>>("echo_bytes").unwrap()(bytes);
    first.get::<fn(Vec<u8>)>("keep").unwrap()(bytes);
    drop((second, apart));
    assert_eq!(taken(&apart_leaks), [], "it does not use the host's allocator");
    assert_eq!(numbers, [5; 50]);
    drop(first);
    if UNMAPS {
        assert!(taken(&first_leaks)[0].bytes >= 400);
        assert_eq!(taken(&second_leaks), [], "what is early is not the host's");
    }
}

/// Between versions that have their memory from the host and versions that do not.
#[test]
fn a_state_belongs_to_the_version_that_got_it() {
    let _alone = alone();
    let (own, hosts) = (fixture("upgrades"), variant("upgrades", "host-memory"));
    for memory in [Memory::Plain, Memory::Tracked] {
        let leaks = Leaks::default();
        let round = || {
            let heard = leaks.clone();
            let host =
                host().with_memory(memory).with_leak_handler(move |leak| heard.lock().unwrap().push(leak.clone()));
            host.load(&hosts).unwrap();
            let history = host.live::<fn() -> Vec<String>>("history").unwrap();
            let remembered = host.live::<fn() -> Vec<u8>>("remembered").unwrap();
            host.get::<fn(Bytes)>("remember").unwrap()(Bytes::from_static(&[7; 10_000]));
            for (number, library) in [&hosts, &own, &own, &hosts, &hosts].into_iter().enumerate() {
                host.reload(library).unwrap();
                while UNMAPS && !host.draining().is_empty() {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                assert_eq!(
                    (history(), remembered()),
                    (vec!["version 1 was here".to_owned(); number + 1], vec![7; 10_000])
                );
            }
        };
        round();
        // The memory that each version keeps in its statics. The first version keeps only a reference to the host's
        // bytes. A later version with memory from the host keeps a history and the bytes.
        if UNMAPS && memory == Memory::Tracked {
            let bytes: Vec<_> = taken(&leaks).iter().map(|leak| leak.bytes).collect();
            assert_eq!(bytes.len(), 4, "{bytes:?}");
            assert!(bytes[0] < 1000 && bytes[1..].iter().all(|bytes| (10_000..11_000).contains(bytes)), "{bytes:?}");
        }
    }
}

#[test]
fn threads_share_the_memory() {
    let _alone = alone();
    for memory in [Memory::Plain, Memory::Tracked] {
        let (host, leaks) = host_of("host-allocated", memory);
        let churn = host.get::<fn(usize) -> usize>("churn").unwrap();
        let echo = host.get::<fn(Vec<String>) -> Vec<String>>("echo_strings").unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| assert_eq!(churn(rounds(2000)), 0));
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..rounds(2000) {
                        assert_eq!(echo(vec!["one".to_owned(), "two".to_owned()]), ["one", "two"]);
                    }
                });
            }
        });
        drop((churn, echo, host));
        assert_eq!(taken(&leaks), []);
    }
}

/// A library's constructors run before the library has a host.
#[test]
fn memory_from_before_the_attach_goes_back_to_its_allocator() {
    let _alone = alone();
    for (name, is_lent) in [("early-blocks", true), ("early-many", false)] {
        for memory in [Memory::Plain, Memory::Tracked] {
            let (host, leaks) = host_of(name, memory);
            let grow = host.get::<fn(usize, usize) -> Vec<u64>>("grow").unwrap();
            let take = host.get::<fn() -> Option<(Vec<u64>, usize)>>("take").unwrap();
            let new = host.get::<fn() -> (Vec<u64>, usize)>("new").unwrap();
            assert_eq!(grow(0, 30), [0; 30]);
            assert_eq!(grow(1, 100_000), [1; 100_000]);
            let (last, at) = take().unwrap();
            assert_ne!(last.as_ptr().addr(), at, "it is the system's, so it is copied");
            assert_eq!(last.len(), 21);
            let (block, at) = new();
            assert_eq!(block.as_ptr().addr() == at, is_lent, "{name}, {memory:?}");
            host.get::<fn()>("free").unwrap()();
            assert_eq!(take(), None);
            let (block, at) = new();
            assert_eq!(block.as_ptr().addr() == at, is_lent, "{name}, {memory:?}");
            host.get::<fn(usize)>("leak").unwrap()(1000);
            drop((grow, take, new, host));
            let expected = if UNMAPS && is_lent && memory == Memory::Tracked { 1 } else { 0 };
            assert_eq!(taken(&leaks).len(), expected, "{name}, {memory:?}");
            assert_eq!(block, [5; 50]);
        }
    }
}

#[test]
fn a_handler_may_load_drop_and_panic() {
    let _alone = alone();
    let other = host_with(&["host-allocated"]);
    let other = Mutex::new(Some(other));
    let host = host().with_memory(Memory::Tracked).with_leak_handler(move |_| {
        drop(other.lock().unwrap().take());
        panic!("on purpose");
    });
    host.load(fixture("host-allocated")).unwrap();
    host.get::<fn(usize)>("leak").unwrap()(10);
    drop(host);
}

/// Each combination loses exactly the memory that the documentation of `plugin-core` and of [`Memory`] tells.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn what_statics_own_is_lost_unless_it_is_tracked() {
    const SIZE: usize = 4 << 20;
    const ROUNDS: usize = 8;

    let _alone = alone();
    if !tests::losses::are_seen() {
        return;
    }
    for (name, memory, is_lost) in [
        ("constructor", Memory::Plain, true),
        ("constructor", Memory::Tracked, true),
        ("host-allocated", Memory::Plain, true),
        ("host-allocated", Memory::Tracked, false),
    ] {
        let before = tests::losses::in_use();
        for _ in 0..ROUNDS {
            let (host, leaks) = host_of(name, memory);
            host.get::<fn(Vec<u8>)>("keep").unwrap()(vec![1; SIZE]);
            let unloaded = host.unload(name, tests::LONG).unwrap();
            assert_eq!(unloaded, plugin_host::Unload::Unmapped);
            let reported: usize = taken(&leaks).iter().map(|leak| leak.bytes).sum();
            assert_eq!(reported >= SIZE, !is_lost, "{name}, {memory:?}: {reported} bytes are reported");
        }
        // Other threads may free a little meanwhile.
        let lost = (tests::losses::in_use() + SIZE / 2).saturating_sub(before) / SIZE;
        assert_eq!(lost, if is_lost { ROUNDS } else { 0 }, "{name}, {memory:?}");
    }
}

/// No plugin with the host's allocator loses std's buffer of the standard output, tracked or not.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn a_plugin_that_prints_loses_no_buffer() {
    let _alone = alone();
    tests::losses::assert_of_printing("a_plugin_that_prints_loses_no_buffer");
}

/// `std::process::exit` in a plugin has the plugin's std free its buffer, which is a part of the library.
#[test]
fn a_plugin_that_has_printed_ends_the_process() {
    const VARIABLE: &str = "PLUGIN_TEST_EXITS";
    if std::env::var_os(VARIABLE).is_some() {
        let host = host();
        let plugin = host.load(variant("prints", "host-memory")).unwrap();
        plugin.get::<fn(&str)>("print").unwrap()("printed");
        plugin.get::<fn(i32)>("exit").unwrap()(7);
    }
    let _alone = alone();
    tests::assert_child("a_plugin_that_has_printed_ends_the_process", VARIABLE, "1", 7);
}

#[test]
fn closures_and_iterators_leave_nothing() {
    let _alone = alone();
    type Number = dyn Fn(u64) -> u64 + Send + Sync;
    type Plain = dyn Fn(u64) -> u64;
    type Numbers = Box<dyn Iterator<Item = u64> + Send>;
    let (host, _) = host_of("objects", Memory::Plain);
    let count = rounds(250_000) as u64;
    let apply = host.get::<fn(&Plain, u64) -> u64>("apply").unwrap();
    let apply_box = host.get::<fn(Box<Number>, u64) -> u64>("apply_box").unwrap();
    let adder = host.get::<fn(u64) -> Box<Number>>("adder").unwrap();
    let numbers = host.get::<fn(u64, u64) -> Numbers>("numbers").unwrap();
    let round = || {
        assert!((0..count).all(|number| apply(&|number| number + 1, number) == number + 1));
        assert!((0..count).all(|number| apply_box(Box::new(move |other| other + number), 1) == number + 1));
        assert!((0..count).all(|number| adder(number)(1) == number + 1));
        assert_eq!(numbers(0, count).count() as u64, count);
    };
    assert_leaves_nothing(round, || ALLOCATOR.live());
    println!(
        "{count} callbacks, {count} closures each way and {count} items: {} blocks are live, as before",
        ALLOCATOR.live()
    );
}
