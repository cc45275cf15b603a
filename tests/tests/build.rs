//! The helper that builds a plugin crate.

use std::fs;
use std::path::Path;

use plugin_host::build::{Build, BuildError};
use tests::{build_of, fixture_target_dir};

fn crate_in(directory: &Path, manifest: &str, source: &str) -> Build {
    fs::create_dir_all(directory.join("src")).unwrap();
    fs::write(directory.join("Cargo.toml"), manifest).unwrap();
    fs::write(directory.join("src/lib.rs"), source).unwrap();
    Build::new(directory)
}

#[test]
fn returns_the_library_that_was_built() {
    let path = build_of("rival").run().unwrap();
    assert!(path.starts_with(fixture_target_dir("default")), "{}", path.display());
    assert_eq!(path.file_name().unwrap().to_str().unwrap(), tests::library_name("rival"));
    assert!(path.exists());
    let release = build_of("rival").release().run().unwrap();
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
