//! Values of every type, by descriptors written by hand, beside what Rust and serde make of the types themselves.

// Descriptors are put together of others, which are cloned wherever they are used once more.
#![allow(clippy::cloned_ref_to_slice_refs, clippy::single_range_in_vec_init)]

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ffi::OsString;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::mem::{MaybeUninit, offset_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::NonZero;
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use plugin_core::PluginType;
use plugin_core::descriptor::{Tag, form, style};
use plugin_core::repr::{BufferRepr, GrowsRepr, OptionRepr, Tuple2Repr, WideRepr};
use serde::de::{DeserializeOwned, DeserializeSeed};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::de::Target;
use super::free::{Place, free};
use super::layout::{Enum, Id, Kind, Layouts, Struct};
use super::reprs::{BytesRepr, SystemTimeRepr};
use super::ser::Value;
use super::{TOO_DEEP, Trouble};
use crate::schema::Schema;

// Descriptors.

fn leaf(tag: Tag) -> Vec<u8> {
    vec![tag as u8]
}

fn of(tag: Tag, parts: &[Vec<u8>]) -> Vec<u8> {
    [leaf(tag), parts.concat()].concat()
}

fn counted(tag: Tag, count: usize, parts: &[Vec<u8>]) -> Vec<u8> {
    [tag.head_with(count).to_vec(), parts.concat()].concat()
}

fn again(number: u32) -> Vec<u8> {
    [vec![Tag::Again as u8], number.to_le_bytes().to_vec()].concat()
}

fn name(name: &str) -> Vec<u8> {
    [(name.len() as u32).to_le_bytes().to_vec(), name.into()].concat()
}

/// A field's name, whether it has a default, and its type.
type Field<'a> = (&'a str, bool, Vec<u8>);

