mod growth;

use std::collections::HashMap;
use std::slice::from_ref;

use plugin_core::host::descriptor::{Tag, form, style};

use crate::schema::difference::Sides;
use crate::schema::signature::Signature;
use crate::schema::testing::*;

fn u8() -> Bytes {
    leaf(Tag::U8)
}

fn u16() -> Bytes {
    leaf(Tag::U16)
}

fn u32() -> Bytes {
    leaf(Tag::U32)
}

fn u64() -> Bytes {
    leaf(Tag::U64)
}

fn boxed(inner: Bytes) -> Bytes {
    of(Tag::Box, &[inner])
}

fn option(inner: Bytes) -> Bytes {
    of(Tag::Option, &[inner])
}

fn vec(inner: Bytes) -> Bytes {
    of(Tag::Vec, &[inner])
}

/// `struct Config { retry: Retry }`, `struct Retry { max: .. }`.
fn config(max: Bytes) -> Bytes {
    named("Config", fields(&[field("retry", named("Retry", fields(&[field("max", max)])))]))
}

/// A struct with one field of type `ty`.
fn holds(ty: Bytes) -> Bytes {
    named("Config", fields(&[field("it", ty)]))
}

const HINT_STRUCT: &str = "hint: a struct that may grow is declared `#[non_exhaustive]` on both sides from the start, \
                           and its new, trailing fields get `#[plugin_type(default)]`";
const HINT_ENUM: &str = "hint: an enum that may grow is declared `#[non_exhaustive]` on both sides from the start, \
                         with a `#[plugin_type(fallback)]` variant";
const HINT_GROWS_STRUCT: &str =
    "hint: a struct that may grow gets new fields only after all others, and each with `#[plugin_type(default)]`";
const HINT_GROWS_ENUM: &str = "hint: an enum that may grow gets new variants only after all others";

fn lines<const N: usize>(lines: [&str; N]) -> String {
    lines.join("\n")
}

#[test]
fn a_message_has_the_path_to_a_nested_difference() {
    assert_eq!(
        difference(&takes(config(u32())), &takes(config(u64()))),
        "argument 1: Config.retry.max: u32 in the host, u64 in the plugin"
    );
    assert_eq!(between(config(u32()), config(u32())), "none");
    assert_eq!(
        difference(&of(Tag::Fn, &[vec(boxed(config(u32())))]), &of(Tag::Fn, &[vec(boxed(config(u64())))])),
        "what it returns: Config.retry.max: u32 in the host, u64 in the plugin"
    );
    assert_eq!(
        difference(&of(Tag::Static, &[config(u32())]), &of(Tag::Static, &[config(u64())])),
        "Config.retry.max: u32 in the host, u64 in the plugin"
    );
    assert_eq!(
        difference(&of(Tag::Mutex, &[config(u32())]), &of(Tag::Mutex, &[config(u64())])),
        "Config.retry.max: u32 in the host, u64 in the plugin"
    );
}

#[test]
fn a_path_names_the_part_of_a_container() {
    let inside = |host, plugin| between(holds(host), holds(plugin));
    let map = |key, value| of(Tag::HashMap, &[key, value]);
    let result = |ok, error| of(Tag::Result, &[ok, error]);
    let cases = [
        (vec(u8()), vec(u16()), "Config.it[..]: u8 in the host, u16 in the plugin"),
        (array(2, u8()), array(2, u16()), "Config.it[..]: u8 in the host, u16 in the plugin"),
        (array(2, u8()), array(3, u8()), "Config.it: [u8; 2] in the host, [u8; 3] in the plugin"),
        (option(u8()), option(u16()), "Config.it<Some>: u8 in the host, u16 in the plugin"),
        (result(u8(), u8()), result(u16(), u8()), "Config.it<Ok>: u8 in the host, u16 in the plugin"),
        (result(u8(), u8()), result(u8(), u16()), "Config.it<Err>: u8 in the host, u16 in the plugin"),
        (map(u8(), u8()), map(u16(), u8()), "Config.it<key>: u8 in the host, u16 in the plugin"),
        (map(u8(), vec(u8())), map(u8(), vec(u16())), "Config.it<value>[..]: u8 in the host, u16 in the plugin"),
        (
            of(Tag::Tuple, &[u8(), u8()]),
            of(Tag::Tuple, &[u8(), u16()]),
            "Config.it.1: u8 in the host, u16 in the plugin",
        ),
        (boxed(u8()), boxed(u16()), "Config.it: Box<u8> in the host, Box<u16> in the plugin"),
        (boxed(option(u8())), boxed(option(u16())), "Config.it<Some>: u8 in the host, u16 in the plugin"),
        (
            of(Tag::NonZero, &[u8()]),
            of(Tag::NonZero, &[u16()]),
            "Config.it: NonZero<u8> in the host, NonZero<u16> in the plugin",
        ),
        (
            of(Tag::Range, &[u8()]),
            of(Tag::RangeFrom, &[u8()]),
            "Config.it: Range<u8> in the host, RangeFrom<u8> in the plugin",
        ),
        (
            map(u8(), u8()),
            of(Tag::BTreeMap, &[u8(), u8()]),
            "Config.it: HashMap<u8, u8> in the host, BTreeMap<u8, u8> in the plugin",
        ),
        (leaf(Tag::PathBuf), leaf(Tag::OsString), "Config.it: PathBuf in the host, OsString in the plugin"),
    ];
    for (host, plugin, message) in cases {
        assert_eq!(inside(host, plugin), message);
    }
}

