//! Objects of interfaces, in every place.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use objects_api::{Codec, Store};
use plugin_core::plugin_type;
use plugin_host::{Fault, Host, Unload};

use crate::{UNMAPS, dropped, host};

type AnyCodec = dyn Codec + Send + Sync;
/// A look-up needs a name for an object that borrows nothing.
type PlainCodec = dyn Codec;

/// The host's own codec.
struct Own {
    name: String,
    note: Arc<()>,
}

impl Codec for Own {
    fn name(&self) -> String {
        assert_ne!(self.name, "panics", "in the host");
        self.name.clone()
    }
    fn encode(&mut self, text: &str, times: u32) -> Vec<u8> {
        self.name += text;
        vec![b'0' + Arc::strong_count(&self.note) as u8; times as usize]
    }
    fn version(&self) -> u32 {
        7
    }
}

fn own(name: &str) -> Own {
    Own { name: name.to_owned(), note: Arc::default() }
}

fn codec(host: &Host, prefix: &str) -> Box<AnyCodec> {
    host.get::<fn(String) -> Box<AnyCodec>>("codec").unwrap()(prefix.to_owned())
}

fn shared(host: &Host, prefix: &str) -> Arc<AnyCodec> {
    host.get::<fn(String) -> Arc<AnyCodec>>("shared_codec").unwrap()(prefix.to_owned())
}

#[test]
fn objects_come_from_the_plugin() {
    let host = host();
    let dropped = dropped(&host);
    let mut plain = codec(&host, "a");
    assert_eq!(plain.name(), "plain a");
    assert_eq!(plain.encode("b", 2), b"abab");
    assert_eq!((plain.name().as_str(), plain.version()), ("plain ab", 1008));
    let mut local = host.get::<fn() -> Box<PlainCodec>>("local_codec").unwrap()();
    assert_eq!(local.encode("!", 1), b"local!");
    std::thread::spawn(move || drop(plain)).join().unwrap();
    assert_eq!(dropped.load(SeqCst), 1);
    drop(local);
    let first = shared(&host, "s");
    let second = first.clone();
    drop(first);
    assert_eq!(std::thread::spawn(move || second.name()).join().unwrap(), "plain s");
    assert_eq!(dropped.load(SeqCst), 3);
}

#[test]
fn objects_go_to_the_plugin() {
    let host = host();
    let name_of = host.get::<fn(&PlainCodec) -> (String, u32)>("name_of").unwrap();
    assert_eq!(name_of(&own("mine")), ("mine".to_owned(), 7));
    let encode = host.get::<fn(&mut PlainCodec, &str) -> Vec<u8>>("encode_with").unwrap();
    let mut mine = own("m");
    assert_eq!(encode(&mut mine, "ore"), b"11");
    assert_eq!(mine.name, "more");
    // Loans of the plugin's own object.
    let mut theirs = codec(&host, "a");
    assert_eq!(name_of(&*theirs), ("plain a".to_owned(), 1007));
    assert_eq!(encode(&mut *theirs, "b"), b"abab");
    assert_eq!(theirs.name(), "plain ab");

    let use_up = host.get::<fn(Box<AnyCodec>) -> (Vec<u8>, u32)>("use_up").unwrap();
    let mine = own("mine");
    let note = mine.note.clone();
    assert_eq!(use_up(Box::new(mine)), (b"222".to_vec(), 7));
    assert_eq!(Arc::strong_count(&note), 1, "the plugin has dropped the object");
    assert_eq!(use_up(theirs), (b"abxabxabx".to_vec(), 1009));
}

#[test]
fn an_object_comes_home() {
    let host = host();
    let dropped = dropped(&host);
    let back = host.get::<fn(Box<AnyCodec>) -> Box<AnyCodec>>("back_codec").unwrap();
    let many = host.get::<fn(Vec<Option<Arc<AnyCodec>>>) -> Vec<Option<Arc<AnyCodec>>>>("back_shared_codecs").unwrap();
    // The host's own.
    let mine: Arc<AnyCodec> = Arc::new(own("mine"));
    let mut boxed: Box<AnyCodec> = Box::new(own("boxed"));
    let address = (&raw const *boxed).addr();
    for _ in 0..1000 {
        let mut returned = many(vec![Some(mine.clone()), None]);
        assert!(Arc::ptr_eq(&mine, returned[0].as_ref().unwrap()) && returned.pop().unwrap().is_none());
        boxed = back(boxed);
    }
    assert_eq!((Arc::strong_count(&mine), (&raw const *boxed).addr()), (1, address));
    assert_eq!(boxed.name(), "boxed");
    // The plugin's.
    let theirs = shared(&host, "theirs");
    host.get::<fn(Arc<AnyCodec>)>("keep_codec").unwrap()(theirs.clone());
    let is_kept = host.get::<fn(&Arc<AnyCodec>) -> bool>("is_kept_codec").unwrap();
    let kept = host.get::<fn() -> Option<Arc<AnyCodec>>>("kept_codec").unwrap();
    let mut again = theirs.clone();
    for _ in 0..1000 {
        again = many(vec![Some(again)]).pop().unwrap().unwrap();
        assert!(is_kept(&again));
    }
    assert!(is_kept(&kept().unwrap()));
    assert!(!is_kept(&mine));
    host.get::<fn()>("forget_codec").unwrap()();
    drop((theirs, again));
    assert_eq!(dropped.load(SeqCst), 1);
    let mut theirs = codec(&host, "c");
    for _ in 0..1000 {
        theirs = back(theirs);
    }
    assert_eq!(theirs.encode("d", 1), b"cd");
    drop(theirs);
    assert_eq!(dropped.load(SeqCst), 2);
}

