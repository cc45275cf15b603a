//! Builds a row's plugin, and runs its cycles in a process of their own.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use plugin_host::build::Build;

use crate::in_gallery;
use crate::outcome::Outcome;
use crate::rows::{ROWS, Row};

/// The command that runs a row's cycles.
pub(crate) const CYCLES: &str = "cycles";

/// The time that the cycles of a row may take. After that time, the row counts as hanging.
const LIMIT: Duration = Duration::from_secs(300);

/// Runs a row, and prints one line about it. Returns `None` if something that it needs is missing.
pub(crate) fn run(row: &Row) -> Option<Outcome> {
    let name = format!("{}, {}", row.dependency, row.used);
    if let Some(missing) = row.needs.iter().find(|command| !succeeds(command)) {
        println!("{name}: left out, because `{missing}` does not succeed");
        return None;
    }
    let started = Instant::now();
    let library = build(row);
    let built = started.elapsed().as_secs();
    let outcome = run_cycles(row, &library);
    let took = started.elapsed().as_secs() - built;
    println!("{name}: {} (built in {built} s, ran for {took} s)", outcome.end);
    Some(outcome)
}

fn succeeds(command: &str) -> bool {
    let mut words = command.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The directory of everything that is built.
fn target_dir() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| in_gallery("target"), PathBuf::from);
    std::path::absolute(target).expect("a directory")
}

fn build(row: &Row) -> PathBuf {
    let directory = in_gallery("plugins").join(row.plugin);
    let build = Build::new(directory).release().target_dir(target_dir()).arg("--locked").arg("--quiet");
    let build = row.build.split_ascii_whitespace().fold(build, Build::arg);
    build.run().unwrap_or_else(|error| panic!("{error}"))
}

fn run_cycles(row: &Row, library: &Path) -> Outcome {
    let number = ROWS.iter().position(|other| std::ptr::eq(other, row)).expect("one of the rows");
    let directory = target_dir().join("gallery");
    fs::create_dir_all(&directory).expect("a directory");
    let [report, printed] = ["report", "printed"].map(|what| directory.join(format!("{number}-{what}.txt")));
    _ = fs::remove_file(&report);
    let output = File::create(&printed).expect("a file");
    let error = output.try_clone().expect("the same file");
    let mut cycles = Command::new(std::env::current_exe().expect("this program"));
    cycles.arg(CYCLES).arg(number.to_string()).arg(library).arg(&report);
    // So that the outcome does not depend on the machine.
    cycles.env("RAYON_NUM_THREADS", "2").env("RUST_BACKTRACE", "0");
    cycles.stdin(Stdio::null()).stdout(output).stderr(error);
    let crash = end_of(cycles.spawn().expect("this program starts"));
    if crash.is_some() {
        println!("what it printed is in {}", printed.display());
    }
    Outcome::of_report(&fs::read_to_string(report).unwrap_or_default(), crash)
}

/// Waits for the end of a child, and returns how it ended if that was not by itself.
fn end_of(mut child: Child) -> Option<String> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child of this process") {
            return match status.signal() {
                Some(signal) => Some(format!("signal {signal}")),
                None if status.success() => None,
                None => Some(status.to_string()),
            };
        }
        if started.elapsed() > LIMIT {
            _ = child.kill();
            _ = child.wait();
            return Some(format!("it hangs, and is ended after {} s", LIMIT.as_secs()));
        }
        sleep(Duration::from_millis(20));
    }
}
