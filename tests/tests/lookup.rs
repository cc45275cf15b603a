//! Look-ups by name and type, and the messages when they fail.

use std::path::Path;

use plugin_host::{Error, Host, PanicStrategy, Signature, inspect};
use tests::{fixture, host, host_with};

fn add_is_exported_as<F: plugin_host::Lookup>(host: &Host) -> String {
    match host.plugin("zoo").unwrap().get::<F>("add") {
        Err(Error::TypeMismatch(mismatch)) => mismatch.to_string(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("found as {}", Signature::of::<F>()),
    }
}

#[test]
fn a_mismatch_prints_both_sides_and_the_difference() {
    let host = host_with(&["zoo"]);
    assert_eq!(
        add_is_exported_as::<fn(u64) -> u64>(&host),
        "export `add` of plugin `zoo` has another type\n  asked for: fn(u64) -> u64\n  exported:  fn(u64, u64) -> u64\n  \
         difference: 1 argument in the host, 2 arguments in the plugin"
    );
    let difference = |error: String| error.rsplit("difference: ").next().unwrap().to_owned();
    assert_eq!(
        difference(add_is_exported_as::<fn(u64, u32) -> u64>(&host)),
        "argument 2: u32 in the host, u64 in the plugin"
    );
    assert_eq!(
        difference(add_is_exported_as::<fn(u64, u64) -> Option<u64>>(&host)),
        "what it returns: Option<u64> in the host, u64 in the plugin"
    );
    assert_eq!(
        difference(add_is_exported_as::<fn(u64, u64)>(&host)),
        "what it returns: () in the host, u64 in the plugin"
    );
    assert_eq!(
        difference(add_is_exported_as::<fn(u64, u64, u64) -> u64>(&host)),
        "3 arguments in the host, 2 arguments in the plugin"
    );
    assert_eq!(
        difference(add_is_exported_as::<fn(&u64, u64) -> u64>(&host)),
        "argument 1: &u64 in the host, u64 in the plugin"
    );
    let several =
        "\n    argument 1: u32 in the host, u64 in the plugin\n    what it returns: u32 in the host, u64 in the plugin";
    assert!(add_is_exported_as::<fn(u32, u64) -> u32>(&host).ends_with(&format!("\n  difference:{several}")));
    assert_eq!(
        difference(add_is_exported_as::<u64>(&host)),
        "a static (`static u64`) in the host, a function in the plugin"
    );
}

/// Types of one layout are still different types.
#[test]
fn the_same_layout_is_not_the_same_type() {
    let host = host_with(&["zoo"]);
    assert!(host.get::<fn(u64) -> i64>("echo_u64").is_err());
    assert!(host.get::<fn(usize) -> usize>("echo_u64").is_err());
    assert!(host.get::<fn(u32) -> u32>("echo_char").is_err());
    assert!(host.get::<fn(Vec<u8>) -> Vec<u8>>("echo_string").is_err());
    assert!(host.get::<fn([u32; 4]) -> [u32; 4]>("echo_array").is_err());
    assert!(host.get::<fn((u64, u8)) -> (u64, u8)>("echo_tuple2").is_err());
    assert!(host.get::<fn((u8,)) -> (u8,)>("echo_tuple2").is_err());
    assert!(host.get::<fn(Option<Box<u64>>) -> Option<Box<u64>>>("echo_box").is_err());
    assert!(host.get::<fn(&mut [f64]) -> f64>("sum").is_err());
    assert!(host.get::<fn(Result<String, u64>) -> Result<String, u64>>("echo_result").is_err());
}

#[test]
fn a_name_that_is_not_exported_suggests_the_closest() {
    let host = host_with(&["zoo"]);
    let error = host.get::<fn()>("ecko_string").unwrap_err();
    assert_eq!(error.to_string(), "no loaded plugin exports `ecko_string`; there is `echo_string`");
    let error = host.plugin("zoo").unwrap().get::<fn()>("lenght").unwrap_err();
    assert_eq!(error.to_string(), "plugin `zoo` exports no `lenght`; there is `length`");
    let error = host.plugin("zoos").unwrap_err();
    assert_eq!(error.to_string(), "no plugin `zoos` is loaded; there is `zoo`");
}

/// Without a similar name, the first ones that exist are listed.
#[test]
fn a_name_that_is_like_no_other_lists_what_exists() {
    let empty = host();
    assert_eq!(empty.plugin("xqj").unwrap_err().to_string(), "no plugin `xqj` is loaded");
    assert_eq!(empty.get::<fn()>("xqj").unwrap_err().to_string(), "no loaded plugin exports `xqj`");
    let host = host_with(&["zoo"]);
    assert_eq!(host.plugin("xqj").unwrap_err().to_string(), "no plugin `xqj` is loaded; there is only `zoo`");
    host.load(fixture("rival")).unwrap();
    assert_eq!(host.plugin("xqj").unwrap_err().to_string(), "no plugin `xqj` is loaded; there are `rival`, `zoo`");
    let zoo = host.plugin("zoo").unwrap();
    let exports = zoo.exports();
    let listed = exports[..8].iter().map(|export| format!("`{}`", export.name)).collect::<Vec<_>>().join(", ");
    let more = exports.len() - 8;
    let error = zoo.get::<fn()>("xqj").unwrap_err();
    assert_eq!(error.to_string(), format!("plugin `zoo` exports no `xqj`; there are {listed} and {more} more"));
}

/// A path without the prefix and the extension is not the path of the library.
#[test]
fn a_library_beside_the_path_that_was_tried_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let library = directory.path().join(tests::library_name("grown-1"));
    std::fs::copy(fixture("grown-1"), &library).unwrap();
    std::fs::write(directory.path().join(tests::library_name("zebra")), "").unwrap();
    let there_is = format!("; there is `{}`", library.display());
    for name in ["grown-1", "grown_1", "libgrown_1.dll", "grown_1.dylib", "libgrown-1.so.1", "grwn1.so"] {
        let error = host().load(directory.path().join(name)).unwrap_err();
        assert!(error.to_string().ends_with(&there_is), "{name}: {error}");
    }
    let error = host().with_search_dir(directory.path()).load("grown").unwrap_err();
    assert!(error.to_string().ends_with(&there_is), "{error}");
    for path in [directory.path().join("xqj.so"), directory.path().join("absent").join("grown-1")] {
        let error = host().load(&path).unwrap_err();
        assert!(matches!(&error, Error::NotFound { closest: None, .. }), "{error}");
    }
}

