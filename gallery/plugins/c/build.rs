//! Builds the C library.

fn main() {
    println!("cargo::rerun-if-changed=worker.c");
    cc::Build::new().file("worker.c").flag("-pthread").compile("worker");
}
