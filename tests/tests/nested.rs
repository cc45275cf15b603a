//! A plugin that is a host itself. A value that crosses two boundaries is freed once, by its own allocator.
//!
//! The allocators abort the process if a block gets to the wrong one, or a second time to its own.

use std::path::PathBuf;

use api::Mixed;
use checked_allocator::CheckedAllocator;
use plugin_host::Memory;
use tests::{assert_leaves_nothing, fixture, host, variant};

#[global_allocator]
static ALLOCATOR: CheckedAllocator<0x5A5A_0002> = CheckedAllocator::new();

/// Texts with and without room for more, in a list with and without.
fn texts() -> Vec<String> {
    let mut roomy = String::with_capacity(5000);
    roomy.push_str("roomy");
    let mut texts = vec![String::new(), "text".to_owned(), roomy, "long".repeat(300)];
    texts.extend((0..500).map(|n| "x".repeat(3000 + n)));
    texts.reserve(2000);
    texts
}

/// One test, because it counts all memory of the process.
#[test]
fn what_crosses_is_freed_once() {
    whatever_memory_they_have();
    #[cfg(target_os = "linux")]
    a_host_of_its_own_cannot_be_attached();
}

/// The library's own constructor makes it a host before it has a host of its own.
#[cfg(target_os = "linux")]
fn a_host_of_its_own_cannot_be_attached() {
    let early = variant("nested", "early");
    // SAFETY: no other thread runs in this process now.
    unsafe { std::env::set_var("EARLY_PLUGIN", fixture("zoo")) };
    let error = host().load(&early).map(drop).unwrap_err();
    assert!(matches!(&error, plugin_host::Error::IsHost { path, .. } if *path == early), "{error}");
    assert!(error.to_string().contains("was a host before"), "{error}");
}

fn whatever_memory_they_have() {
    let nesteds = [fixture("nested"), variant("nested", "host-memory")];
    for nested in &nesteds {
        for memory in [Memory::Plain, Memory::Tracked] {
            let host = host().with_memory(memory);
            host.load(nested).unwrap();
            let relay = host.get::<fn(Vec<String>, bool, Vec<String>) -> Result<Vec<String>, String>>("relay").unwrap();
            let path = |path: &PathBuf| path.to_str().unwrap().to_owned();
            for inner in ["zoo", "zoo-apart", "host-allocated"] {
                let inner = path(&fixture(inner));
                let between = nesteds.iter().map(|between| vec![path(between), inner.clone()]);
                for plugins in between.chain([vec![inner.clone()]]) {
                    for tracked in [false, true] {
                        let relayed = relay(plugins.clone(), tracked, texts());
                        assert!(relayed == Ok(texts()), "{plugins:?} in {}: {:?}", nested.display(), relayed.err());
                    }
                }
            }
            let all: Vec<Mixed> = (0..99).map(|n| Mixed(n, texts()[usize::from(n)].clone(), (0, 'm'))).collect();
            let lend_on = host.get::<fn(&str, &[Mixed]) -> Result<Vec<usize>, String>>("lend_on").unwrap();
            for inner in ["zoo", "zoo-apart", "host-allocated"] {
                let addresses = lend_on(&path(&fixture(inner)), &all).unwrap();
                assert_eq!(addresses, all.iter().map(|mixed| mixed.1.as_ptr().addr()).collect::<Vec<_>>());
            }
            let relay_linked = host.get::<fn(String) -> Result<String, String>>("relay_linked").unwrap();
            let round = || assert_eq!(relay_linked("text".to_owned()), Ok("text!".to_owned()));
            match memory {
                Memory::Plain => assert_leaves_nothing(round, || ALLOCATOR.live()),
                // The list of blocks takes memory too, and its size does not follow the number of blocks exactly.
                _ => round(),
            }
        }
    }
}
