//! The README is a promise. Its sources are the examples, and the examples print the output in the README.

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

/// `web_service.rs` tests that these steps work, with the same texts.
#[test]
fn the_steps_of_the_web_service_are_its_own() {
    let readme = read("README.md");
    let (routes, server) = ("examples/web-service/routes/src/lib.rs", read("examples/web-service/src/main.rs"));
    assert!(readme.contains("cargo run --bin web-service\n"));
    assert!(read("examples/web-service/Cargo.toml").contains("name = \"web-service\""));
    assert!(readme.contains(&format!("]({routes})")));
    // The service's address, and its answers.
    assert!(readme.contains("curl http://127.0.0.1:3000/ ") && server.contains("\"127.0.0.1:3000\""));
    let answer =
        read(routes).lines().find_map(|line| Some(line.split_once("format!(\"")?.1.split_once("\\n\"")?.0.to_owned()));
    let answer = answer.unwrap();
    assert!(answer.contains("first edition"), "{answer}");
    let edited = answer.replace("first edition", "second edition");
    for (visit, answer) in [("1", answer), ("2", edited)] {
        let answer = answer.replace("{visit}", visit);
        assert!(readme.contains(&format!("# {answer}\n")), "README.md does not have: {answer}");
    }
    let block = "    host.load(library)?;\n    let _watch = host.watch(\"routes\")?;\n    let respond = host.live(\"respond\")?;\n";
    assert!(readme.contains(&format!("```rust\n{block}```")) && server.contains(block));
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

/// A plugin has exactly the dependencies that the README names.
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
    let expected = ["greeter", "plugin_core", "plugin_macros", "proc_macro2", "quote", "syn", "unicode_ident"];
    assert_eq!(crates, expected);
}
