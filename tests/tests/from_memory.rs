//! Plugins that are loaded, inspected and upgraded from memory, without a file.

use std::fs;
use std::path::Path;
use std::time::Duration;

use plugin_host::{Error, Host, Limits, Mapping, Trust, Unload, inspect, inspect_bytes, inspect_bytes_with};
use tests::versions::{renamed, replace, version_of};
use tests::{LONG, fixture, library_name, wait_until};

type Number = fn() -> u64;

fn host() -> Host {
    // SAFETY: the tests load what they built, and bytes that are refused.
    Host::new(unsafe { Trust::any() })
}

/// The bytes of a version of the fixture `upgrades`.
fn version(number: u64) -> Vec<u8> {
    version_of(&fixture("upgrades"), number, "serve")
}

#[test]
fn a_plugin_in_memory_is_as_one_in_a_file() {
    let host = host();
    let plugin = host.load_bytes("first", &version(1)).unwrap();
    assert_eq!((plugin.name(), plugin.path(), plugin.revision()), ("upgrades", None, 1));
    assert_eq!(plugin.get::<Number>("version").unwrap()(), 1);
    assert_eq!(host.get::<fn(&str) -> String>("greet").unwrap()("you"), "Hello, you!");

    // Its name is taken, and both are named.
    let error = host.load_bytes("second", &version(2)).unwrap_err();
    let text = "cannot load plugin `upgrades` (from `second`): one of that name is loaded already (from `first`)";
    assert_eq!(error.to_string(), text);
    let other = host.load_bytes("other", &renamed(version(7), "updaters")).unwrap();
    assert_eq!(other.get::<Number>("version").unwrap()(), 7);

    drop((plugin, other));
    let outcome = host.unload("upgrades", LONG).unwrap();
    assert!(cfg!(windows) || outcome == Unload::Unmapped, "{outcome}");
    // A library that is pinned is still known, and nothing is unmapped on Windows.
    assert_eq!(host.close(LONG).len(), if cfg!(windows) { 2 } else { 1 });
}

#[test]
fn a_label_may_be_any_text() {
    let labels =
        ["", "https://example.com/plugins/greeter?version=1&more=yes", "..", "a\nb", "/nonexistent/", "a:b|c*"];
    for label in labels.iter().map(|label| (*label).to_owned()).chain(["long ".repeat(1000), "ü".repeat(150)]) {
        let host = host();
        let plugin = host.load_bytes(&label, &version(3)).unwrap_or_else(|error| panic!("{label:?}: {error}"));
        assert_eq!((plugin.name(), plugin.get::<Number>("version").unwrap()()), ("upgrades", 3));
    }
    assert!(matches!(host().load_bytes("a\0b", &version(1)), Err(Error::NulInName { name, .. }) if name == "a\0b"));
}

#[test]
fn what_is_refused_has_the_label_in_its_error() {
    let bytes = version(1);
    let refused = |host: &Host, bytes: &[u8]| host.load_bytes("the download", bytes).unwrap_err();
    let error = refused(&Host::new(Trust::none()), &bytes);
    let text =
        "`the download` is not trusted: this host trusts no files; create it with a `Trust` that covers this one";
    assert_eq!(error.to_string(), text);

    // SAFETY: only the bytes of the first version are trusted.
    let careful = Host::new(unsafe { Trust::digests([Trust::digest_of(&bytes).to_string().parse().unwrap()]) });
    let error = refused(&careful, &version(2));
    let digest = Trust::digest_of(&version(2));
    let text =
        format!("`the download` is not trusted: its SHA-256 digest {digest} is not among the 1 that this host trusts");
    assert_eq!(error.to_string(), text);
    assert_eq!(careful.load_bytes("the download", &bytes).unwrap().get::<Number>("version").unwrap()(), 1);

    let host = host();
    let mut cases = vec![(&b""[..], "cannot load `the download`: the file is empty; was its build interrupted?")];
    cases.push((b"<html>", "`the download` is not a shared library but "));
    cases.push((&bytes[..bytes.len() / 2], "`the download` is a damaged or truncated library: "));
    for (bytes, start) in cases {
        for error in [refused(&host, bytes), inspect_bytes("the download", bytes).unwrap_err()] {
            assert!(error.to_string().starts_with(start), "{error}");
        }
    }
    let small = Limits::default().with_file(1000);
    let error = inspect_bytes_with("the download", &bytes, &small).unwrap_err();
    assert!(matches!(error, Error::FileTooLarge { limit: 1000, found, .. } if found == bytes.len() as u64), "{error}");
    assert!(matches!(refused(&self::host().with_limits(small), &bytes), Error::FileTooLarge { .. }));

    let in_place = self::host().with_mapping(Mapping::InPlace);
    let text = "`the download` is in memory, and `Mapping::InPlace` maps files only; use `Mapping::Private`, or load it from a \
                file";
    assert_eq!(refused(&in_place, &bytes).to_string(), text);
    assert!(host.plugins().is_empty() && in_place.plugins().is_empty());
}

