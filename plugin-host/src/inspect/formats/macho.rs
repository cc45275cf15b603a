//! Mach-O, as on macOS.

use object::macho;
use object::read::Bytes;
use object::read::macho::{MachHeader, Nlist as _, Section as _, Segment as _};
use object::{Endianness, ObjectKind, ReadRef};
use plugin_core::host::record::SECTION;

use super::found::{
    Found, Head, MAX_DIGITS, Problem, Table, architecture, check_segment, place, table_prefix, table_version,
};

pub(super) fn head<'a, Mach, R>(data: R) -> object::Result<Head>
where
    Mach: MachHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let header = Mach::parse(data, 0)?;
    let endian = header.endian()?;
    let machine = header.cputype(endian);
    let name = match machine {
        macho::CPU_TYPE_X86_64 => Some("x86_64"),
        macho::CPU_TYPE_X86 => Some("x86"),
        macho::CPU_TYPE_ARM64 => Some("aarch64"),
        macho::CPU_TYPE_ARM => Some("arm"),
        _ => None,
    };
    let kind = match header.filetype(endian) {
        macho::MH_DYLIB => ObjectKind::Dynamic,
        macho::MH_EXECUTE => ObjectKind::Executable,
        macho::MH_OBJECT => ObjectKind::Relocatable,
        _ => ObjectKind::Unknown,
    };
    let architecture = architecture(name, machine.0, header.is_type_64(), header.is_little_endian());
    Ok(Head { architecture, format: "Mach-O", kind })
}

pub(super) fn find<'a, Mach, R>(data: R, size: u64) -> Result<Found, Problem>
where
    Mach: MachHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let damaged = |error: object::Error| error.to_string();
    let header = Mach::parse(data, 0).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;
    let mut found = Found::default();
    let mut sections: Vec<&Mach::Section> = Vec::new();
    let (mut base, mut trie, mut symbols) = (None, None, None);
    let mut commands = header.load_commands(endian, data, 0).map_err(damaged)?;
    while let Some(command) = commands.next().map_err(damaged)? {
        if let Some((segment, rest)) = Mach::Segment::from_command(command).map_err(damaged)? {
            check_segment(segment.file_range(endian), size)?;
            if segment.name() == macho::SEG_TEXT.as_bytes() {
                base = base.or(Some(segment.vmaddr(endian).into()));
            }
            let all = segment.sections(endian, rest).map_err(damaged)?;
            for section in all.iter().filter(|section| section.name() == SECTION.as_bytes()) {
                let (start, length) = file_range::<Mach>(section, endian).unwrap_or_default();
                let end = start.checked_add(length).filter(|&end| end <= size);
                found.add_records(start..end.ok_or_else(|| "its records do not fit in it".to_owned())?);
            }
            sections.extend(all);
        } else if let Some(command) = command.dyld_exports_trie().map_err(damaged)? {
            trie = Some((command.dataoff.get(endian), command.datasize.get(endian)));
        } else if let Some(command) = command.dyld_info().map_err(damaged)? {
            trie = trie.or(Some((command.export_off.get(endian), command.export_size.get(endian))));
        } else if let Some(command) = command.symtab().map_err(damaged)? {
            symbols = Some(command);
        }
    }
    let read = |start: u32, length: u32| {
        data.read_bytes_at(start.into(), length.into()).map_err(|()| "its symbols do not fit in it".to_owned())
    };
    let mut add = |version, address: u64| {
        found.add_table(version, || {
            let place = |section: &&Mach::Section| {
                place(address, section.addr(endian).into(), file_range::<Mach>(section, endian)?)
            };
            Table { header: sections.iter().find_map(place), size: None }
        });
    };
    if let Some((start, length)) = trie {
        let base = base.unwrap_or(0);
        tables_in_trie(read(start, length)?, |version, address| add(version, base.wrapping_add(address)));
    } else if let Some(symbols) = symbols {
        let names = read(symbols.stroff.get(endian), symbols.strsize.get(endian))?;
        let all: &[Mach::Nlist] = data
            .read_slice_at(symbols.symoff.get(endian).into(), symbols.nsyms.get(endian) as usize)
            .map_err(|()| "its symbols do not fit in it".to_owned())?;
        for symbol in all {
            let kind = symbol.n_type();
            let is_exported = !kind.is_stab() && kind.is_ext() && !kind.is_pext() && kind.typ() == macho::N_SECT;
            let name = names.get(symbol.n_strx(endian) as usize..).and_then(|name| name.strip_prefix(b"_"));
            if let (true, Some(version)) = (is_exported, name.and_then(table_version)) {
                add(version, symbol.n_value(endian).into());
            }
        }
    }
    Ok(found)
}

/// Returns the offset of a section in the file, and its length there.
fn file_range<Mach: MachHeader>(section: &Mach::Section, endian: Mach::Endian) -> Option<(u64, u64)> {
    section.file_range(endian, section.offset(endian).into())
}

/// Passes the version and address of each table in a trie of exports to `found`.
///
/// A node of the trie has the export of one name, and edges to other nodes. Each edge has a piece of text; the pieces on the
/// way to a node are the node's name. In a hostile trie many edges lead to one node, so there are more ways than there is
/// time to follow. So the search follows an edge only if the name of a table can begin like that, ignores edges without
/// text, and ends once it has looked at as many bytes as the trie has. In a trie that a linker made, one edge leads to each
/// node, and that is enough.
pub(super) fn tables_in_trie(trie: &[u8], mut found: impl FnMut(u32, u64)) {
    let prefix = [b"_", table_prefix().as_bytes()].concat();
    let fits = |name: &[u8]| {
        let common = name.len().min(prefix.len());
        name[..common] == prefix[..common]
            && name[common..].iter().all(u8::is_ascii_digit)
            && name.len() <= prefix.len() + MAX_DIGITS
    };
    let mut left = trie.len();
    let mut ahead = vec![(0_u64, Vec::new())];
    while let Some((node, name)) = ahead.pop() {
        let Some(mut bytes) = usize::try_from(node).ok().and_then(|node| trie.get(node..)).map(Bytes) else { return };
        let start = bytes.len();
        let mut edge = |bytes: &mut Bytes<'_>| {
            let (text, to) = (bytes.read_string()?, bytes.read_uleb128()?);
            if !text.is_empty() && text.len() <= prefix.len() + MAX_DIGITS {
                let name = [&name, text].concat();
                if fits(&name) {
                    ahead.push((to, name));
                }
            }
            Ok::<(), ()>(())
        };
        let mut node = || {
            let exported = bytes.read_uleb128()?;
            let mut exported = bytes.read_bytes(usize::try_from(exported).map_err(drop)?)?;
            if let Some(version) = name.strip_prefix(&*prefix).and_then(super::found::version) {
                let flags = exported.read_uleb128()?;
                // Exports of other kinds are in another library, chosen by a function, or apart for each thread.
                if flags & !macho::EXPORT_SYMBOL_FLAGS_WEAK_DEFINITION.0 == 0 {
                    found(version, exported.read_uleb128()?);
                }
            }
            let edges = *bytes.read::<u8>()?;
            (0..edges).try_for_each(|_| edge(&mut bytes))
        };
        if node().is_err() {
            return;
        }
        match left.checked_sub(start - bytes.len()) {
            Some(fewer) => left = fewer,
            None => return,
        }
    }
}
