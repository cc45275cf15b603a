//! The whole messages about files that are loaded by mistake. The near misses are those of a newcomer who looks into cargo's
//! target directory.

use std::fs;
use std::path::Path;

use plugin_host::{Error, Host, Trust};
use tempfile::TempDir;
use tests::{fixture, host, library_name};

/// A directory with the library `melon_1`, and the name of that library's file.
fn built() -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let library = library_name("melon-1");
    fs::copy(fixture("grown-1"), directory.path().join(&library)).unwrap();
    (directory, library)
}

/// The message, with `DIR` for the directory's path.
fn message(error: Error, directory: &Path) -> String {
    error
        .to_string()
        .replace(&format!("{}{}", directory.display(), std::path::MAIN_SEPARATOR), "DIR/")
        .replace(&directory.display().to_string(), "DIR")
}

fn refused(directory: &Path, path: impl AsRef<Path>) -> String {
    message(host().load(directory.join(path)).unwrap_err(), directory)
}

#[test]
fn a_path_that_is_nearly_the_librarys() {
    let (directory, library) = built();
    for name in ["melon_1", "melon-1", "libmelon_1", "libmelon-1.x.so", "melon_9"] {
        assert_eq!(
            refused(directory.path(), name),
            format!("cannot load `DIR/{name}`: no such file; tried `DIR/{name}`; there is `DIR/{library}`")
        );
    }
}

#[test]
fn a_path_that_is_like_no_other_lists_what_there_is() {
    let (directory, library) = built();
    assert_eq!(
        refused(directory.path(), "xqj"),
        format!("cannot load `DIR/xqj`: no such file; tried `DIR/xqj`; there is only `DIR/{library}`")
    );
    let names: Vec<String> = ('a'..='j').map(|name| library_name(&name.to_string().repeat(3))).collect();
    for name in &names {
        fs::write(directory.path().join(name), "").unwrap();
    }
    let mut all: Vec<String> = names.into_iter().chain([library]).collect();
    all.sort();
    let listed = all[..8].iter().map(|name| format!("`DIR/{name}`")).collect::<Vec<_>>().join(", ");
    assert_eq!(
        refused(directory.path(), "xqj"),
        format!("cannot load `DIR/xqj`: no such file; tried `DIR/xqj`; there are {listed} and 3 more")
    );
    assert_eq!(
        refused(directory.path(), "absent/melon_1"),
        "cannot load `DIR/absent/melon_1`: no such file; tried `DIR/absent/melon_1`"
    );
}

#[test]
fn a_name_that_is_searched_for() {
    let (directory, library) = built();
    let search = |name| {
        let host = Host::new(Trust::none()).with_search_dir(directory.path());
        let error = message(host.load(name).unwrap_err(), directory.path());
        // The host also searches beside its program.
        let beside = std::env::current_exe().unwrap().with_file_name(library_name(name));
        error.replace(&format!(", `{}`", beside.display()), "")
    };
    let tried = library_name("melon");
    assert_eq!(
        search("melon"),
        format!("cannot load `melon`: no such file; tried `DIR/{tried}`; there is `DIR/{library}`")
    );
}

