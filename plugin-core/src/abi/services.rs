//! The functions and data that a host passes to a library when the host binds the library.

use std::ffi::{c_char, c_int, c_void};

use super::buffer::Owner;
use super::object::Keeper;
use super::outcome::FaultRepr;

/// A function that runs on another stack. Its arguments are the caller's `data` and the lowest address of the stack.
/// The function does not unwind.
pub type Run = unsafe extern "C" fn(data: *mut c_void, lowest: usize);

/// The services of the host for an attached library. New fields are only added at the end. The first version has all of
/// these.
///
/// The struct does not change, and everything behind its pointers stays valid as long as the struct. Any thread may
/// call the functions. A function that is named after one of the C library's has the conditions of that one.
#[repr(C)]
pub struct HostServices {
    /// The size of this struct in bytes, as the host knew it.
    pub size: usize,
    /// The host's name for the library. The library passes it back with every call.
    pub library: *const c_void,
    /// 1 if faults should carry a backtrace.
    pub backtraces: u8,
    /// Receives a fault that no call returns.
    pub stray_fault: unsafe extern "C" fn(library: *const c_void, fault: *mut FaultRepr),
    /// `__cxa_thread_atexit_impl`: runs `destructor(object)` when this thread ends, if the library is still mapped
    /// then.
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
    /// The allocation functions for a library that uses the host's allocator. Null if the host does not lend its
    /// allocator.
    pub memory: *const HostMemory,
    /// Receives the handle of another library that this library has opened with `dlopen`.
    pub library_opened: unsafe extern "C" fn(library: *const c_void, handle: *mut c_void),
    /// Receives an address that the library has found with `dlsym` in another library. That library may be closed by
    /// now.
    pub symbol_found: unsafe extern "C" fn(library: *const c_void, symbol: *const c_void),
    /// Calls `run` with `data` on another stack of this thread. Returns 0 if no stack was available. Then `run` was not
    /// called.
    pub on_stack: unsafe extern "C" fn(library: *const c_void, run: Run, data: *mut c_void) -> u8,
    /// The functions that change the environment. Null where the C library's own functions do no harm or cannot be
    /// replaced.
    pub environment: *const Environment,
    /// `exit`, as the host's own std calls it.
    pub exit: unsafe extern "C" fn(status: c_int) -> !,
    /// The plugin's name, in UTF-8.
    pub plugin: *const u8,
    /// The length of the name in bytes.
    pub plugin_len: usize,
    /// Takes over a key that the library made earlier. The C library knows no destructor for this key.
    pub key_adopt: AdoptKey,
    /// The keeper of the library.
    pub keeper: *const Keeper,
}

/// The function that takes over a key.
pub(crate) type AdoptKey =
    unsafe extern "C" fn(library: *const c_void, key: u32, destructor: Option<unsafe extern "C" fn(*mut c_void)>);

impl HostServices {
    /// The plugin's name, or `None` if the host does not pass it.
    pub(crate) fn plugin(&self) -> Option<&str> {
        if self.size < std::mem::offset_of!(HostServices, plugin_len) + size_of::<usize>() {
            return None;
        }
        // SAFETY: the size says that the host's struct has the two fields. The name stays valid as long as the struct,
        // as everything behind its pointers does.
        std::str::from_utf8(unsafe { std::slice::from_raw_parts(self.plugin, self.plugin_len) }).ok()
    }

    /// The keeper of the library, or null if the host has none.
    pub(crate) fn keeper(&self) -> *const Keeper {
        // The field is read only if the host has it.
        match self.size >= std::mem::offset_of!(HostServices, keeper) + size_of::<*const Keeper>() {
            true => self.keeper,
            false => std::ptr::null(),
        }
    }

    /// The function that takes over a key, or `None` if the host has none.
    #[cfg(controllable)]
    pub(crate) fn key_adopt(&self) -> Option<AdoptKey> {
        // The field is read only if the host has it.
        match self.size >= std::mem::offset_of!(HostServices, key_adopt) + size_of::<AdoptKey>() {
            true => Some(self.key_adopt),
            false => None,
        }
    }
}

