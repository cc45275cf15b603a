//! Values as bytes, for plugins that run outside of this process. `answer.rs` has the far side.
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
//! `remote_state.rs` has the messages of a state.
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

use crate::untyped::de::target::{Built, Target};

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
pub(super) type FaultParts = (u32, String, Option<(String, u32, u32)>, Option<String>);

/// Adds a value to a message.
pub(crate) fn write(value: &impl Serialize, message: Vec<u8>) -> Result<Vec<u8>, postcard::Error> {
    postcard::to_extend(value, message)
}

/// A message that is being read.
pub(crate) struct Message<'m>(pub(super) postcard::Deserializer<'m, postcard::de_flavors::Slice<'m>>);

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

    /// Reads the beginning of a reply that is not a call's. Returns the rest if the reply has no fault.
    pub(super) fn returned(reply: &'m [u8]) -> Result<Self, Fault> {
        let mut message = Message::new(reply);
        match message.kind()? {
            Kind::Returned => Ok(message),
            Kind::Fault => Err(damaged(&"it is that of a call")),
            Kind::FaultAlone => Err(message.fault()?),
        }
    }

    /// Builds the next value. An error is the reason why it cannot be read.
    pub(crate) fn read<'a>(&mut self, target: Target<'a>) -> Result<Built<'a>, String> {
        let state = target.state;
        target.deserialize(&mut self.0).map_err(|error| state.reason_of(&error))
    }

    /// Builds the next value of a reply.
    pub(crate) fn value<'a>(&mut self, target: Target<'a>) -> Result<Built<'a>, Fault> {
        self.read(target).map_err(|reason| damaged(&reason))
    }

    /// Reads a value of the host's own, the last part of a message.
    pub(super) fn rest<T: serde::Deserialize<'m>>(mut self) -> Result<T, String> {
        let value = T::deserialize(&mut self.0).map_err(|error| error.to_string())?;
        self.end()?;
        Ok(value)
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