#[test]
fn hooks_and_hidden_items_are_not_exports() {
    let host = host_with(&["assembled"]);
    for name in ["zuerst", "afterwards", "start", "log", "LOG", "configured_out"] {
        assert!(matches!(host.get::<fn()>(name), Err(Error::NoSuchExport { .. })), "{name}");
    }
}

#[test]
fn a_nul_in_a_name_is_refused() {
    let host = host_with(&["zoo"]);
    assert!(matches!(host.get::<fn()>("a\0b"), Err(Error::NulInName { .. })));
    assert!(matches!(host.get_all::<fn()>("a\0b"), Err(Error::NulInName { .. })));
    assert!(matches!(host.plugin("a\0b"), Err(Error::NulInName { .. })));
    assert!(matches!(host.plugin("zoo").unwrap().get::<fn()>("a\0b"), Err(Error::NulInName { .. })));
    let error = host.load("a\0b").unwrap_err();
    assert!(matches!(&error, Error::NulInName { name, .. } if name == "a\0b"));
    assert_eq!(error.to_string(), "the name \"a\\0b\" contains a NUL; no file or export can be called so");
    assert!(matches!(inspect("a\0b"), Err(Error::NulInName { .. })));
}

#[test]
fn a_name_that_two_plugins_export_is_ambiguous() {
    let host = host_with(&["zoo", "rival"]);
    let error = host.get::<fn() -> String>("who").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`who` is exported by `zoo` and `rival`; ask one of them, `host.plugin(..)?.get(..)` or `.live(..)`, or all, `get_all` or `live_all`"
    );
    for name in ["zoo", "rival"] {
        assert_eq!(host.plugin(name).unwrap().get::<fn() -> String>("who").unwrap()(), name);
    }
    let all = host.get_all::<fn() -> String>("who").unwrap();
    let said: Vec<_> = all.iter().map(|(plugin, who)| (plugin.name().to_owned(), who())).collect();
    assert_eq!(said, [("zoo".to_owned(), "zoo".to_owned()), ("rival".to_owned(), "rival".to_owned())]);
    assert!(host.get_all::<fn()>("nobody").unwrap().is_empty());
    // One of the two has another type. The message says so.
    let error = host.get_all::<fn(u64, u64) -> u64>("add").unwrap_err();
    assert!(matches!(&error, Error::TypeMismatch(mismatch) if mismatch.plugin == "rival"), "{error}");
}