// SAFETY: nothing changes the struct while a library uses it, and any thread may call its functions, as its
// documentation asks of a host.
unsafe impl Sync for HostServices {}

/// Replacements for the C library's functions that change the environment. They read and write no memory that another
/// thread may free. New fields are only added at the end.
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

/// The host's allocator, as one library uses it. New fields are only added at the end.
///
/// The struct does not change, and everything behind its pointers stays valid as long as the struct. Any thread may
/// call the functions.
#[repr(C)]
pub struct HostMemory {
    /// The size of this struct in bytes, as the host knew it.
    pub size: usize,
    /// The host's name for the library's memory, which is not the name in [`HostServices`]. The library passes it back
    /// with every call. The name is the last argument, so the other arguments stay in the registers in which the
    /// allocator received them.
    pub library: *const c_void,
    /// [`GlobalAlloc::alloc`](std::alloc::GlobalAlloc::alloc). The next fields are the other functions of that trait.
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
    /// Takes a block off the host's list of the library's blocks, because the block leaves the library in a buffer.
    /// `None` if the host keeps no list.
    pub hand_over: Option<unsafe extern "C" fn(block: *mut u8, library: *const c_void)>,
    /// Puts a block on that list, because the block came to the library in a buffer. `None` if the host keeps no list.
    pub take_over: Option<unsafe extern "C" fn(block: *mut u8, size: usize, align: usize, library: *const c_void)>,
    /// The host's libc allocator. A library whose libc allocator is the same calls it directly, instead of the
    /// functions above.
    pub system: SystemAllocator,
}

// SAFETY: nothing changes the struct while a library uses it, and any thread may call its functions, as its
// documentation asks of a host.
unsafe impl Sync for HostMemory {}

/// The functions that [`std::alloc::System`] calls in one library: `malloc`, `calloc`, `realloc`, `posix_memalign` and
/// `free`. If these addresses are the same for two libraries, each library can free the other's blocks.
///
/// The addresses differ, for example, if a program is linked with its own `malloc`, which its plugins do not see.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SystemAllocator(pub(crate) [*const c_void; SystemAllocator::FUNCTIONS]);

impl SystemAllocator {
    pub(crate) const FUNCTIONS: usize = 5;
}

#[cfg(all(test, controllable))]
mod tests {
    use std::mem::offset_of;
    use std::ptr::null;

    use super::HostServices;

    /// The services of a host that knew this many bytes of the struct. None of the functions may be called.
    #[allow(clippy::missing_transmute_annotations)] // The fields say the types.
    fn services(size: usize) -> HostServices {
        macro_rules! never {
            () => {{
                unsafe extern "C" fn never() {}
                // SAFETY: the function is not called.
                unsafe { std::mem::transmute::<unsafe extern "C" fn(), _>(never) }
            }};
        }
        HostServices {
            size,
            library: null(),
            backtraces: 0,
            stray_fault: never!(),
            thread_atexit: never!(),
            key_create: never!(),
            key_delete: never!(),
            key_set: never!(),
            thread_create: never!(),
            common: null(),
            memory: null(),
            library_opened: never!(),
            symbol_found: never!(),
            on_stack: never!(),
            environment: null(),
            exit: never!(),
            plugin: "greeter".as_ptr(),
            plugin_len: "greeter".len(),
            key_adopt: never!(),
            keeper: std::ptr::dangling(),
        }
    }

    #[test]
    fn what_a_host_does_not_know_of_is_not_used() {
        let whole = services(size_of::<HostServices>());
        assert_eq!(whole.plugin(), Some("greeter"));
        assert!(whole.key_adopt().is_some());
        assert!(!whole.keeper().is_null());
        assert!(services(offset_of!(HostServices, keeper)).keeper().is_null());
        let without_adoption = services(offset_of!(HostServices, key_adopt));
        assert_eq!(without_adoption.plugin(), Some("greeter"));
        assert!(without_adoption.key_adopt().is_none());
        assert_eq!(services(offset_of!(HostServices, plugin_len)).plugin(), None);
    }
}
