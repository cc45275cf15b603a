//! The table of this library, and the functions that a host calls through it: bind, visit, unbind.

use std::ffi::c_void;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use super::panic_hook;
use super::registration::{BUILD_RECORD, registered};
use super::services::SERVICES;
use crate::abi::{ABI_VERSION, Escaped, Export, HostServices, MAGIC, PluginTable, Registered, bound};
use crate::memory;
use crate::objects;

/// The table, which a host finds by its symbol.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
static plugin_table_v2: PluginTable = PluginTable {
    magic: MAGIC,
    abi: ABI_VERSION,
    size: size_of::<PluginTable>() as u32,
    build: (&raw const BUILD_RECORD).cast(),
    build_len: BUILD_RECORD.len(),
    bind,
    visit_exports,
    unbind,
    escaped,
    registrations,
};

/// Attaches this library to its host.
unsafe extern "C" fn bind(services: *const HostServices) -> u8 {
    // A library is bound only once. After the first host, its statics have changed, and that host may still exist.
    static ONCE: AtomicBool = AtomicBool::new(false);
    if ONCE.swap(true, Ordering::AcqRel) {
        return bound::ALREADY;
    }
    if !memory::accept_host() {
        return bound::IS_HOST;
    }
    SERVICES.store(services.cast_mut(), Ordering::Release);
    // This is first, because later allocations may come from the host.
    // SAFETY: `services` points at the host's services, which have this field in every version. They, and everything
    // behind their pointers, stay valid while this library is mapped, and no buffer has crossed yet
    // (`PluginTable::bind`).
    unsafe { memory::bind((&raw const (*services).memory).read()) };
    panic_hook::install();
    #[cfg(controllable)]
    {
        super::threads::probe();
        // A signal handler may abort, and must not ask the loader then.
        super::threads::original::abort();
        super::threads::report_found();
        super::threads::report_early();
    }
    bound::BOUND
}

unsafe extern "C" fn visit_exports(context: *mut c_void, visit: unsafe extern "C" fn(*mut c_void, *const Export)) {
    for export in registered() {
        // SAFETY: the host passes its own function with the context for it (`PluginTable::visit_exports`). The export
        // is a constant of this library.
        unsafe { visit(context, export) }
    }
}

/// Detaches this library. Its shutdown hooks have run, and no export is called any more.
unsafe extern "C" fn unbind() {
    // Each library has its own std with its own output buffer, whose content would be lost. An error is ignored: the
    // standard output may be closed.
    _ = std::io::stdout().flush();
    objects::tidy();
}

/// Returns the kinds of things in this library that the C library or the kernel may call, and that the host does not
/// know.
unsafe extern "C" fn escaped() -> Escaped {
    #[cfg(controllable)]
    return super::threads::all_escaped();
    #[cfg(not(controllable))]
    Escaped { kinds: crate::abi::escaped::UNKNOWN, signals: 0 }
}

/// Shows the host the details of each thing that [`escaped`] counts.
unsafe extern "C" fn registrations(context: *mut c_void, visit: unsafe extern "C" fn(*mut c_void, *const Registered)) {
    #[cfg(controllable)]
    for registered in super::threads::registrations() {
        // SAFETY: the host passes its own function with the context for it (`PluginTable::registrations`). `registered`
        // lives during the call.
        unsafe { visit(context, &raw const registered) }
    }
    #[cfg(not(controllable))]
    let _ = (context, visit);
}
