use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use plugin_core::host::descriptor::{Tag, form, style};
use proptest::prelude::*;

use super::{MAX_DEPTH, MAX_NAMED, Schema};
use crate::schema::difference::Sides;
use crate::schema::signature::Signature;
use crate::schema::testing::*;

fn u8() -> Bytes {
    leaf(Tag::U8)
}

fn is_refused(bytes: &[u8]) -> bool {
    Schema::decode(bytes).is_none()
}

/// Uses each function on two signatures, and checks the laws between the results.
fn exercise(a: &[u8], b: &[u8]) {
    let (a, b) = (Signature::read(a), Signature::read(b));
    for signature in [&a, &b] {
        let mut hasher = DefaultHasher::new();
        signature.clone().hash(&mut hasher);
        let _ = hasher.finish();
        assert!(signature.to_string().len() < 1 << 13);
        assert!(signature.definitions().len() <= MAX_NAMED);
        assert!(!signature.declaration("name", &["argument".to_owned()]).is_empty());
        assert_eq!(*signature, signature.clone());
    }
    let difference = a.difference(&b, Sides::LOOK_UP);
    assert!(!difference.is_empty());
    assert_eq!(a.accepts(&b), difference == "none", "{difference}");
    assert_eq!(a.accepts(&b), b.accepts(&a));
    let equal = a == b;
    assert_eq!(b == a, equal);
    if equal {
        assert_eq!(a.to_string(), b.to_string());
        // Copies of a type may change the order of the definitions.
        let sorted = |signature: &Signature| signature.definitions().into_iter().collect::<BTreeSet<_>>();
        assert_eq!(sorted(&a), sorted(&b));
    }
}

/// `inner` inside `depth` levels of `wrap`.
fn nest(depth: usize, wrap: &[u8], inner: Bytes) -> Bytes {
    [wrap.repeat(depth), inner].concat()
}

#[test]
fn bytes_that_are_not_a_descriptor_are_refused() {
    assert!(is_refused(&[]));
    assert!(is_refused(&[0]));
    assert!(is_refused(&[Tag::U8 as u8, Tag::U8 as u8]));
    assert!(is_refused(&[Tag::Option as u8]));
    assert!(is_refused(&[Tag::Constant as u8; 17]));
    assert!(is_refused(&[Tag::Struct as u8, 0, 0, 0, 0, 0, 0]));
    for tag in [Tag::Tuple, Tag::Fn, Tag::Array] {
        let lie = [vec![tag as u8], u64::MAX.to_le_bytes().to_vec()].concat();
        assert!(is_refused(&lie));
        assert!(is_refused(&[lie, u8().repeat(1000)].concat()) || tag == Tag::Array);
    }
    let lie = |count: usize| [leaf(Tag::Named), name("A"), vec![255; count]].concat();
    assert!((0..100).all(|count| is_refused(&lie(count))));
    assert!(is_refused(&[vec![Tag::Tuple as u8], vec![0; 8]].concat()));
    assert!(is_refused(&again(0)));
    assert!(is_refused(&of(Tag::Tuple, &[again(0), named("A", fields(&[]))])));
    assert!(!is_refused(&of(Tag::Tuple, &[named("A", fields(&[])), again(0)])));
    assert!(is_refused(&of(Tag::Tuple, &[named("A", fields(&[])), again(1)])));
}

#[test]
fn a_malformed_definition_is_refused() {
    assert!(!is_refused(&named("A", fields(&[field("a", u8())]))));
    // Names.
    assert!(is_refused(&named("", fields(&[]))));
    assert!(is_refused(&named("A\nB", fields(&[]))));
    assert!(is_refused(&named("A", fields(&[field("", u8())]))));
    assert!(is_refused(&named("A", fields(&[field("a", u8()), field("a", u8())]))));
    assert!(is_refused(&named("A", variants(&[unit("X", 0), unit("X", 1)]))));
    assert!(is_refused(&named("A", growing_variants(&[unit("X", 0)], "X"))));
    let mut bytes = named("A", fields(&[]));
    bytes[5] = 0xFF;
    assert!(is_refused(&bytes));
    // Forms, styles and flags.
    assert!(is_refused(&named("A", body(3, style::NAMED, &[]))));
    assert!(is_refused(&named("A", body(form::FIXED, 3, &[]))));
    assert!(is_refused(&named("A", [vec![Tag::Enum as u8, form::C], vec![0; 4]].concat())));
    assert!(is_refused(&named("A", body(form::FIXED, style::UNIT, &[field("a", u8())]))));
    assert!(is_refused(&named("A", body(form::FIXED, style::TUPLE, &[field("1", u8())]))));
    assert!(is_refused(&named("A", fields(&[[name("a"), vec![2], u8()].concat()]))));
    // An enum has a fallback variant if and only if its form says that it may grow.
    let with = |form| named("A", [vec![Tag::Enum as u8, form], vec![0; 4], name("X")].concat());
    assert!(is_refused(&with(form::FIXED)));
    assert!(!is_refused(&with(form::GROWS)));
}

