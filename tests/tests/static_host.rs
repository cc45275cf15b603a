//! A host in a program that is linked statically with glibc. Such a program could not load libraries.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::process::Command;

/// Compiles the host's crate alone, and returns the messages. Without its dependencies, that fails in any case.
fn messages(flags: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new("rustc")
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "--out-dir"])
        .arg(directory.path())
        .args(flags)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../plugin-host/src/lib.rs"))
        .output()
        .unwrap();
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_program_without_a_loader_is_not_built() {
    let refusal = "error: a program that is linked statically with glibc cannot load libraries: build the host without \
                   `-C target-feature=+crt-static`";
    let said = messages(&["-Ctarget-feature=+crt-static"]);
    assert!(said.contains(refusal), "{said}");
    let said = messages(&[]);
    assert!(!said.contains(refusal), "{said}");
}
