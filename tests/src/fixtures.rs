//! The libraries of the fixtures, each built once for all tests of all processes.
//!
//! Cargo knows by itself that a library is up to date, but takes as long as many a test to say so. So each call of cargo builds
//! as many fixtures as possible, and leaves a *stamp* beside their libraries. While no source is newer than the stamp, no
//! process calls cargo again.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

use plugin_host::build::Build;
use serde_json::Value;

use crate::library_name;

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above")
}

/// The directory of a fixture's crate.
pub fn fixture_dir(name: &str) -> PathBuf {
    workspace().join("tests/fixtures").join(name)
}

/// Where fixtures are built with `toolchain`, apart from this workspace's own artifacts: the host's features would be
/// unified into those.
pub fn fixture_target_dir(toolchain: &str) -> PathBuf {
    // Relative to where cargo was started: at the workspace's top.
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    workspace().join(target).join("fixtures").join(toolchain)
}

/// More arguments for cargo, which the environment asks for.
fn more_arguments() -> Vec<String> {
    let arguments = std::env::var("PLUGIN_TEST_CARGO_ARGS").unwrap_or_default();
    arguments.split_whitespace().map(str::to_owned).collect()
}

/// How a fixture is built by itself: with the toolchain that built this program, and with the arguments that the environment
/// asks for.
pub fn build_of(name: &str) -> Build {
    let build = Build::new(fixture_dir(name)).target_dir(fixture_target_dir("default"));
    more_arguments().into_iter().fold(build, Build::arg)
}

/// The library of a fixture.
pub fn fixture(name: &str) -> PathBuf {
    library(name, None, &[])
}

/// The library of a fixture with one of its features.
pub fn variant(name: &str, feature: &str) -> PathBuf {
    variant_with(name, feature, &["--features", feature])
}

/// The library of a fixture that is built with more arguments of `cargo rustc`. The name of its file begins with `variant`.
pub fn variant_with(name: &str, variant: &str, arguments: &[&str]) -> PathBuf {
    library(name, Some(variant), arguments)
}

fn library(name: &str, variant: Option<&str>, arguments: &[&str]) -> PathBuf {
    static BUILT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let file_name = file_name(name, variant);
    if let Some(directory) = std::env::var_os("PLUGIN_TEST_FIXTURES") {
        // An absolute path has the separators that errors have.
        return std::path::absolute(PathBuf::from(directory).join(file_name)).expect("the directory has a name");
    }
    let path = libraries().join(file_name);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if !built.contains(&path) {
        let together = if variant.is_none() { built_together(name) } else { vec![name.to_owned()] };
        build_unless_fresh(&together, variant, arguments);
        assert!(path.exists(), "cargo has built no `{}`", path.display());
        built.insert(path.clone());
    }
    path
}

fn file_name(name: &str, variant: Option<&str>) -> String {
    variant.map_or_else(|| library_name(name), |variant| format!("{variant}-{}", library_name(name)))
}

/// Where the built libraries are. Cargo itself has only one place for all variants of a crate.
fn libraries() -> PathBuf {
    fixture_target_dir("default").join("libraries")
}

/// The fixtures that one call of cargo builds together with this one. Cargo unifies the features of all packages of one call.
/// So these are the fixtures whose manifests have the same lines about the SDK. Only `tests/build.rs` builds `includes`.
fn built_together(name: &str) -> Vec<String> {
    static FIXTURES: LazyLock<Vec<(String, Vec<String>)>> = LazyLock::new(|| {
        let directories = fs::read_dir(workspace().join("tests/fixtures")).unwrap().map(|entry| entry.unwrap());
        let name_and_lines = directories.filter_map(|directory| {
            let manifest = fs::read_to_string(directory.path().join("Cargo.toml")).unwrap();
            let lines = manifest.lines().filter(|line| line.starts_with("plugin-")).map(str::to_owned).collect();
            let fixture = directory.file_name().into_string().unwrap();
            (manifest.contains("\ncrate-type = [\"cdylib\"") && fixture != "includes").then_some((fixture, lines))
        });
        name_and_lines.collect()
    });
    let (_, lines) =
        FIXTURES.iter().find(|(fixture, _)| fixture == name).unwrap_or_else(|| panic!("`{name}` is a plugin"));
    let mut together: Vec<String> =
        FIXTURES.iter().filter(|(_, others)| others == lines).map(|(fixture, _)| fixture.clone()).collect();
    together.sort_unstable();
    together
}

