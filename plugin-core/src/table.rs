//! The registration table: what the host reads of a loaded library, through one symbol.
//!
//! The table itself stands in `runtime/attach.rs`, with what it offers.
//!
//! | step | what happens |
//! | --- | --- |
//! | link | `#[plugin_export]` items register themselves, from every crate of the library |
//! | read | the host finds [`TABLE_SYMBOL`] and checks its magic, ABI version and size, before anything else in it |
//! | bind | the host passes its services, and its memory with them |
//! | visit | the host is shown every [`Export`] |
//! | unbind | after the shutdown hooks: what the library buffered is flushed |
//!
//! It is public for `plugin-host`, which reads what this crate writes. Nobody else needs it, so there are no examples.

use std::ffi::{c_int, c_void};

use crate::buffer::Owner;
use crate::fault::{Context, FaultRepr};
use crate::record::{Field, Kind, Record};
pub use crate::system::SystemAllocator;

/// The version of everything the two sides must agree on: the table, the records, and each type's `Repr`.
pub const ABI_VERSION: u32 = 1;

/// The symbol of the table. It carries the ABI version, so that one library could serve two.
pub const TABLE_SYMBOL: &str = "plugin_table_v1";

/// What the table begins with.
pub const MAGIC: [u8; 8] = *b"PlgTable";

/// What a library offers its host. Fields are only ever added, at the end.
#[repr(C)]
pub struct PluginTable {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`ABI_VERSION`], as the library knew it.
    pub abi: u32,
    /// The table's size in bytes, as the library knew it.
    pub size: u32,
    /// The [`Kind::Build`] record, which says what the library was built with.
    pub build: *const u8,
    /// Its length in bytes.
    pub build_len: usize,
    /// Attaches the library: the services stay valid while it is mapped. Returns one of [`bound`].
    pub bind: unsafe extern "C" fn(services: *const HostServices) -> u8,
    /// Calls `visit` with `context` and each export.
    pub visit_exports:
        unsafe extern "C" fn(context: *mut c_void, visit: unsafe extern "C" fn(*mut c_void, *const Export)),
    /// Detaches the library.
    pub unbind: unsafe extern "C" fn(),
    /// Returns 1 if the services know of everything in the library that the system may call by now: every thread, key and
    /// thread-local destructor.
    pub controlled: unsafe extern "C" fn() -> u8,
}

/// What binding a library to a host's services may come to.
pub mod bound {
    /// It is bound.
    pub const BOUND: u8 = 0;
    /// It has been bound before, and a library is bound once.
    pub const ALREADY: u8 = 1;
    /// It is a host already, without one of its own.
    pub const IS_HOST: u8 = 2;
}

/// The size of the table in the first version, which every later one has too.
pub const TABLE_V1_SIZE: usize = std::mem::offset_of!(PluginTable, controlled) + size_of::<usize>();

/// The table's header: what may be read before its version is known to be right.
pub const HEADER_SIZE: usize = std::mem::offset_of!(PluginTable, build);
const _: () = assert!(HEADER_SIZE == 16);

// SAFETY: it is a constant, and so is what it points at.
unsafe impl Sync for PluginTable {}

