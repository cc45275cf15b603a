//! Statics that do not change, and those that do.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Mutex, RwLock};

use bytes::Bytes;
use plugin_host::{Error, Host, Lookup, Static};

use super::Mode;

pub fn text_and_elements_are_read(mode: &Mode) {
    let (text, primes) = {
        let host = mode.host("zoo");
        let text = host.get::<&str>("TEXT").unwrap();
        let again = host.get::<&str>("TEXT").unwrap();
        assert!(std::ptr::eq(text.as_ptr(), again.as_ptr()), "one copy at most serves all");
        assert_eq!(*host.get::<&[(u8, bool)]>("PAIRS").unwrap(), [(1, true), (2, false)]);
        assert_eq!(host.get_json("TEXT").unwrap(), "some text");
        (text, host.get::<&[u16]>("PRIMES").unwrap())
    };
    // The handles keep all that they need.
    assert_eq!(*text, "some text");
    assert_eq!(text.len(), 9);
    assert_eq!(*primes, [2, 3, 5, 7]);
}

/// An atomic and a lock are memory that both sides change. Elsewhere, a look-up refuses these, with and without types.
pub fn statics_that_change_are_shared_or_refused(mode: &Mode) {
    fn looked_up<F: Lookup>(mode: &Mode, host: &Host, name: &str) {
        let found = host.get::<F>(name).map(drop);
        match (mode.shares_memory, found) {
            (true, Ok(())) => _ = host.get_json(name).unwrap(),
            (false, Err(Error::CannotLeave(error))) => {
                assert_eq!((error.plugin.as_str(), error.name.as_str()), ("zoo", name));
                assert!(host.get_json(name).is_err());
            }
            (_, found) => panic!("{name}: {found:?}"),
        }
    }
    let host = mode.host("zoo");
    looked_up::<AtomicU64>(mode, &host, "COUNTER");
    looked_up::<AtomicBool>(mode, &host, "FLAG");
    looked_up::<RwLock<Vec<u32>>>(mode, &host, "LIMITS");
    looked_up::<Mutex<Vec<String>>>(mode, &host, "NAMES");
}

/// Statics of the kinds of types that `statics.rs` does not test.
pub fn statics_of_the_other_types_are_read(mode: &Mode) {
    fn value<T: Lookup<Handle = Static<T>> + plugin_core::PluginStatic<Target = T> + Clone>(
        host: &Host,
        name: &str,
    ) -> T {
        (*host.get::<T>(name).unwrap()).clone()
    }
    let host = mode.host("zoo");
    assert_eq!(value::<u32>(&host, "ANSWER"), 42);
    assert_eq!(value::<[f64; 4]>(&host, "TABLE"), [0.5, 1.5, 2.5, 3.5]);
    assert_eq!(value::<Option<u32>>(&host, "MAYBE"), Some(7));
}

pub fn statics_that_are_not_plain_are_copied(mode: &Mode) {
    let (words, choice, events, raw) = {
        let host = mode.host("zoo");
        assert_eq!(host.get_json("WORDS").unwrap(), serde_json::json!(["one", "", "größe"]));
        assert_eq!(host.get_json("CHOICE").unwrap(), serde_json::json!(["this one", 3]));
        type Choice = (Option<Cow<'static, str>>, u8);
        let (words, choice) =
            (host.get::<&[Cow<'static, str>]>("WORDS").unwrap(), host.get::<Choice>("CHOICE").unwrap());
        assert_eq!(host.get_json("EVENTS").unwrap()[1]["Opened"]["size"], 3);
        assert_eq!(host.get_json("RAW").unwrap(), serde_json::json!([b"raw", []]));
        (words, choice, host.get::<&[api::Event]>("EVENTS").unwrap(), host.get::<[Bytes; 2]>("RAW").unwrap())
    };
    assert_eq!(**events, [api::Event::Closed, api::Event::Opened { path: String::new(), size: 3 }]);
    let clone = raw[0].clone();
    drop(raw);
    assert_eq!(clone, "raw", "it keeps the library");
    assert_eq!(**words, ["one", "", "größe"]);
    assert_eq!(*choice, (Some(Cow::Borrowed("this one")), 3));
}
