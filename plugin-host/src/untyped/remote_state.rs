//! The hooks that save and restore a state, for versions that run elsewhere: the near side, and the messages. `answer.rs` has the far side.
//!
//! | message | bytes |
//! | --- | --- |
//! | request to save | nothing |
//! | its reply | [`Kind::Returned`](wire::Kind::Returned), and the state |
//! | request to restore | the descriptor of the hook that has saved the state, and the state |
//! | its reply | [`Kind::Returned`](wire::Kind::Returned), and the hook's result |
//! | reply with a fault | [`Kind::FaultAlone`](wire::Kind::FaultAlone), and a fault |
//!
//! The state is in the form of `wire.rs`. It is read with the descriptor that it was written with, so the reader gets the value of the
//! saver's type. The hook that restores it lifts that value, as it does in one process: the state's type may have grown.

use std::ffi::c_void;
use std::sync::Arc;

use plugin_core::host::StateRepr;
use plugin_core::{Cause, Fault};

use crate::untyped::carrier::{Carrier, Recipient};
use crate::untyped::de::target::build_in_place;
use crate::untyped::free::free;
use crate::untyped::layout::{Id, Layouts};
use crate::untyped::prepared::Prepared;
use crate::untyped::ser::Value;
use crate::untyped::walk::WalkState;
use crate::untyped::wire::{self, Message};

/// A hook that saves or restores a state, and runs elsewhere.
#[derive(Clone)]
pub(crate) struct RemoteHook {
    pub(crate) name: &'static str,
    pub(crate) descriptor: &'static [u8],
    carrier: Arc<dyn Carrier>,
}

impl RemoteHook {
    /// The near side of a hook. The carrier keeps the texts.
    pub(crate) fn new(name: &'static str, descriptor: &'static [u8], carrier: Arc<dyn Carrier>) -> Self {
        RemoteHook { name, descriptor, carrier }
    }

    /// Saves the state, and returns it as a message.
    pub(crate) fn save(&self) -> Result<Vec<u8>, Fault> {
        let mut reply = self.carrier.ask(Recipient::Save, Vec::new())?;
        Message::returned(&reply)?;
        reply.remove(0);
        Ok(reply)
    }

    /// Restores a state that was saved by a hook with this descriptor.
    pub(crate) fn restore(&self, saved_as: &[u8], state: &[u8]) -> Result<Result<(), String>, Fault> {
        let mut request = wire::write(&saved_as, Vec::new()).expect("bytes can be written to memory");
        request.extend_from_slice(state);
        let reply = self.carrier.ask(Recipient::Restore, request)?;
        Message::returned(&reply)?.rest().map_err(|error| wire::damaged(&error))
    }
}

/// The fault of a hook that has saved a state which cannot cross.
fn unsendable(reason: &str) -> Fault {
    Fault::of(Cause::Disconnected, reason.to_owned())
}

/// The fault of a hook that was not run.
pub(super) fn refused(reason: &str) -> Fault {
    Fault::of(Cause::Refused, reason.to_owned())
}

/// Returns the layout of the state of a hook with this descriptor, which is `fn() -> S`.
fn state_type(descriptor: &[u8]) -> Result<(Arc<Layouts>, Id), String> {
    match Prepared::new(descriptor) {
        Prepared::Function { layouts, arguments, result } if arguments.is_empty() => Ok((layouts, result)),
        _ => Err("the state has a type that cannot cross as a message".to_owned()),
    }
}

/// Writes a lowered state to a message, and drops it.
///
/// # Safety
///
/// The library that has lowered the state is mapped. The descriptor is that of the hook which has saved the state. The state is used once.
pub(crate) unsafe fn into_message(descriptor: &[u8], state: StateRepr) -> Result<Vec<u8>, Fault> {
    let (layouts, id) = match state_type(descriptor) {
        Ok(known) => known,
        Err(reason) => {
            // Without a layout, nothing can drop the fields, so they leak.
            // SAFETY: the library is mapped, and the state is used once, as this function demands. Nothing lifts it.
            unsafe { state.pass(|_| ()) };
            return Err(unsendable(&reason));
        }
    };
    let write = |at: *const c_void| {
        let walk = WalkState::of_reply();
        // SAFETY: the state at `at` is of the type that the descriptor says, as this function demands. Nothing changes it.
        let value = unsafe { Value::new(&layouts, id, at.cast(), &walk) };
        let written = wire::write(&value, Vec::new()).map_err(|error| {
            let (place, reason) = (walk.take_place(), walk.reason_of(&error));
            unsendable(&format!("the state{place} cannot cross as a message: {reason}"))
        });
        // SAFETY: the state belongs to the one who takes it, which is this function. It is dropped once. Its library is mapped.
        unsafe { free(&layouts, id, at.cast_mut().cast()) };
        written
    };
    // SAFETY: the library is mapped, and the state is used once, as this function demands. `write` takes it once.
    unsafe { state.pass(write) }
}

/// Builds a state from a message, and gives its address to `restore`, which takes the state.
pub(crate) fn with_lowered<R>(
    descriptor: &[u8],
    message: &[u8],
    restore: impl FnOnce(*const c_void) -> R,
) -> Result<R, Fault> {
    let damaged =
        |reason: String| Fault::of(Cause::Disconnected, format!("the state that was saved is damaged: {reason}"));
    let (layouts, id) = state_type(descriptor).map_err(|reason| refused(&reason))?;
    let (walk, mut message) = (WalkState::of_reply(), Message::new(message));
    let no_memory = |error: crate::untyped::free::NoMemory| refused(&error.to_string());
    let mut place = build_in_place(&layouts, id, &walk, no_memory, |target| message.read(target).map_err(damaged))?;
    message.end().map_err(damaged)?;
    // `restore` takes the value.
    place.mark_empty();
    Ok(restore(place.at().cast_const().cast()))
}
