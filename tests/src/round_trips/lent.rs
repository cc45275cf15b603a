//! Values behind `&`, nested in many ways, and the things that a plugin may do with them.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::error::Error;
use std::fmt;
use std::hash::BuildHasherDefault;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::{Config, Document, Event, Label, Mixed, Node, Unit};
use bytes::Bytes;
use plugin_host::{Fault, Host};
use proptest::collection::{btree_map, btree_set, hash_map, hash_set, vec, vec_deque};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::Config as Runs;
use serde_json::{Value, json};

use super::round_trips;
use super::user_types::{config, document, event, mixed, node};

/// Sends values of all these types through this host's plugin `zoo`.
pub fn lent(host: &Host) {
    slices(host);
    maps_and_sets(host);
    other_types(host);
    clones_outlive_the_loan(host);
    keys_that_fail(host);
    errors(host);
    many_readers(host);
    panics(host);
}

/// Sends values that both sides have in the same memory through this host's plugin `zoo`.
pub fn lent_in_one_process(host: &Host) {
    nothing_is_copied(host);
    clones_share_their_bytes(host);
    the_same_value_is_lent_twice(host);
}

/// Checks an export that copies its lent argument, with values of the strategy and with these values.
macro_rules! lends {
    ($host:ident, $name:literal, $ty:ty => $owned:ty, $strategy:expr $(, $value:expr)* $(,)?) => {{
        let lend = $host.get::<fn(&$ty) -> $owned>($name).unwrap_or_else(|error| panic!("{error}"));
        // In this file, the types vary more than the values.
        round_trips(Runs::default().cases.min(32), $strategy, |value| {
            #[allow(unused_imports)]
            use super::{NotInJson as _, ToJson as _};
            super::through_json($host, $name, (&super::Shown(&value)).to_json());
            lend(&value)
        });
        $({
            let value: $owned = $value;
            assert_eq!(lend(&value), value);
        })*
    }};
}

fn text() -> impl Strategy<Value = String> + Clone {
    ".{0,12}"
}

fn shared_text() -> impl Strategy<Value = Arc<str>> {
    text().prop_map(Arc::from)
}

fn label() -> impl Strategy<Value = Label> {
    text().prop_map(|text| Label { text })
}

fn shared_bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..20).prop_map(Bytes::from)
}

fn json_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u64>().prop_map(|n| json!([n, null, -1, 0.5])),
        btree_map(text(), text(), 0..4).prop_map(|map| json!({ "map": map })),
    ]
}

fn slices(host: &Host) {
    lends!(host, "lend_slice_of_mixed", [Mixed] => Vec<Mixed>, vec(mixed(), 0..20), Vec::new());
    lends!(host, "lend_slice_of_documents", [Document] => Vec<Document>, vec(document(), 0..3));
    lends!(host, "lend_slice_of_events", [Event] => Vec<Event>, vec(event(), 0..20));
    lends!(host, "lend_slice_of_pairs", [(u8, Option<u64>)] => Vec<(u8, Option<u64>)>, any::<Vec<(u8, Option<u64>)>>());
    lends!(host, "lend_slice_of_texts", [Box<str>] => Vec<Box<str>>, vec(text().prop_map(Box::from), 0..20));
    lends!(host, "lend_slice_of_paths", [PathBuf] => Vec<PathBuf>, vec(text().prop_map(PathBuf::from), 0..20));
    let shares = vec((shared_text(), shared_bytes()), 0..10);
    lends!(host, "lend_slice_of_shares", [(Arc<str>, Bytes)] => Vec<(Arc<str>, Bytes)>, shares);
    lends!(host, "lend_slice_of_json", [Value] => Vec<Value>, vec(json_value(), 0..5));
    type Slices = [Vec<Vec<Mixed>>];
    let two = vec![vec![], vec![vec![]]];
    lends!(host, "lend_slice_of_slices", Slices => Vec<Vec<Vec<Mixed>>>, vec(vec(vec(mixed(), 0..4), 0..4), 0..4), two.clone());
    type Map = HashMap<String, Vec<Mixed>>;
    lends!(host, "lend_slice_of_maps", [Map] => Vec<Map>, vec(hash_map(text(), vec(mixed(), 0..3), 0..4), 0..4));
    lends!(host, "lend_slice_of_deques", [VecDeque<Mixed>] => Vec<VecDeque<Mixed>>, vec(vec_deque(mixed(), 0..4), 0..4));
}