/// In a process of its own, because its directory changes.
#[test]
fn a_file_name_without_a_directory() {
    const CHILD: &str = "PLUGIN_TEST_FILE_NAME";
    let Some(directory) = std::env::var_os(CHILD) else {
        let (directory, _) = built();
        let here = directory.path().join("here");
        fs::create_dir(&here).unwrap();
        return tests::assert_child("a_file_name_without_a_directory", CHILD, &here, 0);
    };
    std::env::set_current_dir(&directory).unwrap();
    // The kernel may know the directory by another path.
    let here = std::env::current_dir().unwrap();
    let above = here.parent().unwrap();
    let exe = std::env::current_exe().unwrap();
    let beside = exe.parent().unwrap().display();
    let load = |name: &str| message(host().with_search_dir(above).load(name).unwrap_err(), above);
    let sep = std::path::MAIN_SEPARATOR;

    let library = library_name("melon-1");
    let advice = |name| {
        format!(
            "a file name means a file in the current directory: write `{name}` to look in the host's search directories"
        )
    };
    for name in [&library, "melon_1.so"] {
        assert_eq!(
            load(name),
            format!(
                "cannot load `{name}`: no such file; tried `DIR/here{sep}{name}`; there is `DIR/{library}`; {}",
                advice("melon_1")
            )
        );
    }
    assert_eq!(
        load("xqj.so"),
        format!("cannot load `xqj.so`: no such file; tried `DIR/here{sep}xqj.so`; {}", advice("xqj"))
    );
    // This path has a directory, so it gets no advice.
    assert_eq!(load("./xqj.so"), "cannot load `./xqj.so`: no such file; tried `./xqj.so`");

    // The library is in the current directory, which is not searched.
    fs::rename(above.join(&library), here.join(&library)).unwrap();
    let tried = beside.to_string();
    assert_eq!(
        load("melon_1"),
        format!(
            "cannot load `melon_1`: no such file; tried `DIR/{library}`, `{tried}{sep}{library}`; there is `.{sep}{library}`"
        )
    );
}

#[test]
fn a_directory() {
    let (directory, library) = built();
    assert_eq!(
        refused(directory.path(), ""),
        format!("cannot load `DIR/`: it is a directory; name a library file; there is only `DIR/{library}`")
    );
    fs::create_dir_all(directory.path().join("melon-1/src")).unwrap();
    assert_eq!(
        refused(directory.path(), "melon-1"),
        "cannot load `DIR/melon-1`: it is a directory; name a library file, which is not in it"
    );
}

/// Cargo puts a program, an archive and a list of sources of the same name beside a library.
#[test]
fn another_file_of_the_same_crate() {
    let (directory, library) = built();
    let program = fs::read(std::env::current_exe().unwrap()).unwrap();
    let files: [(&str, &str, &[u8]); 5] = [
        ("melon_1", "a program", &program),
        ("melon-1", "a program", &program),
        ("libmelon_1.rlib", "an archive, as an rlib or staticlib is", b"!<arch>\n"),
        ("libmelon_1.a", "an archive, as an rlib or staticlib is", b"!<arch>\n"),
        ("libmelon_1.d", "a text file", b"libmelon_1.so: src/lib.rs\n"),
    ];
    for (name, found, bytes) in files {
        fs::write(directory.path().join(name), bytes).unwrap();
        let message = format!("`DIR/{name}` is not a shared library but {found}; there is `DIR/{library}`");
        assert_eq!(refused(directory.path(), name), message);
    }
    fs::remove_file(directory.path().join(&library)).unwrap();
    for (name, found, _) in files {
        let message = format!("`DIR/{name}` is not a shared library but {found}; a plugin's crate-type is \"cdylib\"");
        assert_eq!(refused(directory.path(), name), message);
    }
}

/// A file without the prefix beside the library is what its name says, and no other.
#[cfg(not(windows))]
#[test]
fn a_file_of_nearly_the_same_name() {
    let (directory, library) = built();
    let other = library.strip_prefix("lib").unwrap();
    fs::write(directory.path().join(other), "text").unwrap();
    assert_eq!(
        refused(directory.path(), other),
        format!("`DIR/{other}` is not a shared library but a text file; there is `DIR/{library}`")
    );
    fs::copy(fixture("rival"), directory.path().join(other)).unwrap();
    assert_eq!(host().load(directory.path().join(other)).unwrap().name(), "rival");
    assert_eq!(host().load(directory.path().join(library)).unwrap().name(), "grown-1");
}

#[test]
fn a_library_that_is_no_plugin() {
    let plain = fixture("plain");
    assert_eq!(
        message(host().load(&plain).unwrap_err(), plain.parent().unwrap()),
        format!(
            "`DIR/{}` is a shared library but no plugin: it has no table `plugin_table_v2`; does it depend on plugin-core and \
             have a `#[plugin_export]`?",
            library_name("plain")
        )
    );
}
