//! Records: facts about a plugin that can be read from its file while no code of the plugin runs.
//!
//! Records are constants in a link section. A registered export points at the same bytes, so a host calls exactly the
//! export that it has inspected.
//!
//! ```text
//! record = mark (4 bytes) | length of all that follows (u32) | kind (1 byte) | field*
//! field  = length (u32) | bytes
//! ```
//!
//! Numbers are little-endian. A field is known by its position. New fields are only added at the end, and a reader
//! ignores the fields that it does not know. Linkers may put zero bytes between records.
//!
//! The module `host` shows this one to `plugin-host`, which reads the records that this crate writes.

use super::bytes::{little_endian, put, put_array};
use super::described::Described;

/// The link section that holds the records.
pub const SECTION: &str = if cfg!(target_vendor = "apple") { "__plugin" } else { ".plugin" };

/// The first bytes of each record. They are not text, and not zero, because zero bytes are padding.
pub const MARK: [u8; 4] = *b"\xFAplg";

/// The subject of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Kind {
    /// The build of the library. Each library has one such record. See [`Build`].
    Build = 1,
    /// A function or static that can be looked up. See [`Item`].
    Export = 2,
    /// A function that runs when the library is attached. See [`Item`].
    Init = 3,
    /// A function that runs when the library is detached. See [`Item`].
    Shutdown = 4,
    /// A function that returns the state for the next version of the plugin. See [`Item`]. Its descriptor is `fn() ->
    /// S`.
    Save = 5,
    /// A function that takes the state of the previous version. See [`Item`]. Its descriptor is that of the function
    /// whose state it takes, `fn() -> S`.
    Restore = 6,
}

impl Kind {
    /// The kind with the number `byte`, if that is the number of a kind.
    pub const fn from_byte(byte: u8) -> Option<Kind> {
        Some(match byte {
            1 => Kind::Build,
            2 => Kind::Export,
            3 => Kind::Init,
            4 => Kind::Shutdown,
            5 => Kind::Save,
            6 => Kind::Restore,
            _ => return None,
        })
    }
}

/// One field of a record, or several.
#[derive(Clone, Copy)]
pub enum Field {
    /// These bytes.
    Bytes(&'static [u8]),
    /// This number.
    Number(u32),
    /// These lines, with a line feed between them.
    Lines(&'static [&'static str]),
}

/// A record as a constant, before it is encoded.
#[derive(Clone, Copy)]
pub struct Record<const COUNT: usize> {
    /// The subject.
    pub kind: Kind,
    /// The fields in order.
    pub fields: [Field; COUNT],
}

const HEADER: usize = MARK.len() + 4;

impl<const COUNT: usize> Record<COUNT> {
    /// Returns the number of bytes that [`Record::encode`] makes.
    pub const fn len(&self) -> usize {
        let mut len = HEADER + 1;
        let mut i = 0;
        while i < COUNT {
            len += match &self.fields[i] {
                Field::Bytes(bytes) => 4 + bytes.len(),
                Field::Number(_) => 8,
                Field::Lines(lines) => lines_len(lines),
            };
            i += 1;
        }
        len
    }

    /// Returns false: a record has at least its header.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Returns the bytes. `N` is [`Record::len`].
    ///
    /// # Panics
    ///
    /// If `N` is not [`Record::len`].
    pub const fn encode<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        let ([a, b, c, d], [e, f, g, h]) = (MARK, little_endian((N - HEADER) as u32));
        let mut at = put(&mut out, 0, &[a, b, c, d, e, f, g, h, self.kind as u8]);
        let mut i = 0;
        while i < COUNT {
            at = match &self.fields[i] {
                Field::Bytes(bytes) => {
                    at = put(&mut out, at, &little_endian(bytes.len() as u32));
                    put(&mut out, at, bytes)
                }
                Field::Number(number) => {
                    let [a, b, c, d] = little_endian(*number);
                    put(&mut out, at, &[4, 0, 0, 0, a, b, c, d])
                }
                Field::Lines(lines) => put_lines(&mut out, at, lines),
            };
            i += 1;
        }
        assert!(at == N);
        out
    }
}

