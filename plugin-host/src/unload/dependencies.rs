//! The libraries that a plugin uses beside itself, and whose behaviour the host cannot know.
//!
//! # The problem
//!
//! A plugin's own code registers its threads, keys and destructors with the host (see `plugin-core`, `runtime/threads`).
//! A C library that the plugin is linked with, or opens, registers its own with the C library. After the plugin is unmapped,
//! such a thread may still call a function of the plugin's; and if the library were unmapped together with the plugin, the C
//! library may still call the destructor of its key.
//!
//! # The idea
//!
//! When a plugin is to be unmapped, the host looks which libraries the plugin uses:
//!
//! - those that the loader has recorded in the plugin, those recorded in these, and so on;
//! - those that a reference of the plugin is bound to by now, because the program has them. Such a reference has no
//!   version. One with a version is bound to a library that is recorded;
//! - those that the plugin has opened with `dlopen`, or found something in with `dlsym`.
//!
//! The C library, its parts, the loader and the unwinder are known: by themselves they never call a plugin. The program is
//! not counted, as it is the one that has the host. All other libraries are *foreign*.
//!
//! - A foreign library is never unmapped, so nothing that it has left with the C library is dangling.
//! - A plugin that uses a foreign library is not unmapped either, unless the host vouches for the library.
//! - A library that is not found cannot be kept. The plugin keeps it, and stays mapped even if the host vouches for all
//!   libraries.
//!
//! A plugin of Rust alone uses only known libraries, and the host only reads their names.
//!
//! # Why no foreign library calls an unmapped plugin
//!
//! A library can call a plugin only if it has a pointer into it. A foreign library gets one from the plugin's own code, or from
//! a library that the plugin uses. The plugin's code reaches a library by a reference that the loader has bound, or by an
//! address that `dlopen` or `dlsym` returned. The list above has both, and the libraries behind them. So if the list has a
//! foreign library that the host does not vouch for, the plugin stays mapped, and the pointer stays valid. If the list has
//! none, then apart from the host, which keeps a plugin for its handles, only known libraries could have a pointer into the
//! plugin. Threads, keys and destructors that the plugin registers
//! with these are under the host's control (`services/threads.rs`), and other registrations are noted and keep the plugin
//! mapped ([`PinReason::Registered`](crate::PinReason::Registered)).

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use plugin_core::host::table::opening_controlled;

use crate::services::foreign::Foreign;

/// A library as the loader has it: the beginning of its `struct link_map` (see `<link.h>`).
#[repr(C)]
struct LinkMap {
    /// The difference between the addresses in the file and those in memory.
    base: usize,
    name: *const c_char,
    dynamic: *const Dynamic,
}

/// An entry of a library's dynamic section (`ElfN_Dyn`).
#[repr(C)]
struct Dynamic {
    tag: isize,
    value: usize,
}

/// A symbol of a library (`Elf64_Sym`).
#[repr(C)]
struct Symbol {
    name: u32,
    info: u8,
    other: u8,
    section: u16,
    value: u64,
    size: u64,
}

/// A place in a library that the loader fills in (`Elf64_Rela`).
#[repr(C)]
struct Relocation {
    place: usize,
    /// The symbol's number, and the kind.
    info: u64,
    addend: usize,
}

const DT_NULL: isize = 0;
const DT_NEEDED: isize = 1;
const DT_PLTRELSZ: isize = 2;
const DT_STRTAB: isize = 5;
const DT_SYMTAB: isize = 6;
const DT_RELA: isize = 7;
const DT_RELASZ: isize = 8;
const DT_JMPREL: isize = 23;
const DT_VERSYM: isize = 0x6fff_fff0;
/// Libraries that the loader searches before a library itself. They are loaded with it if they exist.
const DT_AUXILIARY: isize = 0x7fff_fffd;
/// As above.
const DT_FILTER: isize = 0x7fff_ffff;