#[test]
fn without_a_named_type_the_path_begins_with_the_whole_type() {
    let pairs = |inner| vec(of(Tag::Tuple, &[u8(), option(inner)]));
    assert_eq!(
        between(pairs(u16()), pairs(leaf(Tag::I16))),
        "Vec<(u8, Option<u16>)>[..].1<Some>: u16 in the host, i16 in the plugin"
    );
    assert_eq!(
        between(vec(named("A", fields(&[]))), vec(named("B", fields(&[])))),
        "Vec<A>[..]: A in the host, B in the plugin"
    );
}

#[test]
fn a_type_with_fewer_fields_is_another_type() {
    let short = || named("Config", fields(&[field("path", leaf(Tag::String))]));
    let long = || named("Config", fields(&[field("path", leaf(Tag::String)), field("timeout", u64())]));
    assert_eq!(between(short(), long()), lines(["Config: field `timeout: u64` only in the plugin", HINT_STRUCT]));
    assert_eq!(between(long(), short()), lines(["Config: field `timeout: u64` only in the host", HINT_STRUCT]));
    let pair = |types: &[Bytes]| named("Pair", tuple(types));
    assert_eq!(
        between(pair(&[u8()]), pair(&[u8(), u16()])),
        lines(["Pair: field `1: u16` only in the plugin", HINT_STRUCT])
    );
    // A default alone does not make a struct one that may grow.
    let defaulted = named("Config", fields(&[field("path", leaf(Tag::String)), default("timeout", u64())]));
    assert_eq!(between(short(), defaulted), lines(["Config: field `timeout: u64` only in the plugin", HINT_STRUCT]));

    let short = || named("Event", variants(&[unit("Open", 0)]));
    let long = || named("Event", variants(&[unit("Open", 0), variant("Close", 1, style::TUPLE, &[field("0", u8())])]));
    assert_eq!(between(short(), long()), lines(["Event: variant `Close(u8)` only in the plugin", HINT_ENUM]));
    assert_eq!(between(long(), short()), lines(["Event: variant `Close(u8)` only in the host", HINT_ENUM]));
    // The same for a function's arguments, in descriptors of different lengths.
    assert_eq!(
        difference(&takes(u8()), &of(Tag::Fn, &[leaf(Tag::Unit)])),
        "1 argument in the host, 0 arguments in the plugin"
    );
}

#[test]
fn reordered_fields_are_another_type() {
    let config =
        |names: &[&str]| named("Config", fields(&names.iter().map(|name| field(name, u32())).collect::<Vec<_>>()));
    assert_eq!(
        between(config(&["a", "b"]), config(&["b", "a"])),
        "Config: fields in another order: host a, b; plugin b, a"
    );
    assert_eq!(
        between(config(&["a", "b", "c", "d", "e"]), config(&["a", "c", "d", "b", "e"])),
        "Config: fields in another order: host b, c, d; plugin c, d, b"
    );
    // The types of the reordered fields differ too. The message names each field whose type differs.
    let two = |first, second| named("Config", fields(&[first, second]));
    assert_eq!(
        between(two(field("a", u8()), field("b", u16())), two(field("b", u16()), field("a", u8()))),
        "Config: fields in another order: host a, b; plugin b, a"
    );
    assert_eq!(
        between(two(field("a", u8()), field("b", u16())), two(field("b", u16()), field("a", u32()))),
        lines([
            "Config: fields in another order: host a, b; plugin b, a",
            "Config.a: u8 in the host, u32 in the plugin"
        ])
    );
}

