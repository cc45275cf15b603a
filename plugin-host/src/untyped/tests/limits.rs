//! Tests with types and values that are deep, that are large, or that have no data.

use plugin_core::host::descriptor::{Tag, form, style};
use plugin_core::repr::{BufferRepr, GrowsRepr, OptionRepr, Tuple2Repr};
use serde_json::{Value as Json, json};

use crate::schema::Schema;
use crate::untyped::free::Place;
use crate::untyped::layout::Layouts;
use crate::untyped::walk::TOO_DEEP;

use super::*;

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
    // `Outer` is met again inside itself, before its size is known.
    let back = a_struct("Inner", form::FIXED, style::TUPLE, &[field("0", again(0)), field("1", leaf(Tag::U8))]);
    let types = Types::new(&a_struct(
        "Outer",
        form::FIXED,
        style::NAMED,
        &[field("a", of(Tag::Vec, &[back])), field("b", leaf(Tag::U64))],
    ));
    types.has_layout_of::<Tuple2Repr<BufferRepr, u64>>().echoes(json!({"a": [[{"a": [], "b": 1}, 2]], "b": 3}));
}

/// On the stack of a test's thread, which is as small as that of any thread.
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
        // Each of these levels is two levels of JSON.
        types.echoes(deep(64));
        assert!(types.refuses(deep(65)).ends_with(TOO_DEEP));
    }
    let types = Types::new(&leaf(Tag::Json));
    let deep = |depth| (0..depth).fold(json!("text"), |inner, _| json!({"a": inner}));
    types.echoes(deep(128));
    assert!(types.refuses(deep(129)).ends_with(TOO_DEEP));
}

/// A list that is deeper than the limit. A plugin may return such a list.
#[test]
fn values_that_are_too_deep_to_be_shown_are_freed() {
    const DEPTH: usize = 10_000;
    for form in [form::FIXED, form::GROWS] {
        let types = Types::new(&list(form));
        let mut inner = types.build(&deep_list(1));
        let node = types.layouts.get(types.id);
        for _ in 0..DEPTH {
            // The next list, with the last list in a box.
            let outer = types.build(&deep_list(1));
            let size = node.size / size_of::<usize>();
            let mut moved = Vec::<usize>::with_capacity(size);
            // SAFETY: `moved` has the size and the alignment of the value, which is moved into it once: `mark_empty` keeps
            // `inner` from dropping it. `moved` is forgotten, so the box owns its memory. The fields of a list are a text and
            // then an `Option` of a box, so `next` is the address of the `Option`, which was `None`.
            unsafe {
                std::ptr::copy_nonoverlapping(inner.at().cast::<usize>(), moved.as_mut_ptr(), size);
                moved.set_len(size);
                inner.mark_empty();
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
fn types_that_are_not_data_have_no_layout() {
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
fn equal_names_share_one_copy() {
    let first = crate::untyped::layout::intern("a name of a type");
    let second = crate::untyped::layout::intern(&String::from("a name of a type"));
    assert!(std::ptr::eq(first, second));
}

/// A type inside `count` options.
fn options(count: usize, inner: Vec<u8>) -> Vec<u8> {
    [vec![Tag::Option as u8; count], inner].concat()
}

/// Types about as deep as a schema allows. The value has one level, or too many.
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

/// Types as deep as a schema allows, with named types inside one another, on a small stack. No recursion follows named
/// types, and the recursion that follows values has a limit.
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
        // A value that a plugin may return: all options are `Some`.
        let text = Types::new(&leaf(Tag::String));
        let mut innermost = text.build(&json!("text"));
        let mut place = Place::new(&types.layouts, node.size, node.align).unwrap();
        // SAFETY: the place was made for the type. All options have the alignment of the text, so each tag takes that many
        // bytes, and the text is at the end. The text is moved out of its place once: `mark_empty` keeps that from dropping it.
        unsafe {
            for tag in 0..tags {
                place.at().add(tag * align_of::<BufferRepr>()).write(1);
            }
            let end = place.at().add(tags * align_of::<BufferRepr>());
            end.cast::<BufferRepr>().write(read(&innermost));
            innermost.mark_empty();
            place.mark_filled(types.id, 0);
        }
        assert!(types.try_show(&place, serde_json::value::Serializer).unwrap_err().ends_with(TOO_DEEP));
    }
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(test).unwrap();
    thread.join().unwrap();
}

fn array(length: usize, element: Vec<u8>) -> Vec<u8> {
    counted(Tag::Array, length, &[element])
}

/// Some formats write no byte for a unit, so a few bytes of input may claim any number of units.
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
    // The number of elements, without any element.
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
    // The limit is for all lists of a value together.
    let nested = Types::new(&of(Tag::Vec, &[of(Tag::Vec, &[unit()])]));
    let lists =
        [postcard::to_allocvec(&100_u64).unwrap(), postcard::to_allocvec(&1000_u64).unwrap().repeat(100)].concat();
    assert!(nested.try_build(&mut postcard::Deserializer::from_bytes(&lists)).is_err());
    // JSON writes each unit.
    let error =
        Types::new(&of(Tag::Vec, &[unit()])).refuses(json!(vec![json!(null); crate::untyped::walk::MAX_EMPTY + 1]));
    assert!(error.ends_with("more than 65536 elements without data"), "{error}");
    // The number of elements with data is not limited.
    let bytes = Types::new(&of(Tag::Vec, &[leaf(Tag::U8)]));
    let long = postcard::to_allocvec(&vec![7_u8; crate::untyped::walk::MAX_EMPTY + 1]).unwrap();
    bytes.try_build(&mut postcard::Deserializer::from_bytes(&long)).unwrap();
}

/// A type may be of any size. If the memory for a value cannot be allocated, that is an error.
#[test]
fn values_for_which_there_is_no_memory() {
    // More than any operating system gives, even with overcommitted memory.
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
