//! The items that a mapped library has registered.

use std::ffi::c_void;

use plugin_core::fault::{Context, FaultRepr, Outcome};
use plugin_core::record::{Item, Kind, RawRecord};
use plugin_core::state::StateRepr;
use plugin_core::table::Export;
use plugin_core::{Fault, Origin, PluginType};

/// One annotated item as registered: the function to call, and the contents of its record.
///
/// The texts lie in the library. The holder of an entry also holds the library.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) item: Item<'static>,
    pub(crate) entry: *const c_void,
    pub(crate) invoke: Option<plugin_core::table::Invoke>,
}

// SAFETY: the entry is a function, which may be called from any thread.
unsafe impl Send for Entry {}
// SAFETY: as above.
unsafe impl Sync for Entry {}

impl Entry {
    /// # Safety
    ///
    /// The export's library stays mapped for as long as the entry is used.
    pub(crate) unsafe fn new(export: &Export) -> Option<Self> {
        // SAFETY: the caller's promise.
        let (record, _) = RawRecord::read(unsafe { export.record() }).ok()??;
        Some(Entry {
            kind: Kind::from_byte(record.kind)?,
            item: Item::read(&record)?,
            entry: export.entry(),
            invoke: export.invoke(),
        })
    }

    /// Runs an init or shutdown hook.
    pub(crate) fn run_hook(&self) -> Result<Result<(), String>, Fault> {
        // SAFETY: the entry of a hook has this type, as its descriptor says.
        let entry =
            unsafe { std::mem::transmute::<*const c_void, unsafe extern "C" fn(Context) -> HookOutcome>(self.entry) };
        // SAFETY: called in a library that is mapped.
        unsafe { lift_hook(entry(std::ptr::null())) }
    }

    /// Saves the plugin's state.
    pub(crate) fn run_save(&self) -> Result<StateRepr, Fault> {
        // SAFETY: the entry of such a hook has this type, as its kind says.
        let entry = unsafe {
            std::mem::transmute::<*const c_void, unsafe extern "C" fn(Context) -> Outcome<StateRepr>>(self.entry)
        };
        // SAFETY: called in a library that is mapped; its outcome is taken apart once.
        unsafe { entry(std::ptr::null()).into_result() }
    }

    /// Restores a state.
    ///
    /// # Safety
    ///
    /// The version that has saved the state is still mapped, and the type that it saves fits the type that this hook
    /// restores.
    pub(crate) unsafe fn run_restore(&self, state: StateRepr) -> Result<Result<(), String>, Fault> {
        // SAFETY: the entry of such a hook has this type, as its kind says.
        let entry = unsafe {
            std::mem::transmute::<*const c_void, unsafe extern "C" fn(Context, *const c_void) -> HookOutcome>(
                self.entry,
            )
        };
        // SAFETY: the caller's promise; called in a library that is mapped.
        unsafe { state.pass(|state| lift_hook(entry(std::ptr::null(), state))) }
    }

    /// A fault of this hook of the plugin's.
    pub(crate) fn fault_of(&self, plugin: &str, mut fault: Fault) -> Box<Fault> {
        fault.export = Some(format!("{plugin}::{}", self.item.name));
        Box::new(fault)
    }
}

/// The result of a hook.
type HookOutcome = Outcome<<Result<(), String> as PluginType>::Repr>;

/// # Safety
///
/// A hook has returned it, of a plugin that is loaded, and it is lifted once.
unsafe fn lift_hook(outcome: HookOutcome) -> Result<Result<(), String>, Fault> {
    // SAFETY: the caller's promise.
    unsafe { outcome.lift(&Origin::HOST).map_err(|fault| FaultRepr::take(fault)) }
}
