#![no_main]

#[path = "../options.rs"]
mod options;

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests::fuzzing::descriptor(input));
