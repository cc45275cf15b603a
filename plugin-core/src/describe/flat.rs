//! A descriptor's bytes as the compiler writes them, for quick look-ups.

use super::node::Node;

/// A descriptor's flat bytes, if they are few: written by the compiler, so that a look-up compares them at once. What is
/// longer is walked.
#[derive(Debug)]
pub struct Flat {
    node: &'static Node,
    bytes: [u8; Flat::MOST],
    /// How many there are, or more than there is room for.
    len: usize,
}

impl Flat {
    /// Enough for a function that takes and returns a type of the author's with a dozen fields.
    const MOST: usize = 256;

    /// The bytes of `node`.
    pub const fn of(node: &'static Node) -> Self {
        let mut bytes = [0; Flat::MOST];
        let len = node.len();
        if len <= Flat::MOST {
            node.write(&mut bytes, 0);
        }
        Flat { node, bytes, len }
    }

    /// Whether `bytes` are exactly this descriptor.
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
        assert!(bytes.len() > Flat::MOST);
        assert!(flat.matches(&bytes));
        assert!(!flat.matches(&bytes[..Flat::MOST]));
    }
}
