use std::time::{Duration, Instant};

use object::FileKind;
use plugin_core::host::record::SECTION;

use super::found::{is_records, table_version};
use super::macho::tables_in_trie;
use super::*;

/// Writes numbers into bytes that grow as needed.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if self.0.len() < end {
            self.0.resize(end, 0);
        }
        self.0[at..end].copy_from_slice(bytes);
    }

    fn u16(&mut self, at: usize, number: usize) {
        self.put(at, &(number as u16).to_le_bytes());
    }

    fn u32(&mut self, at: usize, number: usize) {
        self.put(at, &(number as u32).to_le_bytes());
    }

    fn u64(&mut self, at: usize, number: usize) {
        self.put(at, &(number as u64).to_le_bytes());
    }
}

fn kind(bytes: &[u8]) -> FileKind {
    FileKind::parse(bytes).unwrap()
}

fn found(bytes: &[u8]) -> Found {
    find(kind(bytes), bytes, bytes.len() as u64).unwrap()
}

fn described(bytes: &[u8]) -> String {
    let Head { architecture, format, kind } = head(kind(bytes), bytes).unwrap().unwrap();
    format!("{architecture} {format} {kind:?}")
}

/// Fails if `look` takes long. Quadratic time would be hours.
fn is_soon_done<T>(look: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = look();
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    result
}

/// Where the one section of [`pe`] begins, in the file and in memory.
const PE_FILE: usize = 0x400;
const PE_MEMORY: usize = 0x1000;

/// A DLL for x86-64. Its only section has the records and the directory of exports. Each export is the offset of its name in
/// `texts`, and its address.
fn pe(texts: &[u8], exports: &[(usize, usize)]) -> Vec<u8> {
    const HEADERS: usize = 0x80;
    const OPTIONAL: usize = HEADERS + 24;
    const SECTIONS: usize = OPTIONAL + 240;
    let mut bytes = Bytes::default();
    bytes.put(0, b"MZ");
    bytes.u32(0x3C, HEADERS);
    bytes.put(HEADERS, b"PE\0\0");
    bytes.u16(HEADERS + 4, 0x8664);
    bytes.u16(HEADERS + 6, 1);
    bytes.u16(HEADERS + 20, 240);
    bytes.u16(HEADERS + 22, 0x2022);
    bytes.u16(OPTIONAL, 0x20B);
    bytes.u32(OPTIONAL + 108, 16);
    // The directory of exports: its list of addresses, of names, and of places.
    let (directory, count) = (0, exports.len());
    let addresses = directory + 40;
    let names = addresses + 4 * count;
    let ordinals = names + 4 * count;
    let text = ordinals + 2 * count;
    let end = text + texts.len();
    let at = |offset: usize| PE_FILE + offset;
    bytes.u32(at(directory) + 16, 1);
    bytes.u32(at(directory) + 20, count);
    bytes.u32(at(directory) + 24, count);
    for (place, list) in [addresses, names, ordinals].into_iter().enumerate() {
        bytes.u32(at(directory) + 28 + 4 * place, PE_MEMORY + list);
    }
    for (number, (name, place)) in exports.iter().enumerate() {
        bytes.u32(at(addresses) + 4 * number, *place);
        bytes.u32(at(names) + 4 * number, PE_MEMORY + text + name);
        bytes.u16(at(ordinals) + 2 * number, number);
    }
    bytes.put(at(text), texts);
    bytes.u32(OPTIONAL + 112, PE_MEMORY);
    bytes.u32(OPTIONAL + 116, end);
    // And what is exported.
    let size = end + 64;
    bytes.put(at(size) - 1, &[0]);
    bytes.put(SECTIONS, SECTION.as_bytes());
    for (place, number) in [size, PE_MEMORY, size, PE_FILE].into_iter().enumerate() {
        bytes.u32(SECTIONS + 8 + 4 * place, number);
    }
    bytes.0
}

