//! The helper that builds a plugin crate.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use plugin_host::build::{Build, BuildError};
use tests::{build_of, fixture_target_dir, host, is_long_run};

/// Cargo writes all variants of `includes` to the same place: one test at a time has it.
static INCLUDES: Mutex<()> = Mutex::new(());

fn crate_in(directory: &Path, manifest: &str, source: &str) -> Build {
    fs::create_dir_all(directory.join("src")).unwrap();
    fs::write(directory.join("Cargo.toml"), manifest).unwrap();
    fs::write(directory.join("src/lib.rs"), source).unwrap();
    Build::new(directory)
}

#[test]
fn a_build_returns_the_path_of_the_library() {
    let _alone = INCLUDES.lock().unwrap_or_else(PoisonError::into_inner);
    let path = build_of("includes").run().unwrap();
    assert!(path.starts_with(fixture_target_dir("default")), "{}", path.display());
    assert_eq!(path.file_name().unwrap().to_str().unwrap(), tests::library_name("includes"));
    assert!(path.exists());
    // It has no dependencies.
    let release = build_of("plain").release().run().unwrap();
    assert!(release.parent().unwrap().ends_with("release"), "{}", release.display());
}

#[test]
fn a_crate_that_does_not_compile_fails() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = "[package]\nname = \"broken\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n";
    let error = crate_in(directory.path(), manifest, "fn broken( {").run().unwrap_err();
    assert!(matches!(&error, BuildError::Failed { status, .. } if !status.success()), "{error}");
    assert!(error.to_string().contains(&directory.path().display().to_string()), "{error}");
}

#[test]
fn a_crate_of_another_type_is_no_plugin() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = "[package]\nname = \"ordinary\"\nedition = \"2024\"\n[workspace]\n";
    let error = crate_in(directory.path(), manifest, "").run().unwrap_err();
    assert!(matches!(error, BuildError::NotACdylib { .. }), "{error}");
    assert!(error.to_string().contains("crate-type = [\"cdylib\"]"), "{error}");
}

#[test]
fn a_toolchain_that_is_not_there_fails() {
    let error = build_of("rival").toolchain("no-such-toolchain").run().unwrap_err();
    assert!(matches!(error, BuildError::Failed { .. } | BuildError::NoCargo { .. }), "{error}");
}

/// The exports are kept in each way of passing a dependency's parts to the linker.
#[test]
fn exports_of_a_dependency_that_is_named_are_kept() {
    let _alone = INCLUDES.lock().unwrap_or_else(PoisonError::into_inner);
    let mut ways: Vec<&[&str]> = vec![&[]];
    let optimised: [&[&str]; 3] = [
        &["--release", "--config", "profile.release.codegen-units=64"],
        &["--release", "--config", "profile.release.lto=\"thin\""],
        &["--release", "--config", "profile.release.lto=\"fat\"", "--config", "profile.release.codegen-units=1"],
    ];
    if is_long_run("plugins that are optimised, with the exports of a dependency") {
        ways.extend(optimised);
    }
    for arguments in ways {
        let build = arguments.iter().fold(build_of("includes"), |build, argument| build.arg(argument));
        let library = build.run().unwrap();
        let host = host();
        host.load(&library).unwrap();
        assert_eq!(host.get::<fn() -> u32>("includes").unwrap()(), 19);
        assert_eq!(host.get::<fn() -> u32>("part").unwrap()(), 17, "{arguments:?}");
        assert_eq!(host.get::<fn() -> Vec<String>>("history").unwrap()(), ["parts starts"], "{arguments:?}");
    }
}

#[test]
fn exports_of_a_dependency_that_is_not_named_are_warned_of() {
    const CHILD: &str = "PLUGIN_TEST_FORGETS";
    if let Some(way) = std::env::var_os(CHILD) {
        let build = match way.to_str().unwrap() {
            "forgets" => build_of("includes").arg("--features").arg("forgets"),
            "names" => build_of("includes"),
            // Cargo builds `parts` too, on which this plugin does not depend.
            _ => ["-p", "rival", "-p", "parts"].iter().fold(build_of("rival"), |build, argument| build.arg(argument)),
        };
        println!("{}", build.run().unwrap().display());
        std::process::exit(37);
    }
    let _alone = INCLUDES.lock().unwrap_or_else(PoisonError::into_inner);
    let said = |way| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "exports_of_a_dependency_that_is_not_named_are_warned_of", "--nocapture"]);
        let output = child.env(CHILD, way).output().unwrap();
        assert_eq!(output.status.code(), Some(37));
        String::from_utf8(output.stderr).unwrap()
    };
    let name = tests::library_name("includes");
    let warning = format!(
        "{name}` lacks exports of its dependency `parts`: `history`, `part`, `start`, `stop`; the compiler leaves out a \
         crate that is not named, so add `use parts as _;` to the source of the plugin, or of the crate that depends on \
         `parts`\n"
    );
    let forgets = said("forgets");
    assert!(forgets.contains(&warning), "{forgets}");
    for way in ["names", "does not depend"] {
        let said = said(way);
        assert!(!said.contains("lacks exports"), "{way}: {said}");
    }
}