/// The kinds of relocations that are a symbol's address: `ABS64`, `GLOB_DAT` and `JUMP_SLOT`.
#[cfg(target_arch = "x86_64")]
const ADDRESS_RELOCATIONS: [u32; 3] = [1, 6, 7];
#[cfg(target_arch = "aarch64")]
const ADDRESS_RELOCATIONS: [u32; 3] = [257, 1025, 1026];
/// Elsewhere plugins stay mapped anyway.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ADDRESS_RELOCATIONS: [u32; 0] = [];

/// The file names of the C library's parts, of the loaders that there are, and of the unwinder.
const KNOWN_LIBRARIES: [&CStr; 12] = [
    c"libc.so.6",
    c"libm.so.6",
    c"libdl.so.2",
    c"libpthread.so.0",
    c"librt.so.1",
    c"libutil.so.1",
    c"libresolv.so.2",
    c"libanl.so.1",
    c"ld-linux-x86-64.so.2",
    c"ld-linux-aarch64.so.1",
    c"libgcc_s.so.1",
    c"libmvec.so.1",
];

/// Keeps the foreign libraries that the library with this address uses, and returns them: those that it was linked with, and
/// those that its references are bound to. None of them will be unmapped.
///
/// # Safety
///
/// The address is in a library that stays open meanwhile.
pub(crate) unsafe fn keep_foreign(address: *const c_void) -> Vec<Foreign> {
    let Some(library) = link_map_at(address) else { return vec![unfound(address)] };
    // SAFETY: `library` contains the address, so it stays open meanwhile, as this function demands.
    let (visited, mut foreign) = unsafe { keep_all(library) };
    // SAFETY: `library` stays open meanwhile, as for `keep_all`.
    for address in unsafe { foreign_references(library) } {
        match link_map_at(address) {
            Some(found) if visited.contains(&found) => {}
            // SAFETY: `found` stays open as long as `library`: a reference of `library` is bound to it, and glibc keeps such a
            // library for the one with the reference.
            Some(found) => foreign.extend(unsafe { keep_library(found) }),
            None => foreign.push(unfound(address)),
        }
    }
    foreign
}

/// Keeps a library that a plugin has opened, if it is foreign, and the foreign libraries that it uses. Returns them. None of
/// them will be unmapped.
///
/// # Safety
///
/// The handle is of a library that stays open meanwhile.
pub(crate) unsafe fn keep_opened(handle: *mut c_void) -> Vec<Foreign> {
    // SAFETY: the handle's library stays open meanwhile, as this function demands, and it is the one that `link_map` returns.
    unsafe { link_map(handle).map_or_else(|| vec![unfound(handle)], |library| keep_library(library)) }
}

/// Does the same as [`keep_opened`], for the library that contains an address which a plugin has found.
///
/// # Safety
///
/// If the address is in a library, that library stays open meanwhile.
pub(crate) unsafe fn keep_found(address: *const c_void) -> Vec<Foreign> {
    // SAFETY: the library contains the address, so it stays open meanwhile, as this function demands.
    link_map_at(address).map_or_else(|| vec![unfound(address)], |library| unsafe { keep_library(library) })
}

/// Describes a library that is not found, by an address in it.
fn unfound(address: *const c_void) -> Foreign {
    Foreign { name: format!("an unknown library at {address:p}"), kept: false }
}

/// Keeps this library, if it is foreign, and the foreign libraries that it uses. Returns them.
///
/// # Safety
///
/// The library stays open meanwhile.
unsafe fn keep_library(library: *const LinkMap) -> Vec<Foreign> {
    // SAFETY: the library stays open meanwhile, as this function demands. Until it is closed, the loader keeps its `link_map`
    // and the name in it, which ends with NUL.
    let name = unsafe { CStr::from_ptr((*library).name) };
    let known = KNOWN_LIBRARIES.iter().find(|known| name.to_bytes().ends_with(known.to_bytes()));
    let known = known.is_some_and(|known| is_known(known) && loaded(known, 0, |found| found == library) == Some(true));
    // The program itself has an empty name. It is never unmapped, and it has the host.
    if name.is_empty() || known {
        return Vec::new();
    }
    let kept = keep(name) == Some(library);
    // SAFETY: the library stays open meanwhile, as this function demands.
    let (_, mut foreign) = unsafe { keep_all(library) };
    foreign.push(Foreign { name: file_name(name), kept });
    foreign
}

