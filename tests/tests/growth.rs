//! An interface that grew: a host and a plugin that were built with two versions of the crate that defines it.

use std::sync::Mutex;

use growing_api_1 as old;
use growing_api_2 as new;
use plugin_host::{Error, Host};
use tests::host_with;

fn mismatch<T>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::TypeMismatch(mismatch)) => mismatch.difference,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was found"),
    }
}

fn with_labels(name: &str, labels: &[&str]) -> new::Options {
    let mut options = new::Options::new(name);
    options.labels = labels.iter().map(|&label| label.to_owned()).collect();
    options
}

/// What a new side sees where an old one was on the way.
fn defaulted(name: &str) -> new::Options {
    let mut options = new::Options::new(name);
    (options.retries, options.labels, options.wide) = (3, Vec::new(), 1 << 100);
    options
}

#[test]
fn an_old_host_uses_a_new_plugin() {
    let host = host_with(&["grown-2"]);
    let made = host.get::<fn(&str) -> old::Options>("make_options").unwrap()("new");
    assert_eq!(made, old::Options::new("new"));
    assert_eq!(host.get::<fn(&old::Options) -> String>("name_of").unwrap()(&made), "new");
    assert_eq!(host.get::<fn(&old::Options) -> u32>("retries").unwrap()(&made), 3, "the default");

    let echo = host.get::<fn(Vec<old::Options>) -> Vec<old::Options>>("echo_options").unwrap();
    let all: Vec<old::Options> = (0..100).map(|n| old::Options::new(&n.to_string())).collect();
    assert_eq!(echo(all.clone()), all);

    let mut options = old::Options::new("before");
    host.get::<fn(&mut old::Options, &str)>("rename").unwrap()(&mut options, "after");
    assert_eq!(options, old::Options::new("after"));
}

#[test]
fn a_new_host_uses_an_old_plugin() {
    let host = host_with(&["grown-1"]);
    let made = host.get::<fn(&str) -> new::Options>("make_options").unwrap()("old");
    assert_eq!(made, defaulted("old"));
    let full = with_labels("full", &["a", "b"]);
    assert_eq!(host.get::<fn(&new::Options) -> String>("name_of").unwrap()(&full), "full");

    let echo = host.get::<fn(Vec<new::Options>) -> Vec<new::Options>>("echo_options").unwrap();
    let all: Vec<new::Options> = (0..100).map(|n| with_labels(&n.to_string(), &["x", "y"])).collect();
    let all_defaulted: Vec<new::Options> = (0..100).map(|n| defaulted(&n.to_string())).collect();
    assert_eq!(echo(all), all_defaulted, "what the plugin does not know is lost on the way");

    let mut options = full.clone();
    host.get::<fn(&mut new::Options, &str)>("rename").unwrap()(&mut options, "after");
    assert_eq!(options, defaulted("after"));
}

#[test]
fn equal_versions_lose_nothing() {
    let host = host_with(&["grown-2"]);
    let echo = host.get::<fn(Vec<new::Options>) -> Vec<new::Options>>("echo_options").unwrap();
    let all = vec![with_labels("a", &["b", "c"]), with_labels("", &[])];
    assert_eq!(echo(all.clone()), all);
    let newest = host.get::<fn() -> new::Message>("newest").unwrap()();
    assert_eq!(newest, new::Message::Image { bytes: vec![1, 2, 3], of: new::Options::new("image"), wide: 9 });
}

#[test]
fn a_variant_of_a_newer_plugin_is_the_fallback() {
    let host = host_with(&["grown-2"]);
    assert_eq!(host.get::<fn() -> old::Message>("newest").unwrap()(), old::Message::Unknown);
    let is_unknown = host.get::<fn(old::Message) -> bool>("is_unknown").unwrap();
    assert!(!is_unknown(old::Message::Text("text".to_owned())));
    assert!(!is_unknown(old::Message::Ping));
    assert!(is_unknown(old::Message::Unknown));
}

