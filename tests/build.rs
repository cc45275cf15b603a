//! Links one of the programs so that it exports its symbols to the libraries that it loads, and notes the compiler, which
//! builds the fixtures too.

use std::process::Command;

fn main() {
    let compiler = Command::new(std::env::var_os("RUSTC").expect("cargo sets it")).arg("--version").output();
    let version = compiler.expect("the compiler says its version").stdout;
    println!("cargo::rustc-env=PLUGIN_TEST_RUSTC={}", String::from_utf8_lossy(&version).trim());
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg-bin=exporting=-rdynamic");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
