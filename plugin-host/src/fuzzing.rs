//! The functions that read hostile input, for fuzzers. Not covered by semantic versioning.

use std::sync::Arc;

use serde::de::DeserializeSeed as _;
use serde::{Deserializer, Serialize as _};
use serde_json::Value as Json;

use crate::schema::Schema;
use crate::schema::difference::Sides;
use crate::schema::signature::Signature;
use crate::untyped::de::target::{Built, Target, build_in_place};
use crate::untyped::layout::Layouts;
use crate::untyped::ser::Value;
#[cfg(feature = "loopback")]
use crate::untyped::walk::Form;
use crate::untyped::walk::WalkState;
#[cfg(feature = "loopback")]
use crate::untyped::wire::{self, Message};

/// Compares two descriptors as a look-up does. Returns whether one may be used as the other, and the differences.
pub fn compare(asked: &[u8], exported: &[u8]) -> (bool, String) {
    let (asked, exported) = (Signature::read(asked), Signature::read(exported));
    (asked.accepts(&exported), asked.difference(&exported, Sides::LOOK_UP))
}

/// Searches a library for symbols that another library's would replace, and for the flag that prevents this.
/// Returns whether the change that sets the flag lies within the library, or `None` if no change is needed or possible.
#[cfg(target_os = "linux")]
pub fn own_symbols(library: &[u8]) -> Option<bool> {
    let _ = crate::file::symbols::replaced(library);
    let change = crate::file::symbols::prefer_own(library, &crate::inspect::limits::Limits::default())?;
    let end = change.place.checked_add(change.bytes.len() as u64);
    Some(end.is_some_and(|end| end <= library.len() as u64))
}

/// Builds a value of the type with this descriptor, shows it, and drops it. Returns `None` if it is not a type of data.
pub fn rebuild<'de, D: Deserializer<'de>>(descriptor: &[u8], input: D) -> Option<Result<Json, String>> {
    let (state, shown) = (WalkState::default(), serde_json::value::Serializer);
    build(
        descriptor,
        &state,
        |target| target.deserialize(input).map_err(text),
        |value| value.serialize(shown).map_err(text),
    )
}

/// Reads a message with one value of the type with this descriptor, writes the value to a message again, and drops it. Returns
/// `None` if it is not a type of data.
#[cfg(feature = "loopback")]
pub fn resend(descriptor: &[u8], message: &[u8]) -> Option<Result<Vec<u8>, String>> {
    let (state, mut message) = (WalkState::of(Form::Wire), Message::new(message));
    let write = |value: &Value<'_>| wire::write(value, Vec::new()).map_err(text);
    build(descriptor, &state, |target| message.value(target).map_err(text), write)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn build<R>(
    descriptor: &[u8],
    state: &WalkState,
    read: impl for<'a> FnOnce(Target<'a>) -> Result<Built<'a>, String>,
    show: impl FnOnce(&Value<'_>) -> Result<R, String>,
) -> Option<Result<R, String>> {
    let schema = Schema::decode(descriptor)?;
    let (layouts, ids) = Layouts::new(&schema, &[&schema.root])?;
    let (layouts, id) = (Arc::new(layouts), ids[0]);
    Some(build_in_place(&layouts, id, state, text, read).and_then(|place| {
        // SAFETY: `build_in_place` has built a value of the type at the start of `place`, which owns the value. Nothing changes the value
        // while `value` exists.
        let value = unsafe { Value::new(&layouts, id, place.at(), state) };
        show(&value)
    }))
}
