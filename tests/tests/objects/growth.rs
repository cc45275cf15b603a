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

/// The first version of the interface.
mod old {
    use plugin_core::plugin_interface;

    #[plugin_interface]
    pub(super) trait Counter {
        fn next(&mut self) -> u64;
        fn name(&self) -> String {
            "the host's old".to_owned()
        }
    }
}

/// The second version.
mod new {
    use plugin_core::plugin_interface;

    #[plugin_interface]
    pub(super) trait Counter {
        fn next(&mut self) -> u64;
        fn name(&self) -> String {
            "the host's new".to_owned()
        }
        fn skip(&mut self, count: u32) -> u64 {
            (0..count).for_each(|_| _ = self.next());
            self.next() * 100
        }
        fn end(self: Box<Self>) -> String {
            format!("end here of {}", self.name())
        }
    }
}

/// A version whose new method has no default body.
mod strict {
    use plugin_core::plugin_interface;

    #[plugin_interface]
    pub(super) trait Counter {
        fn next(&mut self) -> u64;
        fn name(&self) -> String;
        fn reset(&mut self);
    }
}

struct Counts(u64);

impl old::Counter for Counts {
    fn next(&mut self) -> u64 {
        self.0 += 5;
        self.0
    }
}

impl new::Counter for Counts {
    fn next(&mut self) -> u64 {
        self.0 += 5;
        self.0
    }
}

#[test]
fn an_old_object_runs_the_default_bodies_of_new_methods() {
    let host = tests::host_with(&["objects"]);
    let mut counter = host.get::<fn() -> Box<dyn new::Counter>>("old_counter").unwrap()();
    assert_eq!((counter.next(), counter.name().as_str()), (1, "old"));
    assert_eq!(counter.skip(2), 400, "this library's body, with the plugin's `next`");
    assert_eq!(counter.end(), "end here of old");
    // The other way: the host has the old version.
    let use_new = host.get::<fn(Box<dyn old::Counter>) -> (u64, String)>("use_new").unwrap();
    assert_eq!(use_new(Box::new(Counts(0))), (15, "end of the host's old".to_owned()));
}

#[test]
fn a_new_object_serves_where_the_old_interface_is_known() {
    let host = tests::host_with(&["objects"]);
    let mut counter = host.get::<fn() -> Box<dyn old::Counter>>("new_counter").unwrap()();
    assert_eq!((counter.next(), counter.name().as_str()), (1, "new"));
    type New = dyn new::Counter;
    let use_old = host.get::<fn(&mut New) -> (u64, String)>("use_old").unwrap();
    assert_eq!(use_old(&mut Counts(1)), (6, "the host's new".to_owned()));
    // The host has the old version, and both plugins have the new one: the object is passed on with a proxy between.
    let use_new = host.get::<fn(Box<dyn old::Counter>) -> (u64, String)>("use_new").unwrap();
    assert_eq!(use_new(counter), (4, "end of new".to_owned()));
}

#[test]
fn other_differences_are_refused_by_name() {
    let host = tests::host_with(&["objects"]);
    let error = host.get::<fn() -> Box<dyn strict::Counter>>("old_counter").err().unwrap().to_string();
    assert!(
        error.contains("Counter: method `fn reset(&mut self)` only in the host, and without a default body"),
        "{error}"
    );
    let error = host.get::<fn(Box<dyn old::Counter>)>("takes_other").err().unwrap().to_string();
    println!("{error}");
    for line in [
        "Counter: methods in another order: host next, name; plugin name, next",
        "Counter: method `fn last(&self, &str) -> bool` only in the plugin",
        "Counter.next: `fn next(&mut self) -> u64` in the host, `fn next(&self) -> u32` in the plugin",
    ] {
        assert!(error.contains(line), "{line}\n{error}");
    }
    let error = host.get::<fn() -> Box<dyn old::Counter + Send>>("old_counter").err().unwrap().to_string();
    assert!(
        error.contains("`Box<dyn Counter + Send>` in the host, `Box<dyn Counter>` in the plugin")
            || error.contains("Send"),
        "{error}"
    );
    println!("{error}");
}
