//! [`Carrier`]: the way of messages to the place where a plugin runs, and back.

use plugin_core::{Cause, Fault};

use crate::untyped::wire;

/// Carries a request to the place where a plugin runs, and the reply back.
pub(crate) trait Carrier: Send + Sync {
    /// The most bytes that a message may have, in both directions, or [`MIN_BYTES`](wire::MIN_BYTES) if that is more. A carrier must not
    /// read a longer reply into memory.
    fn max_bytes(&self) -> usize;

    /// Sends a request to an export, and waits for the reply.
    ///
    /// # Errors
    ///
    /// The reason why there is no reply. Its cause is [`Cause::Refused`] only if the export has not run.
    fn exchange(&self, export: &str, request: Vec<u8>) -> Result<Vec<u8>, Fault>;
}

impl dyn Carrier {
    /// Sends a request to an export, and returns the reply. Neither is longer than the limit.
    pub(super) fn ask(&self, export: &str, request: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let (length, most) = (request.len(), self.max_bytes().max(wire::MIN_BYTES));
        if length > most {
            let reason = format!("its arguments take {length} bytes, and a message may have {most}");
            return Err(Fault::of(Cause::Refused, reason));
        }
        let reply = self.exchange(export, request)?;
        if reply.len() > most {
            return Err(wire::damaged(&format!("it has {} bytes, and a message may have {most}", reply.len())));
        }
        Ok(reply)
    }
}