/// Returns the number of bytes in a field with these lines.
const fn lines_len(lines: &[&str]) -> usize {
    let (mut len, mut i) = (4, 0);
    while i < lines.len() {
        len += lines[i].len() + (i != 0) as usize;
        i += 1;
    }
    len
}

/// Writes a field with these lines into `out` from `at` on, and returns the place after it.
const fn put_lines(out: &mut [u8], at: usize, lines: &[&str]) -> usize {
    let start = at + 4;
    let (mut end, mut i) = (start, 0);
    while i < lines.len() {
        if i != 0 {
            out[end] = b'\n';
            end += 1;
        }
        end = put(out, end, lines[i].as_bytes());
        i += 1;
    }
    put(out, at, &little_endian((end - start) as u32));
    end
}

/// The error for bytes that should be records and are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The place of the error: the number of bytes from the start of the section.
    pub offset: usize,
    /// The thing that was expected at this place.
    pub expected: &'static str,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at byte {} of its records there is no {}", self.offset, self.expected)
    }
}

/// A record that was read: the number of its kind, and its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRecord<'a> {
    /// The number of the record's kind. This version may not know the kind.
    pub kind: u8,
    /// The fields in order, as far as this version knows them.
    pub fields: [Option<&'a [u8]>; Item::FIELDS],
    /// The whole record.
    pub bytes: &'a [u8],
}

fn take_u32(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*number) as usize, rest))
}

impl<'a> RawRecord<'a> {
    /// Reads the first record of `section`, and returns the record and the bytes after it. Returns `None` if only
    /// padding is left.
    ///
    /// # Errors
    ///
    /// If `section` contains something else. The function never panics, also for hostile bytes.
    pub fn read(section: &'a [u8]) -> Result<Option<(RawRecord<'a>, &'a [u8])>, Malformed> {
        let Some(start) = section.iter().position(|&byte| byte != 0) else {
            return Ok(None);
        };
        let malformed = |at: &[u8], expected| Malformed { offset: section.len() - at.len(), expected };
        let all = &section[start..];
        let body = all.strip_prefix(&MARK).ok_or_else(|| malformed(all, "record"))?;
        let (len, body) = take_u32(body).ok_or_else(|| malformed(body, "length"))?;
        let (body, rest) = body.split_at_checked(len).ok_or_else(|| malformed(body, "whole record"))?;
        let (&kind, mut left) = body.split_first().ok_or_else(|| malformed(body, "kind"))?;
        let mut fields = [None; Item::FIELDS];
        let mut known = fields.iter_mut();
        while !left.is_empty() {
            let (len, after) = take_u32(left).ok_or_else(|| malformed(rest, "whole field before"))?;
            let (field, after) = after.split_at_checked(len).ok_or_else(|| malformed(rest, "whole field before"))?;
            if let Some(known) = known.next() {
                *known = Some(field);
            }
            left = after;
        }
        Ok(Some((RawRecord { kind, fields, bytes: &all[..HEADER + len] }, rest)))
    }

    fn text(&self, field: usize) -> Option<&'a str> {
        std::str::from_utf8(self.fields[field]?).ok()
    }

    fn number(&self, field: usize) -> Option<u32> {
        Some(u32::from_le_bytes(self.fields[field]?.try_into().ok()?))
    }
}

/// The content of a [`Kind::Build`] record: how a library was built. A host compares the ABI version only. The rest is
/// for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build<'a> {
    /// The version of everything on which the two sides must agree.
    pub abi: u32,
    /// The version of plugin-core.
    pub sdk: &'a str,
    /// The name and version that the compiler prints.
    pub rustc: &'a str,
    /// The target triple.
    pub target: &'a str,
    /// `unwind` or `abort`.
    pub panic: &'a str,
}

