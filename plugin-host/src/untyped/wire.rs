//! Values as bytes, for plugins that run outside of this process.
//!
//! # The format
//!
//! The bytes are those of postcard: numbers of variable length, lengths before elements, no names. They come from the same walks
//! as JSON and every other serde format (`ser.rs`, `de.rs`), so there is one description of each type. Both sides use the
//! export's own descriptor: the host has it from the plugin's file. So the bytes need no types, and no version.
//!
//! The walks have a form of their own for messages ([`Form::Wire`]), because serde's form does not have all of some values:
//!
//! | type | on the wire |
//! | --- | --- |
//! | a struct that may grow | a sequence of its first fields, as many as the sender's value has |
//! | an enum that may grow | a variant that the export's type does not have is the fallback |
//! | `serde_json::Value` | an enum of its kinds |
//! | `PathBuf` | an `OsString`, also if it is not Unicode |
//! | `SystemTime` | seconds since the epoch, which may be negative, and nanoseconds |
//! | `SocketAddrV6`, `SocketAddr` | with the flow information and the scope |
//!
//! | message | bytes |
//! | --- | --- |
//! | request | the arguments one after the other; for a static, nothing |
//! | reply | [`Kind::Returned`], the values of `&mut` arguments after the call, and the result or the value of the static |
//! | | [`Kind::Fault`], the values of `&mut` arguments after the call, and a fault: the number of the cause, message, place, backtrace |
//! | | [`Kind::FaultAlone`], and a fault. The caller leaves its values as they were: the function has not taken them, or they cannot be sent |
//!
//! A reader of a fault ignores the bytes after the backtrace, so a later SDK may add to a fault.
//!
//! # Limits
//!
//! A reader trusts nothing. The walks limit the depth of a value (`walk.rs`), the memory that a length alone can claim (`de.rs`), and
//! the number of elements without bytes. A message with bytes after its last value is damaged. A carrier limits the length
//! of a message. A fault that is too long loses its backtrace, its place, and the end of its text, in this order.
//!
//! # Growth
//!
//! A type that may grow has a number in its `Repr`: of its fields, or of its variant. A value of an older caller has fewer fields
//! than the export's type, so the number of fields is written before them. Fields and variants that only a newer caller knows are
//! left out, as the plugin in this process would leave them. A reply has all fields of the export's type, as the plugin's own values
//! do.

use plugin_core::{Cause, Fault, Location};
use serde::de::DeserializeSeed as _;
use serde::{Deserialize as _, Serialize};

use crate::plugin::Plugin;
use crate::untyped::call::{Call, ExportRef};
use crate::untyped::de::target::{Built, Target};
use crate::untyped::error::CallError;
use crate::untyped::outcome::Failure;
use crate::untyped::prepared::Prepared;
use crate::untyped::walk::Form;

/// The kind of a reply, which is the reply's first byte.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// The call returned.
    Returned = 0,
    /// The call ran and did not return.
    Fault = 1,
    /// The reply has no values.
    FaultAlone = 2,
}

/// The place and the parts of a fault on the wire.
type FaultParts = (u32, String, Option<(String, u32, u32)>, Option<String>);

/// Adds a value to a message.
pub(crate) fn write(value: &impl Serialize, message: Vec<u8>) -> Result<Vec<u8>, postcard::Error> {
    postcard::to_extend(value, message)
}

/// A message that is being read.
pub(crate) struct Message<'m>(postcard::Deserializer<'m, postcard::de_flavors::Slice<'m>>);

impl<'m> Message<'m> {
    pub(crate) fn new(bytes: &'m [u8]) -> Self {
        Message(postcard::Deserializer::from_bytes(bytes))
    }

    /// Reads the first byte of a reply.
    pub(super) fn kind(&mut self) -> Result<Kind, Fault> {
        match u8::deserialize(&mut self.0).map_err(|error| damaged(&error))? {
            0 => Ok(Kind::Returned),
            1 => Ok(Kind::Fault),
            2 => Ok(Kind::FaultAlone),
            _ => Err(damaged(&"it begins with no known byte")),
        }
    }