#[test]
fn a_variant_of_a_newer_host_is_the_fallback() {
    let host = host_with(&["grown-1"]);
    assert_eq!(host.get::<fn() -> new::Message>("newest").unwrap()(), new::Message::Ping);
    let is_unknown = host.get::<fn(new::Message) -> bool>("is_unknown").unwrap();
    assert!(is_unknown(new::Message::Image { bytes: vec![1; 1000], of: with_labels("a", &["b"]), wide: 1 }));
    assert!(!is_unknown(new::Message::Text("text".to_owned())));
    assert!(is_unknown(new::Message::Unknown));
}

#[test]
fn what_grows_may_be_inside_what_does_not() {
    let old_host = host_with(&["grown-2"]);
    let envelope = |message| old::Envelope {
        id: 1,
        options: vec![old::Options::new("a"), old::Options::new("b")],
        message: Some(message),
        checksum: [1, 2, 3],
    };
    let echo = old_host.get::<fn(old::Envelope) -> old::Envelope>("echo_envelope").unwrap();
    for message in [old::Message::Text("text".to_owned()), old::Message::Ping, old::Message::Unknown] {
        assert_eq!(echo(envelope(message.clone())), envelope(message));
    }

    let new_host = host_with(&["grown-1"]);
    let envelope = |message, options| new::Envelope { id: 1, options, message: Some(message), checksum: [1, 2, 3] };
    let echo = new_host.get::<fn(new::Envelope) -> new::Envelope>("echo_envelope").unwrap();
    let image = new::Message::Image { bytes: vec![1], of: with_labels("x", &["y"]), wide: 1 };
    let sent = envelope(image, vec![with_labels("a", &["b"]), with_labels("c", &[])]);
    assert_eq!(echo(sent), envelope(new::Message::Unknown, vec![defaulted("a"), defaulted("c")]));
}

#[test]
fn a_lock_may_hold_what_grows() {
    fn exchange(host: &Host) {
        let latest = host.get::<Mutex<Option<new::Options>>>("LATEST").unwrap();
        *latest.lock().unwrap() = Some(with_labels("latest", &["label"]));
        assert_eq!(latest.lock().unwrap().as_ref().unwrap().name, "latest");
        *latest.lock().unwrap() = None;
        assert_eq!(*latest.lock().unwrap(), None);
    }
    exchange(&host_with(&["grown-1"]));
    exchange(&host_with(&["grown-2"]));
}

/// What a receiver does not know is dropped by its maker, with the author's code.
#[test]
fn a_panic_in_what_is_left_out_is_no_ones() {
    let host = host_with(&["grown-1"]);
    let id_of = host.get::<fn(new::Keyed) -> u8>("id_of").unwrap();
    let mut keyed = new::Keyed::default();
    (keyed.id, keyed.keys) = (3, [new::Key(1)].into());
    let lowered = keyed.clone();
    new::UNHASHABLE.store(true, std::sync::atomic::Ordering::SeqCst);
    let id = id_of(lowered);
    new::UNHASHABLE.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(id, 3);
    assert_eq!(id_of(keyed), 3);
}

#[test]
fn what_does_not_say_that_it_grows_must_be_the_same() {
    let host = host_with(&["grown-2"]);
    let difference = mismatch(host.get::<fn(old::Closed) -> old::Closed>("echo_closed"));
    assert!(difference.contains("Closed: field `name: String` only in the plugin"), "{difference}");
    assert!(difference.contains("#[non_exhaustive]"), "it says how it could have grown: {difference}");
}

#[test]
fn what_grows_does_so_at_its_end() {
    let host = host_with(&["grown-2"]);
    let difference = mismatch(host.get::<fn(old::Shifted) -> old::Shifted>("echo_shifted"));
    assert!(difference.contains("Shifted"), "{difference}");
    assert!(host.get::<fn(new::Shifted) -> new::Shifted>("echo_shifted").is_ok());
}