#[test]
fn a_renamed_field_is_another_type() {
    let config = |name| named("Config", fields(&[field("path", u8()), field(name, vec(u32()))]));
    assert_eq!(
        between(config("retries"), config("attempts")),
        "Config: field 2 is `retries: Vec<u32>` in the host, `attempts: Vec<u32>` in the plugin"
    );
    // A field with another name and another type is another field, and not a renamed one.
    let config = |name, ty| named("Config", fields(&[field(name, ty)]));
    assert_eq!(
        between(config("retries", u32()), config("attempts", u64())),
        lines(["Config: field `retries: u32` only in the host", "Config: field `attempts: u64` only in the plugin",])
    );
    // The type of a renamed field is compared too.
    let config = |name, ty| named("Config", fields(&[field(name, named("Retry", fields(&[field("max", ty)])))]));
    assert_eq!(
        between(config("retry", u32()), config("again", u64())),
        lines([
            "Config: field 1 is `retry: Retry` in the host, `again: Retry` in the plugin",
            "Config.retry.max: u32 in the host, u64 in the plugin",
        ])
    );
}

#[test]
fn variants_are_part_of_a_type() {
    let event = |all: &[Bytes]| named("Event", variants(all));
    let open = |style, fields: &[Bytes]| variant("Open", 0, style, fields);
    assert_eq!(
        between(event(&[unit("Low", 0), unit("High", 1)]), event(&[unit("Low", 0), unit("Top", 1)])),
        "Event: variant 2 is `High` in the host, `Top` in the plugin"
    );
    assert_eq!(
        between(event(&[unit("Low", 0), unit("High", 1)]), event(&[unit("High", 0), unit("Low", 1)])),
        "Event: variants in another order: host Low, High; plugin High, Low"
    );
    assert_eq!(
        between(event(&[unit("A", 0), unit("C", 1)]), event(&[unit("A", 0), unit("B", 1), unit("C", 2)])),
        lines(["Event: variant `B` only in the plugin", HINT_ENUM])
    );
    let path = |ty| event(&[open(style::NAMED, &[field("path", ty)])]);
    assert_eq!(
        between(path(leaf(Tag::String)), path(leaf(Tag::PathBuf))),
        "Event::Open.path: String in the host, PathBuf in the plugin"
    );
    assert_eq!(
        between(event(&[unit("Open", 0)]), event(&[open(style::TUPLE, &[field("0", u8())])])),
        "Event::Open: `Open` in the host, `Open(..)` in the plugin"
    );
    assert_eq!(
        between(path(u8()), event(&[open(style::NAMED, &[field("path", u8()), field("line", u32())])])),
        "Event::Open: field `line: u32` only in the plugin"
    );
    let nested = |ty| holds(option(event(&[open(style::TUPLE, &[field("0", ty)])])));
    assert_eq!(between(nested(u8()), nested(u16())), "Config.it<Some>::Open.0: u8 in the host, u16 in the plugin");
}

#[test]
fn discriminants_are_part_of_a_type() {
    let level = |high| named("Level", variants(&[unit("Low", 1), unit("High", high)]));
    assert_eq!(between(level(4), level(5)), "Level::High = 4 in the host, 5 in the plugin");
    assert_eq!(between(holds(level(4)), holds(level(-1))), "Config.it::High = 4 in the host, -1 in the plugin");
    // Variants reordered together with their discriminants, and discriminants swapped between variants.
    let level = |names: [(&str, i128); 2]| named("Level", variants(&names.map(|(name, value)| unit(name, value))));
    assert_eq!(
        between(level([("Low", 0), ("High", 1)]), level([("High", 1), ("Low", 0)])),
        "Level: variants in another order: host Low, High; plugin High, Low"
    );
    assert_eq!(
        between(level([("Low", 0), ("High", 1)]), level([("Low", 1), ("High", 0)])),
        lines(["Level::Low = 0 in the host, 1 in the plugin", "Level::High = 1 in the host, 0 in the plugin"])
    );
}

