//! The compiler's arguments, which tell about the crate that is compiled.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::OnceLock;

/// Returns true if the crate is compiled as a library that a host can load. A host loads a `dylib` as well, though a
/// `cdylib` is smaller.
pub(crate) fn is_library() -> bool {
    crate_types().iter().any(|types| types.split(',').any(|ty| matches!(ty, "cdylib" | "dylib")))
}

/// The kinds of output that the compiler was asked for. Only its arguments tell.
fn crate_types() -> Vec<&'static str> {
    values_of("--crate-type", arguments())
}

/// The name of plugin-core in the author's crate, as far as the compiler's arguments tell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Dependency {
    /// The usual name, or the arguments name no crate at all.
    Usual,
    /// Another name.
    Renamed(String),
    /// The arguments name other crates only.
    Unknown,
}

/// The name of plugin-core in the crate that is compiled.
pub(crate) fn dependency() -> &'static Dependency {
    static DEPENDENCY: OnceLock<Dependency> = OnceLock::new();
    DEPENDENCY.get_or_init(|| Dependency::of(arguments()))
}

impl Dependency {
    /// Reads arguments such as `--extern name=path/libplugin_core-0123.rmeta`, where `name` may have options before it.
    fn of(arguments: &[String]) -> Self {
        let crates: Vec<(&str, &str)> = values_of("--extern", arguments)
            .into_iter()
            .map(|value| value.split_once('=').unwrap_or((value, "")))
            .map(|(name, file)| (name.rsplit(':').next().unwrap_or(name), file))
            .collect();
        if crates.is_empty() || crates.iter().any(|(name, _)| *name == "plugin_core") {
            return Dependency::Usual;
        }
        let is_plugin_core = |file: &str| {
            let name = Path::new(file).file_name().and_then(OsStr::to_str).unwrap_or_default();
            let name = name.strip_prefix("lib").unwrap_or(name);
            name.strip_prefix("plugin_core").is_some_and(|rest| rest.starts_with(['-', '.']))
        };
        match crates.iter().find(|(_, file)| is_plugin_core(file)) {
            Some((name, _)) => Dependency::Renamed((*name).to_owned()),
            None => Dependency::Unknown,
        }
    }
}

/// The values of an option: `--option value` or `--option=value`.
fn values_of<'a>(option: &str, arguments: &'a [String]) -> Vec<&'a str> {
    let mut arguments = arguments.iter().map(String::as_str);
    let values = std::iter::from_fn(|| {
        let value = arguments.find_map(|argument| match argument.strip_prefix(option)? {
            "" => Some(None),
            rest => Some(Some(rest.strip_prefix('=')?)),
        });
        value?.or_else(|| arguments.next())
    });
    values.collect()
}

/// The compiler's arguments, and those in the files that these name.
fn arguments() -> &'static [String] {
    static ARGUMENTS: OnceLock<Vec<String>> = OnceLock::new();
    ARGUMENTS.get_or_init(|| {
        let mut all: Vec<String> =
            std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let files = all.iter().filter_map(|argument| std::fs::read_to_string(argument.strip_prefix('@')?).ok());
        let in_files: Vec<String> =
            files.flat_map(|file| file.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        all.extend(in_files);
        all
    })
}

/// A text that is different for each crate of the same name in a program: the crate's kind, and the metadata that cargo passes
/// to the compiler. The compiler refuses a program with two crates that have the same name, kind and metadata. For a crate
/// without metadata, the text is all of the compiler's arguments.
pub(crate) fn metadata() -> &'static str {
    static METADATA: OnceLock<String> = OnceLock::new();
    METADATA.get_or_init(|| {
        let mut all: Vec<&str> = arguments().iter().map(String::as_str).collect();
        let metadata: Vec<&str> = all.iter().copied().filter(|one| one.contains("metadata=")).collect();
        if metadata.is_empty() {
            let directory = std::env::current_dir().map(|directory| directory.to_string_lossy().into_owned());
            all.extend(directory.as_deref());
            return all.join(" ");
        }
        format!("{} {}", crate_types().join(","), metadata.join(" "))
    })
}

#[cfg(test)]
mod tests {
    use super::Dependency;

    fn dependency(arguments: &[&str]) -> Dependency {
        Dependency::of(&arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_tell_the_name_of_plugin_core() {
        let renamed = Dependency::Renamed("my_sdk".to_owned());
        assert_eq!(dependency(&["--extern", "my_sdk=deps/libplugin_core-0123.rmeta"]), renamed);
        assert_eq!(
            dependency(&["--extern", "other=a.rlib", "--extern=priv,noprelude:my_sdk=libplugin_core.rlib"]),
            renamed
        );
        for usual in [
            &["--extern", "plugin_core"][..],
            &["--extern=my_sdk=x.rlib", "--extern", "priv:plugin_core=libx.rlib"],
            &[],
        ] {
            assert_eq!(dependency(usual), Dependency::Usual, "{usual:?}");
        }
        for unknown in ["framework=deps/libframework-0123.rmeta", "more=deps/libplugin_core_more-0123.rmeta"] {
            assert_eq!(dependency(&["--extern", unknown]), Dependency::Unknown, "{unknown}");
        }
        assert_eq!(dependency(&["--extern-html-root-url", "my_sdk=libplugin_core.rlib"]), Dependency::Usual);
    }
}