impl<'a> Build<'a> {
    /// Reads the fields of a [`Kind::Build`] record.
    pub fn read(record: &RawRecord<'a>) -> Option<Self> {
        Some(Build {
            abi: record.number(0)?,
            sdk: record.text(1)?,
            rustc: record.text(2)?,
            target: record.text(3)?,
            panic: record.text(4)?,
        })
    }
}

/// The facts about an annotated item that only its place and its words tell.
pub struct Source {
    /// The encoded fields [`Item::package`] and [`Item::version`].
    pub package: &'static [u8],
    /// See [`Item::module`].
    pub module: &'static str,
    /// See [`Item::line`].
    pub line: u32,
    /// See [`Item::column`].
    pub column: u32,
    /// The fields from [`Item::name`] to [`Item::in_library`].
    pub words: Words,
}

/// The fields of a record from [`Item::name`] to [`Item::in_library`].
pub enum Words {
    /// The encoded fields.
    Encoded(&'static [u8]),
    /// The fields of an item with a doc comment that a macro makes.
    Documented {
        /// The encoded field [`Item::name`].
        name: &'static [u8],
        /// The lines of [`Item::docs`].
        docs: &'static [&'static str],
        /// The other fields, encoded.
        rest: &'static [u8],
    },
}

impl Source {
    /// Returns the number of bytes in the record of the item, which has this descriptor.
    pub const fn record_len(&self, described: &'static Described) -> usize {
        let words = match &self.words {
            Words::Encoded(words) => words.len(),
            Words::Documented { name, docs, rest } => name.len() + lines_len(docs) + rest.len(),
        };
        HEADER + 1 + self.package.len() + 4 + self.module.len() + 16 + words + described.len()
    }

    /// Returns the record of the item, which has this kind and this descriptor. The opposite of [`Item::read`]. `N` is
    /// [`Source::record_len`]. The compiler interprets this function for each export. Calls cost it the most time, so the function
    /// makes few calls.
    ///
    /// # Panics
    ///
    /// If `N` is not [`Source::record_len`].
    pub const fn record<const N: usize>(&self, kind: Kind, described: &'static Described) -> [u8; N] {
        let mut out = [0; N];
        let ([a, b, c, d], [e, f, g, h]) = (MARK, little_endian((N - HEADER) as u32));
        put_array!(out, 0, [a, b, c, d, e, f, g, h, kind as u8] => 9);
        let mut at = put(&mut out, HEADER + 1, self.package);
        let module = self.module.as_bytes();
        put_array!(out, at, little_endian(module.len() as u32) => 4);
        at = put(&mut out, at + 4, module);
        let ([a, b, c, d], [e, f, g, h]) = (little_endian(self.line), little_endian(self.column));
        put_array!(out, at, [4, 0, 0, 0, a, b, c, d, 4, 0, 0, 0, e, f, g, h] => 16);
        at += 16;
        at = match &self.words {
            Words::Encoded(words) => put(&mut out, at, words),
            Words::Documented { name, docs, rest } => {
                at = put(&mut out, at, name);
                at = put_lines(&mut out, at, docs);
                put(&mut out, at, rest)
            }
        };
        assert!(described.write(&mut out, at) == N);
        out
    }
}

/// One annotated item: the content of every record except [`Kind::Build`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The subject of the record.
    pub kind: Kind,
    /// The package that contains the item.
    pub package: &'a str,
    /// The package's version.
    pub version: &'a str,
    /// The module that contains the item, with the crate first.
    pub module: &'a str,
    /// The source line.
    pub line: u32,
    /// The source column.
    pub column: u32,
    /// The name by which a host finds the item.
    pub name: &'a str,
    /// The doc comment of the item.
    pub docs: &'a str,
    /// The names of a function's arguments, one a line.
    pub arguments: &'a str,
    /// True if the item is in the crate that was compiled as the library. False if it is in a dependency of that crate.
    pub in_library: bool,
    /// The descriptor's bytes.
    pub descriptor: &'a [u8],
    /// The modules of the named types in the descriptor, one a line, in the order of the types' first appearance. They
    /// are for messages. The records of earlier versions have no modules.
    pub modules: &'a str,
}

