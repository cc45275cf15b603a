//! The cost of building a plugin: time, the number of crates, and the size of the library.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::contenders::target_dir;
use crate::generated;

fn cargo(directory: &Path, target: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg("build").args(["--quiet", "--manifest-path"]).arg(directory.join("Cargo.toml"));
    command.arg("--target-dir").arg(target).stdin(Stdio::null());
    command
}

/// Builds from nothing. Returns the seconds that this took, and the path of the library.
fn clean_build(directory: &Path, arguments: &[&str]) -> (f64, PathBuf) {
    let name = directory.file_name().expect("a name").to_string_lossy().replace('-', "_");
    let target = target_dir().join("clean");
    // Downloads and resolution of versions are not measured.
    let fetched =
        Command::new("cargo").args(["fetch", "--quiet", "--manifest-path"]).arg(directory.join("Cargo.toml")).status();
    assert!(fetched.expect("cargo").success());
    _ = std::fs::remove_dir_all(&target);
    let start = Instant::now();
    assert!(cargo(directory, &target).args(arguments).status().expect("cargo").success());
    let seconds = start.elapsed().as_secs_f64();
    let profile = if arguments.contains(&"--release") { "release" } else { "debug" };
    (seconds, target.join(profile).join(format!("lib{name}.so")))
}

/// The number of crates that are compiled for the plugin, with its own.
fn crates(directory: &Path) -> usize {
    let output = Command::new("cargo")
        .args(["tree", "--prefix", "none", "--no-dedupe", "--edges", "normal,build", "--manifest-path"])
        .arg(directory.join("Cargo.toml"))
        .output()
        .expect("cargo");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.split(" (").next()).collect::<std::collections::BTreeSet<_>>().len()
}

/// The library's size without symbols.
fn stripped(library: &Path) -> u64 {
    let to = library.with_extension("stripped");
    assert!(Command::new("strip").arg("-o").arg(&to).arg(library).status().expect("strip").success());
    std::fs::metadata(to).expect("the stripped library").len()
}

const BARE: &str = "/// The greeting.
#[unsafe(no_mangle)]
pub static GREETER: &str = \"Hello, World!\";

#[unsafe(no_mangle)]
pub unsafe extern \"C\" fn greet(name: *const u8, len: usize, give: extern \"C\" fn(*mut u8, usize, usize)) {
    let name = unsafe { str::from_utf8_unchecked(std::slice::from_raw_parts(name, len)) };
    let mut text = std::mem::ManuallyDrop::new(format!(\"{GREETER}, {name}!\"));
    give(text.as_mut_ptr(), text.len(), text.capacity());
}

#[unsafe(no_mangle)]
pub extern \"C\" fn init() {
    println!(\"Greeter plugin loaded!\");
}
";
const OURS: &str = "use plugin_core::plugin_export;

#[plugin_export]
static GREETER: &str = \"Hello, World!\";

#[plugin_export]
fn greet(name: &str) -> String {
    format!(\"{GREETER}, {name}!\")
}

#[plugin_export(init)]
fn init() {
    println!(\"Greeter plugin loaded!\");
}
";
const ABI_STABLE: &str = "use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::prefix_type::PrefixTypeTrait as _;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RStr, RString};

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = ModuleRef)))]
#[sabi(missing_field(panic))]
pub struct Module {
    pub greeter: RStr<'static>,
    pub greet: extern \"C\" fn(RStr<'_>) -> RString,
    #[sabi(last_prefix_field)]
    pub init: extern \"C\" fn(),
}

impl RootModule for ModuleRef {
    abi_stable::declare_root_module_statics! { ModuleRef }
    const BASE_NAME: &'static str = \"greeter\";
    const NAME: &'static str = \"greeter\";
    const VERSION_STRINGS: VersionStrings = abi_stable::package_version_strings!();
}

const GREETER: RStr<'static> = RStr::from_str(\"Hello, World!\");

#[abi_stable::export_root_module]
pub fn module() -> ModuleRef {
    Module { greeter: GREETER, greet, init }.leak_into_prefix()
}

