//! Links one of the programs so that it exports its symbols to the libraries that it loads.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg-bin=exporting=-rdynamic");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
