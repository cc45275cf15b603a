#![no_main]

libfuzzer_sys::fuzz_target!(
    // SAFETY: this process has no other thread yet. Plugins are built without the fuzzer's flags.
    init: unsafe { std::env::remove_var("RUSTFLAGS") },
    |input: &[u8]| tests::fuzzing::json(input)
);