fn maps_and_sets(host: &Host) {
    let nodes = || vec(node(), 0..3);
    type Nodes = HashMap<String, Vec<Node>>;
    lends!(host, "lend_map_of_nodes", Nodes => Nodes, hash_map(text(), nodes(), 0..9), HashMap::new());
    type OtherHasher = HashMap<String, Vec<u8>, BuildHasherDefault<DefaultHasher>>;
    let of_hasher = vec((text(), any::<Vec<u8>>()), 0..9).prop_map(|pairs| pairs.into_iter().collect());
    lends!(host, "lend_map_of_hasher", OtherHasher => OtherHasher, of_hasher.clone());
    type Labels = HashMap<Label, Vec<Node>>;
    lends!(host, "lend_map_of_labels", Labels => Labels, hash_map(label(), nodes(), 0..9));
    type Tree = BTreeMap<Label, Option<Box<Node>>>;
    lends!(host, "lend_tree_of_labels", Tree => Tree, btree_map(label(), option::of(node().prop_map(Box::new)), 0..30));
    type Tuples = BTreeMap<(String, Arc<str>), Vec<Label>>;
    let tuples = btree_map((text(), shared_text()), vec(label(), 0..3), 0..9);
    lends!(host, "lend_tree_of_tuples", Tuples => Tuples, tuples);
    lends!(host, "lend_hash_set_of_labels", HashSet<Label> => HashSet<Label>, hash_set(label(), 0..9));
    lends!(host, "lend_hash_set_of_shares", HashSet<Arc<str>> => HashSet<Arc<str>>, hash_set(shared_text(), 0..9));
    lends!(host, "lend_tree_set_of_labels", BTreeSet<Label> => BTreeSet<Label>, btree_set(label(), 0..30));
    // JSON may have a key twice. The later value counts.
    let mut arguments = serde_json::Deserializer::from_str(r#"[{"a": [1], "b": [2], "a": [3], "a": [4, 5]}]"#);
    let mut output = serde_json::Serializer::new(Vec::new());
    host.call_serde("lend_map_of_hasher", &mut arguments, &mut output).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(serde_json::from_slice::<Value>(&output.into_inner()).expect("JSON"), json!({ "a": [4, 5], "b": [2] }));
    let mut arguments =
        serde_json::Deserializer::from_str(r#"[{"a": [], "b": [], "a": [{"name": "c", "children": []}]}]"#);
    let mut output = serde_json::Serializer::new(Vec::new());
    host.call_serde("lend_map_of_nodes", &mut arguments, &mut output).unwrap_or_else(|error| panic!("{error}"));
    let nodes = json!({ "a": [{ "name": "c", "children": [] }], "b": [] });
    assert_eq!(serde_json::from_slice::<Value>(&output.into_inner()).expect("JSON"), nodes);
}

fn other_types(host: &Host) {
    let boxed = || node().prop_map(Box::new);
    lends!(host, "lend_option_of_box", Option<Box<Node>> => Option<Box<Node>>, option::of(boxed()), None);
    type Boxes = Result<Vec<Mixed>, Box<Config>>;
    let boxes = prop_oneof![vec(mixed(), 0..5).prop_map(Ok), config().prop_map(|config| Err(Box::new(config)))];
    lends!(host, "lend_result_of_boxes", Boxes => Boxes, boxes);
    lends!(host, "lend_array_of_vectors", [Vec<String>; 2] => [Vec<String>; 2], [vec(text(), 0..5), vec(text(), 0..5)]);
    type Inner = Vec<Box<(String, Box<[Label]>)>>;
    let inner = (text(), vec(label(), 0..3)).prop_map(|(text, labels)| Box::new((text, labels.into_boxed_slice())));
    lends!(host, "lend_boxes_of_boxes", Inner => Inner, vec(inner, 0..5));
    type Wide = Vec<Option<Box<u128>>>;
    lends!(host, "lend_wide_boxes", Wide => Wide, vec(option::of(any::<u128>().prop_map(Box::new)), 0..9));
    type WithoutSize = (Unit, Box<()>, PhantomData<String>, Box<Unit>, HashSet<()>, String);
    let read = host.get::<fn(&WithoutSize) -> String>("read_without_size").unwrap();
    let value = (Unit, Box::new(()), PhantomData, Box::new(Unit), HashSet::from([()]), "text".to_owned());
    assert_eq!(read(&value), "text 1");
    let (mut one, mut set) = (Box::new(()), value.4.clone());
    host.get::<fn(&mut Box<()>, &mut HashSet<()>)>("change_without_size").unwrap()(&mut one, &mut set);
    assert_eq!((one, set), (Box::new(()), HashSet::new()));
}

fn some(count: u8) -> Vec<Mixed> {
    (0..count).map(|n| Mixed(n, format!("the text of number {n}"), (n.into(), 'm'))).collect()
}

/// The plugin reads the very memory that the host has.
fn nothing_is_copied(host: &Host) {
    let all = some(100);
    let addresses = host.get::<fn(&[Mixed]) -> Vec<usize>>("text_addresses").unwrap()(&all);
    assert_eq!(addresses, all.iter().map(|mixed| mixed.1.as_ptr().addr()).collect::<Vec<_>>());
    let parts = host.get::<fn(&Vec<u32>, &Option<PathBuf>) -> (usize, Option<usize>)>("part_addresses").unwrap();
    let (numbers, path) = (vec![1, 2, 3], Some(PathBuf::from("a path")));
    let (numbers_at, path_at) = parts(&numbers, &path);
    assert_eq!(numbers_at, numbers.as_ptr().addr());
    if cfg!(unix) {
        assert_eq!(path_at, path.as_ref().map(|path| path.as_os_str().as_encoded_bytes().as_ptr().addr()));
    }
}

/// Bytes that note when the last share of them is dropped.
struct Noting(&'static AtomicBool);

impl AsRef<[u8]> for Noting {
    fn as_ref(&self) -> &[u8] {
        b"noted"
    }
}

impl Drop for Noting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

type Parts = (Arc<str>, Bytes, String, Value, HashMap<Arc<str>, Bytes>);

fn parts() -> Parts {
    let map = HashMap::from([("key".into(), Bytes::from(vec![4, 5]))]);
    ("shared".into(), Bytes::from(vec![1, 2, 3]), "owned".to_owned(), json!({ "a": ["text", 1] }), map)
}

fn clones_outlive_the_loan(host: &Host) {
    let keep = host.get::<fn(&[Parts])>("keep_parts").unwrap();
    let kept = host.get::<fn() -> Vec<Parts>>("kept_parts").unwrap();
    keep(&[parts(), parts()]);
    keep(&[parts()]);
    assert_eq!(kept(), [parts(), parts(), parts()]);

    let in_json = json!(["shared", [1, 2, 3], "owned", { "a": ["text", 1] }, { "key": [4, 5] }]);
    host.call_json("keep_parts", &json!([[in_json]])).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(kept(), [parts()]);
}

fn clones_share_their_bytes(host: &Host) {
    static GONE: AtomicBool = AtomicBool::new(false);
    GONE.store(false, Ordering::SeqCst);
    let keep = host.get::<fn(&[Parts])>("keep_parts").unwrap();
    let kept = host.get::<fn() -> Vec<Parts>>("kept_parts").unwrap();
    let mut noted = parts();
    noted.1 = Bytes::from_owner(Noting(&GONE));
    keep(&[parts(), noted]);
    keep(&[parts()]);
    assert!(!GONE.load(Ordering::SeqCst), "the plugin still has a share of them");
    let mut back = kept();
    assert_eq!(back.len(), 3);
    assert_eq!(back.remove(1).1, "noted");
    assert_eq!(back, [parts(), parts()]);
    assert!(GONE.load(Ordering::SeqCst), "nobody has them any more");
}

/// Keys whose own code panics, or says that all keys are equal. Both happen in the plugin only.
fn keys_that_fail(host: &Host) {
    type Map = HashMap<Label, Vec<Node>>;
    type Tree = BTreeMap<Label, Arc<str>>;
    type Count = fn(&Map, &Tree, &HashSet<Label>) -> Result<[usize; 3], Fault>;
    let count = host.get::<Count>("count_labels").unwrap();
    let labels = || (0..9).map(|n| Label { text: format!("the label with the number {n}") });
    let nodes = |label: &Label| vec![Node { name: label.text.clone(), children: Vec::new() }];
    let map: Map = labels().map(|label| (label.clone(), nodes(&label))).collect();
    let tree: Tree = labels().map(|label| (label.clone(), label.text.into())).collect();
    let set: HashSet<Label> = labels().collect();
    assert_eq!(count(&map, &tree, &set), Ok([9; 3]));
    let set_unhashable = host.get::<fn(bool)>("set_unhashable").unwrap();
    for (map, tree, set) in [
        (&map, &Tree::new(), &HashSet::new()),
        (&Map::new(), &tree, &HashSet::new()),
        (&Map::new(), &Tree::new(), &set),
    ] {
        set_unhashable(true);
        let fault = count(map, tree, set).unwrap_err();
        set_unhashable(false);
        assert!(fault.message.ends_with("is no key"), "{}", fault.message);
    }
    let set_all_equal = host.get::<fn(bool)>("set_all_equal").unwrap();
    set_all_equal(true);
    let equal = count(&map, &tree, &set);
    set_all_equal(false);
    assert_eq!(equal, Ok([1; 3]));
    assert_eq!(count(&map, &tree, &set), Ok([9; 3]), "they are still the caller's");
}

#[derive(Debug)]
struct Failure(&'static str, Option<std::num::ParseIntError>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert_ne!(self.0, "panic", "while it was shown");
        f.write_str(self.0)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_ref().map(|error| error as _)
    }
}

fn errors(host: &Host) {
    let cause = || "größe".parse::<u8>().err();
    let describe = host.get::<fn(&Box<dyn Error>) -> String>("describe_error").unwrap();
    let error: Box<dyn Error> = Box::new(Failure("no size", cause()));
    for _ in 0..2 {
        assert_eq!(describe(&error), "no size: invalid digit found in string");
    }
    type All = [Result<u8, Box<dyn Error + Send + Sync>>];
    let describe_all = host.get::<fn(&All) -> Vec<String>>("describe_errors").unwrap();
    let all: [_; 3] = [Ok(3), Err(Failure("", None).into()), Err(Failure("bad", cause()).into())];
    assert_eq!(describe_all(&all), ["3", "", "bad: invalid digit found in string"]);
    // The lowering stops half way, and the panic is the host's own.
    let all: [_; 3] = [Err(Failure("good", None).into()), Err(Failure("panic", None).into()), Ok(1)];
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| describe_all(&all)));
    assert!(result.is_err());
    let in_json = json!([[{ "Ok": 3 }, { "Err": ["outer", "inner"] }]]);
    let described = host.call_json("describe_errors", &in_json).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(described, json!(["3", "outer: inner"]));
}