/// Has cargo build these packages, unless the stamp of their last build says that nothing has changed since.
fn build_unless_fresh(packages: &[String], variant: Option<&str>, arguments: &[&str]) {
    let directory = libraries();
    fs::create_dir_all(&directory).unwrap();
    // One process builds. The others wait, and then find the stamp.
    let lock = File::create(directory.join("lock")).unwrap();
    lock.lock().unwrap();
    let stamp = directory.join(file_name(&packages[0], variant)).with_extension("stamp");
    let settings = settings(arguments);
    if is_fresh(&stamp, &settings) {
        return;
    }
    // A source that changes during the build is newer than this file.
    let next = directory.join("next.stamp");
    fs::write(&next, settings).unwrap();
    for (package, files) in build(packages, arguments) {
        for file in files {
            let to = directory.join(file_name(&package, variant)).with_extension(file.extension().unwrap_or_default());
            // In its place, cargo makes the next variant.
            fs::rename(file, to).unwrap();
        }
    }
    fs::rename(next, stamp).unwrap();
}

/// Everything that the libraries depend on besides the sources.
fn settings(arguments: &[&str]) -> String {
    let matters = |name: &str| name.starts_with("CARGO_PROFILE_") || name.ends_with("RUSTFLAGS");
    let variables: std::collections::BTreeMap<_, _> =
        std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(matters)).collect();
    format!("{}\n{:?} {arguments:?}\n{variables:?}\n", env!("PLUGIN_TEST_RUSTC"), more_arguments())
}

fn is_fresh(stamp: &Path, settings: &str) -> bool {
    static NEWEST: LazyLock<SystemTime> = LazyLock::new(|| {
        let sources = ["plugin-core", "plugin-macros", "plugin-host", "tests/fixtures", "Cargo.toml", "Cargo.lock"];
        sources.iter().map(|source| newest(&workspace().join(source))).max().expect("there are sources")
    });
    let built = fs::metadata(stamp).and_then(|metadata| metadata.modified());
    built.is_ok_and(|built| *NEWEST < built) && fs::read_to_string(stamp).is_ok_and(|text| text == settings)
}

/// When a file was last changed, or any file in a directory.
fn newest(path: &Path) -> SystemTime {
    let own = fs::symlink_metadata(path).and_then(|metadata| metadata.modified()).unwrap();
    // Only a directory has entries.
    let entries = fs::read_dir(path).into_iter().flatten().map(|entry| newest(&entry.unwrap().path()));
    entries.fold(own, SystemTime::max)
}

/// Calls cargo once for all of these packages. Returns the files of each library that was built.
fn build(packages: &[String], arguments: &[&str]) -> Vec<(String, Vec<PathBuf>)> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // With `cargo rustc`, arguments after `--` are those of this one crate.
    let subcommand = if packages.len() == 1 { "rustc" } else { "build" };
    command.args([subcommand, "--lib", "--message-format=json-render-diagnostics", "--manifest-path"]);
    command.arg(workspace().join("Cargo.toml")).arg("--target-dir").arg(fixture_target_dir("default"));
    packages.iter().for_each(|package| _ = command.args(["--package", package]));
    // An incremental build takes longer the first time.
    command.env("CARGO_INCREMENTAL", "0");
    command.args(more_arguments()).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().unwrap();
    assert!(output.status.success(), "cargo cannot build {packages:?} ({}); its messages are above", output.status);
    let messages = output.stdout.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let files = messages.filter_map(|message: Value| {
        let kinds = message["target"]["crate_types"].as_array()?;
        // Cargo names a target with `_`, and a directory has `-`.
        let package = packages.iter().find(|package| message["target"]["name"] == package.replace('-', "_"))?;
        let files = message["filenames"].as_array().filter(|_| kinds.iter().any(|kind| kind == "cdylib"))?;
        Some((package.clone(), files.iter().filter_map(|file| file.as_str().map(PathBuf::from)).collect()))
    });
    files.collect()
}
