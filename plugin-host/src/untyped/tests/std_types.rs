//! Tests with types of std and of other crates.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ffi::OsString;
use std::marker::PhantomData;
use std::mem::offset_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::NonZero;
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use plugin_core::PluginType;
use plugin_core::host::descriptor::Tag;
use plugin_core::repr::BufferRepr;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::untyped::free::Place;
use crate::untyped::leaves::bytes::BytesRepr;
use crate::untyped::leaves::time::SystemTimeRepr;
use crate::untyped::walk::TOO_DEEP;

use super::*;

#[test]
fn primitive_and_generic_types() {
    let (u8, u16, u64, text) = (leaf(Tag::U8), leaf(Tag::U16), leaf(Tag::U64), leaf(Tag::String));
    Types::new(&leaf(Tag::Unit)).is::<()>().writes_as_serde(&[()]);
    Types::new(&leaf(Tag::U128)).is::<u128>().writes_as_serde(&[0_u128, u64::MAX.into()]);
    Types::new(&leaf(Tag::Char)).is::<char>().writes_as_serde(&['a', '😀']);
    Types::new(&text).is::<String>().writes_as_serde(&texts());
    let option = of(Tag::Option, &[u64.clone()]);
    Types::new(&option).is::<Option<u64>>().writes_as_serde(&[None, Some(5_u64)]);
    let result = of(Tag::Result, &[u16.clone(), text.clone()]);
    Types::new(&result)
        .is::<Result<u16, String>>()
        .writes_as_serde::<Result<u16, String>>(&[Ok(5), Err("no".to_owned())]);
    let result = of(Tag::Result, &[counted(Tag::Array, 3, &[u16.clone()]), u8.clone()]);
    Types::new(&result).is::<Result<[u16; 3], u8>>();
    let tuple = counted(Tag::Tuple, 3, &[u8.clone(), text.clone(), u16.clone()]);
    Types::new(&tuple).is::<(u8, String, u16)>().writes_as_serde(&[(1_u8, "a".to_owned(), 2_u16)]);
    Types::new(&counted(Tag::Tuple, 2, &[u8.clone(), leaf(Tag::I128)])).is::<(u8, i128)>();
    Types::new(&counted(Tag::Array, 3, &[text.clone()])).is::<[String; 3]>().writes_as_serde(&[texts()]);
    for tag in [Tag::Vec, Tag::VecDeque, Tag::HashSet, Tag::BTreeSet, Tag::BoxSlice] {
        Types::new(&of(tag, &[text.clone()]))
            .has_layout_of::<BufferRepr>()
            .writes_as_serde(&[texts().to_vec(), vec![]]);
    }
    for tag in [Tag::HashMap, Tag::BTreeMap] {
        let map: BTreeMap<String, u16> = [("a".to_owned(), 1), ("b".to_owned(), 2)].into();
        let types = Types::new(&of(tag, &[text.clone(), u16.clone()])).has_layout_of::<BufferRepr>();
        types.writes_as_serde(&[map, BTreeMap::new()]);
        assert_eq!(
            types.refuses(json!({"a": 1, "it is": {"deep": 2}})),
            "[\"it is\"]: invalid type: map, expected u16"
        );
        let place = types.build(&json!({"a": 300}));
        let (pair, len) = read::<BufferRepr>(&place).raw_parts();
        // SAFETY: `build` has built a map with one pair, so the buffer has one. A pair is laid out as a `#[repr(C)]` struct of
        // its key and its value, which `PairRepr` is.
        let value = unsafe { pair.add(offset_of!(PairRepr, value)).cast::<u16>().read() };
        assert_eq!((value, len), (300, 1));
    }
    let numbers = Types::new(&of(Tag::HashMap, &[u16.clone(), u16.clone()]));
    numbers.writes_as_serde(&[BTreeMap::from([(1_u16, 2_u16), (3, 4)])]);
    for tag in [Tag::BoxStr, Tag::ArcStr, Tag::CowStr] {
        Types::new(&leaf(tag)).has_layout_of::<BufferRepr>().writes_as_serde(&texts());
    }
    Types::new(&of(Tag::Box, &[u16.clone()])).is::<Box<u16>>().writes_as_serde(&[Box::new(7_u16)]);
    let non_zero = Types::new(&of(Tag::NonZero, &[u16.clone()])).is::<NonZero<u16>>();
    non_zero.writes_as_serde(&[NonZero::new(7_u16).unwrap()]);
    assert_eq!(non_zero.refuses(json!(0)), ": invalid value: integer `0`, expected a nonzero u16");
    Types::new(&of(Tag::PhantomData, &[text.clone()]))
        .is::<PhantomData<String>>()
        .writes_as_serde(&[PhantomData::<u8>]);
    Types::new(&leaf(Tag::RangeFull)).is::<RangeFull>().echoes(json!(null));
    Types::new(&of(Tag::Range, &[u16.clone()])).is::<Range<u16>>().writes_as_serde::<Range<u16>>(&[1..5]);
    Types::new(&of(Tag::RangeInclusive, &[u16.clone()])).is::<RangeInclusive<u16>>().writes_as_serde(&[1_u16..=5]);
    Types::new(&of(Tag::RangeFrom, &[u16.clone()])).is::<RangeFrom<u16>>().writes_as_serde(&[1_u16..]);
    Types::new(&of(Tag::RangeTo, &[u16.clone()])).is::<RangeTo<u16>>().writes_as_serde(&[..1_u16]);
    Types::new(&of(Tag::RangeToInclusive, &[u16])).is::<RangeToInclusive<u16>>().echoes(json!({"end": 7}));
}

