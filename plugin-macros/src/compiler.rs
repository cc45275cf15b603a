//! The compiler's arguments, which tell about the crate that is compiled.

use std::sync::OnceLock;

/// Returns true if the crate is compiled as a library that a host can load. A host loads a `dylib` as well, though a
/// `cdylib` is smaller.
pub(crate) fn is_library() -> bool {
    crate_types().iter().any(|types| types.split(',').any(|ty| matches!(ty, "cdylib" | "dylib")))
}

/// The kinds of output that the compiler was asked for. Only its arguments tell.
fn crate_types() -> Vec<String> {
    let mut arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let types = std::iter::from_fn(|| {
        let argument = arguments
            .find_map(|argument| Some(argument.strip_prefix("--crate-type")?.strip_prefix('=').map(str::to_owned)));
        argument?.or_else(|| arguments.next())
    });
    types.collect()
}

/// A text that is different for each crate of the same name in a program: the crate's kind, and the metadata that cargo passes
/// to the compiler. The compiler refuses a program with two crates that have the same name, kind and metadata. For a crate
/// without metadata, the text is all of the compiler's arguments.
pub(crate) fn metadata() -> &'static str {
    static METADATA: OnceLock<String> = OnceLock::new();
    METADATA.get_or_init(|| {
        let arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
        let mut all: Vec<String> = arguments.collect();
        // Arguments may be in a file.
        let files = all.iter().filter_map(|argument| std::fs::read_to_string(argument.strip_prefix('@')?).ok());
        let in_files: Vec<String> =
            files.flat_map(|file| file.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        all.extend(in_files);
        let metadata: Vec<&str> = all.iter().map(String::as_str).filter(|one| one.contains("metadata=")).collect();
        if metadata.is_empty() {
            all.extend(std::env::current_dir().map(|directory| directory.to_string_lossy().into_owned()));
            return all.join(" ");
        }
        format!("{} {}", crate_types().join(","), metadata.join(" "))
    })
}