    /// Builds the next value.
    pub(crate) fn value<'a>(&mut self, target: Target<'a>) -> Result<Built<'a>, Fault> {
        let state = target.state;
        target.deserialize(&mut self.0).map_err(|error| damaged(&state.reason_of(&error)))
    }

    /// Reads a fault, the last part of a reply.
    pub(super) fn fault(&mut self) -> Result<Fault, Fault> {
        let parts = FaultParts::deserialize(&mut self.0);
        let (cause, message, location, backtrace) = parts.map_err(|error| damaged(&error))?;
        let mut fault = Fault::of(Cause::from_number(cause), message);
        fault.location = location.map(|(file, line, column)| Location::new(file, line, column));
        fault.backtrace = backtrace;
        Ok(fault)
    }

    /// Returns an error if there are more bytes.
    pub(super) fn end(self) -> Result<(), String> {
        match self.0.finalize() {
            Ok([]) => Ok(()),
            Ok(rest) => Err(format!("{} bytes follow the last value", rest.len())),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The fault of a call whose reply cannot be read.
pub(super) fn damaged(reason: &impl std::fmt::Display) -> Fault {
    Fault::of(Cause::Disconnected, format!("its reply is damaged: {reason}"))
}

/// The least that a carrier may have as its limit, so that each fault can be told.
pub(super) const MIN_BYTES: usize = 1024;

/// Answers a request to an export of a plugin in this process. This is the far side of a proxy. The reply has at most `max_bytes`.
pub(crate) fn answer(plugin: &Plugin, export: &str, request: &[u8], max_bytes: usize) -> Vec<u8> {
    let max_bytes = max_bytes.max(MIN_BYTES);
    let fault = match call(plugin, export, request) {
        Ok((reply, _)) if reply.len() <= max_bytes => return reply,
        // The caller leaves its values as they were.
        Ok((_, Some(fault))) => fault,
        Ok((reply, None)) => {
            let reason = format!("its reply has {} bytes, and a message may have {max_bytes}", reply.len());
            Fault::of(Cause::Disconnected, reason)
        }
        // The same, because values cannot be sent.
        Err(CallError::Fault(fault)) => *fault,
        // The function has run, but its values cannot be sent.
        Err(error @ CallError::Unrepresentable { .. }) => Fault::of(Cause::Disconnected, error.to_string()),
        Err(error) => Fault::of(Cause::Refused, error.to_string()),
    };
    alone(fault, max_bytes)
}

/// Returns the reply with a fault alone, without as much of the fault as does not fit.
fn alone(mut fault: Fault, max_bytes: usize) -> Vec<u8> {
    let written = |fault: &Fault| {
        write(&parts(fault.clone()), vec![Kind::FaultAlone as u8]).expect("texts and numbers can be written to memory")
    };
    let mut reply = written(&fault);
    if reply.len() > max_bytes {
        fault.backtrace = None;
        reply = written(&fault);
    }
    if reply.len() > max_bytes {
        fault.location = None;
        // The other parts take less than half of `MIN_BYTES`.
        let mut most = fault.message.len().min(max_bytes - MIN_BYTES / 2);
        while !fault.message.is_char_boundary(most) {
            most -= 1;
        }
        fault.message.truncate(most);
        reply = written(&fault);
    }
    reply
}

/// A reply that is being written.
type Reply = postcard::Serializer<postcard::ser_flavors::ExtendFlavor<Vec<u8>>>;

fn begun(kind: Kind) -> Reply {
    postcard::Serializer { output: postcard::ser_flavors::ExtendFlavor::new(vec![kind as u8]) }
}

fn parts(fault: Fault) -> FaultParts {
    let location = fault.location.map(|at| (at.file, at.line, at.column));
    (fault.cause.number(), fault.message, location, fault.backtrace)
}

/// Makes the call that a request asks for. Returns the reply, and the fault if there was one. An error is that of a call that was not
/// made, or whose values cannot be sent.
fn call(plugin: &Plugin, export: &str, request: &[u8]) -> Result<(Vec<u8>, Option<Fault>), CallError> {
    let export = ExportRef::new(plugin, export, Form::Wire)?;
    let mut message = Message::new(request);
    if let (export, prepared @ Prepared::Static { .. }) = export {
        let mut reply = begun(Kind::Returned);
        export.read_static(prepared, &mut reply)?;
        return Ok((finished(reply), None));
    }
    let call = Call::of(export)?;
    let mut places = call.build(&mut message.0)?;
    message.end().map_err(|message| CallError::Arguments { export: call.export.label(), message })?;
    let (kind, returned) = match call.try_invoke(&mut places) {
        Ok(returned) => (Kind::Returned, Ok(returned)),
        Err(Failure::Fault(fault)) => (Kind::Fault, Err(fault)),
        Err(failure) => return Err(call.export.failed(failure, CallError::Fault)),
    };
    let mut reply = begun(kind);
    for (index, (place, argument)) in places.iter().zip(call.arguments).enumerate() {
        if argument.is_changed() {
            let what = |path: &str| format!("argument {} (`{}{path}`)", index + 1, call.export.argument_name(index));
            // SAFETY: `build` has built a value of this type there. A callee leaves a whole value behind `&mut`, also if it
            // panics. The call has ended, so nothing changes the value.
            let sent = unsafe { call.export.represent((call.layouts, argument.built), place.at(), what, &mut reply) };
            match (sent, &returned) {
                // The callee may not have taken the value yet, which then is as an older caller has sent it.
                (Err(_), Err(fault)) => return Err(CallError::Fault(Box::new(fault.clone()))),
                (sent, _) => sent?,
            }
        }
    }
    match &returned {
        Ok(returned) => call.represent_result(returned, &mut reply)?,
        Err(fault) => parts(fault.clone()).serialize(&mut reply).expect("texts and numbers can be written to memory"),
    }
    Ok((finished(reply), returned.err()))
}

fn finished(message: Reply) -> Vec<u8> {
    postcard::ser_flavors::Flavor::finalize(message.output).expect("memory has no end")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a reply without values.
    fn read(reply: &[u8]) -> Result<Fault, Fault> {
        let mut message = Message::new(reply);
        match message.kind()? {
            Kind::FaultAlone => message.fault(),
            other => panic!("{}", other as u8),
        }
    }

    /// Returns a reply without values.
    fn reply(cause: u32, more: &[u8]) -> Vec<u8> {
        let place = Some(("src/lib.rs".to_owned(), 3, 5));
        let parts: FaultParts = (cause, "a message".to_owned(), place, Some("frames".to_owned()));
        [write(&parts, vec![Kind::FaultAlone as u8]).unwrap(), more.to_vec()].concat()
    }

    #[test]
    fn a_fault_makes_the_round_trip() {
        for (cause, expected) in [(1, Cause::Panicked), (4, Cause::TimedOut), (1000, Cause::Unknown)] {
            // A later SDK may write more.
            for more in [&[][..], &[1, 2, 3]] {
                let fault = read(&reply(cause, more)).unwrap();
                assert_eq!((fault.cause, fault.message.as_str()), (expected, "a message"));
                assert_eq!(fault.location.unwrap().to_string(), "src/lib.rs:3:5");
                assert_eq!((fault.backtrace.as_deref(), fault.export), (Some("frames"), None));
            }
        }
    }

    #[test]
    fn a_damaged_reply_is_a_fault() {
        let whole = reply(1, &[]);
        let cut_short = (0..whole.len()).map(|length| whole[..length].to_vec());
        for damaged in cut_short.chain([[vec![Kind::FaultAlone as u8, 1], vec![0xff; 9], vec![1]].concat()]) {
            let fault = read(&damaged).unwrap_err();
            assert_eq!(fault.cause, Cause::Disconnected, "{damaged:?}");
            assert!(fault.message.starts_with("its reply is damaged: "), "{fault}");
        }
    }
}