#[test]
fn a_type_with_another_name_is_another_type() {
    let called = |name| named(name, fields(&[field("max", u32())]));
    assert_eq!(between(called("Config"), called("Settings")), "Config in the host, Settings in the plugin");
    assert_eq!(
        between(holds(vec(called("Retry"))), holds(vec(called("Again")))),
        "Config.it[..]: Retry in the host, Again in the plugin"
    );
    assert_eq!(between(called("Config"), of(Tag::Tuple, &[u32()])), "Config in the host, (u32,) in the plugin");
    // A user's type with the name of an SDK type is another type.
    assert_eq!(
        between(leaf(Tag::Uuid), named("Uuid", tuple(&[array(16, u8())]))),
        "Uuid (of the SDK) in the host, Uuid (with `#[plugin_type]`) in the plugin"
    );
    assert_eq!(
        between(boxed(named("Uuid", fields(&[]))), boxed(leaf(Tag::Uuid))),
        "Box<Uuid> (with `#[plugin_type]`) in the host, Box<Uuid> (of the SDK) in the plugin"
    );
}

#[test]
fn a_type_in_a_box_is_another_type() {
    let node = |next: fn(Bytes) -> Bytes| named("Node", fields(&[field("next", next(again(0)))]));
    assert_eq!(
        between(node(|node| option(boxed(node))), node(boxed)),
        "Node.next: Option<Box<Node>> in the host, Box<Node> in the plugin"
    );
    assert_eq!(between(option(boxed(u8())), boxed(u8())), "Option<Box<u8>> in the host, Box<u8> in the plugin");
    assert_eq!(
        between(option(boxed(u8())), option(u8())),
        "Option<Box<u8>><Some>: Box<u8> in the host, u8 in the plugin"
    );
    assert_eq!(between(of(Tag::Ref, &[u8()]), of(Tag::Mut, &[u8()])), "&u8 in the host, &mut u8 in the plugin");
}

#[test]
fn arguments_are_part_of_a_generic_type() {
    let page = |ty: Bytes| generic("Page", from_ref(&ty), fields(&[field("items", vec(ty.clone()))]));
    assert_eq!(between(page(u32()), page(u64())), "Page<u32> in the host, Page<u64> in the plugin");
    assert_eq!(
        between(holds(page(u32())), holds(page(u64()))),
        "Config.it: Page<u32> in the host, Page<u64> in the plugin"
    );
    // Also if the generic type contains no value of its argument.
    let tagged = |ty: Bytes| generic("Tagged", &[ty], fields(&[]));
    assert_eq!(between(tagged(u32()), tagged(u64())), "Tagged<u32> in the host, Tagged<u64> in the plugin");
    let grid = |columns| generic("Grid", &[u8(), constant(columns)], tuple(&[array(3, u8())]));
    assert_eq!(between(grid(3), grid(4)), "Grid<u8, 3> in the host, Grid<u8, 4> in the plugin");
    assert_eq!(between(grid(3), grid(3)), "none");
    // A difference in the definition of an argument is reported at the argument's definition.
    let of_retry = |ty| named("Retry", fields(&[field("max", ty)]));
    assert_eq!(
        between(tagged(of_retry(u32())), tagged(of_retry(u64()))),
        "Retry.max: u32 in the host, u64 in the plugin"
    );
    let page = |ty| generic("Page", &[of_retry(ty)], fields(&[field("items", vec(again(1)))]));
    assert_eq!(between(page(u32()), page(u64())), "Page<Retry>.items[..].max: u32 in the host, u64 in the plugin");
    let own = generic("Tagged", &[vec(named("Bytes", fields(&[])))], fields(&[]));
    assert_eq!(
        between(tagged(vec(leaf(Tag::Bytes))), own),
        "Tagged<Vec<Bytes>><argument 1>[..]: Bytes (of the SDK) in the host, Bytes (with `#[plugin_type]`) in the plugin"
    );
}

