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
//! It is public for `plugin-host`, which reads the records that this crate writes. No other crate needs the module, so there
//! are no examples.

use std::ffi::{c_char, c_int, c_void};

use crate::describe::record::{Field, Kind, Record};
use crate::fault::value::{Context, FaultRepr};
use crate::memory::buffer::Owner;
pub use crate::memory::malloc::SystemAllocator;
pub use crate::runtime::stack::Run;
#[cfg(feature = "host")]
pub use crate::runtime::stack::on_new as on_new_stack;

/// The version of everything the two sides must agree on: the table, the records, and each type's `Repr`.
pub const ABI_VERSION: u32 = 1;

/// The symbol of the table. It carries the ABI version, so that one library could serve two.
pub const TABLE_SYMBOL: &str = "plugin_table_v1";

/// The beginning of the table.
pub const MAGIC: [u8; 8] = *b"PlgTable";

/// The functions and facts that a library offers its host. Fields are only ever added, at the end.
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
    /// Returns what the system may call in the library without the services knowing of it, by now.
    pub escaped: unsafe extern "C" fn() -> Escaped,
    /// Calls `visit` with `context` and each thing that has escaped, as far as more is known of it than its kind.
    pub registrations:
        unsafe extern "C" fn(context: *mut c_void, visit: unsafe extern "C" fn(*mut c_void, *const Registered)),
}

impl PluginTable {
    /// Calls `visit` with each thing that has escaped, as far as the library knows more of it than its kind.
    ///
    /// # Safety
    ///
    /// The library is mapped.
    #[cfg(feature = "host")]
    pub unsafe fn visit_registrations(&self, mut visit: impl FnMut(&Registered)) {
        unsafe extern "C" fn one<F: FnMut(&Registered)>(context: *mut c_void, registered: *const Registered) {
            // SAFETY: the closure below, and what a library shows.
            unsafe { (*context.cast::<F>())(&*registered) }
        }
        fn one_of<F: FnMut(&Registered)>(_: &F) -> unsafe extern "C" fn(*mut c_void, *const Registered) {
            one::<F>
        }
        let one = one_of(&visit);
        // SAFETY: the caller's promise; the function takes what it is given here.
        unsafe { (self.registrations)((&raw mut visit).cast(), one) };
    }
}

/// A library's knowledge of one thing that has escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Registered {
    /// One of the kinds in [`escaped`].
    pub kind: u32,
    /// The signal's number, if it is a signal handler.
    pub signal: c_int,
    /// The function or variable of the C library by which it was registered; a name that ends with NUL, in the library.
    pub by: *const c_char,
    /// The function that will be called, or null if that is not known, or there is none.
    pub function: *const c_void,
}

/// Things of a library that the system may call, and that only the system knows of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Escaped {
    /// The kinds that there are, of those in [`escaped`]; 0 if there is nothing.
    pub kinds: u32,
    /// The signals that have handlers of the library's: bit 0 is signal 1.
    pub signals: u64,
}

/// The kinds of what may have [escaped](Escaped) the host's control.
pub mod escaped {
    /// On this platform the library does not tell.
    pub const UNKNOWN: u32 = 1;
    /// The library's std is in a library of its own.
    pub const STD_ELSEWHERE: u32 = 2;
    /// A thread that was started before there was a host, or by `clone`.
    pub const THREAD: u32 = 4;
    /// A thread-specific key that was made before there was a host.
    pub const KEY: u32 = 8;
    /// A thread-local's destructor that was registered before there was a host.
    pub const DESTRUCTOR: u32 = 16;
    /// A signal handler.
    pub const SIGNAL_HANDLER: u32 = 32;
    /// A function for the program's exit.
    pub const EXIT_FUNCTION: u32 = 64;
    /// A callback of another kind: of a timer, a message queue, a stream.
    pub const CALLBACK: u32 = 128;
    /// A library that was opened before there was a host, or in a name space of its own.
    pub const LIBRARY: u32 = 256;
    /// The library is a host itself, and has a plugin that is still mapped and may call it.
    pub const HOST: u32 = 512;
    /// Memory that the C library keeps a pointer to: a stream's buffer, an entry of the environment.
    pub const MEMORY: u32 = 1024;
    /// The library has a std inside, which has registered no destructor of a thread-local so far. The crate that is built as the
    /// library has no annotated item, so that nothing controls its threads.
    pub const UNCONTROLLED: u32 = 2048;
}

/// The results of binding a library to a host's services.
pub mod bound {
    /// It is bound.
    pub const BOUND: u8 = 0;
    /// It has been bound before, and a library is bound once.
    pub const ALREADY: u8 = 1;
    /// It is a host already, without one of its own.
    pub const IS_HOST: u8 = 2;
}

/// The size of the table in the first version, which every later one has too.
pub const TABLE_V1_SIZE: usize = std::mem::offset_of!(PluginTable, registrations) + size_of::<usize>();

/// The table's header: what may be read before its version is known to be right.
pub const HEADER_SIZE: usize = std::mem::offset_of!(PluginTable, build);
const _: () = assert!(HEADER_SIZE == 16);