/// What the host does for an attached library. Fields are only ever added, at the end: all of these are in the first version.
#[repr(C)]
pub struct HostServices {
    /// The size of this struct in bytes, as the host knew it.
    pub size: usize,
    /// The host's name for the library; passed back with every call.
    pub library: *const c_void,
    /// 1 if faults should carry a backtrace.
    pub backtraces: u8,
    /// Takes a fault that no call returns.
    pub stray_fault: unsafe extern "C" fn(library: *const c_void, fault: *mut FaultRepr),
    /// `__cxa_thread_atexit_impl`: runs `destructor(object)` when this thread ends, if the library is still there.
    pub thread_atexit: unsafe extern "C" fn(
        library: *const c_void,
        destructor: unsafe extern "C" fn(*mut c_void),
        object: *mut c_void,
    ) -> c_int,
    /// `pthread_key_create`.
    pub key_create: unsafe extern "C" fn(
        library: *const c_void,
        key: *mut u32,
        destructor: Option<unsafe extern "C" fn(*mut c_void)>,
    ) -> c_int,
    /// `pthread_key_delete`.
    pub key_delete: unsafe extern "C" fn(library: *const c_void, key: u32) -> c_int,
    /// `pthread_setspecific`.
    pub key_set: unsafe extern "C" fn(library: *const c_void, key: u32, value: *const c_void) -> c_int,
    /// `pthread_create`.
    pub thread_create: unsafe extern "C" fn(
        library: *const c_void,
        thread: *mut c_void,
        attributes: *const c_void,
        start: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> c_int,
    /// Who frees the buffers of the common allocator.
    pub common: *const Owner,
    /// What a library allocates with that uses the host's allocator; null if the host does not lend it.
    pub memory: *const HostMemory,
}

// SAFETY: the host's promise: its services may be called from any thread.
unsafe impl Sync for HostServices {}

/// The host's allocator, as it is for one library. Fields are only ever added, at the end.
#[repr(C)]
pub struct HostMemory {
    /// The size of this struct in bytes, as the host knew it.
    pub size: usize,
    /// The host's name for the library; passed back with every call. It is the last argument, because the others are then
    /// where an allocator has them already.
    pub library: *const c_void,
    /// [`GlobalAlloc::alloc`](std::alloc::GlobalAlloc::alloc), as the following are its other functions.
    pub alloc: unsafe extern "C" fn(size: usize, align: usize, library: *const c_void) -> *mut u8,
    /// `alloc_zeroed`.
    pub alloc_zeroed: unsafe extern "C" fn(size: usize, align: usize, library: *const c_void) -> *mut u8,
    /// `dealloc`.
    pub dealloc: unsafe extern "C" fn(block: *mut u8, size: usize, align: usize, library: *const c_void),
    /// `realloc`.
    pub realloc: unsafe extern "C" fn(
        block: *mut u8,
        size: usize,
        align: usize,
        new_size: usize,
        library: *const c_void,
    ) -> *mut u8,
    /// 1 if this is the common allocator.
    pub is_common: u8,
    /// If the host keeps a list of the library's blocks: it is called for each that leaves the library in a buffer.
    pub hand_over: Option<unsafe extern "C" fn(block: *mut u8, library: *const c_void)>,
    /// If it does: it is called for each that comes to the library in one.
    pub take_over: Option<unsafe extern "C" fn(block: *mut u8, size: usize, align: usize, library: *const c_void)>,
    /// What a library may call instead of the first functions, if it is the library's own as well.
    pub system: SystemAllocator,
}

// SAFETY: the host's promise: its functions may be called from any thread.
unsafe impl Sync for HostMemory {}

/// What a host passes on of the common allocator: who frees its buffers, and whether the host's own allocator is that.
#[cfg(feature = "host")]
pub fn common_allocator() -> (&'static Owner, bool) {
    crate::allocator::common_of_host()
}

/// Has this library stay mapped, if it is one: a host that is a plugin itself, and has let go of a library that may still
/// call it.
#[cfg(feature = "host")]
pub fn stay_mapped() {
    #[cfg(controllable)]
    crate::runtime::threads::escape();
}

/// One annotated item: its record, and what to call.
#[repr(C)]
pub struct Export {
    record: *const u8,
    record_len: usize,
    entry: *const c_void,
    invoke: Option<Invoke>,
}

/// Calls a function's entry with arguments and outcome by address, so that a host can do it that knows their types only
/// from the descriptor: `arguments` points at an address for each argument's `Repr`.
pub type Invoke = unsafe extern "C" fn(context: Context, arguments: *const *const c_void, outcome: *mut c_void);

// SAFETY: all pointers are to constants of the library.
unsafe impl Sync for Export {}
// SAFETY: as above.
unsafe impl Send for Export {}

impl Export {
    /// Joins a record with its entry, an `unsafe extern "C" fn(Context, ..) -> Outcome<..>`, and with what calls that.
    ///
    /// # Safety
    ///
    /// `entry` is a function whose arguments and result have the `Repr`s that the record's descriptor says, and `invoke`
    /// calls it.
    pub const unsafe fn new(record: &'static [u8], entry: *const c_void, invoke: Option<Invoke>) -> Self {
        Export { record: record.as_ptr(), record_len: record.len(), entry, invoke }
    }

    /// The record's bytes, for as long as the library is mapped.
    ///
    /// # Safety
    ///
    /// The library stays mapped for `'a`.
    pub unsafe fn record<'a>(&self) -> &'a [u8] {
        // SAFETY: `new` took them from a slice that lives as long as the library is mapped.
        unsafe { std::slice::from_raw_parts(self.record, self.record_len) }
    }

    /// The entry.
    pub fn entry(&self) -> *const c_void {
        self.entry
    }

    /// What calls the entry, if it is a function's.
    pub fn invoke(&self) -> Option<Invoke> {
        self.invoke
    }
}

inventory::collect!(Export);

/// Everything that is registered in this very library or program.
pub fn registered() -> impl Iterator<Item = &'static Export> {
    inventory::iter::<Export>.into_iter()
}

const BUILD: Record = Record {
    kind: Kind::Build,
    fields: &[
        Field::Number(ABI_VERSION),
        Field::Bytes(env!("CARGO_PKG_VERSION").as_bytes()),
        Field::Bytes(env!("PLUGIN_CORE_RUSTC").as_bytes()),
        Field::Bytes(env!("PLUGIN_CORE_TARGET").as_bytes()),
        Field::Bytes(if cfg!(panic = "abort") { b"abort" } else { b"unwind" }),
    ],
};

#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__plugin"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".plugin"))]
pub(crate) static BUILD_RECORD: [u8; BUILD.len()] = BUILD.encode();

/// The [`Kind::Build`] record of this very library or program.
pub fn build_record() -> &'static [u8] {
    &BUILD_RECORD
}
