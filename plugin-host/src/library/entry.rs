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
    #[cfg(feature = "serde")]
    pub(crate) invoke: Option<plugin_core::table::Invoke>,
}

// SAFETY: `entry` is the address of a function and not of data, and any thread may call the function. The other fields are
// `Send`.
unsafe impl Send for Entry {}
// SAFETY: a shared `Entry` gives out only copies of that address. The other fields are `Sync`.
unsafe impl Sync for Entry {}

impl Entry {
    /// # Safety
    ///
    /// The export's library stays mapped for as long as the entry, a clone of it, or one of its texts is used.
    pub(crate) unsafe fn new(export: &Export) -> Option<Self> {
        // SAFETY: `record` needs the library to stay mapped while the bytes are used. This function demands that of its
        // caller, so `'static` stands for that time.
        let (record, _) = RawRecord::read(unsafe { export.record() }).ok()??;
        Some(Entry {
            kind: Kind::from_byte(record.kind)?,
            item: Item::read(&record)?,
            entry: export.entry(),
            #[cfg(feature = "serde")]
            invoke: export.invoke(),
        })
    }

    /// Runs an init or shutdown hook.
    pub(crate) fn run_hook(&self) -> Result<Result<(), String>, Fault> {
        // SAFETY: `plugin_export` gives each entry of the kinds `Init` and `Shutdown` this type. `Hooks::new`, the only source
        // of the entries that run here, chooses by these kinds.
        let entry =
            unsafe { std::mem::transmute::<*const c_void, unsafe extern "C" fn(Context) -> HookOutcome>(self.entry) };
        // SAFETY: the library is mapped while the entry is used, as `new` demands. A hook ignores its context. Its outcome is
        // lifted once, here.
        unsafe { lift_hook(entry(std::ptr::null())) }
    }

    /// Saves the plugin's state.
    pub(crate) fn run_save(&self) -> Result<StateRepr, Fault> {
        // SAFETY: `plugin_export` gives each entry of the kind `Save` this type. `Plugin::new`, the only source of the entries
        // that run here, chooses by this kind.
        let entry = unsafe {
            std::mem::transmute::<*const c_void, unsafe extern "C" fn(Context) -> Outcome<StateRepr>>(self.entry)
        };
        // SAFETY: the library is mapped while the entry is used, as `new` demands. The outcome is used once, here.
        unsafe { entry(std::ptr::null()).into_result() }
    }

    /// Restores a state.
    ///
    /// # Safety
    ///
    /// The version that has saved the state is still mapped, and the type that it saves fits the type that this hook
    /// restores. This entry has the kind `Restore`.
    pub(crate) unsafe fn run_restore(&self, state: StateRepr) -> Result<Result<(), String>, Fault> {
        // SAFETY: `plugin_export` gives each entry of the kind `Restore` this type, and the caller promises this kind.
        let entry = unsafe {
            std::mem::transmute::<*const c_void, unsafe extern "C" fn(Context, *const c_void) -> HookOutcome>(
                self.entry,
            )
        };
        // SAFETY: the saver is mapped and the types fit, as this function demands. The state is passed once, because `pass`
        // takes it. This hook's library is mapped while the entry is used, as `new` demands.
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
