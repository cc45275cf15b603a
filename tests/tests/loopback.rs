//! Plugins whose values all cross as bytes, as they do to another process: all that the conformance suite does not show.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use api::{Event, Node};
use plugin_host::__private::{Loopback, Message, loopback};
use plugin_host::{Cause, Error, Fault, Function, Host};
use serde_json::{Value, json};
use tests::{host_with, rounds, small_stack};

/// A host with the fixture `zoo`, and a host that reaches an instance of that plugin only by bytes.
fn loaded_and_looped() -> (Host, Host) {
    (host_with(&["zoo"]), loopback(host_with(&["zoo"])).unwrap())
}

/// Returns a host that reaches a fixture by bytes, with a limit for the length of a message. `change` sees each message.
fn looped(fixture: &str, max_bytes: usize, change: impl Fn(Message<'_>) + Send + Sync + 'static) -> Host {
    let host = tests::host();
    Loopback::new(host_with(&[fixture])).through(max_bytes, change).load(&host).unwrap();
    host
}

#[test]
fn a_function_is_called_with_the_same_handle() {
    let (loaded, looped) = loaded_and_looped();
    type Repeat = fn(u32, String) -> String;
    let functions: [Function<Repeat>; 2] = [&loaded, &looped].map(|host| host.get::<Repeat>("repeat").unwrap());
    for repeat in &functions {
        assert_eq!(repeat.label(), "zoo::repeat");
        assert_eq!(repeat(3, "ab".to_owned()), "ababab");
        assert_eq!(repeat(0, "ab".to_owned()), "");
    }
    // The handle that follows upgrades, and the one without types.
    let repeat = looped.live::<fn(u32, String) -> Result<String, Fault>>("repeat").unwrap();
    assert_eq!(repeat(2, "é".to_owned()).unwrap(), "éé");
    assert_eq!(repeat.pin()(1, "é".to_owned()).unwrap(), "é");
    assert_eq!(looped.call_json("repeat", &json!([2, "x"])).unwrap(), "xx");

    // The handle alone keeps all that it needs.
    let [_, repeat] = functions;
    drop((loaded, looped));
    assert_eq!(repeat(2, "still ".to_owned()), "still still ");
}

#[test]
fn a_panic_arrives_as_the_same_fault() {
    let faults = loaded_and_looped();
    let [loaded, looped] = [faults.0, faults.1].map(|host| {
        let divide = host.get::<fn(i32, i32) -> Result<i32, Fault>>("divide").unwrap();
        assert_eq!(divide(7, 2).unwrap(), 3);
        divide(1, 0).unwrap_err()
    });
    assert_eq!(looped, loaded);
    assert_eq!((looped.cause, looped.export.as_deref()), (Cause::Panicked, Some("zoo::divide")));
    assert!(looped.location.is_some_and(|place| place.file.ends_with("panics.rs")));
}

/// This also shows that the values do cross as bytes: in process, the same value arrives.
#[test]
fn a_value_that_cannot_be_sent_is_a_refusal() {
    let leaf = Node { name: "leaf".to_owned(), children: Vec::new() };
    let deep = (0..200).fold(leaf, |node, _| Node { name: String::new(), children: vec![node] });
    let (loaded, looped) = loaded_and_looped();
    let [loaded, looped] =
        [loaded, looped].map(|host| host.get::<fn(Node) -> Result<Node, Fault>>("echo_node").unwrap()(deep.clone()));
    assert_eq!(loaded.unwrap(), deep);
    let fault = looped.unwrap_err();
    assert_eq!(fault.cause, Cause::Refused);
    let said = fault.to_string();
    assert!(said.starts_with("plugin export `zoo::echo_node` was not called: argument 1 at `.children[0]"), "{said}");
    assert!(said.ends_with("cannot be sent: values are nested more than 128 levels deep"), "{said}");
}

#[test]
fn exports_that_stay_in_their_process_are_refused_at_the_look_up() {
    let (_near, looped) = loaded_and_looped();
    let said = |error: Option<Error>| match error {
        Some(Error::CannotLeave(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        said(looped.get::<AtomicU64>("COUNTER").err()),
        "export `COUNTER` of plugin `zoo` cannot be used here, because the plugin runs elsewhere\n  \
         exported:  static AtomicU64\n  \
         reason:    an atomic is memory that both sides change; export a function that reads or changes it"
    );
    assert!(said(looped.get::<Mutex<Vec<String>>>("NAMES").err()).contains("a lock is memory that both sides change"));
    assert!(matches!(looped.get::<fn(u64, u64, u64) -> u64>("add"), Err(Error::TypeMismatch(_))));
}

/// The values that a function leaves behind `&mut`, in a call that returns and in a call that panics.
#[test]
fn changes_of_arguments_come_back() {
    let (_near, looped) = loaded_and_looped();
    let mut names = vec!["ann".to_owned()];
    assert_eq!(looped.get::<fn(&mut Vec<String>, &str) -> usize>("append").unwrap()(&mut names, "bob"), 2);
    assert_eq!(names, ["ann", "bob"]);
    looped.get::<fn(&mut [String])>("swap_ends").unwrap()(&mut names);
    assert_eq!(names, ["bob", "ann"]);
    let panics = looped.get::<fn(&mut Vec<String>) -> Result<(), Fault>>("append_and_panic").unwrap();
    let fault = panics(&mut names).unwrap_err();
    assert_eq!((fault.cause, fault.message.as_str()), (Cause::Panicked, "half way"));
    assert_eq!(names, ["bob", "ann", "before the panic"]);

    let (mut a, mut b, mut c, mut d) = ("a".to_owned(), "b".to_owned(), 1, [2, 3]);
    let exchange = looped.get::<fn(&mut String, &mut String, &mut u8, &mut [u8])>("exchange").unwrap();
    exchange(&mut a, &mut b, &mut c, &mut d);
    assert_eq!((a.as_str(), b.as_str(), c, d), ("b", "a", 2, [1, 3]));
    let mut numbers = [1, -2];
    looped.get::<fn(&mut [i32])>("double_all").unwrap()(&mut numbers);
    assert_eq!(numbers, [2, -4]);
}

/// Returns a host of a fixture that changes each reply, or each request, by `change`.
fn through(fixture: &str, of_replies: bool, change: impl Fn(&mut Vec<u8>) + Send + Sync + 'static) -> Host {
    looped(fixture, 1 << 20, move |message| match message {
        Message::Request(bytes) if !of_replies => change(bytes),
        Message::Reply(bytes) if of_replies => change(bytes),
        _ => {}
    })
}

#[test]
fn a_message_that_is_too_long_is_a_fault() {
    let small = looped("zoo", 2000, |_| ());
    let repeat = small.get::<fn(u32, String) -> Result<String, Fault>>("repeat").unwrap();
    assert_eq!(repeat(2, "x".repeat(900)).unwrap().len(), 1800);
    let refused = repeat(2, "x".repeat(3000)).unwrap_err();
    assert_eq!(refused.cause, Cause::Refused);
    assert!(refused.message.contains("take 3003 bytes, and a message may have 2000"), "{refused}");
    let disconnected = repeat(20, "x".repeat(200)).unwrap_err();
    assert_eq!(disconnected.cause, Cause::Disconnected);
    assert!(disconnected.message.contains("4003 bytes, and a message may have 2000"), "{disconnected}");
    // A panic arrives as a panic, with as much of its text as there is room for.
    let panic_with = small.get::<fn(&str) -> Result<u32, Fault>>("panic_with").unwrap();
    let fault = panic_with(&"é".repeat(990)).unwrap_err();
    assert_eq!((fault.cause, fault.message), (Cause::Panicked, "é".repeat(744)));
    // No limit is so small that a fault has no room.
    let smallest = looped("zoo", 1, |_| ());
    assert_eq!(smallest.get::<fn(u64, u64) -> u64>("add").unwrap()(1, 2), 3);
    let fault = smallest.get::<fn(i32, i32) -> Result<i32, Fault>>("divide").unwrap()(1, 0).unwrap_err();
    assert_eq!((fault.cause, fault.message.as_str()), (Cause::Panicked, "attempt to divide by zero"));
    // A far side that does not keep the limit.
    let looped = through("zoo", true, |reply| reply.resize(2 << 20, 0));
    let damaged = looped.get::<fn(u64, u64) -> Result<u64, Fault>>("add").unwrap()(1, 2).unwrap_err();
    assert_eq!(damaged.cause, Cause::Disconnected);
    assert!(damaged.message.contains("2097152 bytes, and a message may have 1048576"), "{damaged}");
}

/// A chain of errors without an end could not be dropped.
#[test]
fn a_chain_of_errors_is_cut() {
    const COUNT: usize = 300_000;
    let causes = |mut error: &(dyn std::error::Error + 'static)| {
        let mut count = 1;
        while let Some(source) = error.source() {
            (error, count) = (source, count + 1);
        }
        count
    };
    let looped = through("zoo", true, |reply| {
        // The kind, the number of messages, and each message: no text.
        *reply = postcard::to_extend(&vec![""; COUNT], vec![0]).unwrap();
    });
    let echo = looped.get::<fn(Box<dyn std::error::Error>) -> Box<dyn std::error::Error>>("echo_error").unwrap();
    assert_eq!(causes(&*echo("one".into())), 64);
    // The same without types, in one process.
    let loaded = host_with(&["zoo"]);
    assert_eq!(loaded.call_json("echo_error", &json!([vec!["a"; COUNT]])).unwrap(), json!(vec!["a"; 64]));
}

/// The host's serde_json would keep another number, so a value with such a number cannot be built.
#[test]
fn a_number_that_this_side_cannot_keep_is_a_fault() {
    let looped = through("zoo", true, |reply| *reply = [&[0, 8, 5][..], b"1e400"].concat());
    let fault = looped.get::<fn(Value) -> Result<Value, Fault>>("echo_json").unwrap()(json!(1)).unwrap_err();
    assert_eq!(fault.cause, Cause::Disconnected);
    assert!(fault.message.starts_with("its reply is damaged"), "{fault}");
}

/// A sequence without elements has no memory, as in one process.
#[test]
fn empty_sequences_take_no_memory() {
    type Lists = Vec<Vec<Option<String>>>;
    for host in [&loaded_and_looped().0, &loaded_and_looped().1] {
        let lists = host.get::<fn(Lists) -> Lists>("echo_nested").unwrap()(vec![Vec::new(); 100]);
        assert_eq!(lists.iter().map(Vec::capacity).sum::<usize>(), 0);
    }
}

/// A value is read and written on another stack where this one has no more room, as everywhere else.
#[test]
fn small_stacks_are_enough() {
    let leaf = Node { name: "leaf".to_owned(), children: Vec::new() };
    // Each node is two levels, of 128.
    let deep = (0..60).fold(leaf, |node, _| Node { name: String::new(), children: vec![node] });
    let (loaded, looped) = loaded_and_looped();
    for host in [loaded, looped] {
        let (echo, deep) = (host.get::<fn(Node) -> Node>("echo_node").unwrap(), deep.clone());
        let json = serde_json::to_value(&deep).unwrap();
        let run = move || {
            assert_eq!(echo(deep.clone()), deep);
            assert_eq!(host.call_json("echo_node", &json!([json])).unwrap(), json);
        };
        std::thread::Builder::new().stack_size(small_stack()).spawn(run).unwrap().join().unwrap();
    }
}

/// A plugin's values have all fields, so a host's type need no defaults. A far side that leaves fields out is damaged.
#[test]
fn a_reply_without_all_fields_is_a_fault() {
    use growing_api_2 as new;

    let looped = through("grown-2", true, |reply| {
        // The reply has its kind, and then the number of fields.
        assert_eq!(reply[..2], [0, 4]);
        reply[1] = 1;
        reply.truncate(2 + 1 + "name".len());
    });
    let made = looped.get::<fn(&str) -> Result<new::Options, Fault>>("make_options").unwrap()("name");
    let fault = made.unwrap_err();
    assert_eq!(fault.cause, Cause::Disconnected);
    assert!(fault.message.contains("its reply is damaged"), "{fault}");
    // An older caller may leave out of a request what has a default.
    let looped = through("grown-2", false, |request| {
        assert_eq!(request[0], 4);
        request[0] = 1;
        request.truncate(1 + 1 + "name".len());
    });
    let name_of = looped.get::<fn(&new::Options) -> Result<String, Fault>>("name_of").unwrap();
    assert_eq!(name_of(&new::Options::new("name")).unwrap(), "name");
}

/// Replies and requests with bytes that were changed, cut off or added. Each call ends with a value or a fault, and nothing is freed
/// twice or read where nothing is.
#[test]
fn damaged_messages_are_faults() {
    const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
    for of_replies in [true, false] {
        let random = Mutex::new(SEED);
        let damage = move |bytes: &mut Vec<u8>| {
            let mut state = random.lock().unwrap();
            let mut next = |below: usize| {
                // Marsaglia's xorshift (2003), with the shifts 13, 7 and 17.
                *state ^= *state << 13;
                *state ^= *state >> 7;
                *state ^= *state << 17;
                (*state >> 16) as usize % below.max(1)
            };
            // The kind of a reply stays in most cases, so that values are read.
            let from = usize::from(of_replies && next(8) != 0).min(bytes.len());
            match next(4) {
                0 => bytes.truncate(from + next(bytes.len())),
                1 => bytes.extend((0..next(9)).map(|n| n as u8)),
                _ => {
                    for _ in 0..=next(3) {
                        let at = from + next(bytes.len() - from);
                        if let Some(byte) = bytes.get_mut(at) {
                            *byte = [0, 1, 2, 0x7f, 0x80, 0xff, next(256) as u8][next(7)];
                        }
                    }
                }
            }
        };
        let damage = Arc::new(damage);
        let [looped, grown] = ["zoo", "grown-2"].map(|fixture| {
            let damage = damage.clone();
            through(fixture, of_replies, move |bytes| damage(bytes))
        });
        let options = |name: &str| growing_api_1::Options::new(name);
        type Copy = fn(&[growing_api_1::Options]) -> Result<Vec<growing_api_1::Options>, Fault>;
        let copy_options = grown.get::<Copy>("copy_options").unwrap();
        type Rename = fn(&mut growing_api_1::Options, &str) -> Result<(), Fault>;
        let rename = grown.get::<Rename>("rename").unwrap();
        let time = looped.get::<fn(SystemTime) -> Result<SystemTime, Fault>>("echo_system_time").unwrap();
        type Failure = Box<dyn std::error::Error>;
        let failure = looped.get::<fn(Failure) -> Result<Failure, Fault>>("echo_error").unwrap();
        let mut ends = [0_usize; 2];
        let mut count = |is_fault: bool| ends[usize::from(is_fault)] += 1;
        type Everything = Option<Result<(Vec<[u16; 2]>, Box<String>), Vec<Option<char>>>>;
        type Map = HashMap<String, Vec<u32>>;
        let everything = looped.get::<fn(Everything) -> Result<Everything, Fault>>("echo_everything").unwrap();
        let json = looped.get::<fn(Value) -> Result<Value, Fault>>("echo_json").unwrap();
        let node = looped.get::<fn(Node) -> Result<Node, Fault>>("echo_node").unwrap();
        let event = looped.get::<fn(Event) -> Result<Event, Fault>>("echo_event").unwrap();
        let sum = looped.get::<fn(&Map) -> Result<u32, Fault>>("sum_values").unwrap();
        let swap_ends = looped.get::<fn(&mut [String]) -> Result<(), Fault>>("swap_ends").unwrap();
        let append = looped.get::<fn(&mut Vec<String>, &str) -> Result<usize, Fault>>("append").unwrap();
        for round in 0..rounds(2000) {
            let text = "a text ".repeat(round % 5);
            let value = if round % 2 == 0 {
                Ok((vec![[1, 2]; round % 7], Box::new(text.clone())))
            } else {
                Err(vec![Some('x'), None])
            };
            count(everything(Some(value)).is_err());
            count(json(json!({ &text: [1, -2, 0.5, null, "x"], "b": { "c": [] } })).is_err());
            let leaf = |name: &str| Node { name: name.to_owned(), children: Vec::new() };
            count(node(Node { name: text.clone(), children: vec![leaf("a"), leaf(&text)] }).is_err());
            count(event(Event::Opened { path: text.clone(), size: 3 }).is_err());
            count(sum(&HashMap::from([(text.clone(), vec![1, 2, 3])])).is_err());
            let mut texts = [text.clone(), "b".to_owned(), "c".to_owned()];
            count(swap_ends(&mut texts).is_err());
            let mut names = vec![text];
            count(append(&mut names, "name").is_err());
            count(time(SystemTime::now()).is_err());
            count(failure("why".into()).map(|error| error.to_string()).is_err());
            count(copy_options(&[options("a"), options("b")]).is_err());
            let mut renamed = options("before");
            count(rename(&mut renamed, "after").is_err());
            texts[0].push_str(&renamed.name);
            // A static is fetched once, so this host is new, which takes its time.
            if round % 16 == 0 {
                let damage = damage.clone();
                let looped = through("zoo", of_replies, move |bytes| damage(bytes));
                count(looped.get::<&[Cow<'static, str>]>("WORDS").map(|words| words.concat()).is_err());
                count(looped.get::<&[(u8, bool)]>("PAIRS").map(|pairs| pairs.len()).is_err());
                count(looped.get::<&str>("TEXT").map(|text| text.len()).is_err());
            }
            // They are whole, whatever they are.
            assert!(texts.concat().len() + names.concat().len() < 1 << 20);
        }
        assert!(ends.iter().all(|&count| count != 0), "both ends occur: {ends:?}");
    }
}

/// A map whose first key the plugin cannot hash, and options that it has not taken yet when it panics.
mod early_panic {
    use std::collections::HashMap;
    use std::hash::{Hash, Hasher};

    use plugin_core::{plugin_export, plugin_type};

    /// The key, as the host has it.
    #[plugin_type]
    #[derive(PartialEq, Eq, Hash)]
    pub(super) struct Key(pub(super) u8);

    pub(super) mod plugin {
        use super::*;

        #[plugin_type]
        #[derive(PartialEq, Eq)]
        pub(in super::super) struct Key(u8);

        impl Hash for Key {
            fn hash<H: Hasher>(&self, _: &mut H) {
                panic!("{} is no key", self.0);
            }
        }

        #[plugin_export]
        fn count_keys(map: HashMap<Key, u8>, options: &mut growing_api_2::Options) {
            options.retries = map.len() as u32;
        }
    }
}

/// The values are the caller's, as they were. They have fewer fields than the plugin's, because the caller is older.
#[test]
fn a_panic_before_the_arguments_are_taken_arrives_as_that_panic() {
    use early_panic::Key;
    use growing_api_1::Options;

    type Count = fn(HashMap<Key, u8>, &mut Options) -> Result<(), Fault>;
    let loaded = Host::linked().unwrap();
    let looped = loopback(Host::linked().unwrap()).unwrap();
    let faults = [&loaded, &looped].map(|host| {
        let mut options = Options::new("as before");
        let fault = host.get::<Count>("count_keys").unwrap()(HashMap::from([(Key(7), 1)]), &mut options).unwrap_err();
        assert_eq!(options, Options::new("as before"));
        fault
    });
    assert_eq!((faults[1].cause, faults[1].message.as_str()), (Cause::Panicked, "7 is no key"));
    assert_eq!(faults[0], faults[1]);
}