/// Keeps all foreign libraries that this one was linked with, that these were linked with, and so on. Returns the libraries
/// that were found, beginning with this one, and the foreign ones with their names.
///
/// # Safety
///
/// The library stays open meanwhile.
unsafe fn keep_all(library: *const LinkMap) -> (Vec<*const LinkMap>, Vec<Foreign>) {
    let (mut visited, mut foreign, mut place) = (vec![library], Vec::new(), 0);
    while let Some(&library) = visited.get(place) {
        place += 1;
        // SAFETY: the first library stays open, as this function demands. Each other one was `keep`t, so it is never unmapped.
        for needed in unsafe { needed(library) } {
            if is_known(needed) {
                continue;
            }
            // SAFETY: `library` is loaded, as for `needed`.
            let found = unsafe { expanded(library, needed) }.and_then(|name| keep(&name));
            match found {
                Some(found) if visited.contains(&found) => continue,
                Some(found) => visited.push(found),
                // Not found, so not kept by its name. It stays as long as the library that uses it, which is not unmapped.
                None => {}
            }
            foreign.push(Foreign { name: file_name(needed), kept: found.is_some() });
        }
    }
    (visited, foreign)
}

/// Replaces `$ORIGIN` in the name of a library that this one asks for. The loader puts the directory of the asking library
/// there, which is another one if the host asks. Returns `None` if this library's directory is not known.
///
/// # Safety
///
/// The library is loaded.
unsafe fn expanded<'a>(library: *const LinkMap, name: &'a CStr) -> Option<Cow<'a, CStr>> {
    const ORIGIN_VARIABLES: [&str; 2] = ["$ORIGIN", "${ORIGIN}"];
    let Ok(text) = name.to_str() else { return Some(Cow::Borrowed(name)) };
    if !ORIGIN_VARIABLES.iter().any(|directory| text.contains(directory)) {
        return Some(Cow::Borrowed(name));
    }
    // SAFETY: the library is loaded, as this function demands, so the loader keeps its `link_map` and the name in it, which ends
    // with NUL.
    let own = Path::new(unsafe { CStr::from_ptr((*library).name) }.to_str().ok()?);
    let own = own.parent().filter(|directory| directory.is_absolute())?.to_str()?;
    let text = ORIGIN_VARIABLES.iter().fold(text.to_owned(), |text, directory| text.replace(directory, own));
    Some(Cow::Owned(CString::new(text).ok()?))
}

fn file_name(path: &CStr) -> String {
    let bytes = path.to_bytes();
    String::from_utf8_lossy(bytes.rsplit(|&byte| byte == b'/').next().unwrap_or(bytes)).into_owned()
}

/// Returns true if the library that the loader finds by this name is one of [`KNOWN_LIBRARIES`]. It must have the name, and its
/// file must be in the directory of the program's own C library, loader or unwinder.
fn is_known(name: &CStr) -> bool {
    static FOUND: [OnceLock<bool>; KNOWN_LIBRARIES.len()] = [const { OnceLock::new() }; KNOWN_LIBRARIES.len()];
    let Some(place) = KNOWN_LIBRARIES.iter().position(|known| *known == name) else { return false };
    // The loader takes no second library of that name, so it is always the same one.
    *FOUND[place].get_or_init(|| {
        // SAFETY: `loaded` keeps the library open while it calls this, so the loader keeps its `link_map` and the name in it, which
        // ends with NUL.
        let directory = loaded(name, 0, |library| directory(unsafe { CStr::from_ptr((*library).name) })).flatten();
        let own: [*const c_void; 3] =
            [libc::gnu_get_libc_version as _, __tls_get_addr as _, _Unwind_RaiseException as _];
        // SAFETY: this program calls functions of all three libraries, so none of them is closed while it runs, and the loader
        // keeps their `link_map`s and names.
        let own = own.into_iter().filter_map(link_map_at).map(|own| unsafe { CStr::from_ptr((*own).name) });
        directory.is_some() && own.map(self::directory).any(|own| own == directory)
    })
}

