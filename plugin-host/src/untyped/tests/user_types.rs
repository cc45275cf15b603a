//! Tests with structs and enums of a plugin's author.

use std::fmt::Debug;
use std::mem::{MaybeUninit, offset_of};

use plugin_core::PluginType;
use plugin_core::host::descriptor::{Tag, form, style};
use plugin_core::repr::{BufferRepr, GrowsRepr, OptionRepr, Tuple2Repr, WideRepr};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::untyped::free::{Place, free};
use crate::untyped::layout::{Enum, Kind, Struct};

use super::*;

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
    // SAFETY: the place was made with the layout of a `ShapeRepr`, which begins with the number.
    unsafe { place.at().cast::<u32>().write(9) };
    assert_eq!(
        shape.try_show(&place, serde_json::value::Serializer).unwrap_err(),
        ": a lowered `Shape` has the tag 9, which means nothing"
    );
    // SAFETY: the place has the number of a variant. `free` reads nothing else of an enum with an unknown variant.
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
    // SAFETY: `number` says that the box has all four fields, which are laid out as in `PointRepr`. `label` is lifted once
    // and forgotten, so only the place drops it.
    unsafe {
        let fields = &*grown.fields::<[usize; 0]>().cast::<PointRepr>();
        assert_eq!((fields.x, fields.y), (1, 2));
        assert_eq!(fields.name.raw_parts().1, 4);
        let label = <Option<String>>::lift(std::ptr::read(&fields.label), &plugin_core::Origin::HOST);
        assert_eq!(label.as_deref(), Some("label"));
        std::mem::forget(label);
    }
    drop(place);
    // Fields with a default may be left out at the end.
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
    // A receiver takes the first fields. The host frees the other fields.
    for taken in [0, 1, 2, 4] {
        let mut place = point.build(&serde_json::to_value(&points()[1]).unwrap());
        place.mark_empty();
        let grown: GrowsRepr = read(&place);
        // SAFETY: `build` has built all four fields, with the layout of `PointRepr`, and `mark_empty` keeps the place from
        // dropping them. Of the first `taken` fields, those that own memory are dropped here, and `release` drops the others.
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
