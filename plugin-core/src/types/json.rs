//! `serde_json::Value`.

use std::mem::{ManuallyDrop, forget};

use serde_json::{Map, Number, Value};

use super::maps::{assert_no_interior_mutability, collect, exchange, gather, hold_table, insert_held, lend_pair};
use super::sequence::{lend_all, lend_slice};
use super::tuple::Tuple2Repr;
use super::{PluginType, unknown_tag};
use crate::abi::BufferRepr;
use crate::describe::{Node, Tag};
use crate::memory::Arena;
use crate::origin::Origin;
use crate::types::decimal::{are_equal, is_float, is_number};

/// The `Repr` of a `serde_json::Value`.
///
/// A number crosses as the `u64`, the negative `i64` or the `f64` that it is. With serde_json's feature
/// `arbitrary_precision` it may be none of these: then it crosses as its text.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct JsonRepr {
    tag: u8,
    payload: JsonPayload,
}

/// The alignment is the same on every target. On some targets, C's 64-bit numbers need less.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
union JsonPayload {
    boolean: u8,
    unsigned: u64,
    signed: i64,
    float: f64,
    /// The bytes of a string or a number's text, the values of an array, or the pairs of an object.
    buffer: BufferRepr,
}

const NULL: u8 = 0;
const BOOL: u8 = 1;
const UNSIGNED: u8 = 2;
/// Always negative.
const SIGNED: u8 = 3;
const FLOAT: u8 = 4;
const STRING: u8 = 5;
const ARRAY: u8 = 6;
const OBJECT: u8 = 7;
const NUMBER: u8 = 8;

/// True if serde_json's feature `arbitrary_precision` is enabled. Then a number is a text.
const NUMBERS_ARE_TEXTS: bool = std::mem::needs_drop::<Number>();

impl JsonRepr {
    const NULL: JsonRepr = JsonRepr { tag: NULL, payload: JsonPayload { boolean: 0 } };

    fn boolean(value: bool) -> Self {
        JsonRepr { tag: BOOL, payload: JsonPayload { boolean: value.into() } }
    }

    /// Makes the `Repr` of a number. If the number is neither an integer nor a float of Rust, `text` converts its text.
    fn number(number: &Number, text: impl FnOnce(String) -> BufferRepr) -> Self {
        let is_same = |other: Number| !NUMBERS_ARE_TEXTS || other == *number;
        if let Some(unsigned) = number.as_u64().filter(|&unsigned| is_same(unsigned.into())) {
            JsonRepr { tag: UNSIGNED, payload: JsonPayload { unsigned } }
        } else if let Some(signed) = number.as_i64().filter(|&signed| is_same(signed.into())) {
            JsonRepr { tag: SIGNED, payload: JsonPayload { signed } }
        } else if let Some(float) = number.as_f64().filter(|&float| Number::from_f64(float).is_some_and(is_same)) {
            JsonRepr { tag: FLOAT, payload: JsonPayload { float } }
        } else {
            JsonRepr::buffer(NUMBER, text(number.to_string()))
        }
    }

    fn buffer(tag: u8, buffer: BufferRepr) -> Self {
        JsonRepr { tag, payload: JsonPayload { buffer } }
    }
}

// SAFETY: the tag tells which field of the payload was written, so each value comes back as it was.
#[diagnostic::do_not_recommend]
unsafe impl PluginType for Value {
    type Repr = JsonRepr;
    const NODE: &'static Node = &Node::Of { head: &Tag::Json.head(), parts: &[] };

