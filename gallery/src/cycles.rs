//! The cycles of one row, in a process of their own. The outcome of each cycle is written to a file at once. So the
//! report exists even if the process crashes later.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plugin_host::{Host, Trust, Unload};

use crate::rows::Row;

/// The number of cycles: in each, a plugin is loaded, called and unloaded.
pub(crate) const CYCLES: u32 = 200;

/// Memory is counted each time so many cycles have passed. The first window is long enough for all values that are made
/// once and kept.
pub(crate) const WINDOW: u32 = 50;

// The words that lines of a report begin with; a tab follows.
pub(crate) const UNMAPPED: &str = "unmapped";
pub(crate) const PINNED: &str = "pinned";
pub(crate) const FAILED: &str = "failed";
pub(crate) const MEMORY: &str = "memory";

/// Runs the cycles of a row until one fails, and writes the report.
pub(crate) fn run(row: &Row, library: &Path, report: &Path) {
    let mut report = File::create(report).unwrap_or_else(|error| panic!("cannot create {}: {error}", report.display()));
    // The directory differs between machines.
    let [path, file] =
        [Some(library.as_os_str()), library.file_name()].map(|path| path.map(|path| path.to_string_lossy()));
    let [path, file] = [path, file].map(Option::unwrap_or_default);
    let mut write = |word: &str, text: &str| {
        let line = format!("{word}\t{}\n", text.replace(&*path, &file).replace('\n', " "));
        report.write_all(line.as_bytes()).unwrap_or_else(|error| panic!("cannot write the report: {error}"));
    };
    let freed = Arc::new(AtomicU64::new(0));
    let host = new_host(row, freed.clone());
    let mut pinned = false;
    for number in 1..=CYCLES {
        match cycle(&host, row, library, pinned) {
            Ok(Unload::Unmapped) => write(UNMAPPED, ""),
            Ok(Unload::Pinned(reasons)) => {
                pinned = true;
                let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
                write(PINNED, &reasons.join("; "));
            }
            Ok(other) => write(FAILED, &format!("an outcome that the gallery does not know: {other}")),
            Err(error) => return write(FAILED, &error),
        }
        if number % WINDOW == 0 {
            let files = files();
            write(MEMORY, &format!("{}\t{}\t{}", memory(), freed.load(Ordering::Relaxed), files));
        }
    }
}

fn new_host(row: &Row, freed: Arc<AtomicU64>) -> Host {
    // SAFETY: built by this same program, from the source beside it.
    let mut host = Host::new(unsafe { Trust::any() })
        .with_memory(row.memory)
        .with_leak_handler(move |leak| _ = freed.fetch_add(leak.bytes as u64, Ordering::Relaxed));
    for name in row.quiet {
        // SAFETY: the row says so only where nothing of the library's leads back into the plugin.
        host = unsafe { host.with_quiet_library(*name) };
    }
    host
}

fn cycle(host: &Host, row: &Row, library: &Path, pinned: bool) -> Result<Unload, String> {
    let plugin = host.load(library).map_err(|error| with_causes(&error))?;
    let name = plugin.name().to_owned();
    let used = plugin.get::<fn() -> Result<(), String>>(row.export).map_err(|error| with_causes(&error))?();
    used.map_err(|error| format!("`{}` returns an error: {error}", row.export))?;
    drop(plugin);
    // A plugin that is pinned once will be pinned again.
    let deadline = if pinned { Duration::from_millis(5) } else { Duration::from_secs(5) };
    host.unload(&name, deadline).map_err(|error| with_causes(&error))
}

/// Returns the texts of an error and its causes, without causes that are in the error's own text.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// Returns the size of this process's anonymous memory and of its copies of libraries, in bytes.
fn memory() -> u64 {
    // Free blocks go back to the kernel, so that holes in the heap do not count.
    // SAFETY: it may be called at any time.
    unsafe { libc::malloc_trim(0) };
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").expect("Linux");
    let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:")).expect("a line");
    let kib: u64 = line.trim_end_matches("kB").trim().parse().expect("a number");
    let copies: u64 = descriptors().filter(|(is_copy, _)| *is_copy).map(|(_, bytes)| bytes).sum();
    kib * 1024 + copies
}

/// Returns the number of open files, without the copies of libraries.
fn files() -> usize {
    descriptors().filter(|(is_copy, _)| !is_copy).count()
}

/// Returns for each open descriptor whether its file is a copy of a library in memory, and the size of the file.
fn descriptors() -> impl Iterator<Item = (bool, u64)> {
    let entries = fs::read_dir("/proc/self/fd").expect("Linux");
    entries.flatten().map(|entry| {
        let is_copy = fs::read_link(entry.path()).is_ok_and(|target| target.to_string_lossy().starts_with("/memfd:"));
        (is_copy, fs::metadata(entry.path()).map_or(0, |metadata| metadata.len()))
    })
}