#[test]
fn a_proxy_may_move_to_an_arc() {
    let host = host();
    let mine = own("mine");
    let note = mine.note.clone();
    let into_shared = host.get::<fn(Box<AnyCodec>) -> Arc<AnyCodec>>("into_shared").unwrap();
    let shared = into_shared(Box::new(mine));
    let again =
        host.get::<fn(Vec<Option<Arc<AnyCodec>>>) -> Vec<Option<Arc<AnyCodec>>>>("back_shared_codecs").unwrap()(vec![
            Some(shared.clone()),
        ]);
    assert_eq!((shared.name(), again[0].as_ref().unwrap().name()), ("mine".to_owned(), "mine".to_owned()));
    let here: Arc<AnyCodec> = Arc::from(codec(&host, "x"));
    assert_eq!(host.get::<fn(&PlainCodec) -> (String, u32)>("name_of").unwrap()(&*here).0, "plain x");
    host.get::<fn(Arc<AnyCodec>)>("keep_codec").unwrap()(here.clone());
    drop(here);
    assert_eq!(host.get::<fn() -> Option<Arc<AnyCodec>>>("kept_codec").unwrap()().unwrap().name(), "plain x");
    host.get::<fn()>("forget_codec").unwrap()();
    drop((shared, again));
    assert_eq!(Arc::strong_count(&note), 1);
}

#[test]
fn a_method_that_changes_a_shared_object_asks_whether_it_is_shared() {
    let host = host();
    let encode = host.get::<fn(Arc<AnyCodec>) -> Result<Vec<u8>, Fault>>("encode_shared").unwrap();
    let mine: Arc<AnyCodec> = Arc::new(own("mine"));
    let fault = encode(mine.clone()).unwrap_err().to_string();
    assert!(fault.contains("the object is shared"), "{fault}");
    assert_eq!(mine.name(), "mine");
    assert_eq!(encode(mine).unwrap(), b"1");
}

/// As the plugin's type.
#[plugin_type]
struct Codecs {
    first: Box<AnyCodec>,
    rest: Vec<Arc<AnyCodec>>,
}

#[test]
fn objects_cross_inside_other_values() {
    let host = host();
    let mut codecs = host.get::<fn() -> Codecs>("codecs").unwrap()();
    assert_eq!((codecs.first.name(), codecs.rest[0].name()), ("plain first".to_owned(), "plain second".to_owned()));
    codecs.rest.push(Arc::new(own("third")));
    let names = host.get::<fn(Codecs) -> Vec<String>>("names").unwrap();
    assert_eq!(names(codecs), ["plain first", "plain second", "third"]);
}

#[test]
fn a_panic_of_a_method_is_a_panic_of_the_caller() {
    let host = host();
    let theirs = codec(&host, "panics");
    for _ in 0..2 {
        let payload = std::panic::catch_unwind(AssertUnwindSafe(|| theirs.name())).unwrap_err();
        let message = payload.downcast::<String>().unwrap();
        assert!(
            message.starts_with("`<dyn Codec>::name` of another library panicked at ")
                && message.contains("interfaces.rs:"),
            "{message}"
        );
        assert!(message.contains("a name was asked for"), "{message}");
    }
    // The provided method panics in the plugin as well.
    assert!(std::panic::catch_unwind(AssertUnwindSafe(|| theirs.version())).is_err());
    let catches = host.get::<fn(Box<AnyCodec>) -> String>("catches_name").unwrap();
    let message = catches(Box::new(own("panics")));
    assert!(
        message.starts_with("`<dyn Codec>::name` of another library panicked") && message.contains("in the host"),
        "{message}"
    );
    let message = catches(theirs);
    assert!(message.contains("a name was asked for"), "{message}");
}

/// The host's own store.
#[derive(Default)]
struct Memory(BTreeMap<String, String>, Arc<()>);

