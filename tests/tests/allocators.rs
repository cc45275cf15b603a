//! A host and a plugin with two allocators: nothing is freed by the other's, nothing twice, and nothing is left.
//!
//! A block that gets to the wrong allocator, or a second time to its own, ends the process.

use checked_allocator::CheckedAllocator;
use tests::{assert_leaves_nothing, host_with, round_trips};

#[global_allocator]
static ALLOCATOR: CheckedAllocator<0x5A5A_0002> = CheckedAllocator::new();

/// One test: it looks at all memory of the process.
#[test]
fn everything_is_freed_once_by_its_own_allocator() {
    let host = host_with(&["zoo-apart"]);
    let live_in_plugin = host.get::<fn() -> isize>("live_blocks").unwrap();
    let panics = host.get::<fn(&str) -> Result<u32, plugin_host::Fault>>("panic_with").unwrap();
    let round = || {
        round_trips::all(&host);
        assert!(panics("x").is_err());
    };
    // Of the plugin's and of the host's.
    assert_leaves_nothing(round, || (live_in_plugin(), ALLOCATOR.live()));
}
