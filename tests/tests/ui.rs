//! The messages of `#[plugin_export]` and `#[plugin_type]` about each mistake, and the awkward code that the attributes accept. There is
//! one file in `ui` for each promise, and the file has the name of the promise.
//!
//! Each file is compiled by the compiler itself, against libraries that cargo has built once. A mistake is compiled as the library that
//! an author builds, a cdylib, because some errors are in such a library only.
//!
//! After a deliberate change of a message, `PLUGIN_TEST_LONG=1 TRYBUILD=overwrite cargo test -p tests --test ui` writes the `.stderr` files
//! anew; read them before they are committed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use tests::is_long_run;

/// The compiler whose messages are in the `.stderr` files. The messages differ between compilers.
const WRITTEN_WITH: &str = "rustc 1.95.";

/// The files that are compiled in each run. All the others are compiled in the long run.
const IN_EACH_RUN: [&str; 11] = [
    "associated_function_beside_a_function",
    "borrowed_result",
    "changed_by_other_macros",
    "many_mistakes_at_once",
    "signatures",
    "state_hooks",
    "traits_of_look_ups_are_sealed",
    "type_with_a_field_that_does_not_cross",
    "type_with_borrowed_fields",
    "unknown_type_by_value",
    "unsafe_default",
];

/// The name and version of the compiler. Under Wine, no compiler exists.
fn compiler() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok()?;
    String::from_utf8(output.stdout).ok()
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above")
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Builds the dependencies once. Returns the compiler's arguments that name the built libraries.
fn dependencies() -> &'static [OsString] {
    static ARGUMENTS: LazyLock<Vec<OsString>> = LazyLock::new(|| {
        let target = tests::fixture_target_dir("default");
        let build = cargo()
            .args(["build", "--quiet", "--message-format", "json", "--manifest-path"])
            .arg(tests::fixture_dir("ui-dependencies").join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&target)
            .output()
            .unwrap();
        assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
        let mut arguments = vec!["-L".into(), format!("dependency={}", target.join("debug/deps").display()).into()];
        let messages: Vec<serde_json::Value> =
            build.stdout.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        for name in ["plugin_core", "plugin_host", "tricks", "serde_json", "uuid"] {
            let of_name =
                |message: &&serde_json::Value| message["target"]["name"] == name && message["filenames"][0].is_string();
            let library = messages.iter().find(of_name).unwrap_or_else(|| panic!("cargo has built {name}"));
            let file = library["filenames"][0].as_str().expect("a file's name");
            arguments.extend(["--extern".into(), format!("{name}={file}").into()]);
        }
        arguments
    });
    &ARGUMENTS
}

/// The files in a directory of mistakes or of awkward code that are compiled in this run.
fn sources(directory: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut sources: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect();
    sources.sort();
    if !is_long_run(&format!("most of the {} files in `{directory}`", sources.len())) {
        let in_each_run =
            |path: &PathBuf| IN_EACH_RUN.iter().any(|name| path.file_stem().is_some_and(|stem| stem == *name));
        sources.retain(in_each_run);
    }
    assert!(sources.len() > 1, "there are files in {directory}");
    sources
}

/// Compiles a file as a crate of this type. Unused code is allowed. The compiler is run where cargo runs it for the dependencies: so
/// it finds their sources, and shows lines of them.
fn compile(source: &Path, crate_type: &str, to: &Path) -> Output {
    Command::new("rustc")
        .args(["--edition", "2024", "-A", "dead_code", "-C", "debuginfo=0", "--crate-type", crate_type, "-o"])
        .arg(to)
        .arg(Path::new("tests").join(source))
        .args(dependencies())
        .current_dir(workspace())
        .output()
        .unwrap()
}

