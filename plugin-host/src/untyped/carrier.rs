//! [`Carrier`]: the way of messages to the place where a plugin runs, and back.

use plugin_core::{Cause, Fault};

use crate::untyped::wire;

/// Carries a request to the place where a plugin runs, and the reply back.
pub(crate) trait Carrier: Send + Sync {
    /// The most bytes that a message may have, in both directions, or [`MIN_BYTES`](wire::MIN_BYTES) if that is more. A carrier must not
    /// read a longer reply into memory.
    fn max_bytes(&self) -> usize;

    /// Sends a request to a recipient, and waits for the reply.
    ///
    /// # Errors
    ///
    /// The reason why there is no reply. Its cause is [`Cause::Refused`] only if the recipient has not run.
    fn exchange(&self, recipient: Recipient<'_>, request: Vec<u8>) -> Result<Vec<u8>, Fault>;
}

/// The item of a plugin that a request is for.
#[derive(Clone, Copy)]
pub(crate) enum Recipient<'a> {
    /// The export with this name.
    Export(&'a str),
    /// The hook that saves the state.
    Save,
    /// The hook that restores a state.
    Restore,
}

impl dyn Carrier {
    /// Sends a request to a recipient, and returns the reply. Neither is longer than the limit.
    pub(super) fn ask(&self, recipient: Recipient<'_>, request: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let (length, most) = (request.len(), self.max_bytes().max(wire::MIN_BYTES));
        if length > most {
            let (what, take) = match recipient {
                Recipient::Export(_) => ("its arguments", "take"),
                Recipient::Save | Recipient::Restore => ("the state", "takes"),
            };
            let reason = format!("{what} {take} {length} bytes, and a message may have {most}");
            return Err(Fault::of(Cause::Refused, reason));
        }
        let reply = self.exchange(recipient, request)?;
        if reply.len() > most {
            return Err(wire::damaged(&format!("it has {} bytes, and a message may have {most}", reply.len())));
        }
        Ok(reply)
    }
}
