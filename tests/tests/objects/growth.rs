//! Objects whose types differ as types that grow may. Two types that fit a third one need not fit each other.

use std::sync::Arc;

use plugin_core::plugin_type;
use plugin_host::Host;
use tests::{fixture, variant};

/// As the two plugins had it before they gave it different fields.
#[plugin_type]
#[non_exhaustive]
struct Config {
    a: u64,
}

type Reader = dyn Fn(Config) -> String + Send + Sync;

/// A host with the two plugins.
fn host() -> Host {
    let host = tests::host();
    host.load_as(fixture("objects"), "numbers").unwrap();
    host.load_as(variant("objects", "text"), "texts").unwrap();
    host
}

#[test]
fn a_closure_of_one_plugin_is_converted_for_another() {
    let host = host();
    let [numbers, texts] = ["numbers", "texts"].map(|name| host.plugin(name).unwrap());
    let reader = |of: &plugin_host::Plugin| of.get::<fn() -> Box<Reader>>("reader").unwrap()();
    let read = |of: &plugin_host::Plugin, f: Box<Reader>| of.get::<fn(Box<Reader>) -> String>("read_with").unwrap()(f);
    assert_eq!(reader(&numbers)(Config { a: 1 }), "1 7");
    assert_eq!(read(&numbers, reader(&texts)), "3 none");
    assert_eq!(read(&texts, reader(&numbers)), "3 7");

    let shared = |of: &plugin_host::Plugin| of.get::<fn() -> Arc<Reader>>("shared_reader").unwrap()();
    let read =
        |of: &plugin_host::Plugin, f: Arc<Reader>| of.get::<fn(&Arc<Reader>) -> String>("read_shared").unwrap()(&f);
    assert_eq!(read(&numbers, shared(&texts)), "3 none");
    assert_eq!(read(&texts, shared(&numbers)), "3 7");

    let configs = |of: &plugin_host::Plugin| of.get::<fn() -> Box<dyn Iterator<Item = Config>>>("configs").unwrap()();
    let read = |of: &plugin_host::Plugin, all| {
        of.get::<fn(Box<dyn Iterator<Item = Config>>) -> Vec<String>>("read_all").unwrap()(all)
    };
    assert_eq!(read(&numbers, configs(&texts)), ["0 7", "1 7", "2 7"]);
    assert_eq!(read(&texts, configs(&numbers)), ["0 none", "1 none", "2 none"]);
}