/// The messages, without the places and lines of files outside of `ui`, and without the compiler's final sentences
/// about all errors.
fn normalized(messages: &str) -> String {
    let messages =
        messages.replace(workspace().to_str().expect("the path is UTF-8"), "$WORKSPACE").replace("tests/ui/", "ui/");
    let mut lines = Vec::new();
    let mut elsewhere = false;
    for line in messages.lines() {
        let (arrow, number) = (line.trim_start(), line.trim_start_matches(' ').split(' ').next().unwrap_or_default());
        let place = arrow.strip_prefix("--> ").or_else(|| arrow.strip_prefix("::: "));
        if let Some(place) = place {
            elsewhere = !place.starts_with("ui/");
        }
        lines.push(match place {
            Some(place) if elsewhere => {
                let path = match place.split_once("/library/") {
                    Some((_, path)) if place.starts_with("/rustc/") || place.contains("/rustlib/") => {
                        format!("$RUST/{path}")
                    }
                    _ if place.starts_with("plugin-") => format!("$WORKSPACE/{place}"),
                    _ => place.to_owned(),
                };
                let path = path.split(':').next().unwrap_or_default().to_owned();
                line.replace(place, &path)
            }
            _ if elsewhere && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
                line.replacen(number, &" ".repeat(number.len()), 1)
            }
            _ => line.to_owned(),
        });
    }
    let is_last_word = |line: &String| {
        ["error: aborting due to", "For more information about", "Some errors have detailed"]
            .iter()
            .any(|start| line.starts_with(start))
            || (line.starts_with("warning: ") && line.ends_with(" emitted"))
    };
    lines.retain(|line| !is_last_word(line));
    lines.join("\n").trim().to_owned() + "\n"
}

