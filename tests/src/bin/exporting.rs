//! `exporting LIBRARY`: a host that has symbols with the same names as the fixture `helper`. It is linked with
//! `-rdynamic`, so it exports these symbols. It prints the values that the loader finds, and the values that the plugin
//! uses.
//!
//! It is a program of its own because it is linked in this way.

use std::sync::atomic::AtomicU32;

use tests::host;

/// A function that the plugin has too.
#[unsafe(no_mangle)]
pub extern "C" fn helper_function() -> u32 {
    2
}

/// A variable that the plugin has too.
#[unsafe(no_mangle)]
pub static HELPER_VARIABLE: AtomicU32 = AtomicU32::new(2);

fn main() {
    let library = std::env::args_os().nth(1).expect("usage: exporting LIBRARY");
    #[cfg(unix)]
    for (name, own) in
        [(c"helper_function", helper_function as *const ()), (c"HELPER_VARIABLE", (&raw const HELPER_VARIABLE).cast())]
    {
        // SAFETY: the name is a `CStr`, which ends with NUL. The address is only compared.
        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        println!("{name:?} of the program is found: {}", found.cast_const().cast() == own);
    }
    let host = host();
    host.load(library).unwrap_or_else(|error| panic!("{error}"));
    for export in ["call", "call_by_address", "read"] {
        println!("{export}: {}", host.get::<fn() -> u32>(export).unwrap_or_else(|error| panic!("{error}"))());
    }
}
