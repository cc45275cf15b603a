//! Hostile input, for a limited time. `tests::fuzzing` describes the targets. `fuzz/` goes on without an end.

use tests::{fuzzing, rounds};

/// Gives a target pseudo-random decisions, the same in each run.
fn attack(target: fn(&[u8]), count: usize) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        // Marsaglia's xorshift (2003), with the shifts 13, 7 and 17.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..rounds(count) {
        let length = next() as usize % 512;
        let input: Vec<u8> = (0..length).map(|_| (next() >> 32) as u8).collect();
        target(&input);
    }
}

#[test]
fn files() {
    attack(fuzzing::file, 200);
}

#[test]
fn descriptors() {
    attack(fuzzing::descriptor, 5_000);
}

#[test]
fn arguments_in_json() {
    attack(fuzzing::json, 5_000);
}

#[test]
fn messages() {
    attack(fuzzing::message, 20_000);
}

#[test]
fn arguments_in_postcard() {
    attack(fuzzing::postcard, 5_000);
}
