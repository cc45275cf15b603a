//! A library that a compiler made, with changes in the parts that readers use.

use object::read::elf::ElfFile64;
use object::{Endianness, Object as _, ObjectSection as _, ReadRef as _};
use plugin_core::host::record::{MARK, SECTION};
use plugin_core::host::table::MAGIC;

use super::{Decisions, corrupt};

/// A number in a file: its place, and its size in bytes.
type Spot = (usize, usize);

/// The section of a library that holds its records.
pub(super) fn records(library: &[u8]) -> Vec<u8> {
    let file = object::File::parse(library).expect("a library");
    let section = file.section_by_name(SECTION).expect("a plugin");
    section.data().expect("it is in the file").to_vec()
}

/// The numbers that a reader relies on.
fn spots(library: &[u8]) -> Vec<Spot> {
    let mut spots = Vec::new();
    let mut add = |at: usize, widths: &[usize]| {
        widths.iter().fold(at, |at, &width| {
            spots.push((at, width));
            at + width
        });
    };
    let file = ElfFile64::<Endianness>::parse(library).expect("a library of this machine");
    let (header, endian) = (file.elf_header(), file.endian());
    add(16, &[2, 2, 4, 8, 8, 8, 4, 2, 2, 2, 2, 2, 2]);
    let segments = header.e_phoff.get(endian) as usize;
    for place in 0..header.e_phnum.get(endian).into() {
        add(segments + place * 56, &[4, 4, 8, 8, 8, 8, 8, 8]);
    }
    let sections = header.e_shoff.get(endian) as usize;
    for place in 0..header.e_shnum.get(endian).into() {
        add(sections + place * 64, &[4, 4, 8, 8, 8, 8, 4, 4, 8, 8]);
    }
    let dynamic = |name| file.section_by_name(name).and_then(|section| section.file_range());
    if let Some((start, length)) = dynamic(".dynsym") {
        let (start, length) = (start as usize, length as usize);
        (start..start + length).step_by(24).for_each(|at| add(at, &[4, 1, 1, 2, 8, 8]));
    }
    if let Some((start, length)) = dynamic(".dynamic") {
        let (start, length) = (start as usize, length as usize);
        (start..start + length).step_by(16).for_each(|at| add(at, &[8, 8]));
    }
    for at in find(library, &MARK) {
        add(at, &[4, 4, 1, 4]);
        let mut field = at + 9;
        for _ in 0..10 {
            let Ok(length) = library.read_bytes_at(field as u64, 4) else { break };
            add(field, &[4]);
            let length = u32::from_le_bytes(length.try_into().expect("four")) as usize;
            field = field.saturating_add(4 + length);
        }
    }
    for at in find(library, &MAGIC) {
        add(at, &[8, 4, 4, 8, 8]);
    }
    spots.retain(|(at, width)| at + width <= library.len());
    spots
}

fn find<'a>(bytes: &'a [u8], mark: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    bytes.windows(mark.len()).enumerate().filter(move |(_, window)| *window == mark).map(|(at, _)| at)
}

/// Returns the library with changes: some of these numbers, bytes of the records, or the length.
pub(super) fn changed(library: &[u8], decisions: &mut Decisions<'_>) -> Vec<u8> {
    static SPOTS: std::sync::OnceLock<Vec<Spot>> = std::sync::OnceLock::new();
    let spots = SPOTS.get_or_init(|| spots(library));
    let mut bytes = library.to_vec();
    for _ in 0..=decisions.below(6) {
        let (at, width) = *decisions.one_of(spots);
        let spot = &mut bytes[at..at + width];
        let mut number = [0; 8];
        number[..width].copy_from_slice(spot);
        let old = u64::from_le_bytes(number);
        let new = match decisions.byte() % 6 {
            0 => old.wrapping_add(1),
            1 => old.wrapping_sub(1),
            2 => library.len() as u64 - decisions.number() % 64,
            3 => {
                // The number from another place.
                let (at, width) = *decisions.one_of(spots);
                let mut number = [0; 8];
                number[..width].copy_from_slice(&library[at..at + width]);
                u64::from_le_bytes(number)
            }
            4 => old ^ (1 << decisions.below(64)),
            _ => decisions.number(),
        };
        bytes[at..at + width].copy_from_slice(&new.to_le_bytes()[..width]);
    }
    match decisions.byte() % 8 {
        0 => bytes.truncate(decisions.below(library.len())),
        1 => {
            // Bytes in the records. The records keep their length.
            let marks: Vec<usize> = find(library, &MARK).collect();
            let start = *decisions.one_of(&marks);
            let end = (start + 256).min(bytes.len());
            let mut part = bytes[start..end].to_vec();
            corrupt(decisions, &mut part);
            part.resize(end - start, 0);
            bytes[start..end].copy_from_slice(&part);
        }
        2 => bytes.extend(std::iter::repeat_n(decisions.byte(), decisions.below(4096))),
        _ => {}
    }
    bytes
}
