//! What `#[plugin_export]` and `#[plugin_type]` say of each mistake, and what it must cope with: one file in `ui` for each promise, named
//! after it.
//!
//! After a deliberate change of a message, `TRYBUILD=overwrite cargo test -p tests --test ui` writes the `.stderr` files
//! anew; read them before they are committed.

use std::process::Command;

use trybuild::TestCases;

/// The compiler whose words are in the `.stderr` files. Each compiler has its own way to put things.
const WRITTEN_WITH: &str = "rustc 1.95.";

/// What the compiler that cargo would use calls itself, where there is one: under Wine there is none.
fn compiler() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok()?;
    String::from_utf8(output.stdout).ok()
}

#[test]
fn mistakes_are_reported() {
    match compiler() {
        Some(version) if version.starts_with(WRITTEN_WITH) => TestCases::new().compile_fail("ui/*.rs"),
        version => {
            let version = version.as_deref().unwrap_or("no compiler").trim();
            println!("skipped: the messages are those of {WRITTEN_WITH}x, and here is {version}");
        }
    }
}

#[test]
fn awkward_code_is_exported() {
    match compiler() {
        Some(_) => TestCases::new().pass("ui/pass/*.rs"),
        None => println!("skipped: there is no compiler here"),
    }
}
