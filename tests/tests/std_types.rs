//! The types of std, and of other crates, that cross: there and back, by value and lent.

mod round_trip;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::hash::BuildHasherDefault;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::NonZero;
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use plugin_host::Fault;
use proptest::collection::{btree_map, btree_set, hash_map, hash_set, vec, vec_deque};
use proptest::prelude::*;
use round_trip::round_trip;
use serde_json::{Value, json};
use tests::host_with;
use uuid::Uuid;

/// Checks the exports `echo_*` and `lend_*`: with values of the strategy, and with these values.
macro_rules! crosses {
    ($host:ident, $name:literal, $ty:ty, $strategy:expr $(, $value:expr)* $(,)?) => {{
        let echo = $host.get::<fn($ty) -> $ty>(concat!("echo_", $name)).unwrap();
        let lend = $host.get::<fn(&$ty) -> $ty>(concat!("lend_", $name)).unwrap();
        round_trip($strategy, |value| echo(value));
        round_trip($strategy, |value| lend(&value));
        $({
            let value: $ty = $value;
            assert_eq!(lend(&value), value);
            assert_eq!(echo(value.clone()), value);
        })*
    }};
}

fn text() -> impl Strategy<Value = String> {
    ".{0,12}"
}

#[test]
fn maps_and_sets() {
    let host = host_with(&["zoo"]);
    let numbers = || vec(any::<u32>(), 0..5);
    type Map = HashMap<String, Vec<u32>>;
    crosses!(host, "hash_map", Map, hash_map(text(), numbers(), 0..20), HashMap::new());
    type OtherHasher = HashMap<u8, (), BuildHasherDefault<DefaultHasher>>;
    let other_hasher = btree_set(any::<u8>(), 0..200).prop_map(|set| set.into_iter().map(|key| (key, ())).collect());
    crosses!(host, "hash_map_hasher", OtherHasher, other_hasher.clone());
    type Tree = BTreeMap<u64, Option<String>>;
    crosses!(host, "btree_map", Tree, btree_map(any::<u64>(), prop::option::of(text()), 0..20), BTreeMap::new());
    crosses!(host, "unit_map", BTreeMap<(), u8>, btree_map(Just(()), any::<u8>(), 0..=1));
    crosses!(host, "hash_set", HashSet<String>, hash_set(text(), 0..20), HashSet::new());
    crosses!(host, "btree_set", BTreeSet<i16>, btree_set(any::<i16>(), 0..200), BTreeSet::new());
}

/// A deque of these, the first of which lies behind the others.
fn in_two_pieces<T>(first: T, others: Vec<T>) -> VecDeque<T> {
    let mut deque = VecDeque::from(others);
    deque.push_front(first);
    assert!(!deque.as_slices().1.is_empty());
    deque
}

#[test]
fn sequences() {
    let host = host_with(&["zoo"]);
    let two = in_two_pieces(0, vec![1, 2, 3]);
    crosses!(host, "deque", VecDeque<u32>, vec_deque(any::<u32>(), 0..50), VecDeque::new(), two.clone());
    let two_of_text = in_two_pieces("a".to_owned(), vec!["b".to_owned(), String::new()]);
    crosses!(host, "deque_strings", VecDeque<String>, vec_deque(text(), 0..50), VecDeque::new(), two_of_text.clone());
    let boxed = |values: Vec<u64>| values.into_boxed_slice();
    crosses!(host, "boxed_slice", Box<[u64]>, vec(any::<u64>(), 0..50).prop_map(boxed), Box::new([]));
    let boxed = |values: Vec<String>| values.into_boxed_slice();
    crosses!(host, "boxed_slice_strings", Box<[String]>, vec(text(), 0..50).prop_map(boxed), Box::new([]));
}

