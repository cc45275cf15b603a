//! Descriptors for tests, built byte by byte from their grammar.

use plugin_core::host::descriptor::{Tag, form, style};

use crate::schema::Schema;
use crate::schema::signature::Signature;

pub(crate) type Bytes = Vec<u8>;

/// A type with its parts.
pub(crate) fn of(tag: Tag, parts: &[Bytes]) -> Bytes {
    let mut bytes = vec![tag as u8];
    match tag {
        Tag::Tuple => bytes.extend((parts.len() as u64).to_le_bytes()),
        Tag::Fn => bytes.extend((parts.len() as u64 - 1).to_le_bytes()),
        _ => {}
    }
    bytes.extend(parts.concat());
    bytes
}

pub(crate) fn leaf(tag: Tag) -> Bytes {
    of(tag, &[])
}

pub(crate) fn array(length: u64, element: Bytes) -> Bytes {
    [leaf(Tag::Array), length.to_le_bytes().to_vec(), element].concat()
}

/// The type of a function that takes `argument` and returns `()`.
pub(crate) fn takes(argument: Bytes) -> Bytes {
    of(Tag::Fn, &[argument, leaf(Tag::Unit)])
}

pub(crate) fn again(number: u32) -> Bytes {
    [leaf(Tag::Again), number.to_le_bytes().to_vec()].concat()
}

pub(crate) fn name(name: &str) -> Bytes {
    [&(name.len() as u32).to_le_bytes(), name.as_bytes()].concat()
}

fn several(items: &[Bytes]) -> Bytes {
    [(items.len() as u32).to_le_bytes().to_vec(), items.concat()].concat()
}

pub(crate) fn constant(value: i128) -> Bytes {
    [leaf(Tag::Constant), value.to_le_bytes().to_vec()].concat()
}

pub(crate) fn generic(called: &str, arguments: &[Bytes], body: Bytes) -> Bytes {
    [leaf(Tag::Named), name(called), several(arguments), body].concat()
}

pub(crate) fn named(called: &str, body: Bytes) -> Bytes {
    generic(called, &[], body)
}

pub(crate) fn field(called: &str, ty: Bytes) -> Bytes {
    [name(called), vec![0], ty].concat()
}

/// A field with a default.
pub(crate) fn default(called: &str, ty: Bytes) -> Bytes {
    [name(called), vec![1], ty].concat()
}

pub(crate) fn body(form: u8, style: u8, fields: &[Bytes]) -> Bytes {
    [vec![Tag::Struct as u8, form, style], several(fields)].concat()
}

pub(crate) fn fields(fields: &[Bytes]) -> Bytes {
    body(form::FIXED, style::NAMED, fields)
}

pub(crate) fn growing(fields: &[Bytes]) -> Bytes {
    body(form::GROWS, style::NAMED, fields)
}

pub(crate) fn tuple(types: &[Bytes]) -> Bytes {
    body(form::FIXED, style::TUPLE, &places(types))
}

fn places(types: &[Bytes]) -> Vec<Bytes> {
    types.iter().enumerate().map(|(index, ty)| field(&index.to_string(), ty.clone())).collect()
}

pub(crate) fn variant(called: &str, discriminant: i128, style: u8, fields: &[Bytes]) -> Bytes {
    [name(called), discriminant.to_le_bytes().to_vec(), vec![style], several(fields)].concat()
}

pub(crate) fn unit(called: &str, discriminant: i128) -> Bytes {
    variant(called, discriminant, style::UNIT, &[])
}

pub(crate) fn variants(variants: &[Bytes]) -> Bytes {
    [vec![Tag::Enum as u8, form::FIXED], several(variants)].concat()
}

pub(crate) fn growing_variants(variants: &[Bytes], fallback: &str) -> Bytes {
    [vec![Tag::Enum as u8, form::GROWS], several(variants), name(fallback)].concat()
}

pub(crate) fn signature(bytes: &[u8]) -> Signature {
    assert!(Schema::decode(bytes).is_some(), "these bytes are not a descriptor: {bytes:?}");
    Signature::read(bytes)
}

/// The message for a host that asks for `host` if the plugin exports `plugin`. Also checks the laws for any two
/// signatures.
pub(crate) fn difference(host: &[u8], plugin: &[u8]) -> String {
    let (host, plugin) = (signature(host), signature(plugin));
    let difference = host.difference(&plugin, crate::schema::difference::Sides::LOOK_UP);
    assert_eq!(host.accepts(&plugin), difference == "none", "{difference}");
    // Growth is symmetric, like equality: either side may be the newer one.
    assert_eq!(plugin.accepts(&host), host.accepts(&plugin));
    let equal = host == plugin;
    assert_eq!(plugin == host, equal);
    assert_eq!(host, host.clone());
    if equal {
        assert!(host.accepts(&plugin));
        assert_eq!(host.to_string(), plugin.to_string());
    }
    difference
}

/// The message for two functions whose only arguments have these types, without "argument 1: ".
pub(crate) fn between(host: Bytes, plugin: Bytes) -> String {
    let difference = difference(&takes(host), &takes(plugin));
    difference.lines().map(|line| line.strip_prefix("argument 1: ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}
