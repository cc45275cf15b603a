//! Reports of fatal signals name the plugin whose code caused the signal.

#![cfg(all(target_os = "linux", target_pointer_width = "64", any(target_arch = "x86_64", target_arch = "aarch64")))]

use std::ffi::{CStr, CString};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use object::{Object as _, ObjectSymbol as _};
use plugin_host::Unload;
use tests::{fixture, fixture_dir, fixture_target_dir, run_child};

/// The end of a child process, and the text on its standard error.
struct Crash {
    signal: Option<i32>,
    code: Option<i32>,
    said: String,
}

impl Crash {
    /// Runs a scene in a process of its own.
    fn new(scene: &str) -> Option<Crash> {
        if std::env::var("PLUGIN_TEST_CARGO_ARGS").is_ok_and(|arguments| arguments.contains("build-std")) {
            println!("skipped: a sanitizer handles these signals itself");
            return None;
        }
        let value = format!("{scene} {}", fixture("aborts").display());
        let (status, said) = run_child("child", "PLUGIN_TEST_CRASH", value);
        Some(Crash { signal: status.signal(), code: status.code(), said })
    }

    /// The report without the parts that differ between builds: the text before the place, and the export's name.
    fn report(&self) -> (String, Option<(String, String)>) {
        let reports: Vec<_> = self.said.lines().filter(|line| line.starts_with("fatal signal")).collect();
        let [report] = reports[..] else { panic!("{}", self.said) };
        let Some((before, place)) = report.split_once(" at offset ") else { return (report.to_owned(), None) };
        // Code before the first export has no export's name.
        let (offset, export) = place.split_once(", ").unwrap_or((place, ""));
        let export = export.split_once(" after the export ").map_or("", |(_, export)| export);
        (before.replace(&fixture("aborts").display().to_string(), "FILE"), Some((offset.to_owned(), export.to_owned())))
    }

    /// Checks the whole report of a crash in a plugin, and the function that its offset leads to.
    #[track_caller]
    fn is_in_plugin(&self, before: &str, function: &str) {
        let (said, place) = self.report();
        assert_eq!(said, before);
        let (offset, export) = place.unwrap();
        let offset = u64::from_str_radix(offset.strip_prefix("0x").unwrap(), 16).unwrap();
        let found = symbol_at(&fixture("aborts"), offset);
        assert!(found.contains(function), "{found} instead of {function}");
        let host = tests::host_with(&["aborts"]);
        let exports = host.plugin("aborts").unwrap();
        let mut exports = exports.exports().iter();
        assert!(export.is_empty() || exports.any(|known| format!("`{}`", known.name) == export), "{export}");
    }
}

/// The function that has the code at this offset.
fn symbol_at(file: &Path, offset: u64) -> String {
    let bytes = std::fs::read(file).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let found = file.symbols().find(|symbol| (symbol.address()..symbol.address() + symbol.size()).contains(&offset));
    found.expect("a function has the place").name().unwrap().to_owned()
}

fn read_address() -> u8 {
    // SAFETY: this is not sound, and the test is about that. Nothing is mapped at this address, so the kernel ends the process.
    unsafe { std::ptr::without_provenance::<u8>(0x10).read_volatile() }
}

extern "C" fn earlier(signal: libc::c_int) {
    let text = b"the earlier handler\n";
    // SAFETY: `write` reads as many bytes as the text has. A handler may call both functions.
    unsafe {
        libc::write(2, text.as_ptr().cast(), text.len());
        libc::_exit(signal);
    }
}

/// A library of C with a handler that leaves by `siglongjmp`, which Rust cannot do.
struct Jumps {
    call_until_signal: CallUntilSignal,
}

type CallUntilSignal = unsafe extern "C" fn(extern "C" fn()) -> libc::c_int;

impl Jumps {
    fn file() -> PathBuf {
        fixture_target_dir("crashes").join("libjumps.so")
    }

    /// Builds the library. Returns false if this machine has no C compiler.
    fn build() -> bool {
        std::fs::create_dir_all(fixture_target_dir("crashes")).unwrap();
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(Self::file()).arg(fixture_dir("aborts").join("jumps.c"));
        match compile.status() {
            Ok(status) => assert!(status.success(), "{status}"),
            Err(error) => println!("skipped: there is no compiler of C: {error}"),
        }
        Self::file().exists()
    }

