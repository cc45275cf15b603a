//! State of the process that each side's std believes to be its own: the environment and the process's end. Host, plugins
//! and C code change and read it at once, in processes of their own.
//!
//! ThreadSanitizer reports that readers' plain loads race with the writers' stores: `plugin-core`, `runtime/environment.rs`
//! says why that does no harm.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::fixture;

const READERS: [&str; 6] = ["host", "plugin", "other", "c", "host-spawn", "plugin-spawn"];

/// Plays a scene of `fixtures/embedded/src/scenes.rs` in a program.
fn play(program: impl AsRef<OsStr>, arguments: [&str; 2]) -> (Option<i32>, String, String) {
    let program = program.as_ref();
    let mut command = Command::new(program);
    let output = command.args(arguments).arg(fixture("environment")).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let said = format!("{}: {arguments:?}: {}: {said}", program.display(), output.status);
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), said)
}

/// Lets `writer` change the environment while each of the readers reads it.
fn changed_by(writer: &str) {
    for reader in READERS {
        let (code, printed, said) = play(env!("CARGO_BIN_EXE_environ"), [writer, reader]);
        assert_eq!((code, printed.as_str()), (Some(0), "done\n"), "{said}");
    }
}

#[test]
fn the_host_changes_the_environment() {
    changed_by("host");
}

#[test]
fn a_plugin_changes_the_environment() {
    changed_by("plugin");
}

#[test]
fn c_code_changes_the_environment() {
    changed_by("c");
}

/// Compiles a C program.
fn c_program(directory: &Path, name: &str, source: &str, more: &[&OsStr]) -> PathBuf {
    let (file, program) = (directory.join(name).with_extension("c"), directory.join(name));
    std::fs::write(&file, source).unwrap();
    let output = Command::new("cc").arg(&file).arg("-o").arg(&program).args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

/// A program whose host is linked into it. The program exits with 1 if every library finds the host's definitions.
const LINKED: &str = "
    int play_scene(int count, const char **arguments);
    int main(int count, const char **arguments) { return play_scene(count - 1, arguments + 1); }
";

/// A program that loads its host at run time.
const LOADED: &str = "
    #include <dlfcn.h>
    #include <stdio.h>
    int main(int count, const char **arguments) {
        void *host = dlopen(HOST, RTLD_NOW);
        if (!host) { fputs(dlerror(), stderr); return 2; }
        int (*play_scene)(int, const char **) = (int (*)(int, const char **))dlsym(host, \"play_scene\");
        return play_scene(count - 1, arguments + 1);
    }
";

/// A host in a C program. If the host is linked into that program, it serves C code too.
#[test]
fn a_host_in_a_c_program_changes_the_environment() {
    if std::env::var_os("PLUGIN_TEST_CARGO_ARGS").is_some() {
        println!("skipped: a C program has no sanitizer's runtime");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let library = fixture("embedded");
    let archive = library.with_extension("a");
    let more = [archive.as_os_str(), "-lgcc_s".as_ref(), "-lpthread".as_ref(), "-ldl".as_ref(), "-lm".as_ref()];
    let linked = c_program(directory.path(), "linked", LINKED, &more);
    let define = format!("-DHOST=\"{}\"", library.display());
    let loaded = c_program(directory.path(), "loaded", LOADED, &[define.as_ref(), "-ldl".as_ref()]);
    for reader in ["host", "plugin", "c"] {
        for writer in ["host", "plugin", "c"] {
            let (code, printed, said) = play(&linked, [writer, reader]);
            assert_eq!((code, printed.as_str()), (Some(1), "done\n"), "{said}");
        }
        for writer in ["host", "plugin"] {
            let (code, printed, said) = play(&loaded, [writer, reader]);
            assert_eq!((code, printed.as_str()), (Some(0), "done\n"), "{said}");
        }
    }
}

/// A plugin that is a host: it and its plugins have the environment of the host's host.
#[test]
fn a_plugin_that_is_a_host_changes_the_environment() {
    for reader in ["host", "plugin", "c"] {
        for writer in ["host", "plugin", "c"] {
            let library = fixture("embedded");
            let (code, printed, said) =
                play(env!("CARGO_BIN_EXE_environ"), [&format!("in:{}:{writer}", library.display()), reader]);
            assert_eq!((code, printed.as_str()), (Some(0), "done\n"), "{said}");
        }
    }
}

/// Threads of any two sides end the process at once. One of them ends it, and the other waits.
#[test]
fn the_process_ends_once() {
    for (how, status) in [("host-and-plugin", 7), ("return-and-plugin", 0), ("plugin-and-plugin", 7)] {
        let (code, printed, said) = play(env!("CARGO_BIN_EXE_environ"), ["exit", how]);
        // The first thread decides about the exit code.
        assert!(code == Some(status) || code == Some(7), "{said}");
        assert!(printed.contains("from the host"), "{printed}");
    }
}