/// A dylib for x86-64. It has a text segment at the address `base` with the section of the records, and either this trie or
/// these symbols.
fn macho(base: usize, trie: &[u8], symbols: &[(&str, usize)]) -> Vec<u8> {
    const SEGMENT: usize = 32;
    const COMMANDS: usize = SEGMENT + 72 + 80;
    const DATA: usize = 0x200;
    let mut bytes = Bytes::default();
    bytes.u32(0, 0xFEED_FACF);
    bytes.u32(4, 0x0100_0007);
    bytes.u32(12, 6);
    bytes.u32(16, 2);
    bytes.u32(20, COMMANDS - SEGMENT + if symbols.is_empty() { 16 } else { 24 });
    bytes.put(SEGMENT + 8, b"__TEXT");
    bytes.u32(SEGMENT, 0x19);
    bytes.u32(SEGMENT + 4, 72 + 80);
    bytes.u64(SEGMENT + 24, base);
    bytes.u64(SEGMENT + 48, DATA);
    bytes.u32(SEGMENT + 64, 1);
    let section = SEGMENT + 72;
    // Its name fills the field if it is as long as that.
    bytes.put(section, SECTION.as_bytes());
    bytes.u64(section + 32, base);
    bytes.u64(section + 40, DATA);
    bytes.u32(section + 48, 0);
    if symbols.is_empty() {
        bytes.u32(COMMANDS, 0x8000_0033);
        bytes.u32(COMMANDS + 4, 16);
        bytes.u32(COMMANDS + 8, DATA);
        bytes.u32(COMMANDS + 12, trie.len());
        bytes.put(DATA, trie);
    } else {
        bytes.u32(COMMANDS, 2);
        bytes.u32(COMMANDS + 4, 24);
        bytes.u32(COMMANDS + 8, DATA);
        bytes.u32(COMMANDS + 12, symbols.len());
        let names = DATA + 16 * symbols.len();
        let mut end = names;
        for (number, (name, address)) in symbols.iter().enumerate() {
            let symbol = DATA + 16 * number;
            bytes.u32(symbol, end - names);
            bytes.put(symbol + 4, &[0x0F, 1]);
            bytes.u64(symbol + 8, *address);
            bytes.put(end, name.as_bytes());
            bytes.put(end + name.len(), &[0]);
            end += name.len() + 1;
        }
        bytes.u32(COMMANDS + 16, names);
        bytes.u32(COMMANDS + 20, end - names);
    }
    bytes.0
}

/// A node of a trie: its export, and its edges.
fn node(exported: &[u8], edges: &[(&str, u8)]) -> Vec<u8> {
    let mut node = vec![exported.len() as u8];
    node.extend(exported);
    node.push(edges.len() as u8);
    for (text, to) in edges {
        node.extend(text.as_bytes());
        node.extend([0, *to]);
    }
    node
}

#[test]
fn a_dll_has_its_table_where_its_exports_say() {
    let texts = b"other\0plugin_table_v2\0plugin_table_v23\0";
    let bytes = pe(texts, &[(0, 0x1010), (6, 0x1040), (22, 0x1050)]);
    assert_eq!(described(&bytes), "x86_64 PE Dynamic");
    let all = found(&bytes);
    assert_eq!(all.records.unwrap(), PE_FILE as u64..bytes.len() as u64);
    assert!(!all.has_more_records);
    // An address within the directory of the exports is a text that names another library.
    assert!(all.table.is_none());
    let end = bytes.len() - PE_FILE - 64;
    let bytes = pe(texts, &[(0, 0x1010), (6, PE_MEMORY + end + 8), (22, PE_MEMORY + end)]);
    let all = found(&bytes);
    assert_eq!(all.table.unwrap().header, Some((PE_FILE + end + 8) as u64));
    assert_eq!(all.other_version, Some(23));
    // The header would end outside the section.
    let bytes = pe(texts, &[(0, 0x1010), (6, PE_MEMORY + end + 64 - 15), (22, 0x1010)]);
    assert_eq!(found(&bytes).table.unwrap().header, None);
}

#[test]
fn exports_of_a_dll_with_one_long_name_take_no_longer_than_others() {
    let texts = [vec![b'a'; 4 << 20], vec![0]].concat();
    let bytes = pe(&texts, &vec![(0, 0x1010); 60_000]);
    assert!(is_soon_done(|| found(&bytes)).table.is_none());
}

