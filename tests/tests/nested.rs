//! A plugin that is a host itself: what crosses on two boundaries is freed once, by its own allocator.
//!
//! A block that gets to the wrong allocator, or a second time to its own, ends the process.

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
    texts.reserve(2000);
    texts
}

/// One test: it looks at all memory of the process.
#[test]
fn whatever_memory_they_have() {
    for nested in [fixture("nested"), variant("nested", "host-memory")] {
        for memory in [Memory::Plain, Memory::Tracked] {
            let host = host().with_memory(memory);
            host.load(&nested).unwrap();
            let relay = host.get::<fn(&str, bool, Vec<String>) -> Result<Vec<String>, String>>("relay").unwrap();
            for inner in ["zoo", "zoo-apart", "host-allocated"] {
                let inner = fixture(inner).to_str().unwrap().to_owned();
                for tracked in [false, true] {
                    assert_eq!(relay(&inner, tracked, texts()), Ok(texts()), "{inner} in {}", nested.display());
                }
            }
            let relay_linked = host.get::<fn(String) -> Result<String, String>>("relay_linked").unwrap();
            let round = || assert_eq!(relay_linked("text".to_owned()), Ok("text!".to_owned()));
            match memory {
                Memory::Plain => assert_leaves_nothing(round, || ALLOCATOR.live()),
                // The list of blocks is memory too, and grows as it likes.
                _ => round(),
            }
        }
    }
}
