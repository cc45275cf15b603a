//! The hooks that take a state out of a version and into the next, wherever the versions run.
//!
//! The state crosses between two libraries of this process as it was lowered. If a version runs elsewhere, the state crosses as a
//! message: the value in the form of `untyped/wire.rs`, read and written with the descriptor of the hook that has saved it.

use std::sync::Arc;

use plugin_core::Fault;
use plugin_core::host::StateRepr;

use crate::library::hooks::{Hook, Hooks};
use crate::services::threads::{RunningHooks, Threads};
#[cfg(feature = "loopback")]
use crate::untyped::remote_state::{RemoteHook, into_message, with_lowered};

/// The hooks of a version that save and restore the state. A version may have one of them, or none.
#[derive(Default)]
pub(crate) struct StateHooks {
    pub(crate) save: Option<StateHook>,
    pub(crate) restore: Option<StateHook>,
}

/// A hook that saves or restores a state, in the place where its version runs.
#[derive(Clone)]
pub(crate) enum StateHook {
    /// A function of a library of this process, and the running parts of that library.
    Here(Hook, Arc<Threads>),
    /// A hook that is reached by messages.
    #[cfg(feature = "loopback")]
    Elsewhere(RemoteHook),
}

/// A state that was saved.
pub(crate) enum Saved {
    /// The state as it was lowered in this process.
    Lowered(StateRepr),
    /// The state as a message.
    #[cfg(feature = "loopback")]
    Message(Vec<u8>),
}

impl StateHooks {
    /// The hooks of a library.
    pub(crate) fn of_library(hooks: &Hooks, threads: &Arc<Threads>) -> Self {
        let here = |hook: &Option<Hook>| Some(StateHook::Here(hook.clone()?, threads.clone()));
        StateHooks { save: here(&hooks.save), restore: here(&hooks.restore) }
    }
}

impl StateHook {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            StateHook::Here(hook, _) => hook.item.name,
            #[cfg(feature = "loopback")]
            StateHook::Elsewhere(hook) => hook.name,
        }
    }

    pub(crate) fn descriptor(&self) -> &'static [u8] {
        match self {
            StateHook::Here(hook, _) => hook.item.descriptor,
            #[cfg(feature = "loopback")]
            StateHook::Elsewhere(hook) => hook.descriptor,
        }
    }

    /// Returns a value that keeps the hook's library mapped, and names the hooks that run. Elsewhere no library of this process is
    /// kept.
    pub(crate) fn start(&self) -> Option<RunningHooks> {
        match self {
            StateHook::Here(_, threads) => Some(threads.hooks_start()),
            #[cfg(feature = "loopback")]
            StateHook::Elsewhere(_) => None,
        }
    }

    /// Saves the state.
    ///
    /// # Safety
    ///
    /// This is the hook that [`StateHooks::save`] has, and the value of [`start`](Self::start) exists.
    pub(crate) unsafe fn save(&self) -> Result<Saved, Fault> {
        match self {
            // SAFETY: the hook is one that saves, and its library is mapped, as this function demands.
            StateHook::Here(hook, _) => unsafe { hook.run_save() }.map(Saved::Lowered),
            #[cfg(feature = "loopback")]
            StateHook::Elsewhere(hook) => hook.save().map(Saved::Message),
        }
    }

    /// Restores a state. `saved_as` is the descriptor of the hook that has saved it.
    ///
    /// # Safety
    ///
    /// This is the hook that [`StateHooks::restore`] has, and it accepts the type of the hook with that descriptor. The value of
    /// [`start`](Self::start) exists. A lowered state is of a hook with that descriptor, whose library is mapped.
    #[cfg_attr(not(feature = "loopback"), expect(unused_variables, reason = "only messages need the descriptor"))]
    pub(crate) unsafe fn restore(&self, saved_as: &[u8], state: Saved) -> Result<Result<(), String>, Fault> {
        match (self, state) {
            // SAFETY: the hook is one that restores, its library is mapped, and it accepts the type. The saver is mapped. `pass` takes
            // the state, so it is lifted once.
            (StateHook::Here(hook, _), Saved::Lowered(state)) => unsafe { state.pass(|at| hook.run_restore(at)) },
            #[cfg(feature = "loopback")]
            (StateHook::Here(hook, _), Saved::Message(message)) => {
                // SAFETY: the hook is one that restores, its library is mapped, and it accepts the saver's type, of which the message
                // has built a value. `with_lowered` gives that value away.
                with_lowered(saved_as, &message, |at| unsafe { hook.run_restore(at) })?
            }
            #[cfg(feature = "loopback")]
            (StateHook::Elsewhere(hook), state) => {
                // SAFETY: the state is of a hook with this descriptor, whose library is mapped. It is used once.
                let message = unsafe { state.into_message(saved_as) }?;
                hook.restore(saved_as, &message)
            }
        }
    }
}

impl Saved {
    /// Gives the state up. The fields of a lowered state leak, because only a hook that restores could drop them.
    ///
    /// # Safety
    ///
    /// The library that has lowered the state is mapped.
    pub(crate) unsafe fn leak(self) {
        match self {
            // SAFETY: the saver is mapped, as this function demands. The state is passed once, and nothing lifts it.
            Saved::Lowered(state) => unsafe { state.pass(|_| ()) },
            #[cfg(feature = "loopback")]
            Saved::Message(_) => {}
        }
    }

    /// Returns the state as a message.
    ///
    /// # Safety
    ///
    /// The library that has lowered the state is mapped, and the descriptor is that of the hook which has saved it.
    #[cfg(feature = "loopback")]
    pub(crate) unsafe fn into_message(self, descriptor: &[u8]) -> Result<Vec<u8>, Fault> {
        match self {
            // SAFETY: the saver is mapped, and the descriptor is the saver's, as this function demands. The state is used once, here.
            Saved::Lowered(state) => unsafe { into_message(descriptor, state) },
            Saved::Message(message) => Ok(message),
        }
    }
}
