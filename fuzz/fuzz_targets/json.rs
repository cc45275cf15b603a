#![no_main]

#[path = "../options.rs"]
mod options;

libfuzzer_sys::fuzz_target!(
    // Plugins are built without the fuzzer's flags.
    // SAFETY: libFuzzer runs `init` on the main thread, before it starts a thread. So no other thread uses the environment.
    init: unsafe { std::env::remove_var("RUSTFLAGS") },
    |input: &[u8]| tests::fuzzing::json(input)
);