impl Store for Memory {
    fn get(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }
    fn put(&mut self, key: String, value: &String) {
        self.0.insert(key, value.clone());
    }
    fn each(&self, visit: &mut dyn FnMut(&str, &str)) {
        self.0.iter().for_each(|(key, value)| visit(key, value));
    }
    fn sum(&self, numbers: &[u64], scale: &dyn Fn(u64) -> u64, more: &mut Vec<u64>) -> u64 {
        more.push(numbers.len() as u64);
        numbers.iter().map(|number| scale(*number)).sum()
    }
    fn check(&self, number: u32) -> Result<u32, Fault> {
        assert_ne!(number, 0, "no number");
        Ok(number)
    }
    fn copy_to(&self, other: &mut dyn Store) {
        self.0.iter().for_each(|(key, value)| other.put(key.clone(), value));
    }
    fn reads(&self, other: &dyn Store, codec: &(dyn Codec + Send + Sync)) -> Option<String> {
        other.get(&codec.name())
    }
    fn codec(&self) -> Box<AnyCodec> {
        Box::new(own("of a store"))
    }
    fn finish(self: Box<Self>, prefix: &str) -> Vec<String> {
        self.0.into_keys().map(|key| format!("{prefix}{key}")).collect()
    }
}

/// Does what the plugin's `uses` does.
fn uses(mut store: Box<dyn Store>) -> Vec<String> {
    store.put("a".to_owned(), &"1".to_owned());
    store.twice("b", ("2".to_owned(), 7));
    let mut own_store = Memory::default();
    store.copy_to(&mut own_store);
    let mut seen = own_store.keys();
    store.each(&mut |key, value| seen.push(format!("{key}={value}")));
    let mut more = Vec::new();
    seen.push(store.sum(&[1, 2], &|number| number * 10, &mut more).to_string());
    seen.push(format!("{more:?} {}", store.check(5).unwrap()));
    own_store.put("plain x".to_owned(), &"found".to_owned());
    seen.extend(store.reads(&own_store, &own("plain x")));
    seen.extend(store.finish("end "));
    seen
}

#[test]
fn every_form_of_a_method_works_both_ways() {
    let host = host();
    let expected = ["a", "b7", "a=1", "b7=2", "30", "[2] 5", "found", "end a", "end b7"];
    let store = host.get::<fn() -> Box<dyn Store>>("store").unwrap();
    assert_eq!(uses(store()), expected);
    let theirs = host.get::<fn(Box<dyn Store>) -> Vec<String>>("uses").unwrap();
    let mine = Memory::default();
    let note = mine.1.clone();
    assert_eq!(theirs(Box::new(mine)), expected);
    assert_eq!(Arc::strong_count(&note), 1, "the call has consumed the object");
    assert_eq!(theirs(store()), expected);
    assert_eq!(store().len(), 1);
    assert_eq!(store().codec().name(), "plain 0");
    let fault = store().check(0).unwrap_err();
    assert_eq!((fault.export.as_deref(), fault.message.contains("no number")), (Some("<dyn Store>::check"), true));
    drop(store());
}

#[test]
fn an_object_keeps_its_plugin() {
    let host = host();
    let theirs = codec(&host, "a");
    let store = host.get::<fn() -> Box<dyn Store>>("store").unwrap()();
    let dropped = dropped(&host);
    drop(dropped);
    let Unload::Pinned(reasons) = host.unload("objects", Duration::from_millis(50)).unwrap() else { unreachable!() };
    let text = reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(text, "2 objects of it are alive: `dyn Codec + Send + Sync` (1), `dyn Store + Send + Sync` (1)");
    assert_eq!(theirs.name(), "plain a");
    drop(theirs);
    assert_eq!(store.finish("").len(), 0);
    let unload = host.unload("objects", Duration::from_secs(60)).unwrap();
    if UNMAPS {
        assert_eq!(unload, Unload::Unmapped);
    }
}

#[test]
fn an_object_of_one_plugin_that_another_keeps_keeps_the_first() {
    let host = tests::host();
    let [left, right] = ["left", "right"].map(|name| host.load_as(tests::fixture("objects"), name).unwrap());
    let theirs = left.get::<fn(String) -> Arc<AnyCodec>>("shared_codec").unwrap()("left".to_owned());
    right.get::<fn(Arc<AnyCodec>)>("keep_codec").unwrap()(theirs);
    let kept = right.get::<fn() -> Option<Arc<AnyCodec>>>("kept_codec").unwrap();
    let forget = right.get::<fn()>("forget_codec").unwrap();
    drop((left, right));
    assert_eq!(kept().unwrap().name(), "plain left");
    let Unload::Pinned(reasons) = host.unload("left", Duration::from_millis(50)).unwrap() else { unreachable!() };
    assert!(reasons[0].to_string().contains("`dyn Codec + Send + Sync` (1)"), "{reasons:?}");
    forget();
    drop((kept, forget));
    for name in ["left", "right"] {
        let unload = host.unload(name, Duration::from_secs(60)).unwrap();
        if UNMAPS {
            assert_eq!(unload, Unload::Unmapped);
        }
    }
}
