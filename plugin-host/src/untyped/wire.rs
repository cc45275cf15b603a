//! Values as bytes, for plugins that run outside of this process.
//!
//! # The format
//!
//! The bytes are those of postcard: numbers of variable length, lengths before elements, no names. They come from the same walks
//! as JSON and every other serde format (`ser.rs`, `de.rs`), so there is one description of each type. Both sides use the
//! export's own descriptor: the host has it from the plugin's file. So the bytes need no types, and no version.
//!
//! | message | bytes |
//! | --- | --- |
//! | request | the arguments one after the other |
//! | reply | [`RETURNED`], and the result; or [`FAULT`], the number of the cause, message, place and backtrace |
//!
//! A reader of a fault ignores the bytes after the backtrace, so a later SDK may add to a fault.
//!
//! # Limits
//!
//! A reader trusts nothing. The walks limit the depth of a value (`walk.rs`), the memory that a length alone can claim (`de.rs`), and
//! the number of elements without bytes. A message with bytes after its last value is damaged. A carrier limits the length
//! of a message before it reads the message.
//!
//! # Growth
//!
//! A type that may grow has a number in its `Repr`: of its fields, or of its variant. An older caller's value has fewer fields than
//! the export's type, so `Form::Wire` has to write this number before the fields, as postcard writes the length of a sequence.
//! Fields that only a newer caller knows are left out, as the plugin in this process would leave them. This is not built
//! yet: such a value is refused.

use plugin_core::{Cause, Fault, Location};
use serde::de::DeserializeSeed as _;
use serde::{Deserialize as _, Serialize};

use crate::plugin::Plugin;
use crate::untyped::call::Call;
use crate::untyped::de::target::{Built, Target};
use crate::untyped::error::CallError;

/// The first byte of the reply of a call that returned.
const RETURNED: u8 = 0;
/// The first byte of the reply of a call that did not return.
const FAULT: u8 = 1;

/// The place and the parts of a fault on the wire.
type FaultParts = (u32, String, Option<(String, u32, u32)>, Option<String>);

/// Adds a value to a message.
pub(super) fn write(value: &impl Serialize, message: Vec<u8>) -> Result<Vec<u8>, postcard::Error> {
    postcard::to_extend(value, message)
}

/// Builds the only value of a message.
pub(super) fn read<'a>(target: Target<'a>, message: &[u8]) -> Result<Built<'a>, String> {
    let mut bytes = postcard::Deserializer::from_bytes(message);
    let built = target.deserialize(&mut bytes).map_err(|error| error.to_string())?;
    at_end(bytes)?;
    Ok(built)
}

fn at_end<'a>(bytes: postcard::Deserializer<'a, postcard::de_flavors::Slice<'a>>) -> Result<(), String> {
    match bytes.finalize() {
        Ok([]) => Ok(()),
        Ok(rest) => Err(format!("{} bytes follow the last value", rest.len())),
        Err(error) => Err(error.to_string()),
    }
}

/// Splits a reply. Returns the bytes of the result, or the fault.
pub(super) fn result_of(reply: &[u8]) -> Result<&[u8], Fault> {
    match reply {
        [RETURNED, result @ ..] => Ok(result),
        [FAULT, fault @ ..] => {
            let parts = FaultParts::deserialize(&mut postcard::Deserializer::from_bytes(fault));
            let (cause, message, location, backtrace) = parts.map_err(|error| damaged(&error))?;
            let mut fault = Fault::of(Cause::from_number(cause), message);
            fault.location = location.map(|(file, line, column)| Location { file, line, column });
            fault.backtrace = backtrace;
            Err(fault)
        }
        _ => Err(damaged(&"it begins with no known byte")),
    }
}

/// The fault of a call whose reply cannot be read.
pub(super) fn damaged(reason: &impl std::fmt::Display) -> Fault {
    Fault::of(Cause::Disconnected, format!("its reply is damaged: {reason}"))
}

/// Answers a request to an export of a plugin in this process. This is the far side of a proxy.
pub(crate) fn answer(plugin: &Plugin, export: &str, request: &[u8]) -> Vec<u8> {
    let fault = match call(plugin, export, request) {
        Ok(reply) => return reply,
        Err(CallError::Fault(fault)) => *fault,
        // The function has returned, but its result cannot be sent.
        Err(error @ CallError::Unrepresentable { .. }) => Fault::of(Cause::Disconnected, error.to_string()),
        Err(error) => Fault::of(Cause::Refused, error.to_string()),
    };
    let location = fault.location.map(|at| (at.file, at.line, at.column));
    let parts: FaultParts = (fault.cause.number(), fault.message, location, fault.backtrace);
    write(&parts, vec![FAULT]).expect("texts and numbers can be written to memory")
}

fn call(plugin: &Plugin, export: &str, request: &[u8]) -> Result<Vec<u8>, CallError> {
    let call = Call::new(plugin, export)?;
    call.changes_nothing()?;
    let mut bytes = postcard::Deserializer::from_bytes(request);
    let mut places = call.build(&mut bytes)?;
    at_end(bytes).map_err(|message| CallError::Arguments { export: call.export.label(), message })?;
    let returned = call.invoke(&mut places)?;
    drop(places);
    let mut reply = postcard::Serializer { output: postcard::ser_flavors::ExtendFlavor::new(vec![RETURNED]) };
    call.represent_result(&returned, &mut reply)?;
    Ok(postcard::ser_flavors::Flavor::finalize(reply.output).expect("memory has no end"))
}
