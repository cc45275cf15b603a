//! What `#[plugin_export]` and `#[plugin_type]` say of each mistake, and what it must cope with: one file in `ui` for each promise, named
//! after it.
//!
//! After a deliberate change of a message, `TRYBUILD=overwrite cargo test -p tests --test ui` writes the `.stderr` files
//! anew; read them before they are committed.

use std::path::Path;
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

/// Builds a crate with these lines in its manifest, and returns the compiler's errors.
fn errors(edition: &str, lines: &str, source: (&str, &str), arguments: &[&str]) -> String {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("plugin-core");
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("src")).unwrap();
    std::fs::write(directory.path().join("src").join(source.0), source.1).unwrap();
    let manifest = format!(
        "[package]\nname = \"old\"\nedition = {edition:?}\n{lines}[workspace]\n[dependencies]\nplugin-core.path = {core:?}\n"
    );
    std::fs::write(directory.path().join("Cargo.toml"), manifest).unwrap();
    let check = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["rustc", "--quiet", "--offline", "--profile", "check", "--target-dir"])
        .arg(tests::fixture_target_dir("editions"))
        .arg("--")
        .args(arguments)
        .current_dir(directory.path())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&check.stderr).into_owned();
    assert!(!check.status.success(), "{edition}: {errors}");
    errors
}

/// A crate of this edition, in which unsafe functions may do what is unsafe, is refused for what its defaults do; with every
/// setting that would have the compiler say less.
#[test]
fn unsafe_defaults_are_refused_in_every_edition() {
    if compiler().is_none() {
        println!("skipped: there is no compiler here");
        return;
    }
    let source = ("main.rs", include_str!("../ui/unsafe_default.rs"));
    for edition in ["2018", "2021", "2024"] {
        let errors = errors(edition, "", source, &["--cap-lints", "allow"]);
        for (function, line) in [("from_utf8_unchecked", 11), ("new_unchecked", 15)] {
            assert!(errors.contains(&format!("{function}` is unsafe and requires unsafe")), "{edition}: {errors}");
            assert!(errors.contains(&format!("src/main.rs:{line}:")), "{edition}: {errors}");
        }
        assert_eq!(errors.matches("error[").count(), 2, "{edition}: {errors}");
    }
}

/// In a library for hosts, the attribute adds functions that control threads. They are not in the way of its errors.
#[test]
fn mistakes_are_reported_in_a_library_for_hosts() {
    if compiler().is_none() {
        println!("skipped: there is no compiler here");
        return;
    }
    let source = "use plugin_core::plugin_export;
struct Greeter;
impl Greeter {
    #[plugin_export]
    fn greet(&self) {}
    #[plugin_export]
    fn twice(n: u64) -> u64 { n * 2 }
}
trait Numbers {
    #[plugin_export]
    fn half(n: u64) -> u64 { n / 2 }
}
";
    let errors = errors("2024", "[lib]\ncrate-type = [\"cdylib\"]\n", ("lib.rs", source), &[]);
    assert!(errors.contains("a method cannot be exported"), "{errors}");
    let places = errors.matches("cannot find value `only_free_functions_can_be_exported_").count();
    assert_eq!(places, 2, "{errors}");
    assert!(!errors.contains("global_asm") && !errors.contains("macro in"), "{errors}");
}
