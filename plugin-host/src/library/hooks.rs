//! The init and shutdown hooks of a plugin.

use plugin_core::Fault;
use plugin_core::record::Kind;

use crate::error::Error;
use crate::error::at::FileError;
use crate::library::entry::Entry;
use crate::services::Services;
use crate::work::timeout::Steps;

/// The hooks of a plugin in the order they run: of init hooks, those of the crates it depends on, by package name, then its
/// own; within a crate by module, then by line. Shutdown hooks run in the opposite order.
pub(crate) struct Hooks {
    pub(crate) init: Vec<Entry>,
    pub(crate) shutdown: Vec<Entry>,
}

impl Hooks {
    pub(crate) fn new(entries: &[Entry], plugin: &str) -> Self {
        let of = |kind| {
            let mut hooks: Vec<Entry> = entries.iter().filter(|entry| entry.kind == kind).cloned().collect();
            hooks.sort_by_key(|hook| {
                let item = &hook.item;
                (item.package == plugin, item.package, item.module, item.line, item.column)
            });
            hooks
        };
        let (init, mut shutdown) = (of(Kind::Init), of(Kind::Shutdown));
        shutdown.reverse();
        Hooks { init, shutdown }
    }

    /// Runs the init hooks, up to the first that fails or that takes longer than the limit. `begin` is told of each.
    pub(crate) fn run_init(&self, plugin: &str, steps: &Steps, begin: impl Fn(&str)) -> Result<(), FileError> {
        for (step, hook) in self.init.iter().enumerate() {
            if !steps.begin(step) {
                break;
            }
            begin(hook.item.name);
            let (plugin, name) = (plugin.to_owned(), hook.item.name.to_owned());
            match hook.run_hook() {
                Ok(Ok(())) => {}
                Ok(Err(message)) => {
                    return Err(FileError::new(|path| Error::InitFailed { plugin, hook: name, message, path }));
                }
                Err(fault) => {
                    let fault = hook.fault_of(&plugin, fault);
                    return Err(FileError::new(|path| Error::InitPanicked { plugin, fault, path }));
                }
            }
        }
        Ok(())
    }

    /// Runs the shutdown hooks, all of them. Failures and panics are reported. `begin` is told of each.
    pub(crate) fn run_shutdown(&self, services: &Services, steps: &Steps, begin: impl Fn(&str)) {
        for (step, hook) in self.shutdown.iter().enumerate() {
            steps.begin(step);
            begin(hook.item.name);
            let fault = match hook.run_hook() {
                Ok(Ok(())) => continue,
                Ok(Err(message)) => Fault::from_message(format!("the shutdown hook failed: {message}")),
                Err(fault) => fault,
            };
            services.report(fault, hook.item.name);
        }
    }
}
