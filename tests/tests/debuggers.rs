//! Debuggers and profilers name the functions of a plugin in the default mapping. `docs/debugging.md` has the commands.

#![cfg(target_os = "linux")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tests::fixture;

/// The function of the plugin that runs nearly all the time.
const FUNCTION: &str = "count_the_hours";

/// Longer than a debugger needs, also on a machine that has other work.
const LIMIT: Duration = Duration::from_secs(120);

/// The line of the documentation that begins so, with other texts in the place of the examples.
fn documented(start: &str, replaced: &[(&str, &str)]) -> String {
    let mut lines = include_str!("../../docs/debugging.md").lines().filter(|line| line.starts_with(start));
    let line = lines.next().unwrap_or_else(|| panic!("`docs/debugging.md` has a line that begins with `{start}`"));
    replaced.iter().fold(line.to_owned(), |line, (example, text)| {
        assert!(line.contains(example), "`{example}` is in `{line}`");
        line.replace(example, text)
    })
}

/// Returns false and says so if a tool is not installed.
fn is_installed(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        println!("skipped: there is no {tool}");
    }
    found
}

/// Everything that a program prints. A program that takes too long is killed, and fails the test.
fn output_of(command: &mut Command) -> String {
    let (mut reader, writer) = std::io::pipe().unwrap();
    command.stdin(Stdio::null()).stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut child = command.spawn().unwrap();
    // The command keeps the ends for writing open.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let said = std::thread::spawn(move || {
        let mut said = Vec::new();
        reader.read_to_end(&mut said).map(|_| String::from_utf8_lossy(&said).into_owned())
    });
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > LIMIT {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{command:?} hangs: {}", said.join().unwrap().unwrap());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    said.join().unwrap().unwrap()
}

/// A program with a plugin that computes. It ends with this value.
struct Observed {
    process: Child,
    /// This end stays open, so that the program can print.
    _said: BufReader<ChildStdout>,
}

impl Observed {
    fn command(library: &Path, seconds: u64) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_observed"));
        command.arg(library).arg(seconds.to_string());
        command
    }

    fn start(library: &Path) -> Self {
        Observed::spawn(&mut Observed::command(library, 600))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "loaded\n");
        // From now on, the program is in the plugin's code.
        std::thread::sleep(Duration::from_millis(100));
        Observed { process, _said: said }
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// A debugger that reads no configuration, asks nothing, and ends after its commands. `None` if it may not trace.
fn gdb(commands: &[impl AsRef<str>], rest: impl FnOnce(&mut Command) -> &mut Command) -> Option<String> {
    let mut command = Command::new("gdb");
    command.env_remove("DEBUGINFOD_URLS").args(["-nx", "-batch"]);
    commands.iter().for_each(|text| _ = command.args(["-ex", text.as_ref()]));
    let said = output_of(rest(&mut command));
    if said.contains("ptrace: Operation not permitted") || said.contains("Could not trace the inferior process") {
        println!("skipped: a debugger may not trace here");
        return None;
    }
    Some(said)
}

/// Fails if a debugger's text does not name the export, with its file and a line.
fn assert_names_the_plugin(said: &str) {
    let names = |line: &str| line.contains("busy::work (") && line.contains("busy/src/lib.rs:");
    assert!(said.lines().any(names), "{said}");
}

#[test]
fn gdb_names_functions_of_a_program_that_runs() {
    if !is_installed("gdb") {
        return;
    }
    let observed = Observed::start(&fixture("busy"));
    let process = observed.process.id().to_string();
    if let Some(said) = gdb(&["backtrace"], |gdb| gdb.args(["-p", &process])) {
        assert_names_the_plugin(&said);
    }
}

#[test]
fn gdb_stops_at_functions_of_a_program_that_it_starts() {
    if !is_installed("gdb") {
        return;
    }
    let program = Observed::command(&fixture("busy"), 600);
    let function = format!("busy::{FUNCTION}");
    let at = documented("break ", &[("greeter::greet", &function)]);
    let commands = [&*documented("set breakpoint", &[]), &at, "run", "backtrace", "kill"];
    let said = gdb(&commands, |gdb| gdb.arg("--args").arg(program.get_program()).args(program.get_args()));
    let Some(said) = said else { return };
    assert!(said.contains(&format!("{function} (most=100000)")), "{said}");
    assert_names_the_plugin(&said);
}

