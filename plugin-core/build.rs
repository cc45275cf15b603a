//! Tells the crate its compiler, for the record in every plugin, and the parts of the target that a host can control.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().ok().and_then(|out| String::from_utf8(out.stdout).ok());
    println!("cargo::rustc-env=PLUGIN_CORE_RUSTC={}", version.as_deref().unwrap_or("unknown").trim());
    let of_target = |what: &str| std::env::var(what).unwrap_or_default();
    println!("cargo::rustc-env=PLUGIN_CORE_TARGET={}", of_target("TARGET"));

    // Targets on which a host can control a library's threads and thread-locals: see `src/runtime/threads/mod.rs`. A
    // statically linked C library has no loader, so no host can load a library there.
    println!("cargo::rustc-check-cfg=cfg(controllable)");
    let is_static = of_target("CARGO_CFG_TARGET_FEATURE").split(',').any(|feature| feature == "crt-static");
    let known = ["x86_64", "aarch64"].contains(&of_target("CARGO_CFG_TARGET_ARCH").as_str());
    let is_gnu = of_target("CARGO_CFG_TARGET_OS") == "linux" && of_target("CARGO_CFG_TARGET_ENV") == "gnu";
    if is_gnu && known && !is_static {
        println!("cargo::rustc-cfg=controllable");
    }

    // Targets on which `corosensei` switches stacks with a stable compiler. The manifest has the same condition for the
    // dependency.
    println!("cargo::rustc-check-cfg=cfg(stacks)");
    let stacks: &[&str] = match of_target("CARGO_CFG_TARGET_FAMILY").as_str() {
        "unix" => &["x86_64", "aarch64", "riscv64", "loongarch64"],
        "windows" => &["x86_64"],
        _ => &[],
    };
    if stacks.contains(&of_target("CARGO_CFG_TARGET_ARCH").as_str()) {
        println!("cargo::rustc-cfg=stacks");
    }
}
