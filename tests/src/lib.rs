//! Helpers of the integration tests: fixture plugins, built by real compilers, and hosts that load them.
//!
//! Everything here panics where it fails: that is how a test fails.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `PLUGIN_TEST_CARGO_ARGS` | more arguments for the cargo that builds fixtures, such as a `--target` |
//! | `PLUGIN_TEST_IN_PLACE` | set to map libraries in place, so that a tool finds their symbols; one test at a time |
//! | `PLUGIN_TEST_LONG` | set to run what takes minutes as well: `.ci/run` sets it |
//! | `PLUGIN_TEST_SLOWER` | by how much to divide the number of rounds, where every instruction is watched |
//! | `PLUGIN_TEST_FIXTURES` | a directory with the fixtures' libraries, where no cargo can run, as under Wine |

#![allow(clippy::missing_panics_doc)]

pub mod conformance;
mod fixtures;
pub mod fuzzing;
pub mod hostile;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub mod losses;
pub mod round_trips;
pub mod versions;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

pub use fixtures::{build_of, fixture, fixture_dir, fixture_target_dir, variant, variant_with};
use plugin_host::{Host, Mapping, Trust};

/// Replaces each text in the bytes of a library by another one of its length.
pub fn rewrite(library: &mut [u8], texts: &[(&str, &str)]) {
    for (old, new) in texts {
        assert_eq!(old.len(), new.len(), "{old:?} and {new:?} take the same room");
        let mut found = library.windows(old.len()).enumerate().filter(|(_, bytes)| *bytes == old.as_bytes());
        let (at, _) = found.next().unwrap_or_else(|| panic!("{old:?} is in the library"));
        library[at..][..new.len()].copy_from_slice(new.as_bytes());
    }
}

/// The toolchains that are installed, and new enough for plugin-core: one of each version.
pub fn toolchains() -> Vec<String> {
    let Ok(list) = Command::new("rustup").args(["toolchain", "list"]).output() else {
        return Vec::new();
    };
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let names = list.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned);
    let mut versions = HashSet::new();
    let is_new = |name: &String| {
        let version = version(name);
        builds_2024(&version) && versions.insert(version)
    };
    names.filter(is_new).collect()
}

fn version(toolchain: &str) -> String {
    let version = Command::new("rustup").args(["run", toolchain, "rustc", "--version"]).output();
    version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

fn builds_2024(version: &str) -> bool {
    let minor = version.split(['.', ' ']).nth(2).and_then(|minor| minor.parse::<u32>().ok());
    minor.is_some_and(|minor| minor >= 85)
}

/// Returns true if the long tests run too.
fn is_long() -> bool {
    std::env::var_os("PLUGIN_TEST_LONG").is_some()
}

/// Returns true if the long tests run too. If not, it says that `what` is skipped.
pub fn is_long_run(what: &str) -> bool {
    if !is_long() {
        println!("skipped: {what}; set PLUGIN_TEST_LONG to run this too");
    }
    is_long()
}

/// The file name of a crate's library.
pub fn library_name(name: &str) -> String {
    format!("{}{}{}", std::env::consts::DLL_PREFIX, name.replace('-', "_"), std::env::consts::DLL_SUFFIX)
}

/// A host that trusts any file.
pub fn host() -> Host {
    // SAFETY: the tests have this host load plugins that they have built, and broken files. No code of a broken file runs: a
    // phase before the map refuses it.
    let host = Host::new(unsafe { Trust::any() });
    if std::env::var_os("PLUGIN_TEST_IN_PLACE").is_some() { host.with_mapping(Mapping::InPlace) } else { host }
}

/// A host with these fixtures loaded.
pub fn host_with(fixtures: &[&str]) -> Host {
    let host = host();
    for name in fixtures {
        host.load(fixture(name)).unwrap_or_else(|error| panic!("{error}"));
    }
    host
}

/// How many rounds, where the long run has so many. Sanitizers and emulators are slower.
pub fn rounds(all: usize) -> usize {
    let few = all.min((all / 10).max(20));
    let rounds = if few == all || is_long_run(&format!("{} of {all} rounds", all - few)) { all } else { few };
    let slower = std::env::var("PLUGIN_TEST_SLOWER").map_or(1, |factor| factor.parse().expect("a number"));
    (rounds / slower).max(1)
}

/// Returns the size in bytes of a stack that has no room for one frame for each level of a deep value. If a tool watches the program,
/// every frame is several times larger.
pub fn small_stack() -> usize {
    if std::env::var_os("PLUGIN_TEST_SLOWER").is_some() { 2 << 20 } else { 192 << 10 }
}

/// Longer than anything takes that a test waits for.
pub const LONG: Duration = Duration::from_secs(60);

/// Waits until it is so, and panics with `what` if that takes too long.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < LONG, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs a test of the calling file once more, in a process of its own with this variable set, and checks the exit code.
pub fn assert_child(test: &str, variable: &str, value: impl AsRef<OsStr>, code: i32) {
    let value = value.as_ref();
    let (status, said) = run_child(test, variable, value);
    assert_eq!(status.code(), Some(code), "{variable}={}: {status}: {said}", value.display());
}

/// Runs a test of the calling file once more, in a process of its own with this variable set. Returns how the process ended
/// and all that it wrote to its standard error.
pub fn run_child(test: &str, variable: &str, value: impl AsRef<OsStr>) -> (ExitStatus, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(variable, value);
    let output = command.output().unwrap();
    (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Calls `read` until it returns the same for a while: threads of tests before may still be ending, and have some blocks to
/// the very last.
pub fn settled<T: PartialEq>(read: impl Fn() -> T) -> T {
    let mut last = read();
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(50));
        let now = read();
        if now == last {
            break;
        }
        last = now;
    }
    last
}

/// Expects that a round leaves as much as it found, by `count`. Everything that is made once and kept is made in the
/// first rounds, and may depend on the values that the round uses. A leak happens in each round.
pub fn assert_leaves_nothing<T: PartialEq + std::fmt::Debug>(mut round: impl FnMut(), count: impl Fn() -> T) {
    let mut counts = Vec::new();
    for _ in 0..6 {
        round();
        counts.push(settled(&count));
        if matches!(counts.as_slice(), [.., before, after] if before == after) {
            return;
        }
    }
    panic!("each round leaves something: {counts:?}");
}