#[test]
fn texts() {
    let host = host_with(&["zoo"]);
    crosses!(host, "boxed_str", Box<str>, text().prop_map(Box::from), "".into());
    crosses!(host, "arc_str", Arc<str>, text().prop_map(Arc::from), "".into());
    crosses!(host, "cow", Cow<'static, str>, text().prop_map(Cow::Owned), Cow::Borrowed(""), Cow::Borrowed("größe"));
}

#[test]
fn a_text_in_the_plugin_is_copied() {
    let host = host_with(&["zoo"]);
    let text = host.get::<fn() -> Cow<'static, str>>("static_text").unwrap()();
    drop(host);
    assert_eq!(text, "it is in the library");
}

#[test]
fn shared_text_stays_shared_where_it_was() {
    let host = host_with(&["zoo"]);
    let text: Arc<str> = "shared".into();
    let back = host.get::<fn(Arc<str>) -> Arc<str>>("echo_arc_str").unwrap()(text.clone());
    assert_eq!(Arc::strong_count(&text), 1);
    drop(host);
    assert_eq!(back, text);
}

/// Text of the system's that need not be Unicode.
fn os_string() -> impl Strategy<Value = OsString> {
    #[cfg(unix)]
    return vec(any::<u8>(), 0..20).prop_map(std::os::unix::ffi::OsStringExt::from_vec);
    #[cfg(windows)]
    return vec(any::<u16>(), 0..20).prop_map(|units| std::os::windows::ffi::OsStringExt::from_wide(&units));
}

/// Text that is not Unicode.
fn not_unicode() -> OsString {
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(b"a\xFFb".to_vec());
    #[cfg(windows)]
    return std::os::windows::ffi::OsStringExt::from_wide(&[0x61, 0xD800, 0x62]);
}

#[test]
fn paths() {
    let host = host_with(&["zoo"]);
    assert_eq!(not_unicode().to_str(), None);
    crosses!(host, "os_string", OsString, os_string(), OsString::new(), not_unicode());
    crosses!(host, "path_buf", PathBuf, os_string().prop_map(PathBuf::from), PathBuf::new(), not_unicode().into());

    let read = host.get::<fn(&OsStr) -> OsString>("read_os_str").unwrap();
    round_trip(os_string(), |text| read(&text));
    let read = host.get::<fn(&Path) -> PathBuf>("read_path").unwrap();
    assert_eq!(read(Path::new("to")), Path::new("to").join("read"));
    assert_eq!(read(not_unicode().as_ref()), Path::new(&not_unicode()).join("read"));
    let push = host.get::<fn(&mut PathBuf)>("push_part").unwrap();
    let mut path = PathBuf::from("to");
    push(&mut path);
    push(&mut path);
    assert_eq!(path, Path::new("to").join("pushed").join("pushed"));
}

/// Times that every system knows: whole steps of 100 ns, some hundred years around the epoch.
fn time() -> impl Strategy<Value = SystemTime> {
    (any::<bool>(), 0..10_000_000_000_u64, 0..10_000_000_u32).prop_map(|(before, seconds, steps)| {
        let distance = Duration::new(seconds, steps * 100);
        if before { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
    })
}

#[test]
fn times() {
    let host = host_with(&["zoo"]);
    let half = Duration::from_millis(500);
    crosses!(host, "duration", Duration, any::<Duration>(), Duration::ZERO, Duration::MAX, half);
    crosses!(host, "system_time", SystemTime, time(), UNIX_EPOCH, UNIX_EPOCH - half, UNIX_EPOCH + half);
    #[cfg(target_os = "linux")]
    {
        let first = UNIX_EPOCH - Duration::from_secs(1 << 63);
        let last = UNIX_EPOCH + Duration::new(i64::MAX as u64, 999_999_999);
        let any_time = (any::<i64>(), 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| {
            let distance = Duration::from_secs(seconds.unsigned_abs());
            let whole = if seconds < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance };
            whole + Duration::from_nanos(nanos.into())
        });
        crosses!(host, "system_time", SystemTime, any_time.clone(), first, first + Duration::from_nanos(1), last);
    }
}

#[test]
fn wrappers() {
    let host = host_with(&["zoo"]);
    let (less, equal, greater) = (Ordering::Less, Ordering::Equal, Ordering::Greater);
    crosses!(host, "ordering", Ordering, prop::sample::select(vec![less, equal, greater]), less, equal, greater);
    crosses!(host, "phantom", PhantomData<Vec<String>>, Just(PhantomData));

    macro_rules! non_zero {
        ($($name:literal $ty:ty),*) => {$({
            let strategy = any::<$ty>().prop_filter_map("zero", NonZero::new);
            let one = NonZero::new(1).unwrap();
            crosses!(host, $name, NonZero<$ty>, strategy.clone(), one, NonZero::<$ty>::MIN, NonZero::<$ty>::MAX);
        })*};
    }
    non_zero! {
        "non_zero_u8" u8, "non_zero_u16" u16, "non_zero_u32" u32, "non_zero_u64" u64, "non_zero_u128" u128,
        "non_zero_i8" i8, "non_zero_i16" i16, "non_zero_i32" i32, "non_zero_i64" i64, "non_zero_i128" i128,
        "non_zero_usize" usize, "non_zero_isize" isize
    }
    let non_zeros = || vec(any::<u32>().prop_filter_map("zero", NonZero::new), 0..50);
    crosses!(host, "non_zeros", Vec<NonZero<u32>>, non_zeros());
}

#[test]
fn ranges() {
    let host = host_with(&["zoo"]);
    crosses!(host, "range", Range<u32>, any::<(u32, u32)>().prop_map(|(start, end)| start..end), 0..u32::MAX, 1..1);
    crosses!(host, "range_strings", Range<String>, (text(), text()).prop_map(|(start, end)| start..end));
    let inclusive = any::<(i64, i64)>().prop_map(|(start, end)| start..=end);
    crosses!(host, "range_inclusive", RangeInclusive<i64>, inclusive.clone(), i64::MIN..=i64::MAX);
    crosses!(host, "range_from", RangeFrom<char>, any::<char>().prop_map(|start| start..));
    crosses!(host, "range_to", RangeTo<u8>, any::<u8>().prop_map(|end| ..end));
    crosses!(host, "range_to_inclusive", RangeToInclusive<String>, text().prop_map(|end| ..=end));
    crosses!(host, "range_full", RangeFull, Just(..));
}

#[test]
fn addresses() {
    let host = host_with(&["zoo"]);
    let local = SocketAddrV6::new(Ipv6Addr::LOCALHOST, u16::MAX, 0x000A_BCDE, u32::MAX);
    crosses!(host, "ipv4_addr", Ipv4Addr, any::<Ipv4Addr>(), Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
    crosses!(host, "ipv6_addr", Ipv6Addr, any::<Ipv6Addr>(), Ipv6Addr::UNSPECIFIED, Ipv6Addr::LOCALHOST);
    crosses!(host, "ip_addr", IpAddr, any::<IpAddr>(), Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    crosses!(host, "socket_addr_v4", SocketAddrV4, any::<SocketAddrV4>());
    crosses!(host, "socket_addr_v6", SocketAddrV6, any::<SocketAddrV6>(), local);
    crosses!(host, "socket_addr", SocketAddr, any::<SocketAddr>(), local.into());
}

#[test]
fn in_each_other() {
    let host = host_with(&["zoo"]);
    type Nested = BTreeMap<Duration, HashMap<PathBuf, VecDeque<Option<IpAddr>>>>;
    let inner = || hash_map(os_string().prop_map(PathBuf::from), vec_deque(any::<Option<IpAddr>>(), 0..4), 0..4);
    crosses!(host, "std_nested", Nested, btree_map(any::<Duration>(), inner(), 0..4));
}

#[test]
fn maps_behind_references() {
    let host = host_with(&["zoo"]);
    let map = HashMap::from([("a".to_owned(), vec![1, 2]), ("b".to_owned(), vec![]), ("c".to_owned(), vec![3])]);
    let sum = host.get::<fn(&HashMap<String, Vec<u32>>) -> u32>("sum_values").unwrap();
    assert_eq!(sum(&map), 6);
    assert_eq!(sum(&map), 6, "the map is still the caller's");
    let mut map = BTreeMap::from([("to".to_owned(), "you".to_owned())]);
    host.get::<fn(&mut BTreeMap<String, String>)>("insert").unwrap()(&mut map);
    assert_eq!(map.len(), 2);
    assert_eq!((map["from"].as_str(), map["to"].as_str()), ("the zoo", "you"));
}

/// What an error and its causes say.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> Vec<String> {
    let mut messages = Vec::new();
    let mut next: Option<&'a (dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        messages.push(error.to_string());
        next = error.source();
    }
    messages
}

#[test]
fn errors_keep_what_they_say_and_their_causes() {
    let host = host_with(&["zoo"]);
    let fail = host.get::<fn(u32) -> Result<u32, Box<dyn Error + Send + Sync>>>("fail_below_ten").unwrap();
    assert_eq!(fail(11).unwrap(), 11);
    let error = fail(9).unwrap_err();
    // They are the host's own.
    drop((fail, host));
    assert_eq!(error.to_string(), "no answer");
    assert_eq!(chain(&*error), ["no answer", "bad number", "too small"]);
    assert_eq!(format!("{error:?}"), "no answer\n  caused by: bad number\n  caused by: too small");
}

#[test]
fn an_error_is_not_a_panic() {
    let host = host_with(&["zoo"]);
    type Try = fn(u32) -> Result<Result<u32, Box<dyn Error + Send + Sync>>, Fault>;
    let fail = host.get::<Try>("fail_below_ten").unwrap();
    assert_eq!(fail(11).unwrap().unwrap(), 11);
    assert_eq!(fail(9).unwrap().unwrap_err().to_string(), "no answer");
    assert_eq!(fail(10).unwrap_err().message, "at ten");

    let fail = host.get::<fn() -> Result<Result<(), Box<dyn Error>>, Fault>>("fail_badly").unwrap();
    assert_eq!(fail().unwrap_err().message, "while it was shown");
}

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("größe is no number")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn errors_of_every_kind() {
    let host = host_with(&["zoo"]);
    let outer = || Outer("größe".parse::<u8>().unwrap_err());
    let expected = ["größe is no number", "invalid digit found in string"];
    macro_rules! error {
        ($name:literal $ty:ty) => {
            let back = host.get::<fn($ty) -> $ty>($name).unwrap()(Box::new(outer()));
            assert_eq!(chain(&*back), expected);
            // One that crossed crosses like any other.
            let back = host.get::<fn($ty) -> $ty>($name).unwrap()(back);
            assert_eq!(chain(&*back), expected);
            assert_eq!(chain(&*host.get::<fn($ty) -> $ty>($name).unwrap()("".into())), [""]);
        };
    }
    error!("echo_error" Box<dyn Error>);
    error!("echo_error_send_sync" Box<dyn Error + Send + Sync>);
    let echo = host.get::<fn(Box<dyn Error + Send>) -> Box<dyn Error + Send>>("echo_error_send").unwrap();
    assert_eq!(chain(&*echo(Box::new(outer()))), expected);
    // To the other side they are all the same.
    assert!(host.get::<fn(u32) -> Result<u32, Box<dyn Error>>>("fail_below_ten").is_ok());
}

#[test]
fn shared_bytes() {
    let host = host_with(&["zoo"]);
    crosses!(host, "shared_bytes", Bytes, vec(any::<u8>(), 0..100).prop_map(Bytes::from), Bytes::new());
    let bytes = Bytes::from(vec![1, 2, 3, 4]);
    assert_eq!(host.get::<fn(&Bytes) -> usize>("bytes_address").unwrap()(&bytes), bytes.as_ptr().addr(), "not copied");
    let mut half = bytes.clone();
    host.get::<fn(&mut Bytes)>("keep_half").unwrap()(&mut half);
    assert_eq!(half, [1, 2][..]);
    assert_eq!(half.as_ptr(), bytes.as_ptr());
    assert_eq!(bytes, [1, 2, 3, 4][..]);
}

#[test]
fn bytes_keep_their_library() {
    let host = host_with(&["zoo"]);
    let fixed = host.get::<fn() -> Bytes>("static_bytes").unwrap()();
    let owned = host.get::<fn() -> Bytes>("owned_bytes").unwrap()();
    let echoed = host.get::<fn(Bytes) -> Bytes>("echo_shared_bytes").unwrap()(Bytes::from_owner(vec![1, 2]));
    drop(host);
    assert_eq!(fixed, "it is in the library");
    let part = owned.slice(3..5);
    drop(owned);
    std::thread::spawn(move || {
        assert_eq!(part, "is");
        assert_eq!(echoed, [1, 2][..]);
    })
    .join()
    .unwrap();
    assert_eq!(fixed.slice(..2), "it");
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(text(), inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn json() {
    let host = host_with(&["zoo"]);
    let numbers = json!([i64::MIN, -1, 0, 1, i64::MAX, u64::MAX, 0.0, 1.0, 0.1, -1e300, f64::MIN_POSITIVE]);
    let objects = json!({ "": {}, "b": [[], [{}]], "a": { "größe": null, "true": true, "text": "\0" } });
    crosses!(host, "json", Value, json_value(), Value::Null, json!(""), numbers.clone(), objects.clone());
    let echo = host.get::<fn(Value) -> Value>("echo_json").unwrap();
    // Zeros are equal, but not the same.
    let zeros = json!([0, 0.0, -0.0]);
    assert_eq!(echo(zeros.clone()).to_string(), zeros.to_string());
    assert_eq!(echo(numbers.clone()).to_string(), numbers.to_string());
    assert_eq!(echo(objects.clone()).to_string(), objects.to_string());
}

#[test]
fn deep_json() {
    let test = || {
        let host = host_with(&["zoo"]);
        let value = (0..5_000).fold(Value::Null, |inner, n| match n % 2 {
            0 => Value::Array(vec![inner]),
            _ => Value::Object([("inner".to_owned(), inner)].into_iter().collect()),
        });
        let lend = host.get::<fn(&Value) -> Value>("lend_json").unwrap();
        let echo = host.get::<fn(Value) -> Value>("echo_json").unwrap();
        let lent = lend(&value);
        assert!(lent == value);
        assert!(echo(lent) == value);
    };
    // serde_json itself drops, clones and compares by recursion.
    std::thread::Builder::new().stack_size(128 << 20).spawn(test).unwrap().join().unwrap();
}

#[test]
fn uuids() {
    let host = host_with(&["zoo"]);
    let uuid = || any::<u128>().prop_map(Uuid::from_u128);
    crosses!(host, "uuid", Uuid, uuid(), Uuid::nil(), Uuid::max());
    crosses!(host, "uuids", Vec<Uuid>, vec(uuid(), 0..20), Vec::new());
}
