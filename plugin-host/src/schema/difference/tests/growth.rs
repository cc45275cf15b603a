//! Tests of growth: the differences that it allows, and the messages that hint at it.

use plugin_core::host::descriptor::{Tag, form, style};

use super::*;
use crate::schema::testing::*;

#[test]
fn structs_may_grow_at_their_end() {
    let config = |all: &[Bytes]| named("Config", growing(all));
    let (path, retries) = (|| field("path", u8()), || default("retries", u32()));
    let (old, new) = (|| config(&[path()]), || config(&[path(), retries()]));
    assert_eq!(between(old(), new()), "none");
    assert_eq!(between(new(), old()), "none");
    assert_ne!(signature(&old()), signature(&new()));
    // A field of both versions may get its default later.
    assert_eq!(between(config(&[path(), retries()]), config(&[path(), field("retries", u32())])), "none");
    assert_ne!(signature(&config(&[retries()])), signature(&config(&[field("retries", u32())])));
    // Inside other types, also in the arguments of a generic type.
    assert_eq!(between(holds(vec(old())), holds(vec(new()))), "none");
    let page = |ty| generic("Page", &[ty], fields(&[field("items", vec(again(1)))]));
    assert_eq!(between(page(old()), page(new())), "none");
    // A type that contains itself, and a tuple struct.
    let list = |more: &[Bytes]| config(&[vec![field("next", option(boxed(again(0))))], more.to_vec()].concat());
    assert_eq!(between(list(&[]), list(&[retries()])), "none");
    let tuple = |all: &[Bytes]| named("T", body(form::GROWS, style::TUPLE, all));
    assert_eq!(between(tuple(&[field("0", u8())]), tuple(&[field("0", u8()), default("1", u8())])), "none");
    // Each side may have the newer version of another type.
    let inner = |all: &[Bytes]| named("Inner", growing(all));
    let outer = |inner, more: &[Bytes]| config(&[vec![field("inner", inner)], more.to_vec()].concat());
    assert_eq!(between(outer(inner(&[]), &[retries()]), outer(inner(&[default("x", u8())]), &[])), "none");
}

#[test]
fn growth_is_hinted_at_only_where_it_could_help() {
    let config = |form, all: &[Bytes]| named("Config", body(form, style::NAMED, all));
    let (path, more) = (|ty| field("path", ty), || field("more", u8()));
    let has_hint = |host, plugin| between(host, plugin).contains("hint: ");
    assert!(has_hint(config(0, &[path(u8())]), config(0, &[path(u8()), more()])));
    assert!(has_hint(config(0, &[more(), path(u8())]), config(0, &[path(u8())])));
    for (host, plugin) in [
        // A field with another type, alone and beside a new field.
        (config(0, &[path(u8())]), config(0, &[path(u16())])),
        (config(0, &[path(u8())]), config(0, &[path(u16()), more()])),
        (config(form::GROWS, &[path(u8())]), config(form::GROWS, &[path(u16()), more()])),
        // One field in place of another, and another order.
        (config(0, &[path(u8()), field("old", u8())]), config(0, &[path(u8()), field("new", u16())])),
        (config(0, &[path(u8()), field("old", u16())]), config(0, &[field("old", u16()), path(u8()), more()])),
        // Plain memory, which cannot grow.
        (config(form::C, &[path(u8())]), config(form::C, &[path(u8()), more()])),
        // One variant in place of another.
        (
            named("Event", variants(&[unit("Open", 0), unit("Old", 1)])),
            named("Event", variants(&[unit("Open", 0), variant("New", 1, style::TUPLE, &[field("0", u8())])])),
        ),
    ] {
        assert!(!has_hint(host.clone(), plugin.clone()), "{}", between(host, plugin));
    }
}