/// A label is no path, so nothing is looked for beside it.
#[test]
fn an_error_names_no_library_beside_a_label() {
    let library = fixture("upgrades");
    let beside = library.with_extension("rlib");
    let label = beside.to_str().unwrap();
    for error in [host().load_bytes(label, b"<html>").unwrap_err(), inspect_bytes(label, b"<html>").unwrap_err()] {
        assert!(matches!(error, Error::NotALibrary { beside: None, .. }), "{error}");
    }
}

#[test]
fn bytes_are_inspected_as_their_file_is() {
    for fixture in ["upgrades", "zoo"].map(fixture) {
        let info = inspect_bytes("label", &fs::read(&fixture).unwrap()).unwrap();
        assert_eq!(format!("{info:?}"), format!("{:?}", inspect(&fixture).unwrap()));
    }
}

#[test]
fn the_next_version_is_passed_in_memory_too() {
    let host = host();
    let error = host.reload_bytes("first", &version(1)).unwrap_err();
    let text = "`first` replaces nothing: its plugin `upgrades` is not loaded; load it with `Host::load`";
    assert_eq!(error.to_string(), text);
    let plugin = host.load_bytes("first", &version(1)).unwrap();
    let live = host.live::<Number>("version").unwrap();
    let count = host.live::<Number>("count").unwrap();
    assert_eq!((live(), count()), (1, 1));

    let no_file = "`first` is in memory, so plugin `upgrades` has no file to be read again or watched; pass its next version to \
                   `Host::reload_bytes`";
    let refused = [
        host.reload("upgrades").map(drop),
        plugin.reload().map(drop),
        host.watch("upgrades").map(drop),
        plugin.watch().map(drop),
    ];
    refused.into_iter().for_each(|refused| assert_eq!(refused.unwrap_err().to_string(), no_file));

    let second = host.reload_bytes("second", &version(2)).unwrap();
    assert_eq!((second.revision(), second.path(), live(), count()), (2, None, 2, 2));
    let error = host.reload_bytes("third", &version_of(&fixture("upgrades"), 3, "fail init")).unwrap_err();
    assert!(matches!(&error, Error::InitFailed { path, .. } if path == Path::new("third")), "{error}");
    assert_eq!((live(), count()), (2, 3));
}

#[test]
fn versions_in_files_and_in_memory_replace_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(library_name("upgrades"));
    replace(&file, &version(2));
    let host = host().with_watch_quiet(Duration::from_millis(60));
    host.load_bytes("first", &version(1)).unwrap();
    let live = host.live::<Number>("version").unwrap();
    let from_file = host.reload(&file).unwrap();
    assert_eq!((from_file.path(), live()), (Some(&*file), 2));
    let _watch = host.watch("upgrades").unwrap();
    replace(&file, &version(3));
    wait_until("the change upgrades it", || live() == 3);

    // Without a file, it is not watched any more.
    host.reload_bytes("fourth", &version(4)).unwrap();
    replace(&file, &version(5));
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!((live(), live.revision()), (4, 4));
    host.reload(&file).unwrap();
    let _watch = host.watch("upgrades").unwrap();
    replace(&file, &version(6));
    wait_until("the change upgrades it", || live() == 6);
}
