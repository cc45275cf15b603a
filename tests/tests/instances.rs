//! Several instances of one library, each under a name of its own.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use plugin_host::{Error, Fault, Host, Mapping, Trust, Unload};
use tests::versions::{replace, version_of};
use tests::{LONG, fixture, host, library_name};

/// A directory with the file of the fixture, which a test replaces.
fn file() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(library_name("upgrades"));
    replace(&file, &version_of(&fixture("upgrades"), 1, "serve"));
    (directory, file)
}

fn names(host: &Host) -> Vec<String> {
    host.plugins().iter().map(|plugin| plugin.name().to_owned()).collect()
}

#[test]
fn instances_have_statics_of_their_own() {
    let (_directory, file) = file();
    let host = host();
    let [left, right] = ["left", "right"].map(|name| host.load_as(&file, name).unwrap());
    assert_eq!(names(&host), ["left", "right"]);
    assert_eq!((left.name(), left.info().name.as_str()), ("left", "upgrades"));
    let [count_left, count_right] = [&left, &right].map(|plugin| plugin.get::<fn() -> u64>("count").unwrap());
    assert_eq!((count_left(), count_left(), count_right()), (1, 2, 1));
    let [at_left, at_right] = [&left, &right].map(|plugin| plugin.get::<AtomicU64>("WAITING").unwrap());
    at_left.store(7, Ordering::SeqCst);
    assert_eq!(at_right.load(Ordering::SeqCst), 0);
    assert_eq!(count_right.label(), "right::count");
    // The one under the package's name is an instance like the others.
    let own = host.load(&file).unwrap();
    assert_eq!(own.get::<fn() -> u64>("count").unwrap()(), 1);
    assert!(matches!(host.get::<fn() -> u64>("count"), Err(Error::Ambiguous { plugins, .. }) if plugins.len() == 3));
    assert_eq!(host.plugin("left").unwrap().get::<fn() -> u64>("count").unwrap()(), 3);
}

#[test]
fn faults_name_the_instance() {
    let host = host();
    let zoo = host.load_as(fixture("zoo"), "left-zoo").unwrap();
    let fault = zoo.get::<fn(i32, i32) -> Result<i32, Fault>>("divide").unwrap()(1, 0).unwrap_err();
    assert_eq!(fault.export.as_deref(), Some("left-zoo::divide"));
    let error = zoo.get::<fn(u8) -> u8>("divide").err().unwrap().to_string();
    assert!(error.contains("`divide` of plugin `left-zoo`"), "{error}");
    // As for packages, `-` and `_` are the same.
    assert!(host.plugin("left_zoo").is_ok());
}

#[test]
fn an_instance_is_upgraded_alone_and_keeps_its_name_and_state() {
    let (directory, file) = file();
    let host = host();
    let [left, right] = ["left", "right"].map(|name| host.load_as(&file, name).unwrap());
    let version = [&left, &right].map(|plugin| plugin.live::<fn() -> u64>("version").unwrap());
    let count = [&left, &right].map(|plugin| plugin.live::<fn() -> u64>("count").unwrap());
    assert_eq!(count.each_ref().map(|count| count()), [1, 1]);
    assert_eq!(count[0](), 2);

    // By its name, from the file that it was loaded from.
    replace(&file, &version_of(&fixture("upgrades"), 2, "serve"));
    let left = host.reload("left").unwrap();
    assert_eq!((left.name(), left.revision()), ("left", 2));
    assert_eq!(version.each_ref().map(|version| version()), [2, 1]);
    assert_eq!(count.each_ref().map(|count| count()), [3, 2], "each has its own state");
    // Through its `Plugin`.
    assert_eq!(right.reload().unwrap().name(), "right");
    assert_eq!(version.each_ref().map(|version| version()), [2, 2]);
    // From another file.
    let other = directory.path().join("other").with_extension(file.extension().unwrap());
    replace(&other, &version_of(&fixture("upgrades"), 3, "serve"));
    assert_eq!(host.reload_as(&other, "right").unwrap().path(), Some(other.as_path()));
    assert_eq!(version.each_ref().map(|version| version()), [2, 3]);
    assert_eq!(count.each_ref().map(|count| count()), [4, 3]);
    assert_eq!(names(&host), ["left", "right"]);

    // No instance has the package's name.
    assert!(matches!(host.reload(&other), Err(Error::NothingToReplace { plugin, .. }) if plugin == "upgrades"));
    let refused = host.reload_as(fixture("zoo"), "left");
    assert!(
        matches!(&refused, Err(Error::OtherPlugin { expected, found, .. }) if expected == "upgrades" && found == "zoo"),
        "{refused:?}"
    );
    assert!(matches!(host.reload_as(&other, "middle"), Err(Error::NothingToReplace { .. })));
    assert_eq!(version.each_ref().map(|version| version()), [2, 3]);
}

#[test]
fn an_instance_is_unloaded_alone() {
    let (_directory, file) = file();
    let host = host();
    host.load_as(&file, "left").unwrap();
    let right = host.load_as(&file, "right").unwrap();
    let count = right.get::<fn() -> u64>("count").unwrap();
    let unloaded = host.unload("left", LONG).unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(unloaded, Unload::Unmapped);
    }
    assert_eq!(count(), 1);
    assert_eq!(names(&host), ["right"]);
    let left = host.load_as(&file, "left").unwrap();
    assert_eq!(left.get::<fn() -> u64>("count").unwrap()(), 1);
}

#[test]
fn a_name_is_one_word_that_no_other_plugin_has() {
    let (_directory, file) = file();
    let host = host();
    host.load_as(&file, "left").unwrap();
    for name in ["", ".", "..", "a/b", "/left", "left.so", "left/"] {
        let error = host.load_as(&file, name).unwrap_err();
        assert!(matches!(&error, Error::UnusableName { name: found, .. } if found == name), "{name}: {error}");
        assert!(error.to_string().contains("is one word without an extension"), "{error}");
    }
    assert!(matches!(host.load_as(&file, "a\0b"), Err(Error::NulInName { .. })));
    assert!(matches!(host.load_as(&file, "left"), Err(Error::AlreadyLoaded { name, .. }) if name == "left"));
    assert_eq!(names(&host), ["left"]);
}

/// The system gives the same library again for the same file.
#[test]
fn a_file_that_is_mapped_in_place_has_one_instance() {
    let (_directory, file) = file();
    // SAFETY: the file is a fixture.
    let host = Host::new(unsafe { Trust::any() }).with_mapping(Mapping::InPlace);
    let left = host.load_as(&file, "left").unwrap();
    let error = host.load_as(&file, "right").unwrap_err();
    assert!(matches!(error, Error::AlreadyMapped { .. }), "{error}");
    assert!(error.to_string().contains("the same library again"), "{error}");
    assert_eq!(left.get::<fn() -> u64>("count").unwrap()(), 1);
    // A copy is another file.
    let copy = file.with_file_name("copy").with_extension(file.extension().unwrap());
    fs::copy(&file, &copy).unwrap();
    let right = host.load_as(&copy, "right").unwrap();
    assert_eq!(right.get::<fn() -> u64>("count").unwrap()(), 1);
}