#[test]
fn plugins_and_exports_are_listed() {
    let host = host_with(&["zoo", "assembled"]);
    let names: Vec<_> = host.plugins().iter().map(|plugin| plugin.name().to_owned()).collect();
    assert_eq!(names, ["zoo", "assembled"]);
    let zoo = host.plugin("zoo").unwrap();
    assert_eq!((zoo.name(), zoo.version()), ("zoo", "1.2.3"));
    assert_eq!(zoo.path(), Some(&*fixture("zoo")));
    let exports: Vec<_> = zoo.exports().iter().map(|export| export.name.as_str()).collect();
    assert!(exports.is_sorted());
    let add = zoo.exports().iter().find(|export| export.name == "add").unwrap();
    assert_eq!(add.to_string(), "fn add(a: u64, b: u64) -> u64");
    assert_eq!(add.docs, "Adds.\n\nThe second line of its documentation.");
    assert_eq!(add.signature, Signature::of::<fn(u64, u64) -> u64>());
    assert_eq!(
        (add.module.as_str(), add.arguments.as_slice()),
        ("zoo::functions", &["a".to_owned(), "b".to_owned()][..])
    );
    let shown = |name: &str| zoo.exports().iter().find(|export| export.name == name).unwrap().to_string();
    assert_eq!(shown("pattern"), "fn pattern(_: (u32, u32), c: Vec<u32>, _: bool) -> u32");
    assert_eq!(shown("match"), "fn match(type: u8) -> u8");
    assert_eq!(shown("TEXT"), "static TEXT: &str");
    assert_eq!(shown("LIMITS"), "static LIMITS: RwLock<Vec<u32>>");
    assert_eq!(shown("COUNTER"), "static COUNTER: AtomicU64");
    assert_eq!(shown("nothing"), "fn nothing()");
}

/// The inspection of a file gives the same description as the loaded plugin.
#[test]
fn inspecting_a_file_runs_nothing_and_tells_all() {
    let info = inspect(fixture("zoo")).unwrap();
    let host = host_with(&["zoo"]);
    assert_eq!(*host.plugin("zoo").unwrap().info(), info);
    assert_eq!((info.name.as_str(), info.version.as_str()), ("zoo", "1.2.3"));
    assert_eq!(info.panic, PanicStrategy::Unwind);
    assert!(info.rustc.starts_with("rustc 1."), "{}", info.rustc);
    assert!(info.target.starts_with(std::env::consts::ARCH), "{}", info.target);
    assert!(!info.sdk.is_empty());
    // A plugin whose init panics can be inspected.
    assert_eq!(inspect(fixture("init-panics")).unwrap().name, "init-panics");
}

#[test]
fn exports_of_a_dependency_are_found() {
    let host = host_with(&["assembled"]);
    assert_eq!(host.plugin("assembled").unwrap().version(), "0.4.0");
    assert_eq!(host.get::<fn() -> u32>("part").unwrap()(), 17);
    assert_eq!(host.get::<fn() -> u32>("own").unwrap()(), 18);
}

#[test]
fn each_loading_is_a_library_of_its_own() {
    let (one, two) = (host_with(&["zoo"]), host_with(&["zoo"]));
    let count = |host: &Host| host.get::<fn() -> u32>("count_calls").unwrap()();
    assert_eq!((count(&one), count(&one), count(&two), count(&one)), (1, 2, 1, 3));
}

#[test]
fn bare_names_are_searched_for() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(fixture("init-panics"), directory.path().join(tests::library_name("init-panics"))).unwrap();
    std::fs::copy(fixture("zoo"), directory.path().join(tests::library_name("zoo"))).unwrap();
    let host = host().with_search_dir("/nonexistent").with_search_dir(directory.path());
    let plugin = host.load("zoo").unwrap();
    assert_eq!(plugin.path(), Some(&*directory.path().join(tests::library_name("zoo"))));
    // As cargo does, `-` in a package's name is `_` in the file's; and either finds the plugin.
    assert!(matches!(host.load("init-panics"), Err(Error::InitPanicked { .. })));
    let error = host.load("absent").unwrap_err();
    let Error::NotFound { name, tried, .. } = &error else { panic!("{error}") };
    assert_eq!(name, "absent");
    let exe = std::env::current_exe().unwrap();
    let directories = [Path::new("/nonexistent"), directory.path(), exe.parent().unwrap()];
    assert_eq!(*tried, directories.map(|directory| directory.join(tests::library_name("absent"))));
    for path in tried {
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}
