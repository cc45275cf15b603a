//! The registration table: the functions and facts of a library that a host finds through one symbol.
//!
//! The table itself is in `runtime/attach.rs`, beside the functions that it offers.
//!
//! | step | what happens |
//! | --- | --- |
//! | link | `#[plugin_export]` items register themselves, from every crate of the library |
//! | read | the host finds [`TABLE_SYMBOL`] and checks its magic, ABI version and size, before anything else in it |
//! | bind | the host passes its services, and its memory with them |
//! | visit | the host is shown every [`Export`] |
//! | unbind | after the shutdown hooks: what the library buffered is flushed |

use std::ffi::{c_char, c_int, c_void};

use super::export::Export;
use super::services::HostServices;

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
