//! An interface that grew: a host and a plugin that were built with two versions of the crate that defines it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use growing_api_1 as old;
use growing_api_2 as new;
use plugin_host::{Error, Plugin};

use super::Mode;

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

/// The value that a new side sees after it went through an old side.
fn defaulted(name: &str) -> new::Options {
    let mut options = new::Options::new(name);
    (options.retries, options.labels, options.wide) = (3, Vec::new(), 1 << 100);
    options
}

pub fn an_old_host_uses_a_new_plugin(mode: &Mode) {
    let host = mode.plugin("grown-2");
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

pub fn a_new_host_uses_an_old_plugin(mode: &Mode) {
    let host = mode.plugin("grown-1");
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

pub fn equal_versions_lose_nothing(mode: &Mode) {
    let host = mode.plugin("grown-2");
    let echo = host.get::<fn(Vec<new::Options>) -> Vec<new::Options>>("echo_options").unwrap();
    let all = vec![with_labels("a", &["b", "c"]), with_labels("", &[])];
    assert_eq!(echo(all.clone()), all);
    let newest = host.get::<fn() -> new::Message>("newest").unwrap()();
    assert_eq!(newest, new::Message::Image { bytes: vec![1, 2, 3], of: new::Options::new("image"), wide: 9 });
}

pub fn a_variant_of_a_newer_plugin_is_the_fallback(mode: &Mode) {
    let host = mode.plugin("grown-2");
    assert_eq!(host.get::<fn() -> old::Message>("newest").unwrap()(), old::Message::Unknown);
    let is_unknown = host.get::<fn(old::Message) -> bool>("is_unknown").unwrap();
    assert!(!is_unknown(old::Message::Text("text".to_owned())));
    assert!(!is_unknown(old::Message::Ping));
    assert!(is_unknown(old::Message::Unknown));
}

pub fn a_variant_of_a_newer_host_is_the_fallback(mode: &Mode) {
    let host = mode.plugin("grown-1");
    assert_eq!(host.get::<fn() -> new::Message>("newest").unwrap()(), new::Message::Ping);
    let is_unknown = host.get::<fn(new::Message) -> bool>("is_unknown").unwrap();
    assert!(is_unknown(new::Message::Image { bytes: vec![1; 1000], of: with_labels("a", &["b"]), wide: 1 }));
    assert!(!is_unknown(new::Message::Text("text".to_owned())));
    assert!(is_unknown(new::Message::Unknown));
}

pub fn what_grows_may_be_inside_what_does_not(mode: &Mode) {
    let old_host = mode.plugin("grown-2");
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

    let new_host = mode.plugin("grown-1");
    let envelope = |message, options| new::Envelope { id: 1, options, message: Some(message), checksum: [1, 2, 3] };
    let echo = new_host.get::<fn(new::Envelope) -> new::Envelope>("echo_envelope").unwrap();
    let image = new::Message::Image { bytes: vec![1], of: with_labels("x", &["y"]), wide: 1 };
    let sent = envelope(image, vec![with_labels("a", &["b"]), with_labels("c", &[])]);
    assert_eq!(echo(sent), envelope(new::Message::Unknown, vec![defaulted("a"), defaulted("c")]));
}

pub fn what_grows_may_be_lent(mode: &Mode) {
    let host = mode.plugin("grown-2");
    let copy = host.get::<fn(&[old::Options]) -> Vec<old::Options>>("copy_options").unwrap();
    let all: Vec<old::Options> = (0..100).map(|n| old::Options::new(&n.to_string())).collect();
    assert_eq!(copy(&all), all);
    let copy = host.get::<fn(&old::Envelope) -> old::Envelope>("copy_envelope").unwrap();
    let count_unknown = host.get::<fn(&[old::Message]) -> usize>("count_unknown").unwrap();
    let messages = [old::Message::Text("text".to_owned()), old::Message::Ping, old::Message::Unknown];
    assert_eq!(count_unknown(&messages), 1);
    for message in messages {
        let options = vec![old::Options::new("a"), old::Options::new("b")];
        let envelope = old::Envelope { id: 1, options, message: Some(message), checksum: [1, 2, 3] };
        assert_eq!(copy(&envelope), envelope);
    }
    let mut keyed = old::Keyed::default();
    keyed.id = 3;
    assert_eq!(host.get::<fn(&old::Keyed) -> old::Keyed>("copy_keyed").unwrap()(&keyed).id, 3);
    let all = serde_json::json!([
        { "name": "a", "retries": 1, "labels": [], "wide": 2 },
        { "name": "b", "retries": 3, "labels": ["x", "y"], "wide": 4 },
    ]);
    assert_eq!(host.call_json("copy_options", &serde_json::json!([all])).unwrap(), all);

    let host = mode.plugin("grown-1");
    let copy = host.get::<fn(&[new::Options]) -> Vec<new::Options>>("copy_options").unwrap();
    let all: Vec<new::Options> = (0..100).map(|n| with_labels(&n.to_string(), &["x", "y"])).collect();
    let all_defaulted: Vec<new::Options> = (0..100).map(|n| defaulted(&n.to_string())).collect();
    assert_eq!(copy(&all), all_defaulted, "what the plugin does not know is lost on the way");
    assert_eq!(all[7], with_labels("7", &["x", "y"]), "they are still the host's");
    let count_unknown = host.get::<fn(&[new::Message]) -> usize>("count_unknown").unwrap();
    let image = new::Message::Image { bytes: vec![1; 1000], of: with_labels("a", &["b"]), wide: 1 };
    let messages = [new::Message::Text("text".to_owned()), image.clone(), new::Message::Unknown];
    assert_eq!(count_unknown(&messages), 2);
    assert_eq!(messages[1], image);
}

/// The receiver makes the defaults, refers to them in the held value, and drops them when the call ends.
pub fn what_grows_has_its_defaults_when_it_is_lent(mode: &Mode) {
    let host = mode.plugin("grown-2");
    let expected = |id| format!(r#"{id}, the default, in a box, ["boxed", ""], {{"key": [Some("value")]}}, an error"#);
    let one = host.get::<fn(&old::Noted) -> String>("describe_one").unwrap();
    let all = host.get::<fn(&[old::Noted]) -> Vec<String>>("describe_all").unwrap();
    type Inside = fn(&HashMap<String, old::Noted>, &BTreeMap<u8, Box<old::Noted>>) -> Vec<String>;
    let inside = host.get::<Inside>("describe_inside").unwrap();
    for _ in 0..3 {
        assert_eq!(one(&old::Noted::new(1)), expected(1));
        assert_eq!(all(&[old::Noted::new(2), old::Noted::new(3)]), [expected(2), expected(3)]);
        let map = HashMap::from([("four".to_owned(), old::Noted::new(4))]);
        let tree = BTreeMap::from([5, 6].map(|id| (id, Box::new(old::Noted::new(id)))));
        assert_eq!(inside(&map, &tree), [expected(4), expected(5), expected(6)]);
    }
}

pub fn a_lock_may_hold_what_grows(mode: &Mode) {
    if !mode.shares_memory {
        return;
    }
    fn exchange(host: &Plugin) {
        let latest = host.get::<Mutex<Option<new::Options>>>("LATEST").unwrap();
        *latest.lock().unwrap() = Some(with_labels("latest", &["label"]));
        assert_eq!(latest.lock().unwrap().as_ref().unwrap().name, "latest");
        *latest.lock().unwrap() = None;
        assert_eq!(*latest.lock().unwrap(), None);
    }
    exchange(&mode.plugin("grown-1"));
    exchange(&mode.plugin("grown-2"));
}

/// The maker of a value drops the parts that the receiver does not know. This runs the author's code.
pub fn a_panic_in_a_part_that_is_left_out_reaches_no_caller(mode: &Mode) {
    let host = mode.plugin("grown-1");
    let id_of = host.get::<fn(new::Keyed) -> u8>("id_of").unwrap();
    let mut keyed = new::Keyed::default();
    (keyed.id, keyed.keys) = (3, [new::Key(1)].into());
    let lowered = keyed.clone();
    new::UNHASHABLE.store(true, std::sync::atomic::Ordering::SeqCst);
    let id = id_of(lowered);
    new::UNHASHABLE.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(id, 3);
    let copy = host.get::<fn(&new::Keyed) -> new::Keyed>("copy_keyed").unwrap();
    assert!(copy(&keyed).keys.is_empty(), "the default");
    assert_eq!(keyed.keys.len(), 1);
    assert_eq!(id_of(keyed), 3);
}

pub fn what_does_not_say_that_it_grows_must_be_the_same(mode: &Mode) {
    let host = mode.plugin("grown-2");
    let difference = mismatch(host.get::<fn(old::Closed) -> old::Closed>("echo_closed"));
    assert!(difference.contains("Closed: field `name: String` only in the plugin"), "{difference}");
    assert!(difference.contains("#[non_exhaustive]"), "it says how it could have grown: {difference}");
}

pub fn what_grows_does_so_at_its_end(mode: &Mode) {
    let host = mode.plugin("grown-2");
    let difference = mismatch(host.get::<fn(old::Shifted) -> old::Shifted>("echo_shifted"));
    assert!(difference.contains("Shifted"), "{difference}");
    assert!(host.get::<fn(new::Shifted) -> new::Shifted>("echo_shifted").is_ok());
}

/// The two versions have other names in Rust for the same type, and the same names in descriptors.
pub fn a_new_name_in_rust_changes_nothing(mode: &Mode) {
    let old_labels = [old::Color::Red, old::Color::Mixed { red: 1, r#type: 2 }, old::Color::Unknown]
        .map(|color| old::Label { text: "label".to_owned(), color });
    let new_labels = [new::Tint::Scarlet, new::Tint::Blend { r: 1, kind: 2 }, new::Tint::Other]
        .map(|tint| new::Tag { caption: "label".to_owned(), tint });
    for fixture in ["grown-1", "grown-2"] {
        let host = mode.plugin(fixture);
        let echo = host.get::<fn(old::Label) -> old::Label>("echo_label").unwrap();
        assert_eq!(old_labels.clone().map(&*echo), old_labels, "{fixture}");
        let echo = host.get::<fn(new::Tag) -> new::Tag>("echo_label").unwrap();
        assert_eq!(new_labels.clone().map(&*echo), new_labels, "{fixture}");
        let copy = host.get::<fn(&[old::Label]) -> Vec<old::Label>>("copy_labels").unwrap();
        assert_eq!(copy(&old_labels), old_labels, "{fixture}");
        let copy = host.get::<fn(&[new::Tag]) -> Vec<new::Tag>>("copy_labels").unwrap();
        assert_eq!(copy(&new_labels), new_labels, "{fixture}");

        let label = serde_json::json!({ "text": "label", "color": { "Mixed": { "red": 1, "type": 2 } } });
        assert_eq!(host.call_json("echo_label", &serde_json::json!([label])).unwrap(), label, "{fixture}");
        let label = serde_json::json!({ "text": "label", "color": "Red" });
        assert_eq!(host.call_json("echo_label", &serde_json::json!([label])).unwrap(), label, "{fixture}");
        let label = serde_json::json!({ "caption": "label", "tint": "Red" });
        let error = host.call_json("echo_label", &serde_json::json!([label])).unwrap_err().to_string();
        assert!(error.contains("text") && error.contains("color"), "{fixture}: {error}");
    }
}

pub fn messages_have_the_names_of_descriptors(mode: &Mode) {
    #[plugin_core::plugin_type(name = "Label")]
    struct Wrong {
        #[plugin_type(name = "words")]
        text: String,
        color: new::Tint,
    }
    let host = mode.plugin("grown-2");
    let error = host.get::<fn(Wrong) -> Wrong>("echo_label").err().unwrap().to_string();
    for name in ["Label", "`words", "`text"] {
        assert!(error.contains(name), "{error}");
    }
    for name in ["Wrong", "Tag", "Tint", "caption", "tint"] {
        assert!(!error.contains(name), "{error}");
    }
}