fn fields(style: u8, fields: &[Field<'_>]) -> Vec<u8> {
    let mut bytes = vec![style];
    bytes.extend((fields.len() as u32).to_le_bytes());
    for (field, defaulted, ty) in fields {
        bytes.extend([name(field), vec![u8::from(*defaulted)], ty.clone()].concat());
    }
    bytes
}

fn named(type_name: &str, body: Vec<u8>) -> Vec<u8> {
    [vec![Tag::Named as u8], name(type_name), 0_u32.to_le_bytes().to_vec(), body].concat()
}

fn a_struct(type_name: &str, form: u8, style: u8, of: &[Field<'_>]) -> Vec<u8> {
    named(type_name, [vec![Tag::Struct as u8, form], fields(style, of)].concat())
}

fn an_enum(type_name: &str, variants: &[(&str, u8, &[Field<'_>])], fallback: Option<&str>) -> Vec<u8> {
    let form = if fallback.is_some() { form::GROWS } else { form::FIXED };
    let mut body = vec![Tag::Enum as u8, form];
    body.extend((variants.len() as u32).to_le_bytes());
    for (index, (variant, style, of)) in variants.iter().enumerate() {
        // Discriminants are something else than numbers.
        body.extend([name(variant), (index as i128 * 10).to_le_bytes().to_vec(), fields(*style, of)].concat());
    }
    body.extend(fallback.map(name).unwrap_or_default());
    named(type_name, body)
}

fn field(name: &str, ty: Vec<u8>) -> Field<'_> {
    (name, false, ty)
}

// Values.

/// The types of a descriptor.
struct Types {
    layouts: Arc<Layouts>,
    id: Id,
}

impl Types {
    fn new(descriptor: &[u8]) -> Self {
        let schema = Schema::decode(descriptor).expect("a descriptor");
        let (layouts, ids) = Layouts::new(&schema, &[&schema.root]).expect("data");
        Types { layouts: Arc::new(layouts), id: ids[0] }
    }

    fn has_layout_of<R>(self) -> Self {
        let node = self.layouts.get(self.id);
        assert_eq!((node.size, node.align), (size_of::<R>(), align_of::<R>()));
        self
    }

    /// Those that plugin-core says the type has.
    fn real<T: PluginType>() -> Self {
        Types::new(&T::NODE.to_bytes()).is::<T>()
    }

    /// Expects of the layout to be that of the type's `Repr`.
    fn is<T: PluginType>(self) -> Self {
        self.has_layout_of::<T::Repr>()
    }

    /// Expects of values that plugin-core lowers to be read as the JSON beside them and to be freed, and of what is built
    /// of that JSON to be equal once plugin-core has lifted it.
    fn crosses_as<T: PluginType + Clone + PartialEq + Debug>(values: &[(T, Json)]) {
        let types = Types::real::<T>();
        for (value, json) in values {
            assert_eq!(types.show(&types.lowered(value.clone())), *json, "{value:?}");
            let mut place = types.build(json);
            place.emptied();
            // SAFETY: of the type's layout, moved out of its place, and made by the host.
            let lifted = unsafe { T::lift(read(&place), &plugin_core::Origin::HOST) };
            assert_eq!(lifted, *value);
        }
    }

    /// As above, as the JSON that serde makes of the values.
    fn crosses<T: PluginType + Clone + PartialEq + Debug + Serialize>(values: &[T]) {
        let values: Vec<_> = values.iter().map(|value| (value.clone(), serde_json::to_value(value).unwrap())).collect();
        Types::crosses_as(&values);
    }

    /// A place of a value as plugin-core makes it. These are the types of it.
    fn lowered<T: PluginType>(&self, value: T) -> Place<'_> {
        let node = self.layouts.get(self.id);
        assert_eq!((node.size, node.align), (size_of::<T::Repr>(), align_of::<T::Repr>()));
        let mut place = Place::new(&self.layouts, node.size, node.align).unwrap();
        // SAFETY: there is room, and then a value.
        unsafe {
            place.at().cast::<T::Repr>().write(value.lower());
            place.holds(self.id, 0);
        }
        place
    }

    fn try_build<'de, D: serde::Deserializer<'de>>(&self, deserializer: D) -> Result<Place<'_>, String> {
        let node = self.layouts.get(self.id);
        let place = Place::new(&self.layouts, node.size, node.align).map_err(|error| error.to_string());
        let (mut place, trouble) = (place?, Trouble::default());
        // SAFETY: there is room.
        let target = unsafe { Target::new(&self.layouts, self.id, place.at(), &trouble) };
        target.deserialize(deserializer).map_err(|error| format!("{}: {error}", trouble.take()))?.keep();
        // SAFETY: just built.
        unsafe { place.holds(self.id, 0) };
        Ok(place)
    }

    fn build(&self, json: &Json) -> Place<'_> {
        self.try_build(json).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    fn refuses(&self, json: Json) -> String {
        self.try_build(&json).err().expect("refused")
    }

    fn try_show<S: serde::Serializer>(&self, place: &Place<'_>, serializer: S) -> Result<S::Ok, String> {
        let trouble = Trouble::default();
        // SAFETY: a value of the type is there.
        let value = unsafe { Value::new(&self.layouts, self.id, place.at(), &trouble) };
        value.serialize(serializer).map_err(|error| format!("{}: {error}", trouble.take()))
    }

    fn show(&self, place: &Place<'_>) -> Json {
        self.try_show(place, serde_json::value::Serializer).unwrap()
    }

    /// Expects of JSON to come back as it is.
    fn echoes(&self, json: Json) {
        let place = self.build(&json);
        assert_eq!(self.show(&place), json);
    }

    /// Expects of a value to be written as serde writes it, in JSON and in a binary format.
    fn writes_as_serde<T: Serialize + DeserializeOwned + PartialEq + Debug>(&self, values: &[T]) -> &Self {
        for value in values {
            self.echoes(serde_json::to_value(value).unwrap());
            let bytes = postcard::to_stdvec(value).unwrap();
            let place = self.try_build(&mut postcard::Deserializer::from_bytes(&bytes)).unwrap();
            let mut output = postcard::Serializer { output: postcard::ser_flavors::StdVec::new() };
            self.try_show(&place, &mut output).unwrap();
            assert_eq!(postcard::ser_flavors::Flavor::finalize(output.output).unwrap(), bytes, "{value:?}");
        }
        self
    }
}

/// Reads what is there, as a plugin would.
fn read<R: Copy>(place: &Place<'_>) -> R {
    // SAFETY: the callers name the `Repr` of the type.
    unsafe { place.at().cast::<R>().read() }
}

fn texts() -> [String; 3] {
    ["".to_owned(), "text".to_owned(), "größer".to_owned()]
}

#[test]
fn what_has_no_name() {
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
        // SAFETY: such pairs are there.
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
fn what_std_names() {
    let duration = Types::new(&leaf(Tag::Duration)).is::<Duration>();
    duration.writes_as_serde(&[Duration::ZERO, Duration::MAX, Duration::new(1, 5)]);
    let time = Types::new(&leaf(Tag::SystemTime)).is::<SystemTime>();
    time.writes_as_serde(&[SystemTime::UNIX_EPOCH + Duration::new(1, 5)]);
    let mut before = Place::new(&time.layouts, 16, 8).unwrap();
    // SAFETY: there is room for it, and it is one.
    unsafe {
        before.at().cast::<SystemTimeRepr>().write(SystemTimeRepr { secs: -1, nanos: 999_999_999 });
        before.holds(time.id, 0);
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
fn a_path_that_is_no_text() {
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
fn what_other_crates_name() {
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

/// Each type's own descriptor, and values as plugin-core lowers and lifts them.
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
    // As wide as JSON has them.
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
    // What is of others.
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
    // What std names.
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
    // What other crates name.
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
    place.emptied();
    // SAFETY: moved out of its place, and made by the host.
    let lifted: Boxed = unsafe { PluginType::lift(read(&place), &plugin_core::Origin::HOST) };
    assert_eq!((lifted.to_string(), lifted.source().unwrap().to_string()), ("outer".into(), "inner".into()));
}

/// As `serde_json` has them if anything in the program enables its feature `arbitrary_precision`, and as formats with
/// wider integers have them.
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
    // Such a number is not lost. Without that feature, it cannot be shown.
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
    // What is no such number is what it is.
    types.echoes(json!({NUMBER: 5}));
    types.echoes(json!({NUMBER: ["1.5"]}));
    types.echoes(json!({NUMBER: "1.5", "a": "2"}));
    types.echoes(json!({"number": "1.5"}));
    types.echoes(json!(NUMBER));
    // It is no level of its own, and what looks like one at first is.
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

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Unit;
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Wrapped(String);
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Pair(u8, Vec<String>);
#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Point {
    x: u8,
    name: String,
    y: u16,
    label: Option<String>,
}

#[repr(C)]
struct PointRepr {
    x: u8,
    name: BufferRepr,
    y: u16,
    label: OptionRepr<BufferRepr>,
}

fn point_fields() -> [Field<'static>; 4] {
    [
        field("x", leaf(Tag::U8)),
        field("name", leaf(Tag::String)),
        field("y", leaf(Tag::U16)),
        field("label", of(Tag::Option, &[leaf(Tag::String)])),
    ]
}

fn offsets(types: &Types) -> Vec<usize> {
    let Kind::Struct(Struct { record, .. }) = &types.layouts.get(types.id).kind else { panic!("no struct") };
    record.fields.iter().map(|field| field.offset).collect()
}

fn points() -> [Point; 2] {
    let point = Point { x: 1, name: "name".to_owned(), y: 2, label: None };
    [point.clone(), Point { label: Some("label".to_owned()), ..point }]
}

#[test]
fn structs() {
    for form in [form::FIXED, form::C] {
        Types::new(&a_struct("Unit", form, style::UNIT, &[])).has_layout_of::<u8>().writes_as_serde(&[Unit]);
        let wrapped = a_struct("Wrapped", form, style::TUPLE, &[field("0", leaf(Tag::String))]);
        Types::new(&wrapped).has_layout_of::<BufferRepr>().writes_as_serde(&[Wrapped("text".to_owned())]);
        let pair = [field("0", leaf(Tag::U8)), field("1", of(Tag::Vec, &[leaf(Tag::String)]))];
        let pair =
            Types::new(&a_struct("Pair", form, style::TUPLE, &pair)).has_layout_of::<Tuple2Repr<u8, BufferRepr>>();
        pair.writes_as_serde(&[Pair(1, texts().to_vec())]);
        assert_eq!(pair.refuses(json!([1, ["a", 2]])), ".1[1]: invalid type: integer `2`, expected a string");
        let point = Types::new(&a_struct("Point", form, style::NAMED, &point_fields())).has_layout_of::<PointRepr>();
        point.writes_as_serde(&points());
        let expected = [
            offset_of!(PointRepr, x),
            offset_of!(PointRepr, name),
            offset_of!(PointRepr, y),
            offset_of!(PointRepr, label),
        ];
        assert_eq!(offsets(&point), expected);
        assert_eq!(
            point.show(&point.build(&json!({"y": 1, "x": 2, "name": ""}))),
            json!({"x": 2, "name": "", "y": 1, "label": null})
        );
        for (json, expected) in [
            (json!({"x": 1, "name": "a"}), ": missing field `y`"),
            (json!({"x": 1, "name": "a", "z": 2}), ": unknown field `z`, expected one of `x`, `name`, `y`, `label`"),
            (json!({"name": "a", "name ": 1}), ": unknown field `name `, expected one of `x`, `name`, `y`, `label`"),
            (json!({"name": "a", "label": 5}), ".label: invalid type: integer `5`, expected a string"),
            (json!([1, "a"]), ": invalid length 2, expected struct Point with 4 elements"),
            (json!("a"), ": invalid type: string \"a\", expected struct Point with 4 elements"),
        ] {
            assert_eq!(point.refuses(json), expected);
        }
        assert!(point.refuses(json!([1, "a", 2, "b", 3])).starts_with(": invalid length 5"));
        let cut = &mut serde_json::Deserializer::from_str(r#"{"name": "a", "x": 1, "y": 2, "label": "b" "#);
        assert!(point.try_build(cut).err().unwrap().starts_with(": EOF"));
        let twice = &mut serde_json::Deserializer::from_str(r#"{"name": "a", "name": "b"}"#);
        assert!(point.try_build(twice).err().unwrap().starts_with(": duplicate field `name`"));
    }
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Plain {
    A,
    B,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Shape {
    Nothing,
    Text(String),
    Two(u8, String),
    Named { x: u8, text: String },
}

fn shape_variants() -> [(&'static str, u8, Vec<Field<'static>>); 4] {
    let (byte, text) = (leaf(Tag::U8), leaf(Tag::String));
    [
        ("Nothing", style::UNIT, vec![]),
        ("Text", style::TUPLE, vec![field("0", text.clone())]),
        ("Two", style::TUPLE, vec![field("0", byte.clone()), field("1", text.clone())]),
        ("Named", style::NAMED, vec![field("x", byte), field("text", text)]),
    ]
}

fn shape(fallback: Option<&str>) -> Types {
    let variants = shape_variants();
    let variants: Vec<_> = variants.iter().map(|(name, style, fields)| (*name, *style, fields.as_slice())).collect();
    Types::new(&an_enum("Shape", &variants, fallback))
}

fn shapes() -> [Shape; 4] {
    let text = || "text".to_owned();
    [Shape::Nothing, Shape::Text(text()), Shape::Two(1, text()), Shape::Named { x: 2, text: text() }]
}

#[repr(C)]
struct ShapeRepr {
    number: u32,
    payload: ShapePayload,
}

#[repr(C)]
union ShapePayload {
    text: BufferRepr,
    two: Tuple2Repr<u8, BufferRepr>,
}

#[test]
fn enums() {
    let plain = Types::new(&an_enum("Plain", &[("A", style::UNIT, &[]), ("B", style::UNIT, &[])], None));
    let plain = plain.has_layout_of::<u32>();
    plain.writes_as_serde(&[Plain::A, Plain::B]);
    assert_eq!(read::<u32>(&plain.build(&json!("B"))), 1);
    let shape = shape(None).has_layout_of::<ShapeRepr>();
    let Kind::Enum(Enum { payload, .. }) = &shape.layouts.get(shape.id).kind else { panic!("no enum") };
    assert_eq!(*payload, offset_of!(ShapeRepr, payload));
    shape.writes_as_serde(&shapes());
    for (json, expected) in [
        (json!("Other"), ": unknown variant `Other`, expected one of `Nothing`, `Text`, `Two`, `Named`"),
        (json!({"Text": 5}), ".Text: invalid type: integer `5`, expected a string"),
        (json!({"Two": [1, 5]}), ".Two[1]: invalid type: integer `5`, expected a string"),
        (json!({"Two": [1]}), ".Two: invalid length 1, expected tuple variant Shape::Two with 2 elements"),
        (json!({"Named": {"text": "a", "x": "b"}}), ".Named.x: invalid type: string \"b\", expected u8"),
        (json!({"Named": {"text": "a"}}), ".Named: missing field `x`"),
        (json!("Text"), ".Text: invalid type: unit variant, expected newtype variant"),
    ] {
        assert_eq!(shape.refuses(json), expected);
    }
    let place = Place::new(&shape.layouts, size_of::<ShapeRepr>(), align_of::<ShapeRepr>()).unwrap();
    // SAFETY: there is room.
    unsafe { place.at().cast::<u32>().write(9) };
    assert_eq!(
        shape.try_show(&place, serde_json::value::Serializer).unwrap_err(),
        ": a lowered `Shape` has the tag 9, which means nothing"
    );
    // SAFETY: which means that it has nothing.
    unsafe { free(&shape.layouts, shape.id, place.at()) };
}

#[test]
fn a_byte_and_a_wide_payload() {
    #[repr(C)]
    struct Repr {
        number: u32,
        payload: MaybeUninit<Tuple2Repr<u8, WideRepr>>,
    }
    let wide = [field("0", leaf(Tag::U8)), field("1", leaf(Tag::U128))];
    let types = Types::new(&an_enum("Wide", &[("A", style::TUPLE, &wide), ("B", style::UNIT, &[])], None));
    types.has_layout_of::<Repr>().echoes(json!({"A": [1, 2]}));
    assert_eq!(offset_of!(Repr, payload), 16);
    assert_eq!(offset_of!(Repr, number), 0);
}

#[test]
fn structs_that_grow() {
    let mut all = point_fields();
    all[2].1 = true;
    all[3].1 = true;
    let point = Types::new(&a_struct("Point", form::GROWS, style::NAMED, &all)).has_layout_of::<GrowsRepr>();
    point.writes_as_serde(&points());
    let place = point.build(&serde_json::to_value(&points()[1]).unwrap());
    let grown: GrowsRepr = read(&place);
    assert_eq!(grown.number(), 4);
    // SAFETY: its fields are laid out so.
    unsafe {
        let fields = &*grown.fields::<[usize; 0]>().cast::<PointRepr>();
        assert_eq!((fields.x, fields.y), (1, 2));
        assert_eq!(fields.name.raw_parts().1, 4);
        let label = <Option<String>>::lift(std::ptr::read(&fields.label), &plugin_core::Origin::HOST);
        assert_eq!(label.as_deref(), Some("label"));
        std::mem::forget(label);
    }
    drop(place);
    // What has a default may be left out at the end.
    for (json, number) in [
        (json!({"x": 1, "name": "a"}), 2),
        (json!({"x": 1, "name": "a", "y": 3}), 3),
        (json!([1, "a"]), 2),
        (json!([1, "a", 5]), 3),
    ] {
        assert_eq!(read::<GrowsRepr>(&point.build(&json)).number(), number);
    }
    assert_eq!(point.refuses(json!({"x": 1})), ": missing field `name`");
    assert_eq!(
        point.refuses(json!({"x": 1, "name": "a", "label": "b"})),
        ": missing field `y`: it can only be left out with all that follow it"
    );
    assert_eq!(point.refuses(json!([1])), ": invalid length 1, expected struct Point with 4 elements");
    // A receiver that takes only some has the host free the others.
    for taken in [0, 1, 2, 4] {
        let mut place = point.build(&serde_json::to_value(&points()[1]).unwrap());
        place.emptied();
        let grown: GrowsRepr = read(&place);
        // SAFETY: those that count as taken are dropped here.
        unsafe {
            let fields = &*grown.fields::<[usize; 0]>().cast::<PointRepr>();
            if taken >= 2 {
                fields.name.free_raw(1, 1);
            }
            if taken == 4 {
                drop(<Option<String>>::lift(std::ptr::read(&fields.label), &plugin_core::Origin::HOST));
            }
            grown.release(taken);
        }
    }
}

#[test]
fn enums_that_grow() {
    let shape = shape(Some("Other")).has_layout_of::<GrowsRepr>();
    shape.writes_as_serde(&shapes());
    shape.echoes(json!("Other"));
    assert_eq!(read::<GrowsRepr>(&shape.build(&json!("Other"))).number(), GrowsRepr::FALLBACK);
    assert_eq!(read::<GrowsRepr>(&shape.build(&json!({"Two": [1, "a"]}))).number(), 2);
    assert_eq!(
        shape.refuses(json!("None")),
        ": unknown variant `None`, expected one of `Nothing`, `Text`, `Two`, `Named`, `Other`"
    );
    assert_eq!(shape.refuses(json!({"Two": ["a"]})), ".Two[0]: invalid type: string \"a\", expected u8");
}

/// `struct List { value: String, next: Option<Box<List>> }`
fn list(form: u8) -> Vec<u8> {
    let next = of(Tag::Option, &[of(Tag::Box, &[again(0)])]);
    a_struct("List", form, style::NAMED, &[field("value", leaf(Tag::String)), field("next", next)])
}

/// `struct Tree { value: String, children: Vec<Tree> }`
fn tree(form: u8) -> Vec<u8> {
    let children = of(Tag::Vec, &[again(0)]);
    a_struct("Tree", form, style::NAMED, &[field("value", leaf(Tag::String)), field("children", children)])
}

fn deep_list(depth: usize) -> Json {
    (0..depth).fold(json!(null), |next, _| json!({"value": "text", "next": next}))
}

#[test]
fn types_that_contain_themselves() {
    #[repr(C)]
    struct ListRepr {
        value: BufferRepr,
        next: OptionRepr<BufferRepr>,
    }
    Types::new(&list(form::FIXED)).has_layout_of::<ListRepr>();
    for form in [form::FIXED, form::GROWS] {
        Types::new(&list(form)).echoes(deep_list(3));
        Types::new(&tree(form)).echoes(json!({"value": "a", "children": [
            {"value": "b", "children": []},
            {"value": "c", "children": [{"value": "d", "children": []}]},
        ]}));
    }
    // Met from within itself before its size is known.
    let back = a_struct("Inner", form::FIXED, style::TUPLE, &[field("0", again(0)), field("1", leaf(Tag::U8))]);
    let types = Types::new(&a_struct(
        "Outer",
        form::FIXED,
        style::NAMED,
        &[field("a", of(Tag::Vec, &[back])), field("b", leaf(Tag::U64))],
    ));
    types.has_layout_of::<Tuple2Repr<BufferRepr, u64>>().echoes(json!({"a": [[{"a": [], "b": 1}, 2]], "b": 3}));
}

/// On a stack as small as that of any thread.
#[test]
fn values_may_be_128_levels_deep() {
    for form in [form::FIXED, form::GROWS] {
        let types = Types::new(&list(form));
        types.echoes(deep_list(128));
        let error = types.refuses(deep_list(129));
        let ends = ".next".repeat(8);
        assert_eq!(error, format!("{ends}..{ends}: {TOO_DEEP}"));
        let types = Types::new(&tree(form));
        let deep = |depth| (0..depth).fold(json!([]), |children, _| json!([{"value": "text", "children": children}]));
        types.echoes(deep(63)[0].clone());
        assert!(types.refuses(deep(65)[0].clone()).ends_with(TOO_DEEP));
    }
    let (inner, end) = (of(Tag::Option, &[of(Tag::Box, &[again(0)])]), field("end", leaf(Tag::Bool)));
    let variants: [(&str, u8, &[Field<'_>]); 2] = [
        ("Two", style::TUPLE, &[field("0", inner.clone()), field("1", leaf(Tag::String))]),
        ("Named", style::NAMED, &[field("inner", inner), end]),
    ];
    for fallback in [None, Some("Other")] {
        let types = Types::new(&an_enum("Expression", &variants, fallback));
        let deep = |depth| {
            (0..depth).fold(json!(null), |inner, _| json!({"Two": [{"Named": {"inner": inner, "end": true}}, "text"]}))
        };
        // Twice as many for JSON itself.
        types.echoes(deep(64));
        assert!(types.refuses(deep(65)).ends_with(TOO_DEEP));
    }
    let types = Types::new(&leaf(Tag::Json));
    let deep = |depth| (0..depth).fold(json!("text"), |inner, _| json!({"a": inner}));
    types.echoes(deep(128));
    assert!(types.refuses(deep(129)).ends_with(TOO_DEEP));
}

/// A list as deep as a plugin may make one.
#[test]
fn what_is_too_deep_to_be_shown_is_freed() {
    const DEPTH: usize = 10_000;
    for form in [form::FIXED, form::GROWS] {
        let types = Types::new(&list(form));
        let mut inner = types.build(&deep_list(1));
        let node = types.layouts.get(types.id);
        for _ in 0..DEPTH {
            // The next one, with the last one in a box.
            let outer = types.build(&deep_list(1));
            let size = node.size / size_of::<usize>();
            let mut moved = Vec::<usize>::with_capacity(size);
            // SAFETY: of the value's size; it is moved, into a buffer like a box's. The `Option` is at the end.
            unsafe {
                std::ptr::copy_nonoverlapping(inner.at().cast::<usize>(), moved.as_mut_ptr(), size);
                moved.set_len(size);
                inner.emptied();
                let mut moved = std::mem::ManuallyDrop::new(moved);
                let buffer = BufferRepr::from_raw_parts(moved.as_mut_ptr().cast(), 1, 1, node.size, node.align);
                let fields = match form {
                    form::GROWS => read::<GrowsRepr>(&outer).fields::<u8>().cast_mut(),
                    _ => outer.at(),
                };
                let next = fields.add(size_of::<BufferRepr>());
                next.write(1);
                next.add(size_of::<usize>()).cast::<BufferRepr>().write(buffer);
            }
            inner = outer;
        }
        let error = types.try_show(&inner, serde_json::value::Serializer).unwrap_err();
        assert!(error.ends_with(TOO_DEEP), "{error}");
    }
}

#[test]
fn what_is_no_data() {
    for descriptor in [
        counted(Tag::Fn, 0, &[leaf(Tag::U8)]),
        of(Tag::Option, &[counted(Tag::Fn, 0, &[leaf(Tag::U8)])]),
        of(Tag::Option, &[of(Tag::Ref, &[leaf(Tag::U8)])]),
        leaf(Tag::Str),
        of(Tag::NonZero, &[leaf(Tag::F32)]),
        counted(Tag::Array, 0, &[leaf(Tag::U8)]),
        counted(Tag::Array, usize::MAX, &[leaf(Tag::U16)]),
    ] {
        let schema = Schema::decode(&descriptor).unwrap();
        assert!(Layouts::new(&schema, &[&schema.root]).is_none(), "{descriptor:?}");
    }
}

#[test]
fn names_are_kept_once() {
    let first = super::layout::intern("a name of a type");
    let second = super::layout::intern(&String::from("a name of a type"));
    assert!(std::ptr::eq(first, second));
}

/// As many options around a type as a descriptor may have.
fn options(count: usize, inner: Vec<u8>) -> Vec<u8> {
    [vec![Tag::Option as u8; count], inner].concat()
}

/// About as deep as a schema may be. The value is one level, or too many.
#[test]
fn types_that_are_nested_deeply() {
    let types = Types::new(&options(255, leaf(Tag::U8)));
    assert_eq!(types.layouts.get(types.id).size, 256);
    types.echoes(json!(null));
    types.echoes(json!(5));
    let structs = (0..250).fold(leaf(Tag::String), |inner, number| {
        a_struct(&format!("Number{number}"), form::FIXED, style::TUPLE, &[field("0", inner)])
    });
    let types = Types::new(&structs).has_layout_of::<BufferRepr>();
    assert!(types.refuses(json!("text")).ends_with(TOO_DEEP));
}

/// As deep as a schema may be through types with names, on a stack as small as that of any thread: no recursion follows
/// types, and one of values ends in time.
#[test]
fn types_that_are_nested_deeply_in_one_another() {
    fn test() {
        let structs = (0..250).fold(leaf(Tag::String), |inner, number| {
            let name = format!("Number{number}");
            a_struct(&name, form::FIXED, style::TUPLE, &[field("0", options(250, inner))])
        });
        let types = Types::new(&structs);
        let node = types.layouts.get(types.id);
        let tags = 250 * 250;
        assert_eq!(node.size, tags * align_of::<BufferRepr>() + size_of::<BufferRepr>());
        types.echoes(json!(null));
        assert!(types.refuses(json!("text")).ends_with(TOO_DEEP));
        // One that a plugin may make, all there.
        let text = Types::new(&leaf(Tag::String));
        let mut innermost = text.build(&json!("text"));
        let mut place = Place::new(&types.layouts, node.size, node.align).unwrap();
        // SAFETY: every tag is where one is, the text is at the end, and it is moved.
        unsafe {
            for tag in 0..tags {
                place.at().add(tag * align_of::<BufferRepr>()).write(1);
            }
            let end = place.at().add(tags * align_of::<BufferRepr>());
            end.cast::<BufferRepr>().write(read(&innermost));
            innermost.emptied();
            place.holds(types.id, 0);
        }
        assert!(types.try_show(&place, serde_json::value::Serializer).unwrap_err().ends_with(TOO_DEEP));
    }
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(test).unwrap();
    thread.join().unwrap();
}

fn array(length: usize, element: Vec<u8>) -> Vec<u8> {
    counted(Tag::Array, length, &[element])
}

/// In a format that writes a unit as nothing, a few bytes may say that there are any number of them.
#[test]
fn elements_without_data_are_limited() {
    let unit = || leaf(Tag::Unit);
    let two = || counted(Tag::Tuple, 2, &[unit(), unit()]);
    let marker = || a_struct("Marker", form::FIXED, style::UNIT, &[]);
    let wrapper = || a_struct("Wrapper", form::FIXED, style::TUPLE, &[field("0", marker())]);
    let grown = || a_struct("Grown", form::GROWS, style::UNIT, &[]);
    let elements = [
        unit(),
        two(),
        marker(),
        wrapper(),
        grown(),
        array(3, unit()),
        leaf(Tag::RangeFull),
        of(Tag::PhantomData, &[leaf(Tag::String)]),
        of(Tag::Box, &[of(Tag::Box, &[marker()])]),
    ];
    // Many elements, and nothing after that number.
    let many = postcard::to_allocvec(&(1_u64 << 40)).unwrap();
    let few = postcard::to_allocvec(&1000_u64).unwrap();
    for element in elements {
        let lists = [Tag::Vec, Tag::VecDeque, Tag::BoxSlice, Tag::HashSet, Tag::BTreeSet];
        let lists = lists.map(|tag| of(tag, &[element.clone()]));
        let map = of(Tag::HashMap, &[element.clone(), unit()]);
        for list in lists.into_iter().chain([map]) {
            let types = Types::new(&list);
            let error = types.try_build(&mut postcard::Deserializer::from_bytes(&many)).err().expect("refused");
            assert!(!error.is_empty(), "{list:?}");
            types.try_build(&mut postcard::Deserializer::from_bytes(&few)).unwrap();
        }
        let array = Types::new(&array(1 << 24, element));
        assert!(array.try_build(&mut postcard::Deserializer::from_bytes(&[])).is_err());
    }
    // All of them together.
    let nested = Types::new(&of(Tag::Vec, &[of(Tag::Vec, &[unit()])]));
    let lists =
        [postcard::to_allocvec(&100_u64).unwrap(), postcard::to_allocvec(&1000_u64).unwrap().repeat(100)].concat();
    assert!(nested.try_build(&mut postcard::Deserializer::from_bytes(&lists)).is_err());
    // In JSON each is written.
    let error = Types::new(&of(Tag::Vec, &[unit()])).refuses(json!(vec![json!(null); super::MAX_EMPTY + 1]));
    assert!(error.ends_with("more than 65536 elements without data"), "{error}");
    // What has data is not limited.
    let bytes = Types::new(&of(Tag::Vec, &[leaf(Tag::U8)]));
    let long = postcard::to_allocvec(&vec![7_u8; super::MAX_EMPTY + 1]).unwrap();
    bytes.try_build(&mut postcard::Deserializer::from_bytes(&long)).unwrap();
}

/// A type may be as large as it likes: where there is no memory for a value, that is an error.
#[test]
fn values_for_which_there_is_no_memory() {
    // More than any system gives, whatever it promises.
    let huge = || array(1 << 60, leaf(Tag::U8));
    let expected = format!("there is no memory for it: {} bytes", 1_u64 << 60);
    let wrapped = [
        of(Tag::Box, &[huge()]),
        of(Tag::Vec, &[huge()]),
        of(Tag::HashMap, &[leaf(Tag::U8), huge()]),
        a_struct("Huge", form::GROWS, style::TUPLE, &[field("0", huge())]),
    ];
    let error = Types::new(&huge()).refuses(json!([]));
    assert_eq!(error, expected);
    for (ty, json) in wrapped.iter().zip([json!([]), json!([[]]), json!({"1": []}), json!([])]) {
        let error = Types::new(ty).refuses(json);
        assert!(error.contains("there is no memory for it") || error.contains("larger than memory"), "{error}");
    }
}