#[test]
fn a_type_without_a_finite_size_is_refused() {
    let node = |ty| named("Node", fields(&[field("next", ty)]));
    for tag in [Tag::Option, Tag::Range, Tag::RangeTo] {
        assert!(is_refused(&node(of(tag, &[again(0)]))));
    }
    assert!(is_refused(&node(again(0))));
    assert!(is_refused(&node(of(Tag::Tuple, &[u8(), again(0)]))));
    assert!(is_refused(&node(array(1, again(0)))));
    assert!(is_refused(&node(of(Tag::Result, &[u8(), again(0)]))));
    assert!(is_refused(&named("Node", growing(&[field("next", again(0))]))));
    assert!(is_refused(&named("Node", variants(&[variant("A", 0, style::TUPLE, &[field("0", again(0))])]))));
    // Through another type.
    assert!(is_refused(&node(named("Other", fields(&[field("back", again(0))])))));
    assert!(is_refused(&of(Tag::Vec, &[node(of(Tag::Box, &[named("Other", fields(&[field("self", again(1))]))]))])));
    // A type behind a pointer has a finite size.
    for tag in [Tag::Box, Tag::Vec, Tag::VecDeque, Tag::HashSet, Tag::PhantomData] {
        assert!(!is_refused(&node(of(tag, &[again(0)]))));
    }
    assert!(!is_refused(&node(of(Tag::HashMap, &[u8(), again(0)]))));
}

#[test]
fn a_type_without_a_finite_name_is_refused() {
    assert!(is_refused(&generic("A", &[again(0)], fields(&[]))));
    assert!(is_refused(&generic("A", &[of(Tag::Vec, &[again(0)])], fields(&[]))));
    assert!(is_refused(&generic("A", &[generic("B", &[again(0)], fields(&[]))], fields(&[]))));
    // A generic type may be in the body of its own argument: `struct B { a: Vec<A<B>> }`.
    let argument = named("B", fields(&[field("a", of(Tag::Vec, &[again(0)]))]));
    assert!(!is_refused(&generic("A", &[argument], fields(&[]))));
}

#[test]
fn the_deepest_types_need_little_stack() {
    let deepest = |inner: Bytes| {
        // Each definition first appears at the innermost level of the definition before, as a field or as an argument.
        let options = |inner| nest(MAX_DEPTH - 1, &[Tag::Option as u8], inner);
        (1..MAX_NAMED).fold(options(inner), |inner, index| {
            let called = format!("T{index}");
            match index % 3 {
                0 => options(named(&called, fields(&[field("next", inner)]))),
                1 => options(named(&called, variants(&[variant("A", 0, style::TUPLE, &[field("0", inner)])]))),
                _ => options(generic(&called, &[inner], fields(&[]))),
            }
        })
    };
    let (a, b) = (deepest(u8()), deepest(leaf(Tag::U16)));
    assert!(!is_refused(&a));
    assert!(is_refused(&nest(MAX_DEPTH, &[Tag::Option as u8], u8())));
    let small = std::thread::Builder::new().stack_size(512 << 10);
    let thread = small.spawn(move || {
        exercise(&a, &a);
        exercise(&a, &b);
        let chain = |inner| (0..MAX_NAMED).fold(inner, |inner, _| named("T", fields(&[field("next", inner)])));
        exercise(&chain(u8()), &chain(leaf(Tag::U16)));
        exercise(&nest(100_000, &[Tag::Option as u8], u8()), &[Tag::Mut as u8; 100_000]);
        exercise(&nest(100_000, &named("T", fields(&[]))[..6], u8()), &u8());
    });
    thread.unwrap().join().unwrap();
}

