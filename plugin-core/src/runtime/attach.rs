//! The table of this library, and what the host does through it: bind, visit, unbind.

use std::ffi::c_void;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use super::panic_hook;
use super::registration::{BUILD_RECORD, registered};
use super::services::SERVICES;
use crate::abi::{ABI_VERSION, Escaped, Export, HostServices, MAGIC, PluginTable, Registered, bound};
use crate::memory;

/// What the host finds by its symbol.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
static plugin_table_v1: PluginTable = PluginTable {
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
    // Never again: its statics are not as they were, and a host that had it may still be there.
    static ONCE: AtomicBool = AtomicBool::new(false);
    if ONCE.swap(true, Ordering::AcqRel) {
        return bound::ALREADY;
    }
    if !memory::accept_host() {
        return bound::IS_HOST;
    }
    SERVICES.store(services.cast_mut(), Ordering::Release);
    // First of all: what is allocated from here on may be the host's.
    // SAFETY: the host keeps its services, and what they refer to, valid while this library is mapped.
    unsafe { memory::bind((&raw const (*services).memory).read()) };
    panic_hook::install();
    #[cfg(controllable)]
    {
        super::threads::probe();
        super::process::next_abort();
        super::threads::report_found();
        super::threads::report_early();
    }
    bound::BOUND
}

unsafe extern "C" fn visit_exports(context: *mut c_void, visit: unsafe extern "C" fn(*mut c_void, *const Export)) {
    for export in registered() {
        // SAFETY: the host's own function with its own context.
        unsafe { visit(context, export) }
    }
}

/// Detaches this library: its shutdown hooks have run, and no export is called any more.
unsafe extern "C" fn unbind() {
    // Each library has its own std with its own buffer; what is still in it would be lost. A standard output that is
    // closed is nobody's fault here.
    _ = std::io::stdout().flush();
}

/// Tells what the system may call in this library without the host knowing of it.
unsafe extern "C" fn escaped() -> Escaped {
    #[cfg(controllable)]
    return super::threads::all_escaped();
    #[cfg(not(controllable))]
    Escaped { kinds: crate::abi::escaped::UNKNOWN, signals: 0 }
}

/// Tells what is known of each thing that [`escaped`] tells of.
unsafe extern "C" fn registrations(context: *mut c_void, visit: unsafe extern "C" fn(*mut c_void, *const Registered)) {
    #[cfg(controllable)]
    for registered in super::threads::registrations() {
        // SAFETY: the host's own function with its own context.
        unsafe { visit(context, &raw const registered) }
    }
    #[cfg(not(controllable))]
    let _ = (context, visit);
}