    /// Installs the handler for signals.
    fn install() -> Self {
        let file = CString::new(Self::file().to_str().unwrap()).unwrap();
        // SAFETY: a library without constructors, and its functions of these types.
        unsafe {
            let library = libc::dlopen(file.as_ptr(), libc::RTLD_NOW);
            assert!(!library.is_null());
            let find = |name: &CStr| libc::dlsym(library, name.as_ptr());
            let install: unsafe extern "C" fn() = std::mem::transmute(find(c"install_jumps"));
            install();
            let call_until_signal: CallUntilSignal = std::mem::transmute(find(c"call_until_signal"));
            Jumps { call_until_signal }
        }
    }
}

#[test]
fn child() {
    let Ok(asked) = std::env::var("PLUGIN_TEST_CRASH") else { return };
    let (scene, file) = asked.split_once(' ').unwrap();
    let jumps = (scene == "jumps").then(Jumps::install);
    if scene == "earlier" {
        // SAFETY: the handler only does what handlers may do.
        unsafe { libc::signal(libc::SIGSEGV, earlier as extern "C" fn(libc::c_int) as libc::sighandler_t) };
    }
    let host = tests::host().with_crash_reports(scene != "off");
    // The handler is installed once. The second host must not take it for an earlier handler of the program.
    let host = host.with_crash_reports(scene != "off");
    host.load(file).unwrap();
    match scene {
        "host" => _ = read_address(),
        "unloaded" => {
            let code = host.get::<fn() -> usize>("address_of_code").unwrap()();
            assert_eq!(host.unload("aborts", Duration::from_secs(20)).unwrap(), Unload::Unmapped);
            // SAFETY: this is not sound, and the test is about that. Nothing is mapped at this address any more, so the call ends
            // the process.
            let code: extern "C" fn() = unsafe { std::mem::transmute(code) };
            code();
        }
        "jumps" => {
            let (read, run) = host.get::<fn() -> (usize, usize)>("addresses_of_crashes").unwrap()();
            let call = jumps.unwrap().call_until_signal;
            let ended_by = [read, read, run].map(|function| {
                // SAFETY: the address of a function of that type.
                let function: extern "C" fn() = unsafe { std::mem::transmute(function) };
                // SAFETY: the function has no value to be dropped when a signal ends its call.
                unsafe { call(function) }
            });
            assert_eq!(ended_by, [libc::SIGSEGV, libc::SIGSEGV, libc::SIGILL]);
        }
        "sent" => {
            // SAFETY: a signal for this thread.
            unsafe { libc::raise(libc::SIGBUS) };
        }
        "off" | "earlier" => host.get::<fn()>("read_address").unwrap()(),
        export => host.get::<fn()>(export).unwrap()(),
    }
}

const IN_PLUGIN: &str = "fatal signal 11 (SIGSEGV) at address 0x10: in plugin `aborts` (`FILE`)";

#[test]
fn a_crash_in_an_export_names_the_export() {
    let Some(crash) = Crash::new("read_address") else { return };
    crash.is_in_plugin(IN_PLUGIN, "read_address");
    assert_eq!(crash.signal, Some(libc::SIGSEGV), "it ends as without reports");
}

#[test]
fn a_crash_on_a_thread_of_the_plugin_names_the_plugin() {
    let Some(crash) = Crash::new("read_address_on_thread") else { return };
    crash.is_in_plugin(IN_PLUGIN, "read_address");
    assert_eq!(crash.signal, Some(libc::SIGSEGV));
}

#[test]
fn an_illegal_instruction_is_reported() {
    let Some(crash) = Crash::new("run_no_instruction") else { return };
    let (said, _) = crash.report();
    let (before, after) = said.split_once(" at address 0x").unwrap();
    assert_eq!(before, "fatal signal 4 (SIGILL)");
    assert_eq!(after.split_once(": ").unwrap().1, "in plugin `aborts` (`FILE`)");
    assert_eq!(crash.signal, Some(libc::SIGILL));
}

