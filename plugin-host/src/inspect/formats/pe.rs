//! PE, as on Windows.

use object::pe::{self, IMAGE_SIZEOF_SYMBOL, ImageDosHeader, ImageSectionHeader};
use object::read::pe::{DataDirectories, ExportTable, ImageNtHeaders, SectionTable};
use object::{LittleEndian, ObjectKind, ReadRef, U32};
use plugin_core::host::record::SECTION;
use plugin_core::host::table::HEADER_SIZE;

use super::found::{Found, Head, Problem, Table, architecture, table_version};

/// The headers of a file, its data directories, and its sections.
type Parts<'a, Pe> = (&'a Pe, DataDirectories<'a>, SectionTable<'a>);

fn parts<'a, Pe: ImageNtHeaders, R: ReadRef<'a>>(data: R) -> object::Result<Parts<'a, Pe>> {
    let mut offset = ImageDosHeader::parse(data)?.nt_headers_offset().into();
    let (headers, directories) = Pe::parse(data, &mut offset)?;
    Ok((headers, directories, headers.sections(data, offset)?))
}

pub(super) fn head<'a, Pe: ImageNtHeaders, R: ReadRef<'a>>(data: R) -> object::Result<Head> {
    let (headers, ..) = parts::<Pe, R>(data)?;
    let machine = headers.file_header().machine.get(LittleEndian);
    let name = match machine {
        pe::IMAGE_FILE_MACHINE_AMD64 => Some("x86_64"),
        pe::IMAGE_FILE_MACHINE_I386 => Some("x86"),
        pe::IMAGE_FILE_MACHINE_ARM64 | pe::IMAGE_FILE_MACHINE_ARM64EC => Some("aarch64"),
        pe::IMAGE_FILE_MACHINE_ARMNT => Some("arm"),
        _ => None,
    };
    let characteristics = headers.file_header().characteristics.get(LittleEndian);
    let kind = match () {
        () if characteristics.contains(pe::IMAGE_FILE_DLL) => ObjectKind::Dynamic,
        () if characteristics.contains(pe::IMAGE_FILE_SYSTEM) => ObjectKind::Unknown,
        () => ObjectKind::Executable,
    };
    Ok(Head { architecture: architecture(name, machine.0.into(), headers.is_type_64(), true), format: "PE", kind })
}

pub(super) fn find<'a, Pe: ImageNtHeaders, R: ReadRef<'a>>(data: R, size: u64) -> Result<Found, Problem> {
    let damaged = |error: object::Error| error.to_string();
    let (headers, directories, sections) = parts::<Pe, R>(data).map_err(damaged)?;
    if !is_whole(headers.file_header(), sections, data, size) {
        return Err(format!("its sections or symbols do not fit in its {size} bytes"));
    }
    let mut found = Found::default();
    // A name of up to eight bytes is in the section's header itself.
    for section in sections.iter().filter(|section| section.raw_name() == SECTION.as_bytes()) {
        let (start, length) = section.pe_file_range();
        found.add_records(start.into()..u64::from(start) + u64::from(length));
    }
    let Some(exports) = directories.get(pe::IMAGE_DIRECTORY_ENTRY_EXPORT) else { return Ok(found) };
    let address = exports.virtual_address.get(LittleEndian);
    let Some((offset, rest)) = sections.pe_file_range_at(address) else { return Ok(found) };
    let length = exports.size.get(LittleEndian).min(rest);
    let bytes =
        data.read_bytes_at(offset.into(), length.into()).map_err(|()| "its exports are cut short".to_owned())?;
    let table = ExportTable::parse(bytes, address).map_err(damaged)?;
    for (name, index) in table.name_iter() {
        let name = bytes.get(name.wrapping_sub(address) as usize..);
        let Some(version) = name.and_then(table_version) else { continue };
        // The loader would look for a forwarded export in another library.
        if let Some(place) = table.address_by_index(index).ok().filter(|&place| !table.is_forward(place)) {
            found.add_table(version, || {
                let header = sections.pe_file_range_at(place).filter(|(_, rest)| *rest as usize >= HEADER_SIZE);
                Table { header: header.map(|(start, _)| start.into()), size: None }
            });
        }
    }
    Ok(found)
}

/// Returns true if the file also has the bytes that no segment covers: the padding of sections, and the symbols for
/// debuggers at its end.
fn is_whole<'a, R: ReadRef<'a>>(header: &pe::ImageFileHeader, sections: SectionTable<'a>, data: R, size: u64) -> bool {
    let number = |number: &U32<LittleEndian>| u64::from(number.get(LittleEndian));
    let fits =
        |section: &ImageSectionHeader| number(&section.pointer_to_raw_data) + number(&section.size_of_raw_data) <= size;
    let symbols = number(&header.pointer_to_symbol_table);
    // The symbols' names follow, after the length of both.
    let names = symbols + number(&header.number_of_symbols) * IMAGE_SIZEOF_SYMBOL as u64;
    let length = data.read_bytes_at(names, 4).ok().and_then(|bytes| bytes.first_chunk::<4>());
    let length = length.map(|length| u64::from(u32::from_le_bytes(*length)));
    sections.iter().all(fits) && (symbols == 0 || length.is_some_and(|length| names + length <= size))
}