/// Returns the directory of the file that the path leads to. The loader's path is often a link to a file beside the C library.
fn directory(path: &CStr) -> Option<PathBuf> {
    Some(Path::new(path.to_str().ok()?).canonicalize().ok()?.parent()?.to_owned())
}

unsafe extern "C" {
    fn dladdr1(address: *const c_void, info: *mut libc::Dl_info, extra: *mut *mut c_void, flags: c_int) -> c_int;
    /// Declared only for its address, which is in the unwinder.
    fn _Unwind_RaiseException();
    /// Declared only for its address, which is in the loader.
    fn __tls_get_addr();
}

/// Returns the library that contains this address.
fn link_map_at(address: *const c_void) -> Option<*const LinkMap> {
    const RTLD_DL_LINKMAP: c_int = 2;
    let (mut info, mut library) = (MaybeUninit::uninit(), std::ptr::null_mut());
    // SAFETY: `dladdr1` compares the address and never reads there. `info` and `library` have room for the results.
    let found = unsafe { dladdr1(address, info.as_mut_ptr(), &raw mut library, RTLD_DL_LINKMAP) };
    (found != 0 && !library.is_null()).then_some(library.cast_const().cast())
}

/// Returns the library with this handle.
///
/// # Safety
///
/// The handle is of a library that is open.
unsafe fn link_map(handle: *mut c_void) -> Option<*const LinkMap> {
    const RTLD_DI_LINKMAP: c_int = 2;
    let mut library: *const LinkMap = std::ptr::null();
    // SAFETY: the handle is of a library that is open, as this function demands. `RTLD_DI_LINKMAP` writes one pointer, for which
    // `library` has room.
    let error = unsafe { libc::dlinfo(handle, RTLD_DI_LINKMAP, (&raw mut library).cast()) };
    (error == 0 && !library.is_null()).then_some(library)
}

/// Calls `look` with the library that is loaded by this name, if one is. The library stays open meanwhile. Afterwards the
/// loader's count of its users is the same as before.
fn loaded<R>(name: &CStr, more_flags: c_int, look: impl FnOnce(*const LinkMap) -> R) -> Option<R> {
    opening_controlled(|| {
        // SAFETY: with `RTLD_NOLOAD` no library is loaded, so no constructor runs. A `CStr` ends with NUL.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD | more_flags) };
        if handle.is_null() {
            return None;
        }
        // SAFETY: the handle was just opened, and is closed only below.
        let looked = unsafe { link_map(handle) }.map(look);
        // SAFETY: the handle was opened above, and is closed once. Destructors run only if all other users have closed the library
        // meanwhile, and so have asked for that.
        unsafe { libc::dlclose(handle) };
        looked
    })
}

/// Makes the loader never unmap the library that is loaded by this name. Returns that library.
fn keep(name: &CStr) -> Option<*const LinkMap> {
    loaded(name, libc::RTLD_NODELETE, |library| library)
}

/// Returns the entries of a library's dynamic section.
///
/// # Safety
///
/// The library is loaded for as long as the entries are used.
unsafe fn dynamic(library: *const LinkMap) -> impl Iterator<Item = (isize, usize)> {
    // SAFETY: the library is loaded, as this function demands, so the loader keeps its `link_map`, which begins as `LinkMap`.
    let mut entry = unsafe { (*library).dynamic };
    std::iter::from_fn(move || {
        // SAFETY: `entry` is in the dynamic section, which is mapped as long as the library. The section ends with an entry with
        // the tag `DT_NULL`, and both callers stop at the `None` that this returns for it.
        let Dynamic { tag, value } = unsafe { &*entry };
        entry = entry.wrapping_add(1);
        (*tag != DT_NULL).then_some((*tag, *value))
    })
}

