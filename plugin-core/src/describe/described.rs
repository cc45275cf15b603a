//! A descriptor and its fields of a record, written by the compiler once for all items of one type.

use super::bytes::{little_endian, put};
use super::node::Node;

/// A descriptor, and two fields of a record: the bytes of the descriptor, and the modules of its named types. The compiler
/// interprets the walk through the descriptor, so the walk is not made again for each record.
#[derive(Debug)]
pub struct Described {
    node: &'static Node,
    /// The two fields. They are absent if they are too long.
    fields: [u8; Described::MAX_LEN],
    len: usize,
}

impl Described {
    /// The largest number of bytes that are kept.
    const MAX_LEN: usize = 512;

    /// The fields of `node`.
    pub const fn of(node: &'static Node) -> Self {
        let (descriptor, modules) = node.lengths();
        let len = 4 + descriptor + 4 + modules;
        let mut fields = [0; Described::MAX_LEN];
        if len <= Described::MAX_LEN {
            write(node, &mut fields, 0);
        }
        Described { node, fields, len }
    }

    /// The number of bytes in the two fields.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns false: each field has its length.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes the two fields into `out` from `at` on, and returns the place after them.
    pub(super) const fn write(&self, out: &mut [u8], at: usize) -> usize {
        match self.len <= Described::MAX_LEN {
            true => {
                let len = self.len;
                assert!(at + len <= out.len());
                if len != 0 {
                    // SAFETY: `fields` has `len` bytes, as the match says. `out` has as many from `at` on, as the assertion says.
                    // `out` is borrowed mutably, so the two do not overlap.
                    unsafe { std::ptr::copy_nonoverlapping(&raw const self.fields[0], &raw mut out[at], len) }
                }
                at + len
            }
            false => write(self.node, out, at),
        }
    }
}

const fn write(node: &'static Node, out: &mut [u8], at: usize) -> usize {
    let (start, (descriptor, modules)) = (at + 4, node.lengths());
    put(out, at, &little_endian(descriptor as u32));
    let at = node.write(out, start);
    put(out, at, &little_endian(modules as u32));
    match modules {
        0 => at + 4,
        _ => node.write_modules(out, at + 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PluginType;

    #[test]
    fn fields_are_the_same_whether_they_are_kept_or_not() {
        type Eight<T> = (T, T, T, T, T, T, T, T);
        for (node, are_kept) in [(<Option<u32>>::NODE, true), (<Eight<Eight<Eight<Eight<u8>>>>>::NODE, false)] {
            let described = Described::of(node);
            assert_eq!(described.len() <= Described::MAX_LEN, are_kept);
            let mut written = vec![0; described.len()];
            assert_eq!(described.write(&mut written, 0), written.len());
            let field = |bytes: Vec<u8>| [&(bytes.len() as u32).to_le_bytes()[..], &bytes].concat();
            assert_eq!(written, [field(node.to_bytes()), field(node.to_modules().into_bytes())].concat());
        }
    }
}
