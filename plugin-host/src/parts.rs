//! A file that is looked at where it is: only what is asked for is read.

use std::cell::OnceCell;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use object::ReadRef;
use object::pod::{bytes_of_slice, bytes_of_slice_mut};

use crate::error::Error;
use crate::inspect::{Inspected, inspect_data};

/// What a plugin's file says of itself; `path` is for the messages.
pub(crate) fn inspect(path: &Path, file: &File) -> Result<Inspected, Error> {
    let not_read = |source| Error::Read { path: path.to_owned(), source };
    let parts = Parts::new(file).map_err(not_read)?;
    // What could not be read looks damaged.
    inspect_data(path, &parts).map_err(|error| parts.error.into_inner().map_or(error, not_read))
}

/// The parts of a file that somebody has asked for. Whoever may write to it may do so in between, so one part may be older
/// than another; but none changes.
struct Parts<'f> {
    file: &'f File,
    length: u64,
    /// In the order in which they were read. Together they are no longer than the file, but for the last, which is all of it:
    /// a file that leads to ever more parts is no reason to read more than that.
    parts: [OnceCell<Part>; MOST],
    /// Why one could not be read.
    error: OnceCell<io::Error>,
}

/// More than a library leads to: its header, its sections, their names, its symbols, their names, records, a table, flags.
const MOST: usize = 16;

/// What is near is likely to be asked for too.
const BLOCK: u64 = 4096;

struct Part {
    start: u64,
    length: usize,
    /// Numbers in a file are read where they are, so they must be as aligned as they are in the file.
    words: Vec<u64>,
}

impl Part {
    fn read(file: &File, range: Range<u64>) -> io::Result<Self> {
        let length = usize::try_from(range.end - range.start).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let count = length.div_ceil(size_of::<u64>());
        let mut words = Vec::new();
        words.try_reserve_exact(count).map_err(|_| io::ErrorKind::OutOfMemory)?;
        words.resize(count, 0);
        file.read_exact_at(&mut bytes_of_slice_mut(&mut words)[..length], range.start)?;
        Ok(Part { start: range.start, length, words })
    }

    fn get(&self, range: &Range<u64>) -> Option<&[u8]> {
        let at = |offset: u64| usize::try_from(offset.checked_sub(self.start)?).ok();
        bytes_of_slice(&self.words)[..self.length].get(at(range.start)?..at(range.end)?)
    }
}

impl<'f> Parts<'f> {
    fn new(file: &'f File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Parts { file, length, parts: Default::default(), error: OnceCell::new() })
    }

    fn get(&self, range: Range<u64>) -> Result<&[u8], ()> {
        if range.start > range.end || range.end > self.length {
            return Err(());
        }
        let mut total = 0;
        for (number, slot) in self.parts.iter().enumerate() {
            let Some(part) = slot.get() else {
                let blocks = range.start / BLOCK * BLOCK..range.end.next_multiple_of(BLOCK).min(self.length);
                total += blocks.end - blocks.start;
                let all = number + 1 == MOST || total > self.length;
                let part = Part::read(self.file, if all { 0..self.length } else { blocks });
                let part = part.map_err(|error| _ = self.error.set(error))?;
                return slot.get_or_init(|| part).get(&range).ok_or(());
            };
            if let Some(bytes) = part.get(&range) {
                return Ok(bytes);
            }
            total += part.length as u64;
        }
        Err(())
    }
}

impl<'a> ReadRef<'a> for &'a Parts<'_> {
    fn len(self) -> Result<u64, ()> {
        Ok(self.length)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        // As slices answer it, which have nothing anywhere.
        if size == 0 { Ok(&[]) } else { self.get(offset..offset.checked_add(size).ok_or(())?) }
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        // All of the range: where one text is, more will be asked for.
        let bytes = self.get(range)?;
        bytes.iter().position(|&byte| byte == delimiter).map(|length| &bytes[..length]).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn total(parts: &Parts<'_>) -> usize {
        parts.parts.iter().filter_map(OnceCell::get).map(|part| part.length).sum()
    }

    #[test]
    fn only_what_is_asked_for_is_read() {
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        let file = file(&bytes);
        let parts = Parts::new(&file).unwrap();
        assert_eq!((&parts).read_bytes_at(500_000, 5000).unwrap(), &bytes[500_000..505_000]);
        assert_eq!((&parts).read_bytes_at(503_000, 1000).unwrap(), &bytes[503_000..504_000]);
        assert_eq!(total(&parts), 2 * BLOCK as usize);
    }

    #[test]
    fn however_much_is_asked_for_no_more_is_read_than_twice_the_file() {
        let small = file(&[1; 100_000]);
        let parts = Parts::new(&small).unwrap();
        for start in 0..1000 {
            assert_eq!((&parts).read_bytes_at(start * 50, 50_000).unwrap(), &[1; 50_000]);
        }
        assert!(total(&parts) <= 200_000);
        let large = file(&[1; 1_000_000]);
        let parts = Parts::new(&large).unwrap();
        for start in 0..1000 {
            (&parts).read_bytes_at(start * 1000, 1).unwrap();
        }
        assert!(total(&parts) <= 2_000_000);
    }

    #[test]
    fn a_file_that_is_cut_short_meanwhile_is_an_error() {
        let file = file(&[1; 10_000]);
        let parts = Parts::new(&file).unwrap();
        file.set_len(5000).unwrap();
        (&parts).read_bytes_at(0, 4096).unwrap();
        (&parts).read_bytes_at(4096, 4096).unwrap_err();
        assert_eq!(parts.error.into_inner().unwrap().kind(), io::ErrorKind::UnexpectedEof);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

        /// Whatever is asked, the answer is that of a slice.
        #[test]
        fn parts_are_as_the_whole(
            length in 0..20_000_usize,
            asked in prop::collection::vec((0..21_000_u64, 0..9000_u64, any::<u8>()), 1..40),
        ) {
            let bytes: Vec<u8> = (0..length).map(|n| (n / 7 % 256) as u8).collect();
            let file = file(&bytes);
            let (whole, parts) = (&*bytes, &Parts::new(&file).unwrap());
            for (start, size, byte) in asked {
                prop_assert_eq!(parts.read_bytes_at(start, size), whole.read_bytes_at(start, size));
                let end = start + size;
                prop_assert_eq!(parts.read_bytes_at_until(start..end, byte), whole.read_bytes_at_until(start..end, byte));
            }
        }
    }
}
