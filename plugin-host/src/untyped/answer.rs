//! The far side of a plugin that is reached by messages: it answers requests to a plugin of this process.

use plugin_core::{Cause, Fault};
use serde::Serialize as _;

use crate::backend::state::{Saved, StateHook};
use crate::plugin::Plugin;
use crate::schema::signature::Signature;
use crate::services::threads::RunningHooks;
use crate::untyped::call::{Call, ExportRef};
use crate::untyped::carrier::Recipient;
use crate::untyped::error::CallError;
use crate::untyped::outcome::Failure;
use crate::untyped::prepared::Prepared;
use crate::untyped::remote_state::refused;
use crate::untyped::walk::Form;
use crate::untyped::wire::{FaultParts, Kind, MIN_BYTES, Message, write};

/// Answers a request to a plugin in this process. This is the far side of every proxy. The reply has at most `max_bytes`.
pub(crate) fn answer(plugin: &Plugin, recipient: Recipient<'_>, request: &[u8], max_bytes: usize) -> Vec<u8> {
    let max_bytes = max_bytes.max(MIN_BYTES);
    let answered = match recipient {
        Recipient::Export(export) => call(plugin, export, request).map_err(fault_of),
        Recipient::Save => save(plugin).map(|reply| (reply, None)),
        Recipient::Restore => restore(plugin, request).map(|reply| (reply, None)),
    };
    let fault = match answered {
        Ok((reply, _)) if reply.len() <= max_bytes => return reply,
        // The caller leaves its values as they were.
        Ok((_, Some(fault))) => fault,
        Ok((reply, None)) => {
            let reason = format!("its reply has {} bytes, and a message may have {max_bytes}", reply.len());
            Fault::of(Cause::Disconnected, reason)
        }
        Err(fault) => fault,
    };
    alone(fault, max_bytes)
}

/// The fault of a call that was not made, or whose values cannot be sent. The caller leaves its values as they were.
fn fault_of(error: CallError) -> Fault {
    match error {
        CallError::Fault(fault) => *fault,
        // The function has run, but its values cannot be sent.
        error @ CallError::Unrepresentable { .. } => Fault::of(Cause::Disconnected, error.to_string()),
        error => Fault::of(Cause::Refused, error.to_string()),
    }
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

/// Runs the hook that saves the state of a plugin of this process. Returns the reply. This is the far side of [`RemoteHook::save`].
fn save(plugin: &Plugin) -> Result<Vec<u8>, Fault> {
    let Some(hook) = plugin.backend().state_hooks().save else {
        return Err(refused("the plugin saves no state"));
    };
    let _running = start(&hook);
    // SAFETY: this is the hook that saves. `_running` exists.
    let state = unsafe { hook.save() }?;
    // SAFETY: `_running` keeps the hook's library mapped. The state is of this hook, and is used once.
    let message = unsafe { state.into_message(hook.descriptor()) }?;
    Ok([vec![Kind::Returned as u8], message].concat())
}

/// Runs the hook that restores the state of a plugin of this process. Returns the reply. This is the far side of
/// [`RemoteHook::restore`].
fn restore(plugin: &Plugin, request: &[u8]) -> Result<Vec<u8>, Fault> {
    let Some(hook) = plugin.backend().state_hooks().restore else {
        return Err(refused("the plugin restores no state"));
    };
    let (saved_as, state) =
        postcard::take_from_bytes(request).map_err(|error| refused(&format!("the request is damaged: {error}")))?;
    let accepts = || Signature::read(hook.descriptor()).accepts(&Signature::read(saved_as));
    if hook.descriptor() != saved_as && !accepts() {
        return Err(refused("the state has another type than the one that the plugin restores"));
    }
    let _running = start(&hook);
    // SAFETY: this is the hook that restores, and it accepts the type. `_running` exists. A message needs no saver.
    let restored = unsafe { hook.restore(saved_as, Saved::Message(state.to_vec())) }?;
    Ok(write(&restored, vec![Kind::Returned as u8]).expect("a text can be written to memory"))
}

fn start(hook: &StateHook) -> Option<RunningHooks> {
    let running = hook.start();
    running.iter().for_each(|running| running.begin(hook.name()));
    running
}