/// A core file of a program that was in the plugin's function, made by the kernel if that makes files here, or else by gdb.
/// Also returns the number that the process had.
fn core_in(directory: &Path) -> Option<(PathBuf, u32)> {
    let library = fixture("busy");
    let mut shell = Command::new("sh");
    let program = Observed::command(&library, 600);
    shell.args(["-c", "ulimit -c unlimited 2>/dev/null; exec \"$@\"", "sh"]).arg(program.get_program());
    let mut observed = Observed::spawn(shell.args(program.get_args()).current_dir(directory));
    let process = observed.process.id();
    let core = directory.join("core-of-gdb");
    let generate = format!("generate-core-file {}", core.display());
    gdb(&[generate], |gdb| gdb.args(["-p", &process.to_string()]))?;
    // SAFETY: the process is a child that was not waited for.
    assert_eq!(unsafe { libc::kill(process as libc::pid_t, libc::SIGABRT) }, 0);
    assert_eq!(observed.process.wait().unwrap().signal(), Some(libc::SIGABRT));
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let of_the_kernel = files.into_iter().find(|path| *path != core);
    if of_the_kernel.is_none() {
        println!("skipped in part: the kernel leaves core files to another program, or makes none");
    }
    Some((of_the_kernel.unwrap_or(core), process))
}

#[test]
fn gdb_names_functions_in_a_core_file_after_one_command() {
    if !is_installed("gdb") {
        return;
    }
    let directory = TempDir::new().unwrap();
    let Some((core, _)) = core_in(directory.path()) else { return };
    let library = fixture("busy");
    let command = documented("python ", &[("target/debug", library.parent().unwrap().to_str().unwrap())]);
    let program = env!("CARGO_BIN_EXE_observed");
    let said = gdb(&["backtrace"], |gdb| gdb.arg(program).arg(&core)).unwrap();
    assert!(said.contains("#0 ") && !said.contains("busy::work"), "{said}");
    let said = gdb(&[&*command, "backtrace"], |gdb| gdb.arg(program).arg(&core)).unwrap();
    assert_names_the_plugin(&said);
}

/// A core file has the path of the plugin's private copy. When the file is looked at, another process may have the number of
/// that process, and a pipe where that process had the copy.
#[test]
fn gdb_does_not_wait_for_a_pipe_of_another_process() {
    if !is_installed("gdb") {
        return;
    }
    let directory = TempDir::new().unwrap();
    let Some((core, process)) = core_in(directory.path()) else { return };
    let (pipe, _writer) = std::io::pipe().unwrap();
    // This process has the pipe under each number that the other process's descriptor may have had.
    let pipes: Vec<_> = std::iter::from_fn(|| pipe.try_clone().ok()).take(600).collect();
    println!("{} pipes, the last with the number {}", pipes.len(), pipes.last().unwrap().as_raw_fd());

    let mut bytes = std::fs::read(&core).unwrap();
    let old = format!("/proc/{process}/fd/");
    let own = format!("/proc/{}/fd/", std::process::id());
    let Some(padding) = old.len().checked_sub(own.len()) else {
        return println!("skipped: the number of this process has more digits than {process}");
    };
    let new = own.replacen('/', &"/".repeat(1 + padding), 1);
    let places: Vec<_> =
        (0..bytes.len() - old.len()).filter(|&place| bytes[place..].starts_with(old.as_bytes())).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|&place| bytes[place..][..new.len()].copy_from_slice(new.as_bytes()));
    std::fs::write(&core, bytes).unwrap();

    let said = gdb(&["backtrace"], |gdb| gdb.arg(env!("CARGO_BIN_EXE_observed")).arg(&core)).unwrap();
    assert!(said.contains("#0 ") && said.contains(&new), "{said}");
}

#[test]
fn perf_names_functions_after_one_command() {
    if !is_installed("perf") {
        return;
    }
    let directory = TempDir::new().unwrap();
    let library = fixture("busy");
    let perf = |line: &str| {
        let mut command = Command::new("perf");
        command.args(line.split_whitespace().skip(1)).current_dir(&directory).env("HOME", directory.path());
        output_of(&mut command)
    };
    let host = format!("-e cpu-clock {} {} 1", env!("CARGO_BIN_EXE_observed"), library.display());
    let recorded = perf(&documented("perf record", &[("./host", &host)]));
    if !directory.path().join("perf.data").exists() {
        return println!("skipped: perf may not record here: {recorded}");
    }
    let reported = perf("perf report --stdio");
    assert!(reported.contains("memfd:libbusy.so") && !reported.contains(FUNCTION), "{recorded}{reported}");
    let added = perf(&documented("perf buildid-cache", &[("target/debug/libgreeter.so", library.to_str().unwrap())]));
    for report in ["perf report --stdio", "perf script"] {
        let reported = perf(report);
        assert!(reported.contains(FUNCTION), "{recorded}{added}{reported}");
    }
}