// SAFETY: it is a constant, and so is what it points at.
unsafe impl Sync for PluginTable {}

/// The services of the host for an attached library. Fields are only ever added, at the end: all of these are in the first
/// version.
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
    /// The owner that frees the buffers of the common allocator.
    pub common: *const Owner,
    /// The functions that a library allocates with if it uses the host's allocator; null if the host does not lend that.
    pub memory: *const HostMemory,
    /// Tells that the library has opened another one with `dlopen`, and that one's handle.
    pub library_opened: unsafe extern "C" fn(library: *const c_void, handle: *mut c_void),
    /// Tells that the library has found an address in another one with `dlsym`. It may be in a library that is closed by now.
    pub symbol_found: unsafe extern "C" fn(library: *const c_void, symbol: *const c_void),
    /// Calls `run` with `data` on another stack of this thread. Returns 0 if there is none, and then nothing was called.
    pub on_stack: unsafe extern "C" fn(library: *const c_void, run: Run, data: *mut c_void) -> u8,
    /// Changes the environment. It is null where the C library's own functions do no harm, or cannot be replaced.
    pub environment: *const Environment,
    /// `exit`, as the host's own std calls it.
    pub exit: unsafe extern "C" fn(status: c_int) -> !,
    /// The plugin's name, in UTF-8.
    pub plugin: *const u8,
    /// The length of the name in bytes.
    pub plugin_len: usize,
    /// Takes over a key that the library has made before, without a destructor of the C library's.
    pub key_adopt:
        unsafe extern "C" fn(library: *const c_void, key: u32, destructor: Option<unsafe extern "C" fn(*mut c_void)>),
}

impl HostServices {
    /// The plugin's name, or `None` if the host does not pass it.
    pub(crate) fn plugin(&self) -> Option<&str> {
        if self.size < std::mem::offset_of!(HostServices, plugin_len) + size_of::<usize>() {
            return None;
        }
        // SAFETY: the host's struct has the two fields, and the host keeps the name as long as the struct.
        std::str::from_utf8(unsafe { std::slice::from_raw_parts(self.plugin, self.plugin_len) }).ok()
    }
}

// SAFETY: the host's promise: its services may be called from any thread.
unsafe impl Sync for HostServices {}

/// The C library's functions that change the environment, which read and write no memory that another thread may free.
/// Fields are only ever added, at the end.
#[repr(C)]
pub struct Environment {
    /// The size of this struct in bytes, as the host knew it.
    pub size: usize,
    /// `setenv`.
    pub setenv: unsafe extern "C" fn(name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int,
    /// `unsetenv`.
    pub unsetenv: unsafe extern "C" fn(name: *const c_char) -> c_int,
    /// `putenv`.
    pub putenv: unsafe extern "C" fn(entry: *mut c_char) -> c_int,
    /// `clearenv`.
    pub clearenv: unsafe extern "C" fn() -> c_int,
}

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
    /// Functions that a library may call instead of the first ones, if the library has the very same functions.
    pub system: SystemAllocator,
}

// SAFETY: the host's promise: its functions may be called from any thread.
unsafe impl Sync for HostMemory {}

/// The common allocator as a host passes it on: the owner that frees its buffers, and whether the host allocates with it.
#[cfg(feature = "host")]
pub fn common_allocator() -> (&'static Owner, bool) {
    crate::memory::host_allocator::common_of_host()
}

/// The functions by which a host's plugins change the environment, or null.
#[cfg(feature = "host")]
pub fn environment() -> *const Environment {
    #[cfg(controllable)]
    let environment = crate::runtime::process::of_host();
    #[cfg(not(controllable))]
    let environment = std::ptr::null();
    environment
}

/// Whether every library of this process finds these functions, and not the C library's. It may not if this is a library
/// itself, in a program that is not Rust's.
#[cfg(feature = "host")]
pub fn environment_is_everywhere() -> bool {
    #[cfg(controllable)]
    let everywhere = crate::runtime::process::is_everywhere();
    #[cfg(not(controllable))]
    let everywhere = false;
    everywhere
}

/// Notes that this library has a plugin. If this library is a plugin itself, it stays mapped for as long as its plugin may
/// call it.
#[cfg(feature = "host")]
pub fn note_plugin() {
    #[cfg(controllable)]
    crate::runtime::threads::note_plugin();
}

/// Notes that a plugin of this library's is unmapped.
#[cfg(feature = "host")]
pub fn forget_plugin() {
    #[cfg(controllable)]
    crate::runtime::threads::forget_plugin();
}

/// Runs `open`, which opens the library of a plugin, and may itself run in a library that is a plugin: then the host of
/// that need not hear of the library.
#[cfg(feature = "host")]
pub fn opening_controlled<R>(open: impl FnOnce() -> R) -> R {
    #[cfg(controllable)]
    return crate::runtime::threads::opening_controlled(open);
    #[cfg(not(controllable))]
    open()
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

    /// The function that calls the entry, if the entry is a function's.
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