/// The signal arises in a function of the C library. The plugin has called that function.
#[test]
fn an_abort_is_reported() {
    let Some(crash) = Crash::new("abort") else { return };
    let file = fixture("aborts").display().to_string();
    let expected = format!("fatal signal 6 (SIGABRT): in code that was called by plugin `aborts` (`{file}`)");
    assert_eq!(crash.report(), (expected, None));
    assert_eq!(crash.signal, Some(libc::SIGABRT));
}

/// std's handler runs after the report, and still prints its message.
#[test]
fn a_stack_overflow_is_reported() {
    let Some(crash) = Crash::new("overflow") else { return };
    let (said, _) = crash.report();
    let said = said.split_once(": ").unwrap();
    assert_eq!(said.1, "in plugin `aborts` (`FILE`)");
    assert!(said.0.starts_with("fatal signal 11 (SIGSEGV) at address 0x"), "{}", said.0);
    assert!(crash.said.contains(" has overflowed its stack\n"), "{}", crash.said);
    assert_eq!(crash.signal, Some(libc::SIGABRT), "std ends the process so");
}

/// The plugin's threads have an alternate stack for the handler.
#[test]
fn a_stack_overflow_on_a_thread_of_the_plugin_is_reported() {
    let Some(crash) = Crash::new("overflow_on_thread") else { return };
    let (said, _) = crash.report();
    assert!(said.starts_with("fatal signal 11 (SIGSEGV) at address 0x"), "{said}");
    assert!(said.ends_with(": in plugin `aborts` (`FILE`)"), "{said}");
    assert_eq!(crash.signal, Some(libc::SIGSEGV));
}

#[test]
fn a_crash_in_the_host_names_no_plugin() {
    let Some(crash) = Crash::new("host") else { return };
    assert_eq!(crash.report(), ("fatal signal 11 (SIGSEGV) at address 0x10: in no plugin's code".to_owned(), None));
    assert_eq!(crash.signal, Some(libc::SIGSEGV));
}

#[test]
fn a_crash_at_the_place_of_an_unloaded_plugin_names_no_plugin() {
    let Some(crash) = Crash::new("unloaded") else { return };
    let (said, place) = crash.report();
    assert!(said.starts_with("fatal signal 11 (SIGSEGV) at address 0x"), "{said}");
    assert!(said.ends_with(": in no plugin's code"), "{said}");
    assert_eq!(place, None);
    assert_eq!(crash.signal, Some(libc::SIGSEGV));
}

/// A signal that a process sends has no address.
#[test]
fn a_sent_signal_is_reported_without_an_address() {
    let Some(crash) = Crash::new("sent") else { return };
    assert_eq!(crash.report(), ("fatal signal 7 (SIGBUS): in no plugin's code".to_owned(), None));
}

#[test]
fn a_signal_is_passed_on_to_an_earlier_handler() {
    let Some(crash) = Crash::new("earlier") else { return };
    crash.is_in_plugin(IN_PLUGIN, "read_address");
    assert!(crash.said.ends_with("the earlier handler\n"), "{}", crash.said);
    assert_eq!(crash.code, Some(libc::SIGSEGV), "the earlier handler has ended the process");
}

/// The thread goes on, and its next crash is reported as well.
#[test]
fn after_an_earlier_handler_that_jumps() {
    if !Jumps::build() {
        return;
    }
    let Some(crash) = Crash::new("jumps") else { return };
    let reports: Vec<_> = crash.said.lines().filter(|line| line.starts_with("fatal signal")).collect();
    let names: Vec<_> = reports.iter().filter_map(|line| Some(line.split_once('(')?.1.split_once(')')?.0)).collect();
    assert_eq!(names, ["SIGSEGV", "SIGSEGV", "SIGILL"], "{}", crash.said);
    assert!(reports.iter().all(|line| line.contains(": in plugin `aborts`")), "{}", crash.said);
    assert_eq!(crash.code, Some(0), "{}", crash.said);
}

#[test]
fn a_host_reports_no_crash_by_default() {
    let Some(crash) = Crash::new("off") else { return };
    assert!(!crash.said.contains("fatal signal"), "{}", crash.said);
    assert_eq!(crash.signal, Some(libc::SIGSEGV));
}
