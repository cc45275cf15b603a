//! A host and a plugin with two allocators: nothing is freed by the other's, nothing twice, and nothing is left.
//!
//! A block that gets to the wrong allocator, or a second time to its own, ends the process.

use checked_allocator::CheckedAllocator;
use tests::{host_with, round_trips};

#[global_allocator]
static ALLOCATOR: CheckedAllocator<0x5A5A_0002> = CheckedAllocator::new();

/// One test: it looks at all memory of the process.
#[test]
fn everything_is_freed_once_by_its_own_allocator() {
    let host = host_with(&["zoo-apart"]);
    let live_in_plugin = host.get::<fn() -> isize>("live_blocks").unwrap();
    // The first time, some things are made that stay: in the plugin what a first panic needs, here the test runner's.
    let mut live = None;
    for round in 0..3 {
        round_trips::all(&host);
        assert!(host.get::<fn(&str) -> Result<u32, plugin_host::Fault>>("panic_with").unwrap()("x").is_err());
        let now = (live_in_plugin(), ALLOCATOR.live());
        if round > 0 {
            assert_eq!(Some(now), live, "blocks of the plugin's and of the host's");
        }
        live = Some(now);
    }
}