#[test]
fn attributes_and_style_are_part_of_a_type() {
    let point = |form, style| {
        let names = if style == style::TUPLE { ["0", "1"] } else { ["x", "y"] };
        named("Point", body(form, style, &names.map(|name| field(name, u8()))))
    };
    assert_eq!(
        between(point(form::C, style::NAMED), point(form::FIXED, style::NAMED)),
        "Point: `#[repr(C)]` only in the host"
    );
    assert_eq!(
        between(point(form::FIXED, style::NAMED), point(form::GROWS, style::NAMED)),
        "Point: `#[non_exhaustive]` only in the plugin"
    );
    assert_eq!(
        between(point(form::GROWS, style::NAMED), point(form::C, style::NAMED)),
        lines(["Point: `#[repr(C)]` only in the plugin", "Point: `#[non_exhaustive]` only in the host"])
    );
    assert_eq!(
        between(point(form::FIXED, style::NAMED), point(form::FIXED, style::TUPLE)),
        "Point: `Point { .. }` in the host, `Point(..)` in the plugin"
    );
    assert_eq!(
        between(named("Unit", body(0, style::UNIT, &[])), named("Unit", fields(&[]))),
        "Unit: `Unit` in the host, `Unit { .. }` in the plugin"
    );
    assert_eq!(
        between(named("E", variants(&[])), named("E", fields(&[]))),
        "E: an enum in the host, a struct in the plugin"
    );
    assert_eq!(
        between(
            named("E", variants(&[unit("A", 0), unit("B", 1)])),
            named("E", growing_variants(&[unit("A", 0)], "B"))
        ),
        lines(["E: the fallback variant `B` only in the plugin", "E: variant `B` only in the host", HINT_ENUM])
    );
    assert_eq!(
        between(holds(u8()), named("Config", fields(&[default("it", u8())]))),
        "Config.it: a default only in the plugin"
    );
}

#[test]
fn at_most_eight_differences_are_listed() {
    let config = |ty: Bytes, count: u8| {
        let letters: Vec<_> =
            (b'a'..b'a' + count).map(|letter| field(&char::from(letter).to_string(), ty.clone())).collect();
        named("Config", fields(&letters))
    };
    let eight: Vec<_> =
        ('a'..='h').map(|letter| format!("Config.{letter}: u8 in the host, u16 in the plugin")).collect();
    assert_eq!(between(config(u8(), 8), config(u16(), 8)), eight.join("\n"));
    assert_eq!(between(config(u8(), 11), config(u16(), 11)), format!("{}\nand 3 more", eight.join("\n")));

    let function = |argument: Bytes, returns| of(Tag::Fn, &[argument.clone(), argument, returns]);
    assert_eq!(
        difference(&function(u8(), u8()), &function(u16(), u16())),
        lines([
            "argument 1: u8 in the host, u16 in the plugin",
            "argument 2: u8 in the host, u16 in the plugin",
            "what it returns: u8 in the host, u16 in the plugin",
        ])
    );
    // Differences inside one definition are reported once, with the shortest path to the definition.
    let deep = |ty| {
        let deep = named("Deep", fields(&[field("retry", named("Retry", fields(&[field("max", ty)])))]));
        named("Config", fields(&[field("deep", deep), field("retry", again(2))]))
    };
    let twice = |ty| of(Tag::Fn, &[deep(ty), vec(again(2)), again(0)]);
    assert_eq!(
        difference(&twice(u32()), &twice(u64())),
        "argument 1: Config.retry.max: u32 in the host, u64 in the plugin"
    );
}

#[test]
fn recursive_types_are_compared_as_graphs() {
    let list = |ty| named("List", fields(&[field("value", ty), field("next", option(boxed(again(0))))]));
    assert_eq!(between(list(u8()), list(u8())), "none");
    assert_eq!(between(list(u8()), list(u16())), "List.value: u8 in the host, u16 in the plugin");
    // A type that is written out a second time inside itself is the same type.
    let unrolled = |ty: Bytes| {
        let inner = named("List", fields(&[field("value", ty.clone()), field("next", option(boxed(again(0))))]));
        named("List", fields(&[field("value", ty), field("next", option(boxed(inner)))]))
    };
    assert_eq!(between(list(u8()), unrolled(u8())), "none");
    assert_eq!(signature(&takes(list(u8()))), signature(&takes(unrolled(u8()))));
    assert_eq!(signature(&unrolled(u8())).definitions().len(), 1);
    // One of the copies has a field of another type, so the difference is two steps away.
    let inner = named("List", fields(&[field("value", u16()), field("next", option(boxed(again(0))))]));
    let odd = named("List", fields(&[field("value", u8()), field("next", option(boxed(inner)))]));
    assert_eq!(between(list(u8()), odd), "List.next<Some>.value: u8 in the host, u16 in the plugin");
    // Two types that contain each other.
    let tree = |ty| {
        let leaf = named("Branch", fields(&[field("up", boxed(again(0))), field("weight", ty)]));
        named("Tree", fields(&[field("branches", vec(leaf)), field("first", boxed(again(1)))]))
    };
    assert_eq!(between(tree(u8()), tree(u8())), "none");
    assert_eq!(between(tree(u8()), tree(u16())), "Tree.branches[..].weight: u8 in the host, u16 in the plugin");
}