    fn lower(self) -> JsonRepr {
        match self {
            Value::Null => JsonRepr::NULL,
            Value::Bool(value) => JsonRepr::boolean(value),
            Value::Number(number) => JsonRepr::number(&number, String::lower),
            Value::String(text) => JsonRepr::buffer(STRING, text.lower()),
            Value::Array(values) => JsonRepr::buffer(ARRAY, values.lower()),
            Value::Object(map) => JsonRepr::buffer(OBJECT, gather(true, map.into_iter().map(<(String, Value)>::lower))),
        }
    }
    fn lend(&self, arena: &mut Arena) -> JsonRepr {
        match self {
            Value::Null => JsonRepr::NULL,
            Value::Bool(value) => JsonRepr::boolean(*value),
            Value::Number(number) => {
                // SAFETY: `own` asks that no `&String` changes the `String` itself, and that the arena exists while the
                // text is used. The text is used only as a part of the returned `Repr`, which the arena outlives.
                let lend = |text: String| unsafe { arena.own(text) }.lend(arena);
                JsonRepr::number(number, lend)
            }
            Value::String(text) => JsonRepr::buffer(STRING, text.lend(arena)),
            Value::Array(values) => JsonRepr::buffer(ARRAY, lend_slice(values, arena)),
            Value::Object(map) => JsonRepr::buffer(OBJECT, lend_all(true, map.iter(), arena, lend_pair)),
        }
    }
    unsafe fn lift(repr: JsonRepr, origin: &Origin) -> Self {
        // SAFETY: `lower` and `lend` write the field that the tag names, and the buffer of the type that is lifted from
        // it here. By `# Safety` of `PluginType::lift`, each buffer is lifted once, or lent.
        unsafe {
            match repr.tag {
                NULL => Value::Null,
                BOOL => Value::Bool(repr.payload.boolean != 0),
                UNSIGNED => repr.payload.unsigned.into(),
                SIGNED => repr.payload.signed.into(),
                FLOAT => repr.payload.float.into(),
                STRING => Value::String(String::lift(repr.payload.buffer, origin)),
                ARRAY => Value::Array(Vec::lift(repr.payload.buffer, origin)),
                OBJECT => Value::Object(collect::<(String, Value), Map<_, _>>(repr.payload.buffer, origin)),
                NUMBER => Value::Number(read_number(&String::lift(repr.payload.buffer, origin))),
                tag => unknown_tag("serde_json::Value", tag),
            }
        }
    }
    unsafe fn hold(repr: &JsonRepr, origin: &Origin, arena: &mut Arena) -> ManuallyDrop<Self> {
        // SAFETY: by `# Safety` of `PluginType::hold`, `repr` came from `lend` or `lower`. They write the field that
        // the tag names, and the buffer of the type that is held from it here. The caller uses the result as
        // `PluginType::hold` asks for each part.
        unsafe {
            ManuallyDrop::new(match repr.tag {
                NULL => Value::Null,
                BOOL => Value::Bool(repr.payload.boolean != 0),
                UNSIGNED => Value::Number(hold_number(repr.payload.unsigned.into(), arena)),
                SIGNED => Value::Number(hold_number(repr.payload.signed.into(), arena)),
                // Not every `f64` is a number in JSON, for example infinity.
                FLOAT => match Value::from(repr.payload.float) {
                    Value::Number(number) => Value::Number(hold_number(number, arena)),
                    other => other,
                },
                STRING => Value::String(ManuallyDrop::into_inner(String::hold(&repr.payload.buffer, origin, arena))),
                ARRAY => Value::Array(ManuallyDrop::into_inner(Vec::hold(&repr.payload.buffer, origin, arena))),
                OBJECT => {
                    Value::Object(ManuallyDrop::into_inner(hold_object(repr.payload.buffer.as_slice(), origin, arena)))
                }
                NUMBER => {
                    let number = read_number(&String::hold(&repr.payload.buffer, origin, arena));
                    Value::Number(hold_number(number, arena))
                }
                tag => unknown_tag("serde_json::Value", tag),
            })
        }
    }
}

assert_no_interior_mutability!(Map<String, Value>, Number);

/// Reads the number in a text. Panics if serde_json would have another number on this side.
fn read_number(text: &str) -> Number {
    let is_same = |number: &Number| match number.as_f64().filter(|_| number.is_f64()) {
        Some(float) => is_float(text, float),
        None => are_equal(text, &number.to_string()),
    };
    match text.parse::<Number>() {
        Ok(number) if NUMBERS_ARE_TEXTS || is_same(&number) => number,
        _ if is_number(text) => panic!(
            "serde_json cannot keep the JSON number {text} exactly on this side; enable its feature \
             `arbitrary_precision` here too, or pass such numbers as text"
        ),
        _ => panic!("a lowered `serde_json::Value` has the number {text:?}, which is none"),
    }
}

/// Holds a number. With serde_json's feature `arbitrary_precision`, a number has memory, which the arena frees.
///
/// # Safety
///
/// The result is used as [`PluginType::hold`] asks for.
unsafe fn hold_number(number: Number, arena: &mut Arena) -> Number {
    if !NUMBERS_ARE_TEXTS {
        return number;
    }
    // SAFETY: `own` asks that no `&Number` changes the number itself: it has no interior mutability, as the compiler
    // has checked above. The caller uses the result behind `&` only and while `arena` exists (`# Safety`).
    ManuallyDrop::into_inner(unsafe { arena.own(number) })
}

/// Holds an object. The type of the keys and the hasher, if there is one, are std's: see [`maps`](super::maps).
///
/// # Safety
///
/// As for [`PluginType::hold`], for each key and each value in `fields`.
unsafe fn hold_object(
    fields: &[Tuple2Repr<BufferRepr, JsonRepr>],
    origin: &Origin,
    arena: &mut Arena,
) -> ManuallyDrop<Map<String, Value>> {
    let add = |map: &mut Map<String, Value>, field: &Tuple2Repr<BufferRepr, JsonRepr>, arena: &mut Arena| {
        // SAFETY: the key and the value of each field may be held (`# Safety`). `hold_table` calls `add` once for each
        // field.
        let (key, value) = unsafe { (String::hold(&field.0, origin, arena), Value::hold(&field.1, origin, arena)) };
        match map.get_mut(&*key) {
            Some(place) => exchange(place, value),
            None => {
                _ = insert_held(|| map.insert(ManuallyDrop::into_inner(key), ManuallyDrop::into_inner(value)));
            }
        }
    };
    // SAFETY: `let_go` is `forget`, because `add` adds held keys and values, which must not be dropped. A `Map` has no
    // interior mutability, as the compiler has checked above. The caller uses the result as `PluginType::hold` asks
    // (`# Safety`).
    unsafe { hold_table((Map::with_capacity(fields.len()), forget), fields, true, arena, add) }
}
