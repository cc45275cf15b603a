//! Builds the C++ library.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=statics.cpp");
    let has = |feature| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    let mut library = cc::Build::new();
    library.cpp(true).std("c++17").file("statics.cpp");
    if has("NO_GNU_UNIQUE") {
        library.flag("-fno-gnu-unique");
    }
    if has("STATIC_STDLIB") {
        library.cpp_link_stdlib(None);
    }
    library.compile("statics");
    if has("STATIC_STDLIB") {
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
