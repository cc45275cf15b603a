//! A plugin that was loaded, called and unloaded ten thousand times has left nothing in the process.
//! `tests/src/bin/endure.rs` counts, and writes the counts to standard error.

use std::path::Path;
use std::process::{Command, Stdio};

use tests::{build_of, fixture, fixture_target_dir, is_long_run, rounds, toolchains};

/// The number of cycles on each thread.
fn endure(what: &str, library: &Path, threads: usize, cycles: usize) {
    // Where libraries stay mapped, a few cycles show that nothing fails.
    let cycles = if cfg!(target_os = "linux") { rounds(cycles) } else { 10 };
    let mut command = Command::new(env!("CARGO_BIN_EXE_endure"));
    command.args([what, &threads.to_string(), &cycles.to_string()]).arg(library);
    // The plugin prints in each cycle.
    let status = command.stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{what}: {status}; what is wrong is said above");
}

#[test]
fn on_one_thread() {
    endure("one thread", &fixture("endurance"), 1, 10_000);
}

#[test]
fn on_eight_threads_at_once() {
    endure("eight threads", &fixture("endurance"), 8, 10_000 / 8);
}

#[test]
fn of_other_compilers_and_settings() {
    if std::env::var_os("PLUGIN_TEST_FIXTURES").is_some() {
        println!("skipped: no cargo can run here");
        return;
    }
    if !is_long_run("plugins of other compilers and settings, each of which is built anew") {
        return;
    }
    // The directory in which `toolchains.rs` builds.
    let build = |directory: &str| build_of("endurance").target_dir(fixture_target_dir(directory));
    let mut builds: Vec<_> =
        toolchains().into_iter().map(|toolchain| (build(&toolchain).toolchain(&toolchain), toolchain)).collect();
    let lto = build("lto").release().arg("--config").arg("profile.release.lto=\"fat\"");
    builds.push((lto, "fat LTO".to_owned()));
    for (build, what) in builds {
        let library = build.run().unwrap_or_else(|error| panic!("{what}: {error}"));
        endure(&what, &library, 1, 1000);
    }
}