/// Returns the names of the libraries that this one was linked with.
///
/// # Safety
///
/// The library is loaded for as long as the names are used.
unsafe fn needed<'a>(library: *const LinkMap) -> Vec<&'a CStr> {
    let (mut offsets, mut texts) = (Vec::new(), 0);
    // SAFETY: the library is loaded while this runs, as this function demands.
    for (tag, value) in unsafe { dynamic(library) } {
        match tag {
            DT_NEEDED | DT_AUXILIARY | DT_FILTER => offsets.push(value),
            // SAFETY: the library is loaded, as this function demands.
            DT_STRTAB => texts = unsafe { address_of(library, value) },
            _ => {}
        }
    }
    let text = |offset: usize| {
        // SAFETY: the offset is into the table of the library's texts. Each text ends with NUL. The loader has read the same
        // name there to load the library that it names. The table is mapped as long as the library.
        unsafe { CStr::from_ptr(std::ptr::with_exposed_provenance(texts + offset)) }
    };
    offsets.into_iter().map(text).collect()
}

/// Returns the address that an entry of the dynamic section means. The loader has changed offsets in the section to addresses,
/// unless the section is read-only.
///
/// # Safety
///
/// The library is loaded.
unsafe fn address_of(library: *const LinkMap, value: usize) -> usize {
    // SAFETY: the library is loaded, as this function demands, so the loader keeps its `link_map`.
    let base = unsafe { (*library).base };
    if value < base { base + value } else { value }
}

/// Returns the addresses in other libraries that this library's references are bound to. References with a version are left
/// out: they are bound to a library that this one was linked with.
///
/// # Safety
///
/// The library stays open meanwhile.
unsafe fn foreign_references(library: *const LinkMap) -> Vec<*const c_void> {
    let (mut symbols, mut versions, mut tables) = (0, 0, [(0, 0); 2]);
    // SAFETY: the library stays open meanwhile, as this function demands.
    for (tag, value) in unsafe { dynamic(library) } {
        // SAFETY: the library is loaded, as for `dynamic`.
        let address = unsafe { address_of(library, value) };
        match tag {
            DT_SYMTAB => symbols = address,
            DT_VERSYM => versions = address,
            DT_RELA => tables[0].0 = address,
            DT_RELASZ => tables[0].1 = value,
            DT_JMPREL => tables[1].0 = address,
            DT_PLTRELSZ => tables[1].1 = value,
            _ => {}
        }
    }
    let (symbols, versions) =
        (std::ptr::with_exposed_provenance::<Symbol>(symbols), std::ptr::with_exposed_provenance::<u16>(versions));
    let is_foreign = |number: usize| {
        const VERSION_MASK: u16 = 0x7fff;
        const NO_VERSION: u16 = 1;
        // SAFETY: `number` is from a relocation that the loader has bound, so the table of versions, if there is one, has an
        // entry for it. The loader has read that entry.
        let version = || unsafe { versions.add(number).read() } & VERSION_MASK;
        // SAFETY: a relocation with a symbol's number other than 0 needs a table of symbols, and the loader has read the symbol
        // there.
        number != 0 && unsafe { (*symbols.add(number)).section } == 0 && (versions.is_null() || version() <= NO_VERSION)
    };
    let mut found = Vec::new();
    for (address, size) in tables {
        let relocations = std::ptr::with_exposed_provenance::<Relocation>(address);
        for place in 0..size / size_of::<Relocation>() {
            // SAFETY: the dynamic section says that the table has `size` bytes at `address`. On the systems that come here, its
            // entries are `Elf64_Rela`. The loader has read them, and they are mapped as long as the library.
            let Relocation { place, info, addend } = unsafe { &*relocations.add(place) };
            let (number, kind) = ((info >> 32) as usize, *info as u32);
            if !ADDRESS_RELOCATIONS.contains(&kind) || !is_foreign(number) {
                continue;
            }
            // SAFETY: the library is loaded, so the loader keeps its `link_map`. It has written an address to this place, or will,
            // at the first call by a `JUMP_SLOT`. Until then the place has an address in the library itself.
            let bound = unsafe { std::ptr::with_exposed_provenance::<usize>((*library).base + place).read_unaligned() };
            if bound != 0 {
                found.push(std::ptr::without_provenance(bound.wrapping_sub(*addend)));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}
