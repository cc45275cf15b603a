//! The names of functions in libraries that are mapped, for messages.

use std::ffi::{CStr, c_void};
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;

use object::elf::{FileHeader64, SHT_SYMTAB, STT_FUNC};
use object::read::elf::{FileHeader as _, Sym as _};
use object::{Endianness, ReadCache};

use crate::library::image::Image;
use crate::os::loader::loader;

/// The names that lead to a function. Both are `None` if nothing is known of it.
#[derive(Default)]
pub(crate) struct Place {
    /// The function's name.
    pub(crate) function: Option<String>,
    /// The file name of the library that it is in, if that is not the plugin.
    pub(crate) library: Option<String>,
}

/// Finds a function by its address. `own` is an address in the plugin's library, and `image` the plugin's file, which may
/// have the names of functions that the loader does not know.
pub(crate) fn place_of(function: *const c_void, own: *const c_void, image: Option<&Image>) -> Place {
    // No host of this process unmaps a library until the names are copied.
    let _one_at_a_time = loader();
    let Some(found) = look_up(function) else { return Place::default() };
    let text = |text: *const std::ffi::c_char| {
        if text.is_null() {
            return None;
        }
        // SAFETY: `dladdr` has returned this name, which ends with NUL and is in the function's library. That is the plugin's, which
        // no host unmaps while `loader` is held, or one that the plugin uses. Such a library stays loaded as long as the plugin that
        // is linked with it, and for ever if the plugin has opened it (`keep_opened`).
        Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
    };
    let known = text(found.dli_sname);
    if look_up(own).is_some_and(|own| own.dli_fbase == found.dli_fbase) {
        let offset = function.addr() - found.dli_fbase.addr();
        let function = known.or_else(|| in_file(image?, offset as u64)).map(|name| demangled(&name));
        return Place { function, library: None };
    }
    let library = text(found.dli_fname);
    Place {
        function: known.map(|name| demangled(&name)),
        library: library.map(|file| file.rsplit('/').next().unwrap_or_default().to_owned()),
    }
}

fn look_up(address: *const c_void) -> Option<libc::Dl_info> {
    let mut found = std::mem::MaybeUninit::uninit();
    // SAFETY: `dladdr` compares the address and never reads there. `found` has room for the result.
    let known = unsafe { libc::dladdr(address, found.as_mut_ptr()) } != 0;
    if !known {
        return None;
    }
    // SAFETY: `dladdr` has written all of `found`, because it has not returned 0.
    Some(unsafe { found.assume_init() })
}

/// Finds the function at that address of a file.
fn in_file(image: &Image, address: u64) -> Option<String> {
    let file = File::open(image.path()).ok()?;
    // Another file may have come to the place of one that is mapped where it is.
    if Some(file.metadata().ok()?.ino()) != image.inode() {
        return None;
    }
    let data = &ReadCache::new(file);
    let header = FileHeader64::<Endianness>::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let symbols = header.sections(endian, data).ok()?.symbols(endian, data, SHT_SYMTAB).ok()?;
    let symbol = symbols.iter().find(|symbol| {
        let start = symbol.st_value(endian);
        symbol.st_type() == STT_FUNC && address.checked_sub(start).is_some_and(|at| at < symbol.st_size(endian).max(1))
    })?;
    let name = symbols.symbol_name(endian, symbol).ok()?;
    Some(String::from_utf8_lossy(name).into_owned())
}

/// A name as Rust's source has it, if the compiler has made the name of that. Others stay as they are.
fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
