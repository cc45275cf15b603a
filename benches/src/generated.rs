//! Generated plugins with many exports, and copies of them under other names.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::contenders::{root, target_dir};

/// Writes the crate of a plugin. A file that has the same text already is not written, so that the plugin is not built
/// again.
pub fn plugin(name: &str, dependencies: &str, source: &str) -> PathBuf {
    let directory = target_dir().join("generated").join(name);
    let manifest = format!(
        "[workspace]\n\n[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [lib]\ncrate-type = [\"cdylib\"]\n\n[dependencies]\n{dependencies}\n"
    );
    std::fs::create_dir_all(directory.join("src")).expect("a directory");
    write_if_other(&directory.join("Cargo.toml"), &manifest);
    write_if_other(&directory.join("src/lib.rs"), source);
    directory
}

fn write_if_other(path: &Path, text: &str) {
    if std::fs::read_to_string(path).is_ok_and(|there| there == text) {
        return;
    }
    std::fs::write(path, text).expect("a file in the target directory");
}

/// The dependencies of our plugins.
pub fn plugin_core() -> String {
    format!("plugin-core = {{ path = {:?} }}", root().join("../plugin-core"))
}

/// The names of `count` exports of the plugin with this number.
pub fn names(plugin: usize, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("export_{plugin:03}_{number:03}"))
}

/// A plugin of ours with that many exports.
pub fn ours(name: &str, count: usize) -> PathBuf {
    let mut source = "use plugin_core::plugin_export;\n".to_owned();
    for name in names(0, count) {
        _ = writeln!(source, "#[plugin_export]\nfn {name}(n: u64) -> u64 {{\n    n\n}}");
    }
    plugin(name, &plugin_core(), &source)
}

/// A plugin of stabby's with that many exports.
pub fn stabby(name: &str, count: usize) -> PathBuf {
    let mut source = String::new();
    for name in names(0, count) {
        _ = writeln!(source, "#[stabby::export]\npub extern \"C\" fn {name}(n: u64) -> u64 {{\n    n\n}}");
    }
    plugin(name, "stabby = \"72\"", &source)
}

/// A library with symbols of these names, made by the C compiler that links everything else.
pub fn symbols(path: &Path, names: impl Iterator<Item = String>) {
    let mut source = "unsigned long identity(unsigned long n) { return n; }\n".to_owned();
    for name in names {
        _ = writeln!(source, "extern __typeof(identity) {name} __attribute__((alias(\"identity\")));");
    }
    let file = path.with_extension("c");
    std::fs::write(&file, source).expect("a file in the target directory");
    let status = std::process::Command::new("cc").args(["-O1", "-shared", "-fPIC", "-o"]).arg(path).arg(&file).status();
    assert!(status.expect("a C compiler").success());
}

/// Returns the bytes of a library, with each text replaced by another of the same length.
pub fn patched(library: &[u8], replacements: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = library.to_vec();
    for (from, to) in replacements {
        assert_eq!(from.len(), to.len());
        let mut at = 0;
        while let Some(found) = bytes[at..].windows(from.len()).position(|window| window == from.as_bytes()) {
            at += found;
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            at += to.len();
        }
    }
    bytes
}

/// A copy, with this number, of a generated plugin whose package is named `{stem}-000`.
pub fn copy(library: &[u8], stem: &str, number: usize) -> Vec<u8> {
    patched(
        library,
        &[
            (&format!("{stem}-000"), &format!("{stem}-{number:03}")),
            (&format!("{stem}_000"), &format!("{stem}_{number:03}")),
            ("export_000_", &format!("export_{number:03}_")),
        ],
    )
}
