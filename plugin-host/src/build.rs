//! Building a plugin crate with cargo and finding its library: for examples, and for a plugin's own tests.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use plugin_core::host::record::{Item, Kind, MARK, RawRecord};
use serde_json::Value;
use thiserror::Error;

/// A build of a plugin crate. It shows cargo's progress and the compiler's messages on standard error.
///
/// The compiler leaves out a dependency that nothing in the plugin names, together with the dependency's exports. This warns
/// of such exports on standard error; with link-time optimization of whole programs (`lto = "fat"`) it cannot see them.
///
/// # Example
///
/// ```no_run
/// use plugin_host::build::Build;
/// use plugin_host::{Host, Trust};
///
/// let library = Build::new("plugins/greeter").release().run()?;
/// // SAFETY: this host loads only the library that was just built, from our own source.
/// let host = Host::new(unsafe { Trust::any() });
/// host.load(library)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Build {
    directory: PathBuf,
    toolchain: Option<String>,
    target_dir: Option<PathBuf>,
    arguments: Vec<OsString>,
}

/// An error of building a plugin crate.
///
/// # Example
///
/// ```
/// use plugin_host::build::{Build, BuildError};
///
/// let error = Build::new("/nonexistent").run().unwrap_err();
/// assert!(matches!(error, BuildError::NoCrate { .. }));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The directory has no `Cargo.toml`.
    #[error("cannot build `{}`: there is no `Cargo.toml` in it", directory.display())]
    #[non_exhaustive]
    NoCrate {
        /// The directory.
        directory: PathBuf,
    },
    /// Cargo could not be started.
    #[error("cannot build `{}`: cannot run `{program}`", directory.display())]
    #[non_exhaustive]
    NoCargo {
        /// The crate's directory.
        directory: PathBuf,
        /// The program that was run.
        program: String,
        /// The reason why it did not start.
        source: std::io::Error,
    },
    /// Cargo or the compiler failed. Their messages are on standard error.
    #[error("cannot build `{}`: cargo failed ({status}); its messages are above", directory.display())]
    #[non_exhaustive]
    Failed {
        /// The crate's directory.
        directory: PathBuf,
        /// Cargo's exit status.
        status: std::process::ExitStatus,
    },
    /// The crate was built, but not as a `cdylib`.
    #[error("`{}` is built, but not as a plugin: its `[lib]` needs `crate-type = [\"cdylib\"]`", directory.display())]
    #[non_exhaustive]
    NotACdylib {
        /// The crate's directory.
        directory: PathBuf,
    },
}

impl Build {
    /// Builds the crate in `directory`, with the cargo that runs this program or the one on the path.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Build { directory: directory.into(), toolchain: None, target_dir: None, arguments: Vec::new() }
    }

    /// Builds with the release profile.
    #[must_use]
    pub fn release(self) -> Self {
        self.arg("--release")
    }

    /// Builds with this toolchain of rustup's, `nightly`.
    #[must_use]
    pub fn toolchain(mut self, toolchain: impl Into<String>) -> Self {
        self.toolchain = Some(toolchain.into());
        self
    }

    /// Puts everything that is built in `directory`.
    #[must_use]
    pub fn target_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.target_dir = Some(directory.into());
        self
    }

    /// Passes an argument to `cargo build`.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Returns the command for cargo, without arguments.
    fn cargo(&self) -> Command {
        match &self.toolchain {
            Some(toolchain) => {
                let mut command = Command::new("rustup");
                // If this program runs under cargo, these variables name another toolchain's programs.
                command.args(["run", toolchain, "cargo"]).env_remove("RUSTC").env_remove("RUSTDOC").env_remove("CARGO");
                command
            }
            None => Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())),
        }
    }

    fn command(&self) -> Command {
        let mut command = self.cargo();
        command.args(["build", "--lib", "--message-format=json-render-diagnostics", "--manifest-path"]);
        command.arg(self.directory.join("Cargo.toml"));
        if let Some(directory) = &self.target_dir {
            command.arg("--target-dir").arg(directory);
        }
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }

    /// Builds, and returns the path of the library.
    ///
    /// # Errors
    ///
    /// Each of [`BuildError`]'s.
    pub fn run(&self) -> Result<PathBuf, BuildError> {
        let directory = || self.directory.clone();
        let manifest = self.directory.join("Cargo.toml");
        let manifest = manifest.canonicalize().map_err(|_| BuildError::NoCrate { directory: directory() })?;
        let mut command = self.command();
        let no_cargo = |command: &Command, source| BuildError::NoCargo {
            directory: directory(),
            program: command.get_program().to_string_lossy().into_owned(),
            source,
        };
        let mut child = command.spawn().map_err(|source| no_cargo(&command, source))?;
        let mut library = None;
        let mut dependencies = Vec::new();
        if let Some(messages) = child.stdout.take() {
            for line in BufReader::new(messages).lines().map_while(Result::ok) {
                let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
                dependencies.extend(dependency(&message));
                library = cdylib(&message, &manifest).or(library);
            }
        }
        let status = child.wait().map_err(|source| no_cargo(&command, source))?;
        if !status.success() {
            return Err(BuildError::Failed { directory: directory(), status });
        }
        let library = library.ok_or_else(|| BuildError::NotACdylib { directory: directory() })?;
        let mut warnings = left_out(&library, &dependencies);
        // Cargo builds other crates too: for build scripts and macros, and other members of the workspace. Only cargo knows.
        if !warnings.is_empty()
            && let Some(linked) = self.linked_packages(&manifest)
        {
            dependencies.retain(|dependency| linked.contains(&dependency.package));
            warnings = left_out(&library, &dependencies);
        }
        for warning in warnings {
            crate::os::stderr::print(format_args!("warning: {warning}"));
        }
        Ok(library)
    }

    /// The packages that the crate is linked with, by cargo's identifiers. `None` if cargo does not say.
    fn linked_packages(&self, manifest: &Path) -> Option<BTreeSet<String>> {
        let mut command = self.cargo();
        command.args(["metadata", "--format-version", "1", "--manifest-path"]).arg(manifest);
        command.args(graph_arguments(&self.arguments)).stdin(Stdio::null()).stderr(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        linked_packages(&serde_json::from_slice(&output.stdout).ok()?, manifest)
    }
}

