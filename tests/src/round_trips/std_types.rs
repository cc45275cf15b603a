//! The types of std, and of other crates, that cross: by value and lent.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::hash::BuildHasherDefault;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::NonZero;
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use plugin_host::Host;
use proptest::collection::{btree_map, btree_set, hash_map, hash_set, vec, vec_deque};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::round_trip;

/// Sends values of all these types through this host's plugin `zoo`.
pub fn std_types(host: &Host) {
    maps_and_sets(host);
    sequences(host);
    texts(host);
    paths(host);
    times(host);
    wrappers(host);
    ranges(host);
    addresses(host);
    in_each_other(host);
    shared_bytes(host);
    json(host);
    uuids(host);
}

/// Checks the exports `echo_*` and `lend_*`: with values of the strategy, and with these values.
macro_rules! crosses {
    ($host:ident, $name:literal, $ty:ty, $strategy:expr $(, $value:expr)* $(,)?) => {{
        let echo = $host.get::<fn($ty) -> $ty>(concat!("echo_", $name)).unwrap();
        let lend = $host.get::<fn(&$ty) -> $ty>(concat!("lend_", $name)).unwrap();
        round_trip($strategy, |value| {
            #[allow(unused_imports)]
            use super::{NotInJson as _, ToJson as _};
            super::through_json($host, concat!("echo_", $name), (&super::Shown(&value)).to_json());
            super::through_json($host, concat!("lend_", $name), (&super::Shown(&value)).to_json());
            echo(value)
        });
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

fn maps_and_sets(host: &Host) {
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

/// A deque of these elements. In memory, the first element lies behind the others.
fn in_two_pieces<T>(first: T, others: Vec<T>) -> VecDeque<T> {
    let mut deque = VecDeque::from(others);
    deque.push_front(first);
    assert!(!deque.as_slices().1.is_empty());
    deque
}

fn sequences(host: &Host) {
    let two = in_two_pieces(0, vec![1, 2, 3]);
    crosses!(host, "deque", VecDeque<u32>, vec_deque(any::<u32>(), 0..50), VecDeque::new(), two.clone());
    let two_of_text = in_two_pieces("a".to_owned(), vec!["b".to_owned(), String::new()]);
    crosses!(host, "deque_strings", VecDeque<String>, vec_deque(text(), 0..50), VecDeque::new(), two_of_text.clone());
    let boxed = |values: Vec<u64>| values.into_boxed_slice();
    crosses!(host, "boxed_slice", Box<[u64]>, vec(any::<u64>(), 0..50).prop_map(boxed), Box::new([]));
    let boxed = |values: Vec<String>| values.into_boxed_slice();
    crosses!(host, "boxed_slice_strings", Box<[String]>, vec(text(), 0..50).prop_map(boxed), Box::new([]));
}

fn texts(host: &Host) {
    crosses!(host, "boxed_str", Box<str>, text().prop_map(Box::from), "".into());
    crosses!(host, "arc_str", Arc<str>, text().prop_map(Arc::from), "".into());
    crosses!(host, "cow", Cow<'static, str>, text().prop_map(Cow::Owned), Cow::Borrowed(""), Cow::Borrowed("größe"));
}

/// An `OsString`, which need not be Unicode.
fn os_string() -> impl Strategy<Value = OsString> {
    #[cfg(unix)]
    return vec(any::<u8>(), 0..20).prop_map(std::os::unix::ffi::OsStringExt::from_vec);
    #[cfg(windows)]
    return vec(any::<u16>(), 0..20).prop_map(|units| std::os::windows::ffi::OsStringExt::from_wide(&units));
}

/// Text that is not Unicode.
pub fn not_unicode() -> OsString {
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(b"a\xFFb".to_vec());
    #[cfg(windows)]
    return std::os::windows::ffi::OsStringExt::from_wide(&[0x61, 0xD800, 0x62]);
}

/// Times that every system knows: whole steps of 100 ns, some hundred years around the epoch.
fn time() -> impl Strategy<Value = SystemTime> {
    (any::<bool>(), 0..10_000_000_000_u64, 0..10_000_000_u32).prop_map(|(before, seconds, steps)| {
        let distance = Duration::new(seconds, steps * 100);
        if before { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
    })
}

fn times(host: &Host) {
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

fn wrappers(host: &Host) {
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

fn ranges(host: &Host) {
    crosses!(host, "range", Range<u32>, any::<(u32, u32)>().prop_map(|(start, end)| start..end), 0..u32::MAX, 1..1);
    crosses!(host, "range_strings", Range<String>, (text(), text()).prop_map(|(start, end)| start..end));
    let inclusive = any::<(i64, i64)>().prop_map(|(start, end)| start..=end);
    crosses!(host, "range_inclusive", RangeInclusive<i64>, inclusive.clone(), i64::MIN..=i64::MAX);
    crosses!(host, "range_from", RangeFrom<char>, any::<char>().prop_map(|start| start..));
    crosses!(host, "range_to", RangeTo<u8>, any::<u8>().prop_map(|end| ..end));
    crosses!(host, "range_to_inclusive", RangeToInclusive<String>, text().prop_map(|end| ..=end));
    crosses!(host, "range_full", RangeFull, Just(..));
}

fn addresses(host: &Host) {
    let local = SocketAddrV6::new(Ipv6Addr::LOCALHOST, u16::MAX, 0x000A_BCDE, u32::MAX);
    crosses!(host, "ipv4_addr", Ipv4Addr, any::<Ipv4Addr>(), Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
    crosses!(host, "ipv6_addr", Ipv6Addr, any::<Ipv6Addr>(), Ipv6Addr::UNSPECIFIED, Ipv6Addr::LOCALHOST);
    crosses!(host, "ip_addr", IpAddr, any::<IpAddr>(), Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    crosses!(host, "socket_addr_v4", SocketAddrV4, any::<SocketAddrV4>());
    crosses!(host, "socket_addr_v6", SocketAddrV6, any::<SocketAddrV6>(), local);
    crosses!(host, "socket_addr", SocketAddr, any::<SocketAddr>(), local.into());
}

fn in_each_other(host: &Host) {
    type Nested = BTreeMap<Duration, HashMap<PathBuf, VecDeque<Option<IpAddr>>>>;
    let inner = || hash_map(os_string().prop_map(PathBuf::from), vec_deque(any::<Option<IpAddr>>(), 0..4), 0..4);
    crosses!(host, "std_nested", Nested, btree_map(any::<Duration>(), inner(), 0..4));
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

fn json(host: &Host) {
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

fn uuids(host: &Host) {
    let uuid = || any::<u128>().prop_map(Uuid::from_u128);
    crosses!(host, "uuid", Uuid, uuid(), Uuid::nil(), Uuid::max());
    crosses!(host, "uuids", Vec<Uuid>, vec(uuid(), 0..20), Vec::new());
}

fn paths(host: &Host) {
    crosses!(host, "os_string", OsString, os_string(), OsString::new(), not_unicode());
    crosses!(host, "path_buf", PathBuf, os_string().prop_map(PathBuf::from), PathBuf::new(), not_unicode().into());
    let read = host.get::<fn(&OsStr) -> OsString>("read_os_str").unwrap();
    round_trip(os_string(), |text| read(&text));
}

fn shared_bytes(host: &Host) {
    crosses!(host, "shared_bytes", Bytes, vec(any::<u8>(), 0..100).prop_map(Bytes::from), Bytes::new());
}
