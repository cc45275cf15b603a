//! How the names of exports are hashed.

use std::hash::{BuildHasher, Hasher};

/// Hashes short texts fast, which is most of what a look-up does. Whoever chooses the names, to make them collide, is a
/// plugin, and could do worse.
#[derive(Clone, Copy, Default)]
pub(crate) struct NameHasher(u64);

impl BuildHasher for NameHasher {
    type Hasher = NameHasher;

    #[inline]
    fn build_hasher(&self) -> NameHasher {
        NameHasher(0)
    }
}

/// Every bit of the product's halves depends on all bits of both.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

impl Hasher for NameHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        // Digits of π.
        const KEYS: [u64; 2] = [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344];
        let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
        let (words, rest) = bytes.as_chunks::<8>();
        for bytes in words {
            self.0 = fold(self.0 ^ word(bytes) ^ KEYS[0], KEYS[1]);
        }
        // What is shorter than a word, with what is before it: no byte is left out, and the length counts.
        let last = match (bytes.last_chunk::<8>(), rest) {
            (_, []) => 0,
            (Some(last), _) => word(last),
            (None, rest) => rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        };
        self.0 = fold(self.0 ^ last ^ KEYS[1], KEYS[0] ^ bytes.len() as u64);
    }

    // What ends a text: its length is in already.
    #[inline]
    fn write_u8(&mut self, _: u8) {}
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_that_are_alike_are_apart() {
        let mut names: Vec<String> = (0..100_000).map(|number| format!("export_{number}")).collect();
        names.extend((0..40).map(|length| "\0".repeat(length)));
        let hashes =
            |bits: u32| names.iter().map(|name| NameHasher(0).hash_one(name) >> (64 - bits)).collect::<HashSet<_>>();
        assert_eq!(hashes(64).len(), names.len());
        // As many as there would be of random ones: of the highest bits, which are compared first, and of the lowest.
        assert_eq!(hashes(7).len(), 128);
        let low: HashSet<u64> = names.iter().map(|name| NameHasher(0).hash_one(name) & 0xFFFF).collect();
        assert!(low.len() > 50_000, "{}", low.len());
    }
}
