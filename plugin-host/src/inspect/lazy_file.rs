//! [`LazyFile`]: reads from a file only the parts that inspection asks for.

use std::cell::{Cell, OnceCell};
use std::fs::File;
use std::io;
use std::ops::Range;

use object::ReadRef;
use object::pod::{bytes_of_slice, bytes_of_slice_mut};

use crate::error::Error;
use crate::error::at::FileError;

/// A file, or bytes in memory, that can be read at any offset.
pub(crate) trait ReadAt {
    /// Returns the number of bytes.
    fn length(&self) -> io::Result<u64>;

    /// Fills `buffer` with the bytes from `start` on.
    fn read_at(&self, buffer: &mut [u8], start: u64) -> io::Result<()>;
}

impl ReadAt for File {
    fn length(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }

    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8], start: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, buffer, start)
    }

    #[cfg(not(unix))]
    fn read_at(&self, buffer: &mut [u8], start: u64) -> io::Result<()> {
        use io::{Read as _, Seek as _};
        let mut file = self;
        file.seek(io::SeekFrom::Start(start))?;
        file.read_exact(buffer)
    }
}

impl ReadAt for [u8] {
    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], start: u64) -> io::Result<()> {
        let rest = usize::try_from(start).ok().and_then(|start| self.get(start..));
        let bytes = rest.and_then(|rest| rest.get(..buffer.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}

/// A file that inspection reads part by part. Every part that was read stays in memory.
///
/// The total length of the parts never exceeds the limit, even if the headers of a hostile file claim large lengths. A hole of
/// a sparse file counts, too: it takes no room on the disk, but takes memory once it is read.
///
/// If another process writes to the file meanwhile, one part can be older than another. A part that was read never changes.
pub(crate) struct LazyFile<'f, F: ReadAt + ?Sized> {
    file: &'f F,
    length: u64,
    limit: u64,
    /// The total length of the parts.
    total: Cell<u64>,
    /// The parts in the order of reading.
    parts: [OnceCell<Part>; MAX_PARTS],
    /// The first problem in reading a part.
    problem: OnceCell<Problem>,
}

enum Problem {
    Read(io::Error),
    /// The total length that was asked for.
    TooLarge(u64),
}

/// More parts than inspection asks for. It asks for headers, sections and their names, symbols and their names, flags and a
/// table.
const MAX_PARTS: usize = 16;

/// The unit of reading: inspection is likely to ask for the neighbouring bytes next.
const BLOCK_SIZE: u64 = 4096;

struct Part {
    start: u64,
    length: usize,
    /// Numbers in a file are read where they are, so they must be as aligned as they are in the file.
    words: Vec<u64>,
}

impl Part {
    fn read<F: ReadAt + ?Sized>(file: &F, range: Range<u64>) -> io::Result<Self> {
        let length = usize::try_from(range.end - range.start).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let count = length.div_ceil(size_of::<u64>());
        let mut words = Vec::new();
        words.try_reserve_exact(count).map_err(|_| io::ErrorKind::OutOfMemory)?;
        words.resize(count, 0);
        file.read_at(&mut bytes_of_slice_mut(&mut words)[..length], range.start)?;
        Ok(Part { start: range.start, length, words })
    }

    fn get(&self, range: &Range<u64>) -> Option<&[u8]> {
        let at = |offset: u64| usize::try_from(offset.checked_sub(self.start)?).ok();
        bytes_of_slice(&self.words)[..self.length].get(at(range.start)?..at(range.end)?)
    }
}

impl<'f, F: ReadAt + ?Sized> LazyFile<'f, F> {
    pub(crate) fn new(file: &'f F, limit: u64) -> io::Result<Self> {
        let length = file.length()?;
        let (parts, problem) = (Default::default(), OnceCell::new());
        Ok(LazyFile { file, length, limit, total: Cell::new(0), parts, problem })
    }

    /// Returns the cause of the error of an inspection. If a part could not be read, inspection took the file for a
    /// damaged one, and the cause is the error of reading.
    pub(crate) fn explain(self, error: FileError) -> FileError {
        let limit = self.limit;
        match self.problem.into_inner() {
            Some(Problem::Read(source)) => FileError::new(|path| Error::Read { path, source }),
            Some(Problem::TooLarge(found)) => FileError::new(move |path| Error::SymbolsTooLarge { path, found, limit }),
            None => error,
        }
    }

    fn fail<T>(&self, problem: Problem) -> Result<T, ()> {
        // The first problem causes the others.
        _ = self.problem.set(problem);
        Err(())
    }

    fn get(&self, range: Range<u64>) -> Result<&[u8], ()> {
        if range.start > range.end || range.end > self.length {
            return Err(());
        }
        let read = self.parts.iter().map_while(OnceCell::get);
        if let Some(bytes) = read.clone().find_map(|part| part.get(&range)) {
            return Ok(bytes);
        }
        // Only the headers of a hostile file lead to this many parts.
        let slot = self.parts.get(read.count()).ok_or(())?;
        let blocks = range.start / BLOCK_SIZE * BLOCK_SIZE..range.end.next_multiple_of(BLOCK_SIZE).min(self.length);
        let total = self.total.get().saturating_add(blocks.end - blocks.start);
        if total > self.limit {
            return self.fail(Problem::TooLarge(total));
        }
        self.total.set(total);
        match Part::read(self.file, blocks) {
            Ok(part) => slot.get_or_init(|| part).get(&range).ok_or(()),
            Err(error) => self.fail(Problem::Read(error)),
        }
    }
}

impl<'a, F: ReadAt + ?Sized> ReadRef<'a> for &'a LazyFile<'_, F> {
    fn len(self) -> Result<u64, ()> {
        Ok(self.length)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        // A slice returns no bytes at any offset, even beyond its end.
        if size == 0 { Ok(&[]) } else { self.get(offset..offset.checked_add(size).ok_or(())?) }
    }

    /// Always fails: inspection compares the start of a text and never asks for the whole, which may be long.
    fn read_bytes_at_until(self, _: Range<u64>, _: u8) -> Result<&'a [u8], ()> {
        Err(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::error::at::At as _;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    /// More than any test asks for.
    const LIMIT: u64 = 1 << 30;

    fn total(lazy: &LazyFile<'_, File>) -> usize {
        lazy.parts.iter().filter_map(OnceCell::get).map(|part| part.length).sum()
    }

    /// The error of a file at `a` that otherwise would be empty.
    fn explained<F: ReadAt>(lazy: LazyFile<'_, F>) -> Error {
        let error = lazy.explain(FileError::new(|path| Error::Empty { path }));
        Err::<(), _>(error).at("a".as_ref()).unwrap_err()
    }

    #[test]
    fn only_the_requested_blocks_are_read() {
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        let file = file(&bytes);
        let lazy = LazyFile::new(&file, LIMIT).unwrap();
        assert_eq!((&lazy).read_bytes_at(500_000, 5000).unwrap(), &bytes[500_000..505_000]);
        assert_eq!((&lazy).read_bytes_at(503_000, 1000).unwrap(), &bytes[503_000..504_000]);
        assert_eq!(total(&lazy), 2 * BLOCK_SIZE as usize);
    }

    #[test]
    fn reading_never_exceeds_the_limit() {
        let large = file(&[1; 1_000_000]);
        let lazy = LazyFile::new(&large, 100_000).unwrap();
        let read = (0..1000).filter(|start| (&lazy).read_bytes_at(start * 1000, 1).is_ok()).count();
        assert!(read >= 16 && total(&lazy) <= 100_000, "{read}");
        let lazy = LazyFile::new(&large, 100_000).unwrap();
        let read = (0..100).filter(|start| (&lazy).read_bytes_at(start * 10_000, 20_000).is_ok()).count();
        assert_eq!(read, 4);
        assert!(total(&lazy) <= 100_000);
        let message = "the headers and symbols of `a` are too large: at least 118784 bytes, where at most 100000 are read; \
                       allow more with `Limits::with_symbols`";
        assert_eq!(explained(lazy).to_string(), message);
        // A hole of a sparse file counts as well.
        let sparse = file(&[]);
        sparse.set_len(1 << 40).unwrap();
        let lazy = LazyFile::new(&sparse, 100_000).unwrap();
        (&lazy).read_bytes_at(0, 1 << 35).unwrap_err();
        assert_eq!(total(&lazy), 0);
        assert!(matches!(explained(lazy), Error::SymbolsTooLarge { found, .. } if found == 1 << 35));
    }

    #[test]
    fn a_file_that_is_cut_short_meanwhile_is_an_error() {
        let file = file(&[1; 10_000]);
        let lazy = LazyFile::new(&file, LIMIT).unwrap();
        file.set_len(5000).unwrap();
        (&lazy).read_bytes_at(0, 4096).unwrap();
        (&lazy).read_bytes_at(4096, 4096).unwrap_err();
        let error = explained(lazy);
        assert!(matches!(error, Error::Read { source, .. } if source.kind() == io::ErrorKind::UnexpectedEof));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

        /// A lazy file answers as a slice does, as long as it has at most `MAX_PARTS` parts.
        #[test]
        fn a_lazy_file_reads_as_the_whole(
            length in 0..20_000_usize,
            asked in prop::collection::vec((0..21_000_u64, 0..9000_u64), 1..MAX_PARTS),
        ) {
            let bytes: Vec<u8> = (0..length).map(|n| (n / 7 % 256) as u8).collect();
            let file = file(&bytes);
            let (whole, lazy) = (&*bytes, &LazyFile::new(&file, LIMIT).unwrap());
            let in_memory = &LazyFile::new(whole, LIMIT).unwrap();
            for (start, size) in asked {
                prop_assert_eq!(lazy.read_bytes_at(start, size), whole.read_bytes_at(start, size));
                prop_assert_eq!(in_memory.read_bytes_at(start, size), whole.read_bytes_at(start, size));
            }
        }
    }
}
