//! Objects of types that may grow.

use plugin_core::plugin_type;

/// The type as the host knows it. Two plugins have it with another field each.
#[plugin_type]
#[non_exhaustive]
struct Options {
    name: String,
}

#[test]
fn an_object_goes_to_a_library_that_fits_the_host_and_not_the_maker() {
    let host = tests::host();
    let [left, right] = ["left", "right"].map(|name| host.load_as(tests::fixture("objects"), name).unwrap());
    let f = left.get::<fn() -> Box<dyn Fn(Options) -> String>>("takes_numbered").unwrap()();
    let call = right.get::<fn(Box<dyn Fn(Options) -> String>) -> String>("calls_with_colored").unwrap();
    assert_eq!(call(f), "name 3");
    let items = left.get::<fn() -> Box<dyn Iterator<Item = Options>>>("numbered").unwrap()();
    let colors = right.get::<fn(Box<dyn Iterator<Item = Options>>) -> Vec<String>>("colors").unwrap();
    assert_eq!(colors(items), ["onered"]);
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
