//! Builds the C++ library.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=statics.cpp");
    let is_static = env::var_os("CARGO_FEATURE_STATIC_STDLIB").is_some();
    let mut library = cc::Build::new();
    library.cpp(true).std("c++17").file("statics.cpp");
    if is_static {
        library.cpp_link_stdlib(None);
    }
    library.compile("statics");
    if is_static {
        link_static_stdlib(&library);
    }
}

/// Links the archive of the C++ standard library, which only the C++ compiler knows the place of.
fn link_static_stdlib(library: &cc::Build) {
    let mut compiler = library.get_compiler().to_command();
    let output = compiler.arg("-print-file-name=libstdc++.a").output().expect("the C++ compiler runs");
    let path = String::from_utf8(output.stdout).expect("a path");
    let directory = Path::new(path.trim()).parent().expect("the directory of `libstdc++.a`");
    println!("cargo::rustc-link-search=native={}", directory.display());
    println!("cargo::rustc-link-lib=static:-bundle=stdc++");
}