#[test]
fn structs_may_grow_only_at_their_end_and_with_defaults() {
    let config = |all: &[Bytes]| named("Config", growing(all));
    let (path, retries) = (|| field("path", u8()), || default("retries", u32()));
    assert_eq!(
        between(config(&[path()]), config(&[path(), field("retries", u32())])),
        lines(["Config: field `retries: u32` only in the plugin, and without a default", HINT_GROWS_STRUCT])
    );
    // If there are several new fields, each needs a default.
    assert_eq!(
        between(config(&[path(), retries(), field("x", u8())]), config(&[path()])),
        lines(["Config: field `x: u8` only in the host, and without a default", HINT_GROWS_STRUCT])
    );
    assert_eq!(
        between(config(&[path()]), config(&[retries(), path()])),
        lines(["Config: field `retries: u32` only in the plugin", HINT_GROWS_STRUCT])
    );
    assert_eq!(
        between(config(&[path(), retries()]), config(&[path(), default("delay", u64())])),
        lines(["Config: field `retries: u32` only in the host", "Config: field `delay: u64` only in the plugin",])
    );
    assert_eq!(
        between(config(&[path(), retries()]), config(&[path(), default("tries", u32())])),
        "Config: field 2 is `retries: u32` in the host, `tries: u32` in the plugin"
    );
    assert_eq!(
        between(config(&[path(), retries()]), config(&[field("path", u16())])),
        "Config.path: u8 in the host, u16 in the plugin"
    );
    assert_eq!(
        between(config(&[path(), retries()]), config(&[retries(), path()])),
        "Config: fields in another order: host path, retries; plugin retries, path"
    );
    // Both sides must be declared `#[non_exhaustive]`.
    assert_eq!(
        between(named("Config", fields(&[path()])), config(&[path(), retries()])),
        lines([
            "Config: `#[non_exhaustive]` only in the plugin",
            "Config: field `retries: u32` only in the plugin",
            HINT_STRUCT,
        ])
    );
    assert_eq!(
        between(config(&[path()]), named("Settings", growing(&[path(), retries()]))),
        "Config in the host, Settings in the plugin"
    );
    let page = |ty, more: &[Bytes]| generic("Page", &[ty], growing(more));
    assert_eq!(between(page(u8(), &[]), page(u16(), &[retries()])), "Page<u8> in the host, Page<u16> in the plugin");
    // Differences that growth allows are not reported beside other differences.
    let two = |config, other| of(Tag::Fn, &[config, other]);
    assert_eq!(
        difference(&two(config(&[]), u8()), &two(config(&[retries()]), u16())),
        "what it returns: u8 in the host, u16 in the plugin"
    );
}

#[test]
fn enums_may_grow_at_their_end() {
    let event = |all: &[Bytes]| named("Event", growing_variants(all, "Unknown"));
    let close = || variant("Close", 1, style::TUPLE, &[field("0", u8())]);
    let (old, new) = (|| event(&[unit("Open", 0)]), || event(&[unit("Open", 0), close()]));
    assert_eq!(between(old(), new()), "none");
    assert_eq!(between(new(), old()), "none");
    assert_ne!(signature(&old()), signature(&new()));
    assert_eq!(between(event(&[]), event(&[unit("Open", 5)])), "none");

    assert_eq!(
        between(new(), event(&[close(), unit("Open", 0)])),
        "Event: variants in another order: host Open, Close; plugin Close, Open"
    );
    assert_eq!(
        between(old(), event(&[unit("New", 0), unit("Open", 1)])),
        lines(["Event: variant `New` only in the plugin", HINT_GROWS_ENUM])
    );
    assert_eq!(
        between(event(&[unit("Open", 0), unit("A", 1)]), new()),
        lines(["Event: variant `A` only in the host", "Event: variant `Close(u8)` only in the plugin",])
    );
    assert_eq!(
        between(old(), named("Event", growing_variants(&[unit("Open", 0), close()], "Other"))),
        "Event: the fallback variant is `Unknown` in the host, `Other` in the plugin"
    );
    assert_eq!(between(old(), event(&[unit("Open", 1), unit("B", 2)])), "Event::Open = 0 in the host, 1 in the plugin");
    // The fields of a variant may not grow.
    let open = |fields: &[Bytes]| event(&[variant("Open", 0, style::NAMED, fields)]);
    assert_eq!(
        between(open(&[field("path", u8())]), open(&[field("path", u8()), default("line", u32())])),
        "Event::Open: field `line: u32` only in the plugin"
    );
    // But the types of these fields may grow, as everywhere.
    let config = |all: &[Bytes]| named("Config", growing(all));
    assert_eq!(between(open(&[field("it", config(&[]))]), open(&[field("it", config(&[default("x", u8())]))])), "none");
}