#[repr(C)]
struct PairRepr {
    key: BufferRepr,
    value: u16,
}

#[test]
fn std_types() {
    let duration = Types::new(&leaf(Tag::Duration)).is::<Duration>();
    duration.writes_as_serde(&[Duration::ZERO, Duration::MAX, Duration::new(1, 5)]);
    let time = Types::new(&leaf(Tag::SystemTime)).is::<SystemTime>();
    time.writes_as_serde(&[SystemTime::UNIX_EPOCH + Duration::new(1, 5)]);
    let mut before = Place::new(&time.layouts, 16, 8).unwrap();
    // SAFETY: the place has 16 bytes with the alignment 8, the layout of a `SystemTimeRepr`. It contains one after `write`.
    unsafe {
        before.at().cast::<SystemTimeRepr>().write(SystemTimeRepr { secs: -1, nanos: 999_999_999 });
        before.mark_filled(time.id, 0);
    }
    assert_eq!(
        time.try_show(&before, serde_json::value::Serializer).unwrap_err(),
        ": SystemTime must be later than UNIX_EPOCH"
    );
    let ordering = Types::new(&leaf(Tag::Ordering)).is::<Ordering>();
    for (json, expected) in [("Less", Ordering::Less), ("Equal", Ordering::Equal), ("Greater", Ordering::Greater)] {
        ordering.echoes(json!(json));
        assert_eq!(read::<i8>(&ordering.build(&json!(json))), expected as i8);
    }
    let (v4, v6) = (Ipv4Addr::new(127, 0, 0, 1), Ipv6Addr::LOCALHOST);
    Types::new(&leaf(Tag::Ipv4Addr)).is::<Ipv4Addr>().writes_as_serde(&[v4]);
    Types::new(&leaf(Tag::Ipv6Addr)).is::<Ipv6Addr>().writes_as_serde(&[v6]);
    let address = Types::new(&leaf(Tag::IpAddr)).is::<IpAddr>();
    address.writes_as_serde(&[IpAddr::from(v4), v6.into()]);
    assert_eq!(address.refuses(json!("localhost")), ": invalid IP address syntax");
    let socket_v4 = Types::new(&leaf(Tag::SocketAddrV4)).is::<SocketAddrV4>();
    socket_v4.writes_as_serde(&[SocketAddrV4::new(v4, 80)]);
    let socket_v6 = Types::new(&leaf(Tag::SocketAddrV6));
    socket_v6.is::<SocketAddrV6>().writes_as_serde(&[SocketAddrV6::new(v6, 80, 0, 0)]);
    let socket = Types::new(&leaf(Tag::SocketAddr)).is::<SocketAddr>();
    socket.writes_as_serde(&[SocketAddr::from((v4, 80)), (v6, 80).into()]);
    let path = Types::new(&leaf(Tag::PathBuf)).is::<PathBuf>();
    path.writes_as_serde(&[PathBuf::from("/a/b"), PathBuf::new()]);
    Types::new(&leaf(Tag::OsString)).is::<OsString>().writes_as_serde(&[OsString::from("abc")]);
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_utf8() {
    use std::os::unix::ffi::OsStringExt;
    let os = std::ffi::OsString::from_vec(vec![b'a', 0xff]);
    let (text, path) = (Types::new(&leaf(Tag::OsString)), Types::new(&leaf(Tag::PathBuf)));
    let place = text.build(&serde_json::to_value(&os).unwrap());
    assert_eq!(text.show(&place), json!({"Unix": [97, 255]}));
    assert_eq!(
        path.try_show(&place, serde_json::value::Serializer).unwrap_err(),
        ": path contains invalid UTF-8 characters"
    );
}

#[test]
fn types_of_other_crates() {
    let error = Types::new(&leaf(Tag::Error)).is::<Box<dyn std::error::Error>>();
    error.writes_as_serde(&[vec!["outer".to_owned(), "inner".to_owned()]]);
    assert_eq!(error.refuses(json!([])), ": invalid length 0, expected at least one message");
    let bytes = Types::new(&leaf(Tag::Bytes)).is::<Bytes>();
    bytes.echoes(json!([1, 2, 255]));
    bytes.echoes(json!([]));
    assert_eq!(read::<BytesRepr>(&bytes.build(&json!([1, 2]))).len, 2);
    let uuid = Types::new(&leaf(Tag::Uuid)).is::<Uuid>();
    uuid.echoes(json!("67e55044-10b1-426f-9247-bb680e5fe0c8"));
    for same in ["67E5504410B1426F9247BB680E5FE0C8", "{67e55044-10b1-426f-9247-bb680e5fe0c8}"] {
        assert_eq!(uuid.show(&uuid.build(&json!(same))), "67e55044-10b1-426f-9247-bb680e5fe0c8");
    }
    assert_eq!(uuid.refuses(json!("67e5")), ": invalid value: string \"67e5\", expected a UUID");
    let json = Types::new(&leaf(Tag::Json)).is::<Json>();
    for value in [json!(null), json!(true), json!(5), json!(-5), json!(0.5), json!("text"), json!([]), json!({})] {
        json.echoes(value);
    }
    json.echoes(json!({"a": [1, {"b": "text", "c": [[], {"d": null}]}], "e": "text"}));
    let cut = &mut serde_json::Deserializer::from_str(r#"{"a": ["text", {"b": "text"}, "#);
    assert!(json.try_build(cut).is_err());
}

/// The descriptors that plugin-core makes, with values that plugin-core lowers and lifts.
#[test]
fn values_that_plugin_core_lowers() {
    Types::crosses(&[()]);
    Types::crosses(&[false, true]);
    Types::crosses(&['a', '😀']);
    macro_rules! integers {
        ($($ty:ident)*) => {$(
            Types::crosses(&[0, $ty::MAX]);
            Types::crosses(&[NonZero::<$ty>::MIN, NonZero::<$ty>::MAX]);
        )*};
    }
    integers!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);
    // Only numbers that JSON without `arbitrary_precision` can express.
    Types::crosses(&[0, u128::from(u64::MAX)]);
    Types::crosses(&[-5, i128::from(i64::MIN)]);
    Types::crosses(&[NonZero::new(7_u128).unwrap()]);
    Types::crosses(&[NonZero::new(-7_i128).unwrap()]);
    Types::crosses(&[0.5_f32, -2.0]);
    Types::crosses(&[0.1_f64, f64::MAX]);
    // Texts.
    Types::crosses(&texts());
    Types::crosses(&texts().map(String::into_boxed_str));
    Types::crosses_as(&texts().map(|text| (Arc::<str>::from(&*text), json!(text))));
    Types::crosses(&texts().map(Cow::<'static, str>::Owned));
    Types::crosses(&[PathBuf::from("/a/b"), PathBuf::new()]);
    Types::crosses(&[OsString::from("größer"), OsString::new()]);
    // Types with parts.
    let texts = texts();
    Types::crosses(&[texts.to_vec(), vec![]]);
    Types::crosses(&[VecDeque::from(texts.clone()), VecDeque::new()]);
    Types::crosses(&[Box::<[String]>::from(texts.clone())]);
    Types::crosses(&[BTreeSet::from(texts.clone())]);
    Types::crosses(&[HashSet::from([7_u16]), HashSet::new()]);
    Types::crosses(&[BTreeMap::from([("a".to_owned(), 300_u16), ("b".to_owned(), 2)])]);
    Types::crosses(&[HashMap::from([(7_u64, "a".to_owned())]), HashMap::new()]);
    Types::crosses(&[texts.clone()]);
    Types::crosses(&[Box::new((1_u8, 2_u64))]);
    Types::crosses(&[None, Some(5_u64)]);
    Types::crosses(&[None, Some(1_u8)]);
    Types::crosses(&[Ok(5_u8), Err("no".to_owned())]);
    Types::crosses(&[Ok(5_u8), Err(7_u128)]);
    Types::crosses(&[(1_u8, "a".to_owned(), 2_u16, 3_u128)]);
    Types::crosses(&[PhantomData::<String>]);
    // Types of std.
    Types::crosses(&[1_u8..5]);
    Types::crosses(&[1_u64..=5]);
    Types::crosses(&[1_u16..]);
    Types::crosses(&[..5_u16]);
    Types::crosses_as(&[(..=5_u16, json!({"end": 5}))]);
    Types::crosses_as(&[(.., json!(null))]);
    Types::crosses(&[Duration::ZERO, Duration::MAX, Duration::new(1, 5)]);
    Types::crosses(&[SystemTime::UNIX_EPOCH + Duration::new(1, 5)]);
    Types::crosses_as(&[
        (Ordering::Less, json!("Less")),
        (Ordering::Equal, json!("Equal")),
        (Ordering::Greater, json!("Greater")),
    ]);
    let (v4, v6) = (Ipv4Addr::new(127, 1, 2, 3), Ipv6Addr::new(1, 2, 3, 4, 5, 6, 7, 8));
    Types::crosses(&[v4]);
    Types::crosses(&[v6]);
    Types::crosses(&[IpAddr::from(v4), v6.into()]);
    Types::crosses(&[SocketAddrV4::new(v4, 80)]);
    Types::crosses(&[SocketAddrV6::new(v6, 80, 0, 0), SocketAddrV6::new(v6, 80, 0, 7)]);
    Types::crosses(&[SocketAddr::from((v4, 80)), (v6, 80).into()]);
    // Types of other crates.
    Types::crosses(&[Bytes::from_static(b"static"), Bytes::from(vec![1, 2, 255]), Bytes::new()]);
    Types::crosses(&[Uuid::nil(), Uuid::from_u128(0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8)]);
    Types::crosses(&[
        json!([null, true, false, 5, -5, 0.5, u64::MAX, i64::MIN, "größer", "", [], {}]),
        json!({"a": [1, {"b": "text", "c": [[], {"d": null}]}], "e": "text"}),
        json!(null),
    ]);
    type Boxed = Box<dyn std::error::Error + Send + Sync>;
    let error = Types::real::<Boxed>();
    assert_eq!(error.show(&error.lowered(Boxed::from("it failed"))), json!(["it failed"]));
    let mut place = error.build(&json!(["outer", "inner"]));
    place.mark_empty();
    // SAFETY: `build` has built a value of this type. It is moved out once: `mark_empty` keeps the place from dropping it.
    let lifted: Boxed = unsafe { PluginType::lift(read(&place), &plugin_core::Origin::HOST) };
    assert_eq!((lifted.to_string(), lifted.source().unwrap().to_string()), ("outer".into(), "inner".into()));
}

/// Numbers as `serde_json` gives them if a crate of the program enables its feature `arbitrary_precision`, and numbers
/// of formats with 128-bit integers.
#[test]
fn numbers_in_json_of_any_precision() {
    use serde::de::value::{Error, I128Deserializer, MapDeserializer, StrDeserializer, U128Deserializer};
    const NUMBER: &str = "$serde_json::private::Number";
    let types = Types::new(&leaf(Tag::Json));
    for (digits, expected) in [
        ("1.5", json!(1.5)),
        ("0", json!(0)),
        ("18446744073709551615", json!(u64::MAX)),
        ("18446744073709551616", json!(18_446_744_073_709_551_616.0)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("-9223372036854775808.0", json!(-9_223_372_036_854_775_808.0)),
        ("-0", json!(-0.0)),
        ("1e3", json!(1000.0)),
    ] {
        let map = json!({NUMBER: digits});
        assert_eq!(types.show(&types.build(&map)), expected);
        assert_eq!(types.show(&types.build(&json!([{"a": map}]))), json!([{"a": expected}]));
        let map = MapDeserializer::<_, Error>::new([(NUMBER, digits)].into_iter());
        assert_eq!(types.show(&types.try_build(map).unwrap()), expected);
    }
    // Such a number is built without loss. Without that feature, it cannot be shown.
    for digits in ["1e999", "-0.10000000000000000001", "18446744073709551617", "-9223372036854775809", "1e99999"] {
        let place = types.build(&json!({NUMBER: digits}));
        let error = types.try_show(&place, serde_json::value::Serializer).unwrap_err();
        let expected = format!(": this program cannot keep the JSON number {digits} exactly; enable the feature ");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
    for digits in ["-inf", "NaN", "", "one", "1.", "01"] {
        let expected = format!(": invalid value: string {digits:?}, expected a JSON number");
        assert_eq!(types.refuses(json!({NUMBER: digits})), expected);
    }
    // Values that only look like such a number are kept as they are.
    types.echoes(json!({NUMBER: 5}));
    types.echoes(json!({NUMBER: ["1.5"]}));
    types.echoes(json!({NUMBER: "1.5", "a": "2"}));
    types.echoes(json!({"number": "1.5"}));
    types.echoes(json!(NUMBER));
    // Such a number is not one more level. A map that only begins like such a number is one more level.
    let deep = |inner: Json| (0..128).fold(inner, |inner, _| json!([inner]));
    assert_eq!(types.show(&types.build(&deep(json!({NUMBER: "5"})))), deep(json!(5)));
    for inner in [json!({}), json!({NUMBER: "5", "a": "6"}), json!({"a": "6", NUMBER: "5"})] {
        assert!(types.refuses(deep(inner)).ends_with(TOO_DEEP));
    }
    types.refuses(deep(json!({NUMBER: {NUMBER: "5"}})));
    for (wide, expected) in [(5, json!(5)), (u128::from(u64::MAX) + 1, json!(18_446_744_073_709_551_616.0))] {
        let wide = U128Deserializer::<Error>::new(wide);
        assert_eq!(types.show(&types.try_build(wide).unwrap()), expected);
    }
    for (wide, expected) in [
        (5, json!(5)),
        (i128::from(u64::MAX), json!(u64::MAX)),
        (i64::MIN.into(), json!(i64::MIN)),
        (i128::from(i64::MIN) * 2, json!(-18_446_744_073_709_551_616.0)),
    ] {
        let wide = I128Deserializer::<Error>::new(wide);
        assert_eq!(types.show(&types.try_build(wide).unwrap()), expected);
    }
    assert_eq!(types.show(&types.try_build(StrDeserializer::<Error>::new("5")).unwrap()), json!("5"));
}