/// Returns those arguments of `cargo build` that change what a crate depends on, or where cargo looks for that.
fn graph_arguments(arguments: &[OsString]) -> Vec<&OsStr> {
    const OPTIONS_WITHOUT_VALUE: [&str; 5] =
        ["--all-features", "--no-default-features", "--locked", "--offline", "--frozen"];
    const OPTIONS_WITH_VALUE: [&str; 4] = ["--features", "-F", "--config", "-Z"];
    let mut chosen = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        if OPTIONS_WITH_VALUE.contains(&&*text) {
            chosen.push(&**argument);
            chosen.extend(arguments.next().map(|value| &**value));
        } else if OPTIONS_WITHOUT_VALUE.contains(&&*text)
            || OPTIONS_WITH_VALUE.iter().any(|option| text.starts_with(option))
        {
            chosen.push(&**argument);
        }
    }
    chosen
}

/// Finds the packages that the crate with this manifest is linked with, in the output of `cargo metadata`: its dependencies
/// and theirs, but not those of build scripts, tests and macros.
fn linked_packages(metadata: &Value, manifest: &Path) -> Option<BTreeSet<String>> {
    let packages = metadata["packages"].as_array()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let is_ours = |package: &&Value| {
        let path = package["manifest_path"].as_str().map(Path::new);
        path.is_some_and(|path| path == manifest || path.canonicalize().is_ok_and(|path| path == manifest))
    };
    let has_macros = |package: &&Value| {
        let targets = package["targets"].as_array().into_iter().flatten();
        targets.flat_map(|target| target["kind"].as_array().into_iter().flatten()).any(|kind| kind == "proc-macro")
    };
    let macros: BTreeSet<_> = packages.iter().filter(has_macros).filter_map(|package| text(&package["id"])).collect();
    let nodes = metadata["resolve"]["nodes"].as_array()?;
    let mut linked = BTreeSet::new();
    let mut left = vec![text(&packages.iter().find(is_ours)?["id"])?];
    while let Some(package) = left.pop() {
        let node = nodes.iter().find(|node| node["id"] == *package);
        for dependency in node.and_then(|node| node["deps"].as_array()).into_iter().flatten() {
            // A dependency of the ordinary kind has no name for its kind.
            let is_ordinary = dependency["dep_kinds"].as_array()?.iter().any(|kind| kind["kind"].is_null());
            let name = text(&dependency["pkg"])?;
            if is_ordinary && !macros.contains(&name) && linked.insert(name.clone()) {
                left.push(name);
            }
        }
    }
    Some(linked)
}

/// A crate that was built for others to depend on.
struct Dependency {
    /// Cargo's identifier of its package.
    package: String,
    name: String,
    file: PathBuf,
}

/// Returns the dependency that one of cargo's messages reports as built.
fn dependency(message: &Value) -> Option<Dependency> {
    let files = message["filenames"].as_array().filter(|_| message["reason"] == "compiler-artifact")?;
    let mut files = files.iter().filter_map(|file| file.as_str().map(Path::new));
    let file = files.find(|file| file.extension().is_some_and(|extension| extension == "rlib"))?;
    Some(Dependency {
        package: message["package_id"].as_str()?.to_owned(),
        name: message["target"]["name"].as_str()?.replace('-', "_"),
        file: file.to_owned(),
    })
}