/// Does something with each file on two threads, and fails with all mistakes together.
fn each(sources: &[PathBuf], check: impl Fn(&Path) -> Result<(), String> + Sync) {
    dependencies();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(source) = sources.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = check(source) {
                        wrong.lock().unwrap().push(format!("{}: {error}", source.display()));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn mistakes_are_reported() {
    match compiler() {
        Some(version) if version.starts_with(WRITTEN_WITH) => {}
        version => {
            let version = version.as_deref().unwrap_or("no compiler").trim();
            println!("skipped: the messages are those of {WRITTEN_WITH}x, and here is {version}");
            return;
        }
    }
    let overwrite = std::env::var_os("TRYBUILD").is_some_and(|value| value == "overwrite");
    let directory = tempfile::tempdir().unwrap();
    each(&sources("ui"), |source| {
        let to = directory.path().join(source.file_stem().expect("a file has a name")).with_extension("so");
        let output = compile(source, "cdylib", &to);
        let found = normalized(&String::from_utf8_lossy(&output.stderr));
        if output.status.success() {
            return Err(format!("is compiled, but is a mistake:\n{found}"));
        }
        // The trait has dozens of implementations. A list of more than the author's own says nothing about the mistake. The
        // compiler always has such a list where a sealed trait is implemented.
        let is_sealed = found.contains("is a \"sealed trait\"");
        if !is_sealed && found.lines().any(|line| line.trim_start().starts_with("and ") && line.ends_with(" others")) {
            return Err(format!("lists types:\n{found}"));
        }
        let file = source.with_extension("stderr");
        if overwrite {
            return std::fs::write(file, found).map_err(|error| error.to_string());
        }
        let expected = std::fs::read_to_string(file).unwrap_or_default();
        if found == expected { Ok(()) } else { Err(format!("says\n{found}\ninstead of\n{expected}")) }
    });
}

#[test]
fn awkward_code_is_exported() {
    if compiler().is_none() {
        println!("skipped: there is no compiler here");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    each(&sources("ui/pass"), |source| {
        let to = directory.path().join(source.file_stem().expect("a file has a name"));
        for crate_type in ["cdylib", "bin"] {
            let output = compile(source, crate_type, &to);
            if !output.status.success() {
                return Err(format!("as a {crate_type}:\n{}", String::from_utf8_lossy(&output.stderr)));
            }
        }
        let output = Command::new(&to).output().map_err(|error| error.to_string())?;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    });
}

/// Builds a crate with these lines in its manifest, and returns the compiler's errors.
fn errors(edition: &str, lines: &str, source: (&str, &str), arguments: &[&str]) -> String {
    let dependency = format!("plugin-core.path = {:?}", workspace().join("plugin-core"));
    let (succeeded, errors) = build(edition, lines, &dependency, source, arguments);
    assert!(!succeeded, "{edition}: {errors}");
    errors
}

/// Builds a crate with these lines and this dependency in its manifest. Returns true if the compiler accepts the crate, and the
/// compiler's messages.
fn build(edition: &str, lines: &str, dependency: &str, source: (&str, &str), arguments: &[&str]) -> (bool, String) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("src")).unwrap();
    std::fs::write(directory.path().join("src").join(source.0), source.1).unwrap();
    let manifest =
        format!("[package]\nname = \"old\"\nedition = {edition:?}\n{lines}[workspace]\n[dependencies]\n{dependency}\n");
    std::fs::write(directory.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::copy(workspace().join("Cargo.lock"), directory.path().join("Cargo.lock")).unwrap();
    let check = cargo()
        .args(["rustc", "--quiet", "--offline", "--profile", "check", "--target-dir"])
        .arg(tests::fixture_target_dir("default"))
        .arg("--")
        .args(arguments)
        .current_dir(directory.path())
        .output()
        .unwrap();
    (check.status.success(), String::from_utf8_lossy(&check.stderr).into_owned())
}

/// In crates of these editions, unsafe functions may do unsafe things without a block. The defaults in such a crate are
/// refused nevertheless, even with every setting that silences the compiler.
#[test]
fn unsafe_defaults_are_refused_in_every_edition() {
    if compiler().is_none() {
        println!("skipped: there is no compiler here");
        return;
    }
    let source = ("main.rs", concat!(include_str!("../ui/unsafe_default.rs"), "fn main() {}"));
    for edition in ["2018", "2021", "2024"] {
        let errors = errors(edition, "", source, &["--cap-lints", "allow"]);
        for (function, line) in [("from_utf8_unchecked", 11), ("new_unchecked", 15)] {
            assert!(errors.contains(&format!("{function}` is unsafe and requires unsafe")), "{edition}: {errors}");
            assert!(errors.contains(&format!("src/main.rs:{line}:")), "{edition}: {errors}");
        }
        assert_eq!(errors.matches("error[").count(), 2, "{edition}: {errors}");
    }
}

/// In a library for hosts, the attribute adds functions that control threads. These functions do not change its errors.
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
    assert_eq!(errors.matches("a function of an `impl` or a trait cannot be exported").count(), 2, "{errors}");
    let is_error = |line: &&str| line.starts_with("error: ") || line.starts_with("error[");
    assert_eq!(
        errors.lines().filter(is_error).count(),
        3 + 1,
        "each mistake is one error, and the last is of all: {errors}"
    );
}

/// A crate has plugin-core by another name, or in another crate, and its author has not written the path.
#[test]
fn a_missing_path_of_plugin_core_is_told() {
    if compiler().is_none() {
        println!("skipped: there is no compiler here");
        return;
    }
    const SOURCE: &str = "use PATH::{plugin_export, plugin_type};
#[plugin_type(OPTION)]
pub struct Point { x: u8, y: Option<u8> }
#[plugin_type(OPTION)]
pub enum Page<T> { Of(T), Empty }
#[plugin_export(OPTION)]
fn f(point: Point) -> u8 { point.x }
#[plugin_export(OPTION)]
static S: u8 = 1;
#[plugin_export(init, OPTION)]
fn init() {}
";
    let renamed = format!("my_sdk = {{ package = \"plugin-core\", path = {:?} }}", workspace().join("plugin-core"));
    let framework = format!("framework.path = {:?}", tests::fixture_dir("framework"));
    let build = |dependency, source: &str| {
        build("2024", "[lib]\ncrate-type = [\"cdylib\"]\n", dependency, ("lib.rs", source), &[])
    };
    for (dependency, path, found, advice) in [
        (&renamed, "my_sdk", "this crate has it as `my_sdk`", "write"),
        (&framework, "framework::plugin_core", "this crate does not depend on it", "such as"),
    ] {
        let option = format!("crate = \"{path}\"");
        let of_path = SOURCE.replace("PATH", path);
        let (succeeded, errors) = build(dependency, &of_path.replace("OPTION", ""));
        assert!(!succeeded, "{path}: {errors}");
        for (attribute, lines) in [("plugin_type", &[2, 4][..]), ("plugin_export", &[6, 8, 10])] {
            let message = format!("error[E0277]: `#[{attribute}]` looks for the crate `plugin_core`, and {found}\n");
            for line in lines {
                let place = format!(" src/lib.rs:{line}:1\n");
                let error = errors.split("\n\n").find(|error| error.starts_with(&message) && error.contains(&place));
                let error = error.unwrap_or_else(|| panic!("{path}: line {line}: {errors}"));
                assert!(error.contains(&format!("{advice} `#[{attribute}({option})]`")), "{error}");
            }
        }
        assert!(!errors.contains("consider importing"), "there is no other advice: {errors}");

        let (succeeded, errors) = build(dependency, &of_path.replace("OPTION", &option));
        assert!(succeeded && errors.is_empty(), "{path}: {errors}");
    }
    // A name that the crate's root gives is not told by the compiler's arguments.
    let named = SOURCE.replace("PATH", "my_sdk").replace("OPTION", "");
    let (succeeded, errors) = build(&renamed, &format!("extern crate my_sdk as plugin_core;\n{named}"));
    assert!(succeeded, "{errors}");
}
