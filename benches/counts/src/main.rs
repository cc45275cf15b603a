//! Counts the instructions of the hot paths, and compares them with earlier counts. So a regression shows without a
//! clock.
//!
//! Without arguments, the program counts and compares. With `update` it writes the counts to `expected.txt`. Each path
//! runs under valgrind twice, with different numbers of calls. The difference between the two counts belongs to the
//! calls.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use interface::{Named, Record};
use plugin_host::build::Build;
use plugin_host::{Host, Trust};

plugin_host::use_system_allocator!();

/// The allowed difference of a count, because compilers and C libraries differ.
const TOLERANCE: f64 = 0.10;

const FEW: u32 = 200;
/// The number of calls. It is large, so that the rest of the program does not matter: two threads that wait for each
/// other vary by thousands of instructions.
const MANY: u32 = 50_200;

type Number = dyn Fn(u64) -> u64 + Send + Sync;
type Plain = dyn Fn(u64) -> u64;

/// The paths, and a function that runs each a given number of times.
type HotPath = (&'static str, fn(&Host, u32));
const PATHS: [HotPath; 12] = [
    ("add", |host, count| {
        let add = host.get::<fn(u64, u64) -> u64>("add").expect("it is there");
        (0..count).for_each(|n| _ = black_box(add(black_box(n.into()), 1)));
    }),
    ("live", |host, count| {
        let add = host.live::<fn(u64, u64) -> u64>("add").expect("it is there");
        (0..count).for_each(|n| _ = black_box(add(black_box(n.into()), 1)));
    }),
    ("greet", |host, count| {
        let greet = host.get::<fn(&str) -> String>("greet").expect("it is there");
        (0..count).for_each(|_| drop(black_box(greet(black_box("World")))));
    }),
    ("scale", |host, count| {
        let scale = host.get::<fn(Vec<f64>, f64) -> Vec<f64>>("scale").expect("it is there");
        let mut numbers = vec![1.0; 16];
        (0..count).for_each(|_| numbers = scale(std::mem::take(&mut numbers), -1.0));
    }),
    ("record", |host, count| {
        let update = host.get::<fn(Record) -> Record>("update").expect("it is there");
        let tags = ["red", "green", "blue"].map(str::to_owned).into();
        let mut record = Some(Record { id: 1, name: "a record".to_owned(), tags, score: Some(0.5) });
        (0..count).for_each(|_| record = record.take().map(&*update));
    }),
    ("lent", |host, count| {
        let letters = host.get::<fn(&[Named]) -> usize>("letters").expect("it is there");
        let all: Vec<Named> = (0..16).map(|id| Named { id, name: format!("the name of number {id}") }).collect();
        (0..count).for_each(|_| _ = black_box(letters(black_box(&all))));
    }),
    ("ok", |host, count| {
        let halve = host.get::<fn(u64) -> Result<u64, String>>("halve").expect("it is there");
        (0..count).for_each(|_| _ = black_box(halve(black_box(42))));
    }),
    ("err", |host, count| {
        let halve = host.get::<fn(u64) -> Result<u64, String>>("halve").expect("it is there");
        (0..count).for_each(|_| _ = black_box(halve(black_box(43))));
    }),
    ("closure", |host, count| {
        let add = host.get::<fn(u64) -> Box<Number>>("adder").expect("it is there")(1);
        (0..count).for_each(|n| _ = black_box(add(black_box(n.into()))));
    }),
    ("callback", |host, count| {
        let call_back = host.get::<fn(&Plain, u64) -> u64>("call_back").expect("it is there");
        black_box(call_back(&|number| black_box(number), count.into()));
    }),
    ("item", |host, count| {
        let numbers = host.get::<fn(u64) -> Box<dyn Iterator<Item = u64> + Send>>("numbers").expect("it is there");
        numbers(count.into()).for_each(|number| _ = black_box(number));
    }),
    ("lookup", |host, count| {
        (0..count).for_each(|_| drop(black_box(host.get::<fn(&str) -> String>(black_box("greet")))));
    }),
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The number of instructions that this program takes to run a path a given number of times.
fn collected(library: &Path, path: &str, count: u32) -> u64 {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(std::env::current_exe().expect("this program")).arg(path).arg(count.to_string()).arg(library);
    let output = valgrind.output().expect("valgrind, which was there before");
    let said = String::from_utf8_lossy(&output.stderr);
    let number = said.lines().find_map(|line| line.split_once("Collected : "));
    number.and_then(|(_, number)| number.trim().parse().ok()).unwrap_or_else(|| panic!("valgrind says:\n{said}"))
}

/// Compares the counts with the expected ones.
fn compare(counts: &[(&str, f64)], expected: &str) -> bool {
    let mut all_well = true;
    for (path, count) in counts {
        let before = expected.lines().find_map(|line| line.strip_prefix(path)?.trim().parse::<f64>().ok());
        let verdict = match before {
            None => "nothing is expected",
            Some(before) if *count > before * (1.0 + TOLERANCE) => "too many",
            Some(before) if *count < before * (1.0 - TOLERANCE) => "fewer: run it with `update`",
            Some(_) => "as expected",
        };
        all_well &= matches!(verdict, "as expected") || verdict.starts_with("fewer");
        println!("{path:<8} {count:>7.0} instructions, expected {:>7.0}: {verdict}", before.unwrap_or_default());
    }
    all_well
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [path, count, library] = arguments.as_slice() {
        // SAFETY: this host loads one library. This same program has built it, from the source beside it, and passed its path.
        let host = Host::new(unsafe { Trust::any() });
        host.load(library).unwrap_or_else(|error| panic!("{error}"));
        let (_, run) = PATHS.iter().find(|(name, _)| name == path).expect("one of the paths");
        run(&host, count.parse().expect("a number"));
        return ExitCode::SUCCESS;
    }
    let found = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        println!("instructions are not counted: there is no valgrind");
        return ExitCode::SUCCESS;
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| file("../target"), PathBuf::from);
    let target = std::path::absolute(target).expect("a directory").join("contenders");
    let library = Build::new(file("../plugins/ours")).release().target_dir(target).arg("--quiet").run();
    let library = library.unwrap_or_else(|error| panic!("{error}"));
    let counts = PATHS.map(|(path, _)| {
        let calls = collected(&library, path, MANY) - collected(&library, path, FEW);
        (path, calls as f64 / f64::from(MANY - FEW))
    });
    if arguments == ["update"] {
        let text: String = counts.iter().map(|(path, count)| format!("{path} {count:.0}\n")).collect();
        std::fs::write(file("expected.txt"), text).expect("a file beside the manifest");
    }
    let expected = std::fs::read_to_string(file("expected.txt")).unwrap_or_default();
    if compare(&counts, &expected) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
