//! The memory that unloads of plugins lose, as libc counts it.

use std::process::Command;

use plugin_host::{Memory, Unload};

use crate::{LONG, fixture, host, rounds, variant};

/// Returns the number of bytes that are allocated with `malloc` in this process, by the program and by its plugins.
pub fn in_use() -> usize {
    // SAFETY: the function has no conditions.
    let all = unsafe { libc::mallinfo2() };
    all.uordblks + all.hblkhd
}

/// Returns true if [`in_use`] counts. If not, it says that the test is skipped.
pub fn are_seen() -> bool {
    const SIZE: usize = 1 << 20;
    let before = in_use();
    let probe = std::hint::black_box(vec![1_u8; SIZE]);
    let are_seen = in_use() >= before + SIZE;
    drop(probe);
    if !are_seen {
        println!("skipped: this allocator does not count what is in use");
    }
    are_seen
}

/// Checks that unloads of a plugin that prints lose std's buffer of the standard output only if the plugin has its own
/// allocator, as the documentation of `plugin-core` says. The plugin prints to the standard output of the process, so
/// `test` runs once more, in a process of its own.
pub fn assert_of_printing(test: &str) {
    const VARIABLE: &str = "PLUGIN_TEST_LOSSES";
    const LINE: &str = "printed by a plugin";
    if !are_seen() {
        return;
    }
    let rounds = rounds(300).max(30);
    if std::env::var_os(VARIABLE).is_some() {
        return print_and_count(LINE, rounds);
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture"]).env(VARIABLE, "1");
    // glibc counts the freed blocks in a thread's cache as in use. How many these are depends on the threads' luck.
    child.env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0");
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    let printed = String::from_utf8_lossy(&output.stdout).matches(LINE).count();
    assert_eq!(printed, 4 * (WARM_UP + rounds), "each line is printed");
}

/// After so many rounds, all values that are made once and kept exist.
const WARM_UP: usize = 10;

fn print_and_count(line: &str, rounds: usize) {
    /// The size of the buffer in std, for which `malloc` takes a few bytes more.
    const BUFFER: usize = 1024;
    /// Threads of the host that end may have a few blocks.
    const SLACK: usize = 8 * BUFFER;
    let (own, hosts) = (fixture("prints"), variant("prints", "host-memory"));
    for (library, memory, is_lost) in [
        (&own, Memory::Plain, true),
        (&own, Memory::Tracked, true),
        (&hosts, Memory::Plain, false),
        (&hosts, Memory::Tracked, false),
    ] {
        let round = || {
            let host = host().with_memory(memory).with_leak_handler(|leak| panic!("{leak}"));
            let name = host.load(library).unwrap().name().to_owned();
            // The line stays in the buffer until the plugin is detached.
            host.get::<fn(&str)>("print").unwrap()(line);
            assert_eq!(host.unload(&name, LONG).unwrap(), Unload::Unmapped);
        };
        (0..WARM_UP).for_each(|_| round());
        let before = in_use();
        (0..rounds).for_each(|_| round());
        let lost = in_use().saturating_sub(before);
        let (least, most) = if is_lost { (rounds * BUFFER, rounds * (BUFFER + 64)) } else { (0, 0) };
        assert!(
            (least.saturating_sub(SLACK)..=most + SLACK).contains(&lost),
            "{}, {memory:?}: {lost} bytes in {rounds} rounds",
            library.display()
        );
    }
}
