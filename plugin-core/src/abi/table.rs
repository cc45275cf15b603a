//! The registration table: the functions and facts of a library that a host finds through one symbol.
//!
//! The table itself is in `runtime/attach.rs`, beside the functions that it offers.
//!
//! | step | what happens |
//! | --- | --- |
//! | link | `#[plugin_export]` items register themselves, from every crate of the library |
//! | read | the host finds [`TABLE_SYMBOL`] and checks its magic, ABI version and size, before it reads the rest |
//! | bind | the host passes its services, and its memory with them |
//! | visit | the host sees every [`Export`] |
//! | unbind | after the shutdown hooks: the library flushes its buffered output |

use std::ffi::{c_char, c_int, c_void};

use super::export::Export;
use super::services::HostServices;

/// The version of everything on which the two sides must agree: the table, the records, and each type's `Repr`.
pub const ABI_VERSION: u32 = 2;

/// The symbol of the table. Its name contains the ABI version, so one library could offer tables of two versions.
pub const TABLE_SYMBOL: &str = "plugin_table_v2";

/// The beginning of the table.
pub const MAGIC: [u8; 8] = *b"PlgTable";

/// The functions and facts that a library offers to its host. New fields are only added at the end.
#[repr(C)]
pub struct PluginTable {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// The library's [`ABI_VERSION`].
    pub abi: u32,
    /// The size of the library's table in bytes.
    pub size: u32,
    /// The [`Kind::Build`](crate::describe::record::Kind::Build) record, which says what the library was built with.
    pub build: *const u8,
    /// Its length in bytes.
    pub build_len: usize,
    /// Attaches the library. The services, and everything behind their pointers, stay valid while the library is
    /// mapped. No buffer crosses before this call. Returns one of [`bound`].
    pub bind: unsafe extern "C" fn(services: *const HostServices) -> u8,
    /// Calls `visit` with `context` and each export.
    pub visit_exports:
        unsafe extern "C" fn(context: *mut c_void, visit: unsafe extern "C" fn(*mut c_void, *const Export)),
    /// Detaches the library.
    pub unbind: unsafe extern "C" fn(),
    /// Returns the things of the library that the C library or the kernel may call, and that the host's services do not
    /// know.
    pub escaped: unsafe extern "C" fn() -> Escaped,
    /// Calls `visit` with `context` and each thing that has escaped, if the library knows more of the thing than its
    /// kind.
    pub registrations:
        unsafe extern "C" fn(context: *mut c_void, visit: unsafe extern "C" fn(*mut c_void, *const Registered)),
}

impl PluginTable {
    /// Calls `visit` with each thing that has escaped, if the library knows more of the thing than its kind.
    ///
    /// # Safety
    ///
    /// The library is mapped.
    #[cfg(feature = "host")]
    pub unsafe fn visit_registrations(&self, mut visit: impl FnMut(&Registered)) {
        unsafe extern "C" fn one<F: FnMut(&Registered)>(context: *mut c_void, registered: *const Registered) {
            // SAFETY: `visit_registrations` passes its closure as `context`, of the type `F`. The library passes a
            // valid `Registered`.
            unsafe { (*context.cast::<F>())(&*registered) }
        }
        fn one_of<F: FnMut(&Registered)>(_: &F) -> unsafe extern "C" fn(*mut c_void, *const Registered) {
            one::<F>
        }
        let one = one_of(&visit);
        // SAFETY: the library is mapped (`# Safety`), so its function may be called. `one` takes this closure as its
        // context, and nothing else uses the closure meanwhile.
        unsafe { (self.registrations)((&raw mut visit).cast(), one) };
    }
}

/// The details that a library knows of one thing that has escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Registered {
    /// One of the kinds in [`escaped`].
    pub kind: u32,
    /// The number of the signal, for a signal handler.
    pub signal: c_int,
    /// The name of the function or variable of the C library that registered the thing. The name ends with NUL, and is
    /// in the library.
    pub by: *const c_char,
    /// The function that will be called. Null if it is unknown, or if no function will be called.
    pub function: *const c_void,
}

/// Things of a library that the C library or the kernel may call, and that the host does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Escaped {
    /// The kinds of these things: bits of [`escaped`]. 0 if nothing has escaped.
    pub kinds: u32,
    /// The signals whose handlers are in the library: bit 0 is signal 1.
    pub signals: u64,
}

/// The kinds of things that may have [escaped](Escaped) the host's control.
pub mod escaped {
    /// On this platform the library cannot tell.
    pub const UNKNOWN: u32 = 1;
    /// The library's std is in a library of its own.
    pub const STD_ELSEWHERE: u32 = 2;
    /// A thread that was started before the library had a host, or by `clone`.
    pub const THREAD: u32 = 4;
    /// A thread-specific key that was made before the library had a host.
    pub const KEY: u32 = 8;
    /// A thread-local's destructor that was registered before the library had a host.
    pub const DESTRUCTOR: u32 = 16;
    /// A signal handler.
    pub const SIGNAL_HANDLER: u32 = 32;
    /// A function for the program's exit.
    pub const EXIT_FUNCTION: u32 = 64;
    /// A callback of another kind: of a timer, a message queue, a stream.
    pub const CALLBACK: u32 = 128;
    /// A library that was opened before this library had a host, or in a name space of its own.
    pub const LIBRARY: u32 = 256;
    /// The library is a host itself. One of its plugins is still mapped and may call the library.
    pub const HOST: u32 = 512;
    /// Memory that the C library keeps a pointer to: a stream's buffer, an entry of the environment.
    pub const MEMORY: u32 = 1024;
    /// The library contains std, but std has registered no destructor of a thread-local here. The crate that is built
    /// as the library has no annotated item, so nothing controls the library's threads.
    pub const UNCONTROLLED: u32 = 2048;
}

/// The results of binding a library to a host's services.
pub mod bound {
    /// The library is bound.
    pub const BOUND: u8 = 0;
    /// The library was bound before. A library is bound only once.
    pub const ALREADY: u8 = 1;
    /// The library is a host already, and has no host itself.
    pub const IS_HOST: u8 = 2;
}

/// The size of the table in the first version. Every later table is at least as large.
pub const TABLE_V1_SIZE: usize = std::mem::offset_of!(PluginTable, registrations) + size_of::<usize>();

/// The size of the table's header, which a host may read before the host knows the version.
pub const HEADER_SIZE: usize = std::mem::offset_of!(PluginTable, build);
const _: () = assert!(HEADER_SIZE == 16);

// SAFETY: the table and everything behind its pointers are constants.
unsafe impl Sync for PluginTable {}
