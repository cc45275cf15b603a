//! A descriptor and its bytes, as far as they are few, written by the compiler once for all items of one type.

use super::bytes::put;
use super::node::Node;

/// A descriptor, the bytes of it, and the modules of its named types. The compiler interprets the walk through the
/// descriptor, so the walk is not made again for each record.
#[derive(Debug)]
pub struct Described {
    node: &'static Node,
    /// The descriptor's bytes, and then those of the modules. They are absent if they are too many.
    bytes: [u8; Described::MAX_LEN],
    len: usize,
    modules_len: usize,
}

impl Described {
    /// The largest number of bytes that are kept.
    const MAX_LEN: usize = 512;

    /// The bytes of `node`.
    pub const fn of(node: &'static Node) -> Self {
        let mut bytes = [0; Described::MAX_LEN];
        let (len, modules_len) = node.lengths();
        if len + modules_len <= Described::MAX_LEN {
            let at = node.write(&mut bytes, 0);
            if modules_len > 0 {
                node.write_modules(&mut bytes, at);
            }
        }
        Described { node, bytes, len, modules_len }
    }

    /// The number of the descriptor's bytes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns false: a descriptor has at least its tag.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// The number of bytes that [`Described::write_modules`] writes.
    pub const fn modules_len(&self) -> usize {
        self.modules_len
    }

    const fn are_kept(&self) -> bool {
        self.len + self.modules_len <= Described::MAX_LEN
    }

    /// Writes the descriptor's bytes into `out` from `at` on, and returns the place after them.
    pub(super) const fn write(&self, out: &mut [u8], at: usize) -> usize {
        match self.are_kept() {
            true => put(out, at, self.bytes.split_at(self.len).0),
            false => self.node.write(out, at),
        }
    }

    /// Writes the modules of the named types into `out` from `at` on, one a line, in the order of the types. Returns
    /// the place after them.
    pub(super) const fn write_modules(&self, out: &mut [u8], at: usize) -> usize {
        match self.are_kept() {
            true => put(out, at, self.bytes.split_at(self.len).1.split_at(self.modules_len).0),
            false => self.node.write_modules(out, at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PluginType;

    fn written(described: &Described) -> Vec<u8> {
        let mut bytes = vec![0; described.len() + described.modules_len()];
        let at = described.write(&mut bytes, 0);
        assert_eq!(described.write_modules(&mut bytes, at), bytes.len());
        bytes
    }

    #[test]
    fn bytes_are_the_same_whether_they_are_kept_or_not() {
        type Eight<T> = (T, T, T, T, T, T, T, T);
        for (node, are_kept) in [(<Option<u32>>::NODE, true), (<Eight<Eight<Eight<Eight<u8>>>>>::NODE, false)] {
            let described = Described::of(node);
            assert_eq!(described.are_kept(), are_kept);
            assert_eq!(written(&described), [node.to_bytes(), node.to_modules().into_bytes()].concat());
        }
    }
}
