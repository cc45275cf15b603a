//! A plugin's own symbols, such as functions with `#[no_mangle]`.
//!
//! For each reference in a library, the loader looks for a symbol in the program and its libraries first, and in the library
//! itself last. So a function of a program that is linked with `-rdynamic` would take the place of a plugin's function of
//! that name. The loader of glibc looks in the library first if the library's dynamic section has a flag, which linkers set
//! for the option `-Bsymbolic`. This module sets the flag in a private copy. Nothing else of the copy changes.
//!
//! Where that cannot be done, this module finds the symbols of the library that others would take the place of.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_void};

use libloading::os::unix::Library;
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _, SectionHeader as _, Sym as _};
use object::{Endianness, elf};
use plugin_core::host::table::opening_controlled;

use crate::inspect::lazy_file::{LazyFile, ReadAt};
use crate::inspect::limits::Limits;

#[cfg(target_pointer_width = "64")]
type Elf = elf::FileHeader64<Endianness>;
#[cfg(target_pointer_width = "32")]
type Elf = elf::FileHeader32<Endianness>;

/// Bytes to write into a file.
pub(crate) struct Change {
    pub(crate) place: u64,
    pub(crate) bytes: [u8; ENTRY],
}

/// The number of bytes of an entry of the dynamic section: its tag, and its value.
const ENTRY: usize = 2 * size_of::<usize>();

/// Returns the change that makes the loader look for a library's symbols in the library first.
///
/// The file need not be trusted. `None` if it is not a library for this machine, if it has no room for the flag, or if a
/// linker has set the flag.
#[allow(clippy::useless_conversion)] // Words have 32 bits on other systems.
pub(crate) fn prefer_own<F: ReadAt + ?Sized>(file: &F, limits: &Limits) -> Option<Change> {
    let file = LazyFile::new(file, limits.symbols).ok()?;
    let header = Elf::parse(&file).ok()?;
    let endian = header.endian().ok()?;
    if header.e_type(endian) != elf::ET_DYN || header.is_little_endian() != cfg!(target_endian = "little") {
        return None;
    }
    let segments = header.program_headers(endian, &file).ok()?;
    let segment = segments.iter().find(|segment| segment.p_type(endian) == elf::PT_DYNAMIC)?;
    let entries = segment.dynamic(endian, &file).ok()??;
    // The entries after the first of this tag have no meaning.
    let end = entries.iter().position(|entry| entry.tag(endian) == elf::DT_NULL)?;
    let find = |tag| entries[..end].iter().rposition(|entry| entry.tag(endian) == tag);
    let flag = elf::DF_SYMBOLIC.0;
    let (index, tag, value) = if find(elf::DT_SYMBOLIC).is_some() {
        return None;
    } else if let Some(index) = find(elf::DT_FLAGS) {
        let flags: u64 = entries[index].d_val(endian).into();
        if flags & flag != 0 {
            return None;
        }
        (index, elf::DT_FLAGS, flags | flag)
    } else if entries.get(end + 1).is_some_and(|entry| entry.tag(endian) == elf::DT_NULL) {
        (end, elf::DT_SYMBOLIC, 0)
    } else if let Some(index) = find(elf::DT_BIND_NOW) {
        (index, elf::DT_FLAGS, elf::DF_BIND_NOW.0 | flag)
    } else {
        // How many relocations are of the simplest kind. The loader is only faster if it knows that number.
        (find(elf::DT_RELACOUNT).or_else(|| find(elf::DT_RELCOUNT))?, elf::DT_SYMBOLIC, 0)
    };
    let mut bytes = [0; ENTRY];
    let (first, second) = bytes.split_at_mut(ENTRY / 2);
    first.copy_from_slice(&isize::try_from(tag.0).ok()?.to_ne_bytes());
    second.copy_from_slice(&usize::try_from(value).ok()?.to_ne_bytes());
    let start: u64 = segment.p_offset(endian).into();
    Some(Change { place: start.checked_add((index * ENTRY) as u64)?, bytes })
}

/// Returns the name of a symbol of the library's own for which the loader would take another library's.
pub(crate) fn replaced<F: ReadAt + ?Sized>(file: &F) -> Option<String> {
    let file = LazyFile::new(file, Limits::NONE.symbols).ok()?;
    let header = Elf::parse(&file).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.section_headers(endian, &file).ok()?;
    let (place, table) = sections.iter().enumerate().find(|(_, section)| section.sh_type(endian) == elf::SHT_DYNSYM)?;
    let symbols: &[<Elf as FileHeader>::Sym] = table.data_as_array(endian, &file).ok()?;
    let names = sections.get(table.sh_link(endian) as usize)?.data(endian, &file).ok()?;

    let mut found = BTreeMap::new();
    for (index, symbol) in symbols.iter().enumerate() {
        let is_seen = symbol.st_bind() != elf::STB_LOCAL && symbol.st_visibility() == elf::STV_DEFAULT;
        if !is_seen || symbol.st_shndx(endian) == elf::SHN_UNDEF {
            continue;
        }
        let name = usize::try_from(symbol.st_name(endian)).ok().and_then(|start| names.get(start..));
        if let Some(name) = name.and_then(|name| CStr::from_bytes_until_nul(name).ok())
            && program_has(name)
        {
            found.insert(index, name);
        }
    }
    if found.is_empty() {
        return None;
    }
    // A symbol that the library never refers to by its name may be anyone's.
    let used = |index: u32| found.get(&(index as usize)).map(|name| name.to_string_lossy().into_owned());
    // Sections of other relocations are not the loader's: a linker may keep what it has used itself.
    let mut of_loader = sections.iter().filter(|section| section.sh_link(endian) as usize == place);
    of_loader.find_map(|section| match section.sh_type(endian) {
        elf::SHT_RELA => {
            let references: &[<Elf as FileHeader>::Rela] = section.data_as_array(endian, &file).ok()?;
            references.iter().find_map(|reference| used(reference.r_sym(endian, false)))
        }
        elf::SHT_REL => {
            let references: &[<Elf as FileHeader>::Rel] = section.data_as_array(endian, &file).ok()?;
            references.iter().find_map(|reference| used(reference.r_sym(endian)))
        }
        _ => None,
    })
}

/// Returns true if the loader finds a symbol of that name in the program or in another library of the global scope.
fn program_has(name: &CStr) -> bool {
    // SAFETY: `get` only looks the symbol up. A pointer is right for any symbol, and nothing is done with it.
    opening_controlled(|| unsafe { Library::this().get::<*const c_void>(name.to_bytes_with_nul()).is_ok() })
}