#[abi_stable::sabi_extern_fn]
fn greet(name: RStr<'_>) -> RString {
    format!(\"{GREETER}, {name}!\").into()
}

#[abi_stable::sabi_extern_fn]
fn init() {
    println!(\"Greeter plugin loaded!\");
}
";
const STABBY: &str = "const GREETER: &str = \"Hello, World!\";

#[stabby::export]
pub extern \"C\" fn greeter() -> stabby::str::Str<'static> {
    GREETER.into()
}

#[stabby::export]
pub extern \"C\" fn greet(name: stabby::str::Str<'static>) -> stabby::string::String {
    format!(\"{GREETER}, {}!\", name.as_str()).as_str().into()
}

#[stabby::export]
pub extern \"C\" fn init() {
    println!(\"Greeter plugin loaded!\");
}
";

/// Measures the builds, prints the figures and writes them.
pub fn run() {
    let core = generated::plugin_core();
    let greeters = [
        (crate::BARE, generated::plugin("greeter-bare", "", BARE)),
        (crate::OURS, generated::plugin("greeter-ours", &core, OURS)),
        (crate::ABI_STABLE, generated::plugin("greeter-abi-stable", "abi_stable = \"0.11\"", ABI_STABLE)),
        (crate::STABBY, generated::plugin("greeter-stabby", "stabby = \"72\"", STABBY)),
    ];
    let mut figures = serde_json::Map::new();
    let columns = ["the greeter", "clean build", "in release", "crates", "stripped", "to extern \"C\""];
    let mut text = format!("| {} |\n|{}\n", columns.join(" | "), " --- |".repeat(columns.len()));
    let mut limit = 0.0;
    for (contender, directory) in &greeters {
        let (seconds, _) = clean_build(directory, &[]);
        let crates = crates(directory);
        let (release, library) = clean_build(directory, &["--release"]);
        let size = stripped(&library) as f64;
        if limit == 0.0 {
            limit = size;
        }
        _ = writeln!(
            text,
            "| {contender} | {seconds:.1} s | {release:.1} s | {crates} | {:.0} KB | {:.2} |",
            size / 1000.0,
            size / limit
        );
        let value = json!({ "debug, s": seconds, "release, s": release, "crates": crates, "stripped, bytes": size });
        figures.insert((*contender).to_owned(), value);
    }
    let (sentence, value) = two_hundred(&core);
    _ = writeln!(text, "\n{sentence}");
    figures.insert("200 exports".to_owned(), value);
    println!("{text}");
    crate::report::write_into_readme("builds", &text);
    crate::report::write_json("builds.json", &Value::Object(figures));
}

/// Measures the build of 200 exports, and the macro's share of the time. The rest is the time for the same functions
/// without the attribute.
fn two_hundred(core: &str) -> (String, Value) {
    const EXPORTS: usize = 200;
    let source = |attribute: &str| {
        let mut source = String::new();
        for name in generated::names(0, EXPORTS) {
            _ = writeln!(
                source,
                "{attribute}pub fn {name}(name: &str, n: u64) -> Option<String> {{\n    name.get(n as usize..).map(str::to_owned)\n}}"
            );
        }
        source
    };
    let with = generated::plugin("exports-200", core, &source("#[plugin_core::plugin_export]\n"));
    let without = generated::plugin("functions-200", core, &source("#[unsafe(no_mangle)]\n"));
    let bare = measure_crate(&without);
    let ours = measure_crate(&with);
    let share = |ours: f64, bare: f64| 100.0 * (ours - bare) / ours;
    let sentence = format!(
        "200 exports: the crate itself compiles in {:.2} s (debug) and {:.2} s (release), without the attribute in {:.2} s \
         and {:.2} s, so the macro's share is {:.0} % and {:.0} %; each export adds {:.0} bytes to the stripped library.",
        ours.0,
        ours.1,
        bare.0,
        bare.1,
        share(ours.0, bare.0),
        share(ours.1, bare.1),
        (ours.2 - bare.2) / EXPORTS as f64
    );
    let value = json!({
        "debug, s": ours.0, "release, s": ours.1, "debug without the attribute, s": bare.0,
        "release without the attribute, s": bare.1, "bytes per export": (ours.2 - bare.2) / EXPORTS as f64,
    });
    (sentence, value)
}

/// Returns the time that the crate itself takes to build, without and with optimisation, and the size of the optimised
/// library.
fn measure_crate(directory: &Path) -> (f64, f64, f64) {
    let again = |arguments: &[&str]| {
        let (_, library) = clean_build(directory, arguments);
        let target = target_dir().join("clean");
        let times = (0..3).map(|_| {
            let file = std::fs::File::options().append(true).open(directory.join("src/lib.rs")).expect("the source");
            file.set_modified(std::time::SystemTime::now()).expect("the source");
            let start = Instant::now();
            assert!(cargo(directory, &target).args(arguments).status().expect("cargo").success());
            start.elapsed().as_secs_f64()
        });
        (crate::measure::median(times.collect()), library)
    };
    let (debug, _) = again(&[]);
    let (release, library) = again(&["--release"]);
    (debug, release, stripped(&library) as f64)
}
