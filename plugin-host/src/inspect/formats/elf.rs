//! ELF, as on Linux.

use object::elf;
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _, SectionHeader as _, Sym as _};
use object::{Endianness, ObjectKind, ReadRef};

use super::found::{Found, Head, Problem, Table, architecture, check_segment, is_records, place, table_version};

pub(super) fn head<'a, Elf, R>(data: R) -> object::Result<Head>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let header = Elf::parse(data)?;
    let endian = header.endian()?;
    let (machine, is_64) = (header.e_machine(endian), header.is_class_64());
    let name = match (machine, is_64) {
        (elf::EM_X86_64, true) => "x86_64",
        (elf::EM_386, false) => "x86",
        (elf::EM_AARCH64, true) => "aarch64",
        (elf::EM_ARM, false) => "arm",
        (elf::EM_RISCV, true) => "riscv64",
        (elf::EM_RISCV, false) => "riscv32",
        (elf::EM_PPC64, true) => "powerpc64",
        (elf::EM_PPC, false) => "powerpc",
        (elf::EM_S390, true) => "s390x",
        (elf::EM_LOONGARCH, true) => "loongarch64",
        (elf::EM_MIPS, true) => "mips64",
        (elf::EM_MIPS, false) => "mips",
        (elf::EM_SPARCV9, true) => "sparc64",
        _ => "",
    };
    let kind = match header.e_type(endian) {
        elf::ET_DYN => ObjectKind::Dynamic,
        elf::ET_EXEC => ObjectKind::Executable,
        elf::ET_REL => ObjectKind::Relocatable,
        _ => ObjectKind::Unknown,
    };
    let name = Some(name).filter(|name| !name.is_empty());
    let architecture = architecture(name, machine.0.into(), is_64, header.is_little_endian());
    Ok(Head { architecture, format: "ELF", kind })
}

pub(super) fn find<'a, Elf, R>(data: R, size: u64) -> Result<Found, Problem>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let damaged = |error: object::Error| error.to_string();
    let header = Elf::parse(data).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;
    for segment in header.program_headers(endian, data).map_err(damaged)? {
        check_segment(segment.file_range(endian), size)?;
    }
    let sections = header.section_headers(endian, data).map_err(damaged)?;
    let mut found = Found::default();
    if sections.is_empty() {
        return Ok(found);
    }
    let section = |index: usize| sections.get(index).ok_or_else(|| format!("it has no section {index}"));
    let names = section(header.section_strings_index(endian, data).map_err(damaged)?.0)?;
    let names = names.data(endian, data).map_err(damaged)?;
    // The first header is a placeholder.
    for section in &sections[1..] {
        if is_records(names, section.sh_name(endian)) {
            let (start, length) = section.file_range(endian).unwrap_or_default();
            let end = start.checked_add(length).filter(|&end| end <= size);
            found.add_records(start..end.ok_or_else(|| "its records do not fit in it".to_owned())?);
        }
    }
    let first = |kind: elf::SectionType| sections[1..].iter().find(|section| section.sh_type(endian) == kind);
    if let Some(dynamic) = first(elf::SHT_DYNAMIC) {
        let entries: &[Elf::Dyn] = dynamic.data_as_array(endian, data).map_err(damaged)?;
        // The entries after the first of this tag have no meaning.
        let end = entries.iter().position(|entry| entry.tag(endian) == elf::DT_NULL).unwrap_or(entries.len());
        let entries = &entries[..end];
        let flags = |tag| {
            let entries = entries.iter().filter(|entry| entry.tag(endian) == tag);
            entries.fold(0, |flags, entry| flags | entry.d_val(endian).into())
        };
        found.prefers_own = flags(elf::DT_FLAGS) & elf::DF_SYMBOLIC.0 != 0
            || entries.iter().any(|entry| entry.tag(endian) == elf::DT_SYMBOLIC);
        let flags = flags(elf::DT_FLAGS_1);
        found.no_delete = flags & elf::DF_1_NODELETE.0 != 0;
        // A program that may be placed anywhere has the kind of a library.
        found.is_program = flags & elf::DF_1_PIE.0 != 0;
        if found.is_program {
            return Ok(found);
        }
    }
    let Some(table) = first(elf::SHT_DYNSYM) else { return Ok(found) };
    let symbols: &[Elf::Sym] = table.data_as_array(endian, data).map_err(damaged)?;
    let names = section(table.sh_link(endian) as usize)?.data(endian, data).map_err(damaged)?;
    for symbol in symbols {
        let name = usize::try_from(symbol.st_name(endian)).ok().and_then(|start| names.get(start..));
        if let Some(version) = name.and_then(table_version)
            && is_defined::<Elf>(symbol, endian)
        {
            found.add_table(version, || {
                let (address, size) = (symbol.st_value(endian).into(), symbol.st_size(endian).into());
                let header = sections[1..]
                    .iter()
                    .find_map(|section| place(address, section.sh_addr(endian).into(), section.file_range(endian)?));
                Table { header, size: Some(size) }
            });
        }
    }
    Ok(found)
}

/// Returns true if the library defines the symbol.
fn is_defined<Elf: FileHeader<Endian = Endianness>>(symbol: &Elf::Sym, endian: Endianness) -> bool {
    let section = symbol.st_shndx(endian);
    let is_data = matches!(symbol.st_type(), elf::STT_OBJECT | elf::STT_NOTYPE | elf::STT_FUNC);
    is_data && (!section.is_special() || section == elf::SHN_XINDEX)
}
