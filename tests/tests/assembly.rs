//! A call costs one indirect call and one test. The machine code of the fixture `caller` shows that.

#![cfg(target_arch = "x86_64")]

use std::process::Command;

use tests::{fixture_dir, fixture_target_dir, is_long_run};

/// The instructions of each function of `caller`, as the compiler wrote them.
fn assembly() -> String {
    let target = fixture_target_dir("assembly");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["rustc", "--release", "--lib", "--manifest-path"])
        .arg(fixture_dir("caller").join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .args(["--", "--emit", "asm", "-Ccodegen-units=1", "-Cdebuginfo=0"])
        // Instrumented code has more instructions.
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = std::fs::read_dir(target.join("release/deps")).unwrap().map(|entry| entry.unwrap().path());
    let newest = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "s"))
        .max_by_key(|path| path.metadata().unwrap().modified().unwrap());
    std::fs::read_to_string(newest.expect("cargo has written the assembly")).unwrap()
}

/// The instructions from a function's label to its end.
fn instructions<'a>(assembly: &'a str, function: &str) -> Vec<&'a str> {
    let label = format!("{function}:");
    let body = assembly.lines().skip_while(|line| **line != label).skip(1);
    let body = body.take_while(|line| !line.starts_with(".Lfunc_end"));
    let code = body.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['.', '#']));
    code.collect()
}

#[test]
fn a_call_is_one_indirect_call_and_one_test() {
    if !is_long_run("the machine code of a host, which is built anew and optimised") {
        return;
    }
    let assembly = assembly();
    for (function, most) in [("call_add", 20), ("call_length", 20), ("call_scale", 20)] {
        let code = instructions(&assembly, function);
        let text = code.join("\n");
        // The path of a normal return: the instructions before the first `ret`.
        let end = code.iter().position(|line| line.starts_with("ret")).unwrap_or_else(|| panic!("{text}"));
        let returns = &code[..=end];
        let calls: Vec<_> = returns.iter().filter(|line| line.starts_with("call")).collect();
        assert_eq!(calls.len(), 1, "{function}:\n{text}");
        assert!(calls[0].contains('*') || calls[0].contains("ptr ["), "not indirect: {}\n{text}", calls[0]);
        let branches = returns.iter().filter(|line| line.starts_with('j')).count();
        assert_eq!(branches, 1, "{function}:\n{text}");
        assert!(returns.len() <= most, "{function} takes {} instructions:\n{text}", returns.len());
    }
}
