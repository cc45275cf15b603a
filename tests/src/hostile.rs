//! Libraries that no compiler makes. Each is made to cost a careless reader much time or memory for its size.

use plugin_core::host::descriptor::{Tag, form, style};
use plugin_core::host::record::{Kind, MARK, SECTION};
use plugin_core::host::table::{ABI_VERSION, HEADER_SIZE, MAGIC, TABLE_SYMBOL, TABLE_V1_SIZE};

/// The kinds of [`library`].
pub const KINDS: [&str; 14] = [
    "symbols", "sections", "strings", "versions", "prefixes", "padding", "lines", "tuple", "options", "generics",
    "circles", "exports", "records", "modules",
];

/// Makes a library of this kind, with about that many bytes.
pub fn library(kind: &str, bytes: usize) -> Vec<u8> {
    match kind {
        // All symbols have the same long name.
        "symbols" => {
            let mut library = Library::new();
            let name = library.name(&vec![b'a'; bytes / 2]);
            (0..bytes / 2 / 24).for_each(|_| library.symbol(name, 0, 0));
            library.bytes()
        }
        // All sections have the same long name.
        "sections" => {
            let mut library = Library::new();
            let name = library.name(&vec![b'a'; bytes / 2]);
            (0..bytes / 2 / 64).for_each(|_| library.section(name, 1, 0, 0..0));
            library.bytes()
        }
        // The name of each symbol is the end of one long name.
        "strings" => {
            let mut library = Library::new();
            let name = library.name(&vec![b'a'; bytes / 2]);
            (0..bytes / 2 / 24).for_each(|place| library.symbol(name + place as u32, 0, 0));
            library.bytes()
        }
        "versions" => versions(bytes),
        // The names of the exports differ only in their last bytes.
        "prefixes" => {
            let length = bytes.isqrt() * 4;
            let name = |place: usize| format!("{}{place:08}", "a".repeat(length));
            with_records((0..bytes / length).map(|place| export(&name(place), "", "", &unit_function())))
        }
        "padding" => with_records([vec![0; bytes], export("a", "", "", &unit_function())]),
        "lines" => {
            let lines = "\n".repeat(bytes / 2);
            with_records([export("a", &lines, &lines, &unit_function())])
        }
        "tuple" => with_descriptors(bytes, |length| tuple(length, &[Tag::U8 as u8])),
        "options" => {
            let mut deep = vec![Tag::Option as u8; 200];
            deep.push(Tag::U8 as u8);
            with_descriptors(bytes, |length| tuple(length / deep.len(), &deep))
        }
        // `Pair<Pair<..>, Pair<..>>`: the text of each type is twice as long as that of the one in it.
        "generics" => {
            let descriptor = takes(generics(200));
            with_records((0..bytes / descriptor.len()).map(|place| export(&place.to_string(), "", "", &descriptor)))
        }
        // Two circles of definitions. Their lengths have no common divisor, so each definition of one meets each of the other.
        "circles" => {
            let descriptors = [takes(circle(256, 4)), takes(circle(255, 4))];
            let count = bytes / descriptors[0].len();
            let name = |place: usize| format!("{place:08}");
            with_records((0..count).map(|place| export(&name(place), "", "", &descriptors[place % 2])))
        }
        "exports" => {
            let length = export("00000000", "", "", &unit_function()).len();
            let name = |place: usize| format!("{place:08}");
            with_records((0..bytes / length).map(|place| export(&name(place), "", "", &unit_function())))
        }
        "records" => with_records((0..bytes / 9).map(|_| record(99, &[]))),
        "modules" => {
            let one = item("a", &"m".repeat(bytes), "", "", &unit_function());
            with_records([record(Kind::Export as u8, &one.iter().map(Vec::as_slice).collect::<Vec<_>>())])
        }
        _ => panic!("there is no kind {kind:?}: {KINDS:?}"),
    }
}

/// An ELF library for this machine, put together by hand. All its names are in one table.
pub struct Library {
    names: Vec<u8>,
    symbols: Vec<u8>,
    sections: Vec<[u8; 64]>,
    data: Vec<u8>,
}

const HEADER: usize = 64;

impl Default for Library {
    fn default() -> Self {
        Self::new()
    }
}

impl Library {
    /// A library without names, symbols and sections.
    pub fn new() -> Self {
        Library { names: vec![0], symbols: vec![0; 24], sections: Vec::new(), data: Vec::new() }
    }

    /// Adds a name, and returns its place.
    pub fn name(&mut self, name: &[u8]) -> u32 {
        let place = self.names.len() as u32;
        self.names.extend(name);
        self.names.push(0);
        place
    }

    /// Adds a symbol for the loader.
    pub fn symbol(&mut self, name: u32, address: u64, size: u64) {
        let mut symbol = [0; 24];
        symbol[..4].copy_from_slice(&name.to_le_bytes());
        symbol[4] = 0x11;
        symbol[6] = 1;
        symbol[8..16].copy_from_slice(&address.to_le_bytes());
        symbol[16..].copy_from_slice(&size.to_le_bytes());
        self.symbols.extend(symbol);
    }

