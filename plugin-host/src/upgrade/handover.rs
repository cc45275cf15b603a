//! The hand-over of a state during an upgrade, while calls are held back: steps 1 to 3 of the [upgrade](super).

use std::time::{Duration, Instant};

use crate::backend::state::{StateHook, StateHooks};
use crate::error::Error;
use crate::error::at::FileError;
use crate::library::hooks::fault_of;
use crate::plugin::Plugin;
use crate::schema::difference::Sides;
use crate::schema::signature::Signature;
use crate::services::threads::RunningHooks;
use crate::upgrade::lineage::Lineage;
use crate::work::deadline::{Pauses, left};
use crate::work::timeout::{self, Steps};

/// The hooks that take a state from one version to the next. Their types fit each other.
pub(super) struct Handover {
    save: StateHook,
    restore: StateHook,
}

impl Handover {
    /// Returns the hand-over from a version to the next one, if the version of the plugin `old` saves a state.
    pub(super) fn new(old: &str, from: StateHooks, to: StateHooks) -> Result<Option<Self>, FileError> {
        let Some(save) = from.save else { return Ok(None) };
        let plugin = old.to_owned();
        let Some(restore) = to.restore else {
            return Err(FileError::new(|path| Error::StateNotRestored { plugin, path }));
        };
        if restore.descriptor() != save.descriptor() {
            let (restored, saved) = (Signature::read(restore.descriptor()), Signature::read(save.descriptor()));
            if !restored.accepts(&saved) {
                let difference = restored.difference(&saved, Sides::STATE);
                let (saved, restored) = (Box::new(saved), Box::new(restored));
                return Err(FileError::new(|path| Error::StateMismatch { plugin, path, saved, restored, difference }));
            }
        }
        Ok(Some(Handover { save, restore }))
    }

    /// Runs both hooks on one thread, and passes the state from one to the other. The backends of both versions exist.
    pub(super) fn run(self, old: &Plugin, new: &Plugin, timeout: Option<Duration>) -> Result<(), FileError> {
        let [save, restore] = [self.save.name(), self.restore.name()];
        let saves = self.save.start();
        let task = {
            let (plugin, new) = (old.name().to_owned(), new.clone());
            move |steps: &Steps| {
                let result = self.run_here(&plugin, steps, saves.as_ref());
                saves.iter().for_each(|saves| saves.clean_up(steps));
                drop(saves);
                // If the host has given up waiting, this is the last reference to the new version.
                drop(new);
                result
            }
        };
        timeout::run(timeout, task, drop).unwrap_or_else(|late| {
            let (plugin, hook) = (old.name().to_owned(), [save, restore][late.step].to_owned());
            let timeout = timeout.unwrap_or_default();
            Err(FileError::new(move |path| Error::HookTimedOut { plugin, hook, timeout, path }))
        })
    }

    /// Runs both hooks on this thread. If the old version is a library of this process, it is mapped while `saves` exists.
    fn run_here(&self, plugin: &str, steps: &Steps, saves: Option<&RunningHooks>) -> Result<(), FileError> {
        let Handover { save, restore } = self;
        let begin = |running: Option<&RunningHooks>, hook: &StateHook| {
            running.into_iter().for_each(|running| running.begin(hook.name()));
        };
        steps.begin(0);
        begin(saves, save);
        // SAFETY: `new` takes this hook from `StateHooks::save`, and `saves` is the value of its `start`.
        let state = match unsafe { save.save() } {
            Ok(state) => state,
            Err(fault) => {
                let (plugin, fault) = (plugin.to_owned(), fault_of(plugin, save.name(), fault));
                return Err(FileError::new(|_| Error::SavePanicked { plugin, fault }));
            }
        };
        let restores = restore.start();
        begin(restores.as_ref(), restore);
        begin(saves, restore);
        if !steps.begin(1) {
            // The host has given up waiting.
            // SAFETY: `saves` keeps the library mapped that has saved the state.
            unsafe { state.leak() };
            return Ok(());
        }
        // SAFETY: `new` takes this hook from `StateHooks::restore`, and has compared the types. `saves` and `restores` are the values of
        // the hooks' `start`. The state is of `save`.
        let result = unsafe { restore.restore(save.descriptor(), state) };
        restores.iter().for_each(|restores| restores.clean_up(steps));
        let plugin = plugin.to_owned();
        match result {
            Ok(Ok(())) => Ok(()),
            Ok(Err(message)) => Err(FileError::new(|path| Error::RestoreFailed { plugin, message, path })),
            Err(fault) => {
                let fault = fault_of(&plugin, restore.name(), fault);
                Err(FileError::new(|path| Error::RestorePanicked { plugin, fault, path }))
            }
        }
    }
}

/// Holds back calls through `Live` handles. If this is dropped, the calls go on in the old version.
pub(super) struct Held<'a> {
    lineage: &'a Lineage,
    old: &'a Plugin,
}

impl<'a> Held<'a> {
    /// Holds back new calls, and waits until the calls in progress have ended, but not for longer than `limit`.
    pub(super) fn new(lineage: &'a Lineage, old: &'a Plugin, limit: Duration) -> Result<Self, Error> {
        lineage.hold();
        let held = Held { lineage, old };
        let deadline = Instant::now().checked_add(limit);
        let mut pauses = Pauses::new(Duration::from_millis(1));
        while lineage.is_in_progress(old) {
            if left(deadline).is_some_and(|left| left.is_zero()) {
                return Err(Error::Busy { plugin: old.name().to_owned(), waited: limit });
            }
            pauses.sleep(deadline);
        }
        Ok(held)
    }

    /// Ends the hold without publishing the old version, because the new one is published.
    pub(super) fn release(self) {
        std::mem::forget(self);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.lineage.serve(self.old);
    }
}
