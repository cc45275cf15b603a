//! The hooks of a plugin, and the code that runs them.

use std::ffi::c_void;

use plugin_core::host::StateRepr;
use plugin_core::host::record::{Item, Kind};
use plugin_core::host::table::Export;
use plugin_core::host::{Context, FaultRepr, Outcome};
use plugin_core::{Cause, Fault, Origin, PluginType};

use crate::error::Error;
use crate::error::at::FileError;
use crate::services::Services;
use crate::work::timeout::Steps;

/// The hooks of a plugin. The init hooks are in the order they run: those of the crates it depends on, by package name, then its
/// own; within a crate by module, then by line. Shutdown hooks run in the opposite order.
pub(crate) struct Hooks {
    pub(crate) init: Vec<Hook>,
    pub(crate) shutdown: Vec<Hook>,
    pub(crate) save: Option<Hook>,
    pub(crate) restore: Option<Hook>,
}

impl Hooks {
    pub(crate) fn new(items: Vec<(Item<'static>, Export)>, plugin: &str) -> Self {
        let mut hooks: Vec<Hook> = items.into_iter().map(|(item, row)| Hook { item, row }).collect();
        hooks.sort_by_key(|Hook { item, .. }| {
            (item.package == plugin, item.package, item.module, item.line, item.column)
        });
        let of = |kind| hooks.iter().filter(move |hook| hook.item.kind == kind).cloned();
        Hooks {
            init: of(Kind::Init).collect(),
            shutdown: of(Kind::Shutdown).rev().collect(),
            save: of(Kind::Save).next(),
            restore: of(Kind::Restore).next(),
        }
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
                    let fault = fault_of(&plugin, &name, fault);
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
                Ok(Err(message)) => Fault::of(Cause::Reported, format!("the shutdown hook failed: {message}")),
                Err(fault) => fault,
            };
            services.report(fault, hook.item.name);
        }
    }
}

/// A hook that a library has registered: the description, and the row with the entry.
///
/// The texts lie in the library. The holder of a hook also holds the library.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) item: Item<'static>,
    row: Export,
}

impl Hook {
    /// Runs an init or shutdown hook.
    pub(crate) fn run_hook(&self) -> Result<Result<(), String>, Fault> {
        // SAFETY: `plugin_export` gives each entry of the kinds `Init` and `Shutdown` this type. `Hooks::new` chooses the hooks that
        // run here by these kinds.
        let entry = unsafe {
            std::mem::transmute::<*const c_void, unsafe extern "C" fn(Context) -> HookOutcome>(self.row.entry())
        };
        // SAFETY: the library is mapped while the row is used, as `described` demands. A hook ignores its context. Its outcome is
        // lifted once, here.
        unsafe { lift_hook(entry(std::ptr::null())) }
    }

    /// Saves the plugin's state.
    ///
    /// # Safety
    ///
    /// This hook has the kind `Save`, and its library is mapped.
    pub(crate) unsafe fn run_save(&self) -> Result<StateRepr, Fault> {
        // SAFETY: `plugin_export` gives each entry of the kind `Save` this type, and the caller promises this kind.
        let entry = unsafe {
            std::mem::transmute::<*const c_void, unsafe extern "C" fn(Context) -> Outcome<StateRepr>>(self.row.entry())
        };
        // SAFETY: the library is mapped, as this function demands. The outcome is used once, here.
        unsafe { entry(std::ptr::null()).into_result() }
    }

    /// Restores the state at this address.
    ///
    /// # Safety
    ///
    /// This hook has the kind `Restore`, and its library is mapped. There is a lowered state at this address, of a type that fits the one
    /// which this hook restores. The library that has made its parts is mapped. The hook takes the state.
    pub(crate) unsafe fn run_restore(&self, state: *const c_void) -> Result<Result<(), String>, Fault> {
        // SAFETY: `plugin_export` gives each entry of the kind `Restore` this type, and the caller promises this kind.
        let entry = unsafe {
            std::mem::transmute::<*const c_void, unsafe extern "C" fn(Context, *const c_void) -> HookOutcome>(
                self.row.entry(),
            )
        };
        // SAFETY: both libraries are mapped, and the state is of the right type and lifted once, as this function demands.
        unsafe { lift_hook(entry(std::ptr::null(), state)) }
    }
}

/// Returns a fault of the plugin's hook with this name.
pub(crate) fn fault_of(plugin: &str, hook: &str, mut fault: Fault) -> Box<Fault> {
    fault.export = Some(format!("{plugin}::{hook}"));
    Box::new(fault)
}

/// The result of a hook.
type HookOutcome = Outcome<<Result<(), String> as PluginType>::Repr>;

/// Lifts the outcome of a hook.
///
/// # Safety
///
/// A hook of a library that is mapped has returned the outcome. The outcome is lifted once.
unsafe fn lift_hook(outcome: HookOutcome) -> Result<Result<(), String>, Fault> {
    // SAFETY: the hook has lowered a `Result<(), String>` or made the fault. Its library is mapped, and both are taken once,
    // as this function demands.
    unsafe { outcome.lift(&Origin::HOST).map_err(|fault| FaultRepr::take(fault)) }
}