    /// Adds data, and returns its place in the file.
    pub fn data(&mut self, data: &[u8]) -> std::ops::Range<u64> {
        self.data.resize(self.data.len().next_multiple_of(16), 0);
        let start = (HEADER + self.data.len()) as u64;
        self.data.extend(data);
        start..start + data.len() as u64
    }

    /// Adds a section. Its address is its place in the file.
    pub fn section(&mut self, name: u32, kind: u32, link: u32, file: std::ops::Range<u64>) {
        self.sections.push(section(name, kind, link, file));
    }

    /// Adds the section with the records, and the table.
    pub fn plugin(&mut self, records: &[u8]) {
        let file = self.data(records);
        let name = self.name(SECTION.as_bytes());
        self.section(name, 1, 0, file);
        let mut table = vec![0; TABLE_V1_SIZE];
        table[..8].copy_from_slice(&MAGIC);
        table[8..12].copy_from_slice(&ABI_VERSION.to_ne_bytes());
        table[12..HEADER_SIZE].copy_from_slice(&(TABLE_V1_SIZE as u32).to_ne_bytes());
        let file = self.data(&table);
        self.section(0, 1, 0, file.clone());
        let name = self.name(TABLE_SYMBOL.as_bytes());
        self.symbol(name, file.start, TABLE_V1_SIZE as u64);
    }

    /// Returns the whole file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        bytes.extend(&self.data);
        bytes.resize(bytes.len().next_multiple_of(16), 0);
        let names = bytes.len() as u64..(bytes.len() + self.names.len()) as u64;
        bytes.extend(&self.names);
        bytes.resize(bytes.len().next_multiple_of(16), 0);
        let symbols = bytes.len() as u64..(bytes.len() + self.symbols.len()) as u64;
        bytes.extend(&self.symbols);
        bytes.resize(bytes.len().next_multiple_of(16), 0);
        let sections = bytes.len() as u64;
        let own = [section(0, 0, 0, 0..0), section(0, 3, 0, names), section(0, 11, 1, symbols)];
        let count = own.len() + self.sections.len();
        own.iter().chain(&self.sections).for_each(|section| bytes.extend(section));
        bytes[..HEADER].copy_from_slice(&header(sections));
        if count < 0xFF00 {
            bytes[60..62].copy_from_slice(&(count as u16).to_le_bytes());
        } else {
            // In the first section.
            bytes[sections as usize + 32..][..8].copy_from_slice(&(count as u64).to_le_bytes());
        }
        bytes
    }
}

fn header(sections: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..7].copy_from_slice(b"\x7FELF\x02\x01\x01");
    header[16..18].copy_from_slice(&3_u16.to_le_bytes());
    header[18..20].copy_from_slice(&(if cfg!(target_arch = "aarch64") { 0xB7_u16 } else { 0x3E }).to_le_bytes());
    header[20] = 1;
    header[40..48].copy_from_slice(&sections.to_le_bytes());
    header[52..54].copy_from_slice(&64_u16.to_le_bytes());
    header[54..56].copy_from_slice(&56_u16.to_le_bytes());
    header[58..60].copy_from_slice(&64_u16.to_le_bytes());
    header[62..64].copy_from_slice(&1_u16.to_le_bytes());
    header
}

fn section(name: u32, kind: u32, link: u32, file: std::ops::Range<u64>) -> [u8; 64] {
    let mut section = [0; 64];
    section[..4].copy_from_slice(&name.to_le_bytes());
    section[4..8].copy_from_slice(&kind.to_le_bytes());
    section[16..24].copy_from_slice(&file.start.to_le_bytes());
    section[24..32].copy_from_slice(&file.start.to_le_bytes());
    section[32..40].copy_from_slice(&(file.end - file.start).to_le_bytes());
    section[40..44].copy_from_slice(&link.to_le_bytes());
    section[44..48].copy_from_slice(&1_u32.to_le_bytes());
    section[56..64].copy_from_slice(&(if kind == 11 { 24_u64 } else { 0 }).to_le_bytes());
    section
}

/// A plugin with these records, and the record about its build.
pub fn with_records(records: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut all = record(
        Kind::Build as u8,
        &[&ABI_VERSION.to_le_bytes(), b"0.1.0", b"rustc 1.95.0", b"x86_64-unknown-linux-gnu", b"unwind"],
    );
    records.into_iter().for_each(|record| all.extend(record));
    let mut library = Library::new();
    library.plugin(&all);
    library.bytes()
}

/// A plugin with descriptors of that many bytes in total. Each is nearly as long as the default limit.
fn with_descriptors(bytes: usize, ty: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    const MAX: usize = 1_000_000;
    let descriptor = takes(ty(bytes.min(MAX)));
    with_records((0..bytes.div_ceil(MAX)).map(|place| export(&place.to_string(), "", "", &descriptor)))
}

