//! The bytes of a descriptor, written by the compiler, for quick look-ups.

use super::node::Node;

/// A descriptor's bytes, if they are few. The compiler writes them, so a look-up compares them at once. A look-up walks
/// a longer descriptor.
#[derive(Debug)]
pub struct Flat {
    node: &'static Node,
    bytes: [u8; Flat::MAX_LEN],
    /// The number of bytes. It may be larger than the array, which is empty then.
    len: usize,
}

impl Flat {
    /// The largest number of bytes that are kept. It is enough for a function that takes and returns a user type with a
    /// dozen fields.
    const MAX_LEN: usize = 256;

    /// The bytes of `node`.
    pub const fn of(node: &'static Node) -> Self {
        let mut bytes = [0; Flat::MAX_LEN];
        let len = node.len();
        if len <= Flat::MAX_LEN {
            node.write(&mut bytes, 0);
        }
        Flat { node, bytes, len }
    }

    /// Returns true if `bytes` are exactly this descriptor.
    #[inline]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        match self.bytes.get(..self.len) {
            Some(own) => own == bytes,
            None => self.node.matches(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PluginType;

    #[test]
    fn a_prefix_does_not_match() {
        let node = <Option<u32>>::NODE;
        assert!(node.matches(&[36, 6]));
        assert!(!node.matches(&[36]));
        assert!(!node.matches(&[36, 6, 6]));
        assert!(!node.matches(&[6]));
        let flat = Flat::of(node);
        assert!(flat.matches(&[36, 6]));
        assert!(!flat.matches(&[36]));
        assert!(!flat.matches(&[36, 6, 0]));
    }

    #[test]
    fn a_descriptor_that_is_too_long_to_be_flat_is_walked() {
        type Eight<T> = (T, T, T, T, T, T, T, T);
        let node = <Eight<Eight<Eight<u8>>>>::NODE;
        let (flat, bytes) = (Flat::of(node), node.to_bytes());
        assert!(bytes.len() > Flat::MAX_LEN);
        assert!(flat.matches(&bytes));
        assert!(!flat.matches(&bytes[..Flat::MAX_LEN]));
    }
}
