//! A program that is linked with a crate which uses the host's allocator. In such a program, this allocator is the C
//! library's. The program may be a host itself.

use parts as _;
use plugin_host::{Host, Memory};
use tests::{fixture, host};

plugin_core::use_host_allocator!();

/// Exported by the program.
#[plugin_core::plugin_export]
fn twice(text: String) -> String {
    text.repeat(2)
}

#[test]
fn a_program_has_its_memory_from_the_system() {
    let linked = Host::linked().unwrap();
    assert_eq!(linked.get::<fn(String) -> String>("twice").unwrap()("ab".to_owned()), "abab");

    for memory in [Memory::Plain, Memory::Tracked] {
        let host = host().with_memory(memory);
        host.load(fixture("host-allocated")).unwrap();
        let (bytes, at) = host.get::<fn() -> (Vec<u8>, usize)>("bytes").unwrap()();
        assert_eq!(bytes.as_ptr().addr(), at);
        assert_eq!(host.get::<fn(Vec<u8>) -> usize>("address_of_bytes").unwrap()(bytes), at);
        host.get::<fn(usize)>("leak").unwrap()(100);
    }
}