/// A record with these fields.
pub fn record(kind: u8, fields: &[&[u8]]) -> Vec<u8> {
    let mut body = vec![kind];
    for field in fields {
        body.extend((field.len() as u32).to_le_bytes());
        body.extend(*field);
    }
    [&MARK[..], &(body.len() as u32).to_le_bytes(), &body].concat()
}

fn item(name: &str, module: &str, docs: &str, arguments: &str, descriptor: &[u8]) -> [Vec<u8>; 10] {
    let one = 1_u32.to_le_bytes().to_vec();
    let texts = ["plugin", "1.0.0", module].map(|text| text.as_bytes().to_vec());
    let [package, version, module] = texts;
    let [name, docs, arguments] = [name, docs, arguments].map(|text| text.as_bytes().to_vec());
    let library = b"library".to_vec();
    [package, version, module, one.clone(), one, name, docs, arguments, library, descriptor.to_vec()]
}

/// The record of an export.
pub fn export(name: &str, docs: &str, arguments: &str, descriptor: &[u8]) -> Vec<u8> {
    let fields = item(name, "plugin", docs, arguments, descriptor);
    record(Kind::Export as u8, &fields.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// The descriptor of `fn()`.
pub fn unit_function() -> Vec<u8> {
    [&[Tag::Fn as u8][..], &[0; 8], &[Tag::Unit as u8]].concat()
}

/// The descriptor of a function that takes this type and returns nothing.
pub fn takes(argument: Vec<u8>) -> Vec<u8> {
    [&[Tag::Fn as u8][..], &1_u64.to_le_bytes(), &argument, &[Tag::Unit as u8]].concat()
}

/// The descriptor of a tuple of that many elements of one type.
pub fn tuple(count: usize, part: &[u8]) -> Vec<u8> {
    [&[Tag::Tuple as u8][..], &(count as u64).to_le_bytes(), &part.repeat(count)].concat()
}

fn name(name: &str) -> Vec<u8> {
    [&(name.len() as u32).to_le_bytes(), name.as_bytes()].concat()
}

fn again(number: u32) -> Vec<u8> {
    [&[Tag::Again as u8][..], &number.to_le_bytes()].concat()
}

/// The start of a named type, up to its arguments.
fn named(called: &str, arguments: u32) -> Vec<u8> {
    [&[Tag::Named as u8][..], &name(called), &arguments.to_le_bytes()].concat()
}

/// The start of a struct, up to its fields.
fn fields(count: u32) -> Vec<u8> {
    [&[Tag::Struct as u8, form::FIXED, style::NAMED][..], &count.to_le_bytes()].concat()
}

fn field(called: &str, ty: &[u8]) -> Vec<u8> {
    [&name(called)[..], &[0], ty].concat()
}

fn generics(count: u32) -> Vec<u8> {
    (0..count).rev().fold(vec![Tag::U8 as u8], |inner, number| {
        let second = if number + 1 == count { inner.clone() } else { again(number + 1) };
        [named("Pair", 2), inner, second.clone(), fields(1), field("a", &second)].concat()
    })
}

/// A circle of `length` definitions: each has a box with the next one, and `wide` more fields.
fn circle(length: usize, wide: usize) -> Vec<u8> {
    let boxed = |ty: Vec<u8>| [vec![Tag::Box as u8], ty].concat();
    (0..length).fold(boxed(again(0)), |inner, _| {
        let others = (0..wide).flat_map(|place| field(&format!("f{place}"), &[Tag::U8 as u8])).collect();
        boxed([named("T", 0), fields(1 + wide as u32), field("next", &inner), others].concat())
    })
}

/// A library whose table of needed versions has many entries. Each entry leads to all entries that follow it.
fn versions(bytes: usize) -> Vec<u8> {
    const GNU_VERNEED: u32 = 0x6FFF_FFFE;
    const GNU_VERSYM: u32 = 0x6FFF_FFFF;
    const DYNSYM: u32 = 2;
    let mut library = Library::new();
    let count = bytes / 16;
    let mut needed = Vec::new();
    for place in 0..count {
        // The entries of a needed library and of a needed version have the same length, so a reader can take one for
        // the other.
        let next: u32 = if place + 1 == count { 0 } else { 16 };
        needed.extend(1_u16.to_le_bytes());
        needed.extend(u16::MAX.to_le_bytes());
        needed.extend(0_u32.to_le_bytes());
        needed.extend(next.to_le_bytes());
        needed.extend(next.to_le_bytes());
    }
    let file = library.data(&needed);
    library.section(0, GNU_VERNEED, 1, file);
    let file = library.data(&[0; 4]);
    library.section(0, GNU_VERSYM, DYNSYM, file);
    let name = library.name(SECTION.as_bytes());
    library.section(name, 1, 0, 0..0);
    let name = library.name(b"plugin_table_w");
    library.symbol(name, 0, 0);
    library.bytes()
}