#[test]
fn a_dylib_has_its_table_where_its_exports_say() {
    let trie = [node(&[], &[("_", 5)]), node(&[], &[("other", 40), ("plugin_table_v", 30)]), node(&[], &[]).repeat(0)]
        .concat();
    assert!(trie.len() <= 30);
    let mut bytes = Bytes(trie);
    bytes.put(30, &node(&[], &[("1", 44), ("2", 48)]));
    bytes.put(40, &node(&[0, 9], &[]));
    bytes.put(44, &node(&[0, 0x20], &[]));
    bytes.put(48, &node(&[0, 0x30], &[]));
    let trie = bytes.0;
    let mut tables = Vec::new();
    tables_in_trie(&trie, |version, address| tables.push((version, address)));
    tables.sort_unstable();
    assert_eq!(tables, [(1, 0x20), (2, 0x30)]);

    let bytes = macho(0x4000, &trie, &[]);
    assert_eq!(described(&bytes), "x86_64 Mach-O Dynamic");
    let all = found(&bytes);
    assert_eq!(all.table.unwrap().header, Some(0x30));
    assert_eq!(all.other_version, Some(1));
    assert_eq!(all.records.is_some(), SECTION.len() <= 16);

    let symbols = [("_plugin_table_v7", 0x4010), ("_plugin_table_v2", 0x4018), ("plugin_table_v9", 0x4000)];
    let all = found(&macho(0x4000, &[], &symbols));
    assert_eq!(all.table.unwrap().header, Some(0x18));
    assert_eq!(all.other_version, Some(7));
}

/// There are too many ways through these tries to follow each.
#[test]
fn a_trie_whose_edges_meet_again_takes_no_longer_than_others() {
    let hostile = |texts: [&str; 2]| {
        let mut trie = Vec::new();
        for level in 1..60 {
            let node = node(&[], &[(texts[0], level * 4), (texts[1], level * 4)]);
            assert!(node.len() <= 4 * 4);
            trie.extend(node);
        }
        trie
    };
    for texts in [["", ""], ["a", "b"], ["1", "2"]] {
        is_soon_done(|| tables_in_trie(&hostile(texts), |_, _| {}));
    }
    // The prefix of the name, and then two ways to add each digit.
    let mut bytes = Bytes(node(&[], &[("_plugin_table_v", 20)]));
    for level in 0..10 {
        bytes.put(20 + level * 8, &node(&[], &[("1", 28 + 8 * level as u8), ("1", 28 + 8 * level as u8)]));
    }
    bytes.put(20 + 80, &node(&[0, 1], &[]));
    let mut count = 0;
    is_soon_done(|| tables_in_trie(&bytes.0, |_, _| count += 1));
    assert!(count <= bytes.0.len(), "{count}");
    // Many edges with long texts.
    let long = "a".repeat(1 << 20);
    let edges = vec![(long.as_str(), 0); 200];
    is_soon_done(|| tables_in_trie(&node(&[], &edges), |_, _| {}));
}

#[test]
fn versions_are_read_from_the_start_of_a_name() {
    assert_eq!(table_version(b"plugin_table_v1\0rest"), Some(1));
    assert_eq!(table_version(b"plugin_table_v4294967295\0"), Some(u32::MAX));
    for name in ["v", "v1", "v1a\0", "v\0", "v01\0", "v+1\0", "v4294967296\0", "v11111111111\0", "w1\0"] {
        assert_eq!(table_version(format!("plugin_table_{name}").as_bytes()), None, "{name:?}");
    }
    assert!(is_records(format!("a\0{SECTION}\0").as_bytes(), 2));
    assert!(!is_records(format!("a\0{SECTION}").as_bytes(), 2), "it is cut short");
    assert!(!is_records(format!("a\0{SECTION}s\0").as_bytes(), 2));
    assert!(!is_records(SECTION.as_bytes(), u32::MAX));
}

#[test]
fn unknown_machines_are_described() {
    let mut bytes = pe(b"a\0", &[]);
    bytes[0x84..0x86].copy_from_slice(&0x1234_u16.to_le_bytes());
    assert_eq!(described(&bytes), "machine 0x1234 (64-bit, little-endian) PE Dynamic");
    let elf = |class: u8, order: u8, machine: u16| {
        let mut bytes = vec![0; 64];
        bytes[..7].copy_from_slice(&[0x7F, b'E', b'L', b'F', class, order, 1]);
        let number = if order == 1 { u16::to_le_bytes } else { u16::to_be_bytes };
        bytes[16..18].copy_from_slice(&number(2));
        bytes[18..20].copy_from_slice(&number(machine));
        described(&bytes)
    };
    assert_eq!(elf(2, 1, 0x3E), "x86_64 ELF Executable");
    assert_eq!(elf(1, 1, 0x3E), "machine 0x3e (32-bit, little-endian) ELF Executable");
    assert_eq!(elf(2, 2, 0xB7), "aarch64eb ELF Executable");
    assert_eq!(elf(2, 2, 22), "s390x ELF Executable");
    assert_eq!(elf(2, 2, 0x3E), "machine 0x3e (64-bit, big-endian) ELF Executable");
}