/// Returns a warning for each dependency with exports that are not in the library.
fn left_out(library: &Path, dependencies: &[Dependency]) -> Vec<String> {
    let in_library = items(library);
    let left_out = |Dependency { name, file, .. }: &Dependency| {
        let left_out: Vec<String> = items(file).difference(&in_library).map(|(_, item)| format!("`{item}`")).collect();
        let warning = format!(
            "`{}` lacks exports of its dependency `{name}`: {}; the compiler leaves out a crate that is not named, so add \
             `use {name} as _;` to the source of the plugin, or of the crate that depends on `{name}`",
            library.display(),
            left_out.join(", ")
        );
        (!left_out.is_empty()).then_some(warning)
    };
    dependencies.iter().filter_map(left_out).collect()
}

/// Returns the modules and names of all annotated items that have a record anywhere in a file.
fn items(file: &Path) -> BTreeSet<(String, String)> {
    let mut items = BTreeSet::new();
    let bytes = std::fs::read(file).unwrap_or_default();
    let mut rest: &[u8] = &bytes;
    loop {
        let before = rest;
        // `skip_until` is fast, also in a program that is not optimized.
        let skipped = rest.skip_until(MARK[0]).unwrap_or_default();
        let Some(start) = skipped.checked_sub(1) else { return items };
        if let Ok(Some((record, _))) = RawRecord::read(&before[start..])
            && Kind::from_byte(record.kind).is_some_and(|kind| kind != Kind::Build)
            && let Some(item) = Item::read(&record)
        {
            items.insert((item.module.to_owned(), item.name.to_owned()));
        }
    }
}

/// The library that one of cargo's messages says was made of this very crate.
fn cdylib(message: &Value, manifest: &Path) -> Option<PathBuf> {
    let is_ours = message["reason"] == "compiler-artifact"
        && Path::new(message["manifest_path"].as_str()?).canonicalize().is_ok_and(|path| path == manifest)
        && message["target"]["crate_types"].as_array()?.iter().any(|kind| kind == "cdylib");
    let files = if is_ours {
        message["filenames"].as_array()?
    } else {
        return None;
    };
    let mut files = files.iter().filter_map(|file| file.as_str().map(PathBuf::from));
    // Beside the library there may be an import library or debug information; and it may be for another system.
    files.find(|file| {
        file.extension().is_some_and(|extension| ["so", "dll", "dylib"].iter().any(|known| extension == *known))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_without_a_crate_is_named() {
        let error = Build::new("/nonexistent/plugin").run().unwrap_err();
        assert_eq!(error.to_string(), "cannot build `/nonexistent/plugin`: there is no `Cargo.toml` in it");
    }

    #[test]
    fn only_linked_packages_are_dependencies() {
        let package = |id: &str, kind: &str| {
            serde_json::json!({
                "id": id, "manifest_path": format!("/nonexistent/{id}/Cargo.toml"), "targets": [{ "kind": [kind] }]
            })
        };
        let on = |id: &str, kinds: &[Value]| {
            let kinds: Vec<_> = kinds.iter().map(|kind| serde_json::json!({ "kind": kind })).collect();
            serde_json::json!({ "pkg": id, "dep_kinds": kinds })
        };
        let node = |id: &str, deps: &[Value]| serde_json::json!({ "id": id, "deps": deps });
        let (ordinary, build, dev) = (Value::Null, Value::from("build"), Value::from("dev"));
        let ids = ["plugin", "direct", "indirect", "both", "script", "test", "of-script", "of-macro", "member"];
        let mut packages: Vec<_> = ids.map(|id| package(id, "lib")).into();
        packages.push(package("macro", "proc-macro"));
        let nodes = [
            node(
                "plugin",
                &[
                    on("direct", std::slice::from_ref(&ordinary)),
                    on("both", &[build.clone(), ordinary.clone()]),
                    on("script", std::slice::from_ref(&build)),
                    on("test", &[dev]),
                    on("macro", std::slice::from_ref(&ordinary)),
                ],
            ),
            node("direct", &[on("indirect", std::slice::from_ref(&ordinary))]),
            node("script", &[on("of-script", std::slice::from_ref(&ordinary))]),
            node("macro", &[on("of-macro", std::slice::from_ref(&ordinary))]),
            node("member", &[on("of-macro", &[ordinary])]),
        ];
        let metadata = serde_json::json!({ "packages": packages, "resolve": { "nodes": nodes } });
        let linked = linked_packages(&metadata, Path::new("/nonexistent/plugin/Cargo.toml")).unwrap();
        assert_eq!(Vec::from_iter(linked), ["both", "direct", "indirect"]);
        assert!(linked_packages(&metadata, Path::new("/nonexistent/other/Cargo.toml")).is_none());
    }

    #[test]
    fn arguments_that_change_the_dependencies_are_passed_on() {
        let given =
            ["--release", "-p", "other", "-F", "a", "--features=b", "--config", "c", "--locked", "--target", "t"];
        let arguments = given.map(OsString::from);
        assert_eq!(graph_arguments(&arguments), ["-F", "a", "--features=b", "--config", "c", "--locked"]);
    }
}