#[test]
fn equal_copies_of_a_type_are_one_type() {
    let retry = |ty| named("Retry", fields(&[field("max", ty)]));
    let twice = of(Tag::Fn, &[retry(u8()), retry(u8())]);
    let once = of(Tag::Fn, &[retry(u8()), again(0)]);
    assert_eq!(difference(&twice, &once), "none");
    assert_eq!(signature(&twice), signature(&once));
    let hashed = HashMap::from([(signature(&twice), 1)]);
    assert_eq!(hashed.get(&signature(&once)), Some(&1));
    // Copies with different contents are different types.
    let differ = of(Tag::Fn, &[retry(u8()), retry(u16())]);
    assert_eq!(difference(&differ, &once), "what it returns: Retry.max: u16 in the host, u8 in the plugin");
    assert_eq!(difference(&once, &differ), "what it returns: Retry.max: u8 in the host, u16 in the plugin");
    assert_ne!(signature(&differ), signature(&once));
    assert_eq!(signature(&differ).to_string(), signature(&once).to_string());
}

#[test]
fn the_modules_of_types_that_differ_inside_are_named() {
    let origins = |modules| signature(&config(u32())).origins(&signature(&config(u64())), Sides::LOOK_UP, modules);
    let said = "`Retry` is `host::Retry` in the host, `plugin::deep::Retry` in the plugin";
    assert_eq!(origins(["host\nhost", "plugin\nplugin::deep"]), said);
    assert_eq!(origins(["api\napi", "api\napi"]), "");
    // An earlier version of the SDK does not report modules.
    assert_eq!(origins(["host\nhost", ""]), "");
    let fits = signature(&config(u32())).origins(&signature(&config(u32())), Sides::LOOK_UP, ["a\na", "b\nb"]);
    assert_eq!(fits, "");
}

#[test]
fn functions_and_statics_differ() {
    let function = of(Tag::Fn, &[leaf(Tag::Unit)]);
    let statics = |tag, ty| of(tag, &[ty]);
    assert_eq!(
        difference(&statics(Tag::Static, u8()), &function),
        "a static (`static u8`) in the host, a function in the plugin"
    );
    assert_eq!(
        difference(&function, &statics(Tag::Atomic, u8())),
        "a function in the host, a static (`static AtomicU8`) in the plugin"
    );
    assert_eq!(
        difference(&statics(Tag::Static, u64()), &statics(Tag::Atomic, u64())),
        "static u64 in the host, static AtomicU64 in the plugin"
    );
    assert_eq!(
        difference(&statics(Tag::Atomic, u32()), &statics(Tag::Atomic, u64())),
        "static AtomicU32 in the host, static AtomicU64 in the plugin"
    );
    assert_eq!(
        difference(&statics(Tag::Static, u8()), &statics(Tag::Static, u16())),
        "u8 in the host, u16 in the plugin"
    );
    assert_eq!(
        difference(&of(Tag::Fn, &[u8(), u8(), u8()]), &of(Tag::Fn, &[u16(), u16()])),
        lines([
            "2 arguments in the host, 1 argument in the plugin",
            "what it returns: u8 in the host, u16 in the plugin",
        ])
    );
}

#[test]
fn an_unknown_type_is_equal_only_to_itself() {
    let unknown = |byte| Signature::read(&[255, byte]);
    assert_eq!(unknown(1), unknown(1));
    assert_ne!(unknown(1), unknown(2));
    assert_ne!(unknown(1), signature(&u8()));
    assert!(!signature(&u8()).accepts(&unknown(1)));
    assert_eq!(
        signature(&u8()).difference(&unknown(1), Sides::LOOK_UP),
        "this host's version of the SDK does not know the exported type"
    );
}