impl<'a> Item<'a> {
    /// The number of fields. A record of a later version may have more.
    const FIELDS: usize = 11;

    /// Reads the fields of an item's record.
    pub fn read(record: &RawRecord<'a>) -> Option<Self> {
        Some(Item {
            kind: Kind::from_byte(record.kind)?,
            package: record.text(0)?,
            version: record.text(1)?,
            module: record.text(2)?,
            line: record.number(3)?,
            column: record.number(4)?,
            name: record.text(5)?,
            docs: record.text(6)?,
            arguments: record.text(7)?,
            in_library: record.text(8) == Some("library"),
            descriptor: record.fields[9]?,
            modules: record.text(10).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Record<4> = Record {
        kind: Kind::Export,
        fields: [Field::Bytes(b"ab"), Field::Lines(&["x", "y"]), Field::Lines(&[]), Field::Number(1)],
    };
    const BYTES: [u8; ONE.len()] = ONE.encode();

    #[test]
    fn what_is_written_is_read() {
        let mut section = vec![0, 0];
        section.extend(BYTES);
        section.push(0);
        section.extend(BYTES);
        section.extend([0; 5]);
        let (record, rest) = RawRecord::read(&section).unwrap().unwrap();
        assert_eq!(record.kind, Kind::Export as u8);
        assert_eq!(record.fields[..5], [Some(&b"ab"[..]), Some(b"x\ny"), Some(b""), Some(&[1, 0, 0, 0]), None]);
        assert_eq!(record.bytes, BYTES);
        assert_eq!((record.text(1), record.number(3), record.number(0)), (Some("x\ny"), Some(1), None));
        let (_, rest) = RawRecord::read(rest).unwrap().unwrap();
        assert_eq!(RawRecord::read(rest), Ok(None));
    }

    #[test]
    fn a_record_is_the_same_whether_a_macro_makes_the_docs_or_not() {
        const DESCRIBED: &Described = &Described::of(<u8 as crate::PluginType>::NODE);
        const fn source(words: Words) -> Source {
            Source { package: b"\x01\0\0\0p\x01\0\0\0v", module: "m", line: 1, column: 300, words }
        }
        const ENCODED: Source = source(Words::Encoded(b"\x01\0\0\0n\x03\0\0\0x\ny\x01\0\0\0a\x07\0\0\0library"));
        const DOCUMENTED: Source = source(Words::Documented {
            name: b"\x01\0\0\0n",
            docs: &["x", "y"],
            rest: b"\x01\0\0\0a\x07\0\0\0library",
        });
        const BYTES: [u8; ENCODED.record_len(DESCRIBED)] = ENCODED.record(Kind::Init, DESCRIBED);
        const SAME: [u8; DOCUMENTED.record_len(DESCRIBED)] = DOCUMENTED.record(Kind::Init, DESCRIBED);
        assert_eq!(BYTES, SAME);
        let (record, rest) = RawRecord::read(&BYTES).unwrap().unwrap();
        let item = Item::read(&record).unwrap();
        assert_eq!((item.kind, item.package, item.version, item.module), (Kind::Init, "p", "v", "m"));
        assert_eq!((item.line, item.column, item.name, item.docs), (1, 300, "n", "x\ny"));
        assert_eq!((item.arguments, item.in_library, item.modules), ("a", true, ""));
        assert_eq!((item.descriptor, rest), (&<u8 as crate::PluginType>::NODE.to_bytes()[..], &[][..]));
    }

    #[test]
    fn every_truncation_is_malformed() {
        for len in 1..BYTES.len() {
            assert!(RawRecord::read(&BYTES[..len]).is_err(), "{len}");
        }
    }
}