fn many_readers(host: &Host) {
    let all = some(50);
    assert_eq!(host.get::<fn(&[Mixed]) -> usize>("longest").unwrap()(&all), "the text of number 49".len());
    // Many threads of the host's lend the same values.
    let longest = host.get::<fn(&[Mixed]) -> usize>("longest").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..20).for_each(|_| assert_eq!(longest(&all), "the text of number 49".len())));
        }
    });
}

fn the_same_value_is_lent_twice(host: &Host) {
    let all = some(50);
    let same = host.get::<fn(&[Mixed], &Vec<Mixed>, &Mixed) -> bool>("same").unwrap();
    assert!(same(&all, &all, &all[0]));
    assert!(!same(&all, &all.clone(), &all[0]));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..20).for_each(|_| assert!(same(&all, &all, &all[0]))));
        }
    });
}

fn panics(host: &Host) {
    type Try = fn(&[Parts], &Option<Box<Parts>>) -> Result<(), Fault>;
    let read_and_panic = host.get::<Try>("read_parts_and_panic").unwrap();
    let map = HashMap::from([("key".into(), Bytes::from(vec![4, 5]))]);
    let parts: Parts = ("shared".into(), Bytes::from(vec![1]), "owned".to_owned(), json!({ "a": [1] }), map);
    let (all, boxed) = ([parts.clone(), parts.clone()], Some(Box::new(parts.clone())));
    assert_eq!(read_and_panic(&all, &boxed).unwrap_err().message, "with 2 lent");
    assert_eq!(all, [parts.clone(), parts.clone()]);
    assert_eq!(boxed.as_deref(), Some(&parts));
    let in_json = json!(["shared", [1], "owned", { "a": [1] }, { "key": [4, 5] }]);
    let error = host.call_json("read_parts_and_panic", &json!([[in_json, in_json], in_json])).unwrap_err();
    assert!(matches!(error, plugin_host::CallError::Fault(fault) if fault.message == "with 2 lent"));
}
