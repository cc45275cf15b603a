//! The README is a promise: its sources are the examples', and what they print is what it says.

use std::path::Path;
use std::process::Command;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(repository().join(file)).unwrap()
}

#[test]
fn the_sources_in_it_are_the_examples() {
    let readme = read("README.md");
    for file in ["examples/greeter/src/lib.rs", "examples/greet.rs"] {
        assert!(readme.contains(&format!("```rust\n{}```", read(file))), "README.md does not have {file} as it is");
    }
}

#[test]
fn the_example_prints_what_it_says() {
    let expected = "Greeter plugin loaded!\nHello, World!\nHello, World!, World!\n";
    assert!(read("README.md").contains(&format!("```text\n{expected}```")));
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["run", "--bin", "greet"])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

/// What a plugin pulls in is what the README says.
#[test]
fn a_plugin_has_few_dependencies() {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["tree", "--package", "greeter", "--edges", "normal,build", "--prefix", "none", "--format", "{lib}"])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let mut crates: Vec<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    crates.sort_unstable();
    crates.dedup();
    let expected =
        ["greeter", "inventory", "plugin_core", "plugin_macros", "proc_macro2", "quote", "syn", "unicode_ident"];
    assert_eq!(crates, expected);
}