#[test]
fn types_with_an_exponential_expansion_are_compared() {
    // `Pair<Pair<..>, Pair<..>>`: each is written once. Its expansion would have 2^256 parts.
    let pairs = |inner: Bytes| {
        (0..MAX_NAMED as u32).rev().fold(inner, |inner, number| {
            let second = if number + 1 == MAX_NAMED as u32 { inner.clone() } else { again(number + 1) };
            generic("Pair", &[inner, second.clone()], tuple(&[second.clone(), second]))
        })
    };
    let (a, b) = (pairs(u8()), pairs(leaf(Tag::U16)));
    assert!(!is_refused(&a));
    let start = Instant::now();
    exercise(&a, &a);
    exercise(&a, &b);
    assert_ne!(signature(&a), signature(&b));
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn circles_of_different_lengths_are_compared() {
    // The last type leads back to the first. So each type of one side is met together with each type of the other.
    let circle = |length: usize, last: Bytes| {
        let back = of(Tag::Tuple, &[of(Tag::Box, &[again(0)]), last]);
        (0..length).fold(back, |inner, _| named("T", fields(&[field("next", of(Tag::Tuple, &[inner, u8()]))])))
    };
    let [a, b, c] = [(256, u8()), (255, u8()), (255, leaf(Tag::U16))].map(|(length, last)| circle(length, last));
    exercise(&a, &b);
    exercise(&a, &c);
    exercise(&b, &c);
    assert_ne!(signature(&b), signature(&c));
}

#[test]
fn reading_takes_linear_time() {
    let list = |name: &str| named(name, fields(&vec_of(20_000, |index| field(&format!("f{index}"), again(0)))));
    let start = Instant::now();
    // A type without a finite size. The reader refuses it only after the last byte.
    assert!(is_refused(&list("A")));
    let boxed = |ty| of(Tag::Box, &[ty]);
    let wide = |ty: Bytes| named("A", fields(&vec_of(20_000, |index| field(&format!("f{index}"), boxed(ty.clone())))));
    assert!(!is_refused(&wide(again(0))));
    exercise(&wide(again(0)), &wide(u8()));
    // The same names in reverse order.
    let reversed = fields(&vec_of(20_000, |index| field(&format!("f{}", 19_999 - index), boxed(u8()))));
    exercise(&wide(u8()), &named("A", reversed));
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

fn vec_of(count: usize, item: impl FnMut(usize) -> Bytes) -> Vec<Bytes> {
    (0..count).map(item).collect()
}

/// A random type. A named type may contain itself.
fn any_type() -> impl Strategy<Value = Bytes> {
    let leaves = prop::sample::select(vec![Tag::Unit, Tag::U8, Tag::String, Tag::BoxStr, Tag::Json, Tag::Bool]);
    let leaves = prop_oneof![
        6 => leaves.prop_map(leaf),
        1 => Just(of(Tag::Box, &[again(0)])),
        1 => (0..4_u32).prop_map(again),
    ];
    leaves.prop_recursive(6, 64, 5, |inner| {
        let many = prop::collection::vec(inner.clone(), 1..5);
        let called = prop::sample::select(vec!["A", "B", "Config"]);
        let struct_fields = |types: Vec<Bytes>, flags: u8| {
            let field = |(index, ty): (usize, Bytes)| {
                let called = char::from(b'a' + index as u8).to_string();
                if flags >> index & 1 == 1 { default(&called, ty) } else { field(&called, ty) }
            };
            types.into_iter().enumerate().map(field).collect::<Vec<_>>()
        };
        prop_oneof![
            inner.clone().prop_map(|ty| of(Tag::Option, &[ty])),
            inner.clone().prop_map(|ty| of(Tag::Vec, &[ty])),
            many.clone().prop_map(|types| of(Tag::Tuple, &types)),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| of(Tag::Result, &[a, b])),
            (called.clone(), many.clone(), 0..3_u8, any::<u8>()).prop_map(move |(called, types, form, flags)| {
                named(called, body(form, style::NAMED, &struct_fields(types, flags)))
            }),
            (called.clone(), inner, many.clone()).prop_map(|(called, ty, types)| generic(called, &[ty], tuple(&types))),
            (called, many, any::<bool>()).prop_map(move |(called, types, grows)| {
                let fields = struct_fields(types, 0);
                let all = [unit("X", 0), variant("Y", 1, style::NAMED, &fields)];
                named(called, if grows { growing_variants(&all, "Z") } else { variants(&all) })
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_handled(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        exercise(&bytes, &bytes);
    }

    /// More of these inputs are descriptors than of random bytes.
    #[test]
    fn any_tags_are_handled(tags in prop::collection::vec(
        prop::sample::select((0..=255).filter(|&byte| Tag::from_byte(byte).is_some() || byte < 4).collect::<Vec<u8>>()),
        0..200,
    )) {
        exercise(&tags, &tags);
    }

    #[test]
    fn any_two_types_are_compared(a in any_type(), b in any_type()) {
        exercise(&a, &b);
        exercise(&takes(a.clone()), &takes(b.clone()));
        if !is_refused(&a) && !is_refused(&b) && a != b && !a.contains(&(Tag::Named as u8)) {
            prop_assert_ne!(signature(&a), signature(&b));
        }
    }

    /// One byte is added, removed or changed. If the result is still a descriptor, the laws hold for it.
    #[test]
    fn damaged_descriptors_are_handled(
        a in any_type(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        how in 0..4,
    ) {
        let mut b = a.clone();
        let at = at.index(b.len());
        match how {
            0 => b[at] = byte,
            1 => b[at] ^= 1,
            2 => b.insert(at, byte),
            _ => drop(b.remove(at)),
        }
        exercise(&a, &b);
        exercise(&takes(a), &takes(b));
    }
}
