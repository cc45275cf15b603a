//! [`Digest`]: the SHA-256 digest of a file's bytes.

use std::fmt;
use std::str::FromStr;

/// The SHA-256 digest of a file's bytes. As text it has 64 hexadecimal digits, as `sha256sum` prints them. For another example
/// see [`Trust::digests`](crate::Trust::digests).
///
/// # Example
///
/// ```
/// use plugin_host::{Digest, Host, Trust};
///
/// let reviewed: Digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".parse()?;
/// assert_eq!(reviewed, Trust::digest_of(b""));
/// // SAFETY: we have built and reviewed the file with this digest.
/// let host = Host::new(unsafe { Trust::digests([reviewed]) });
/// # Ok::<(), plugin_host::ParseDigestError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Returns the bytes of the digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Digest(bytes)
    }
}

impl From<Digest> for [u8; 32] {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// The number of digits of a digest as text.
const DIGITS: usize = 64;

impl FromStr for Digest {
    type Err = ParseDigestError;

    /// Parses 64 hexadecimal digits, in upper or lower case.
    fn from_str(text: &str) -> Result<Self, ParseDigestError> {
        let mut bytes = [0; DIGITS / 2];
        for (place, found) in text.chars().enumerate() {
            let Some(digit) = found.to_digit(16) else {
                return Err(ParseDigestError(Found::Character { place: place + 1, found }));
            };
            // The length is checked below.
            if let Some(byte) = bytes.get_mut(place / 2) {
                *byte = *byte << 4 | digit as u8;
            }
        }
        match text.len() {
            DIGITS => Ok(Digest(bytes)),
            digits => Err(ParseDigestError(Found::Digits(digits))),
        }
    }
}

/// An error of parsing a [`Digest`].
///
/// # Example
///
/// ```
/// let error = "e3b0c44298fc1c14".parse::<plugin_host::Digest>().unwrap_err();
/// assert_eq!(error.to_string(), "not a SHA-256 digest: expected 64 hexadecimal digits, found 16");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseDigestError(Found);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Digits(usize),
    /// A character that is not a hexadecimal digit, and its place from 1.
    Character {
        place: usize,
        found: char,
    },
}

impl fmt::Display for ParseDigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a SHA-256 digest: expected {DIGITS} hexadecimal digits, found ")?;
        match self.0 {
            Found::Digits(digits) => write!(f, "{digits}"),
            Found::Character { place, found } => write!(f, "{found:?} as character {place}"),
        }
    }
}

impl std::error::Error for ParseDigestError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_text_and_back() {
        let digest = Digest(std::array::from_fn(|index| 8 * index as u8 + 3));
        let text = digest.to_string();
        assert_eq!((text.len(), &text[..8]), (64, "030b131b"));
        assert_eq!((text.parse(), text.to_uppercase().parse()), (Ok(digest), Ok(digest)));
        assert_eq!(format!("{digest:?}"), format!("Digest({text})"));
    }

    #[test]
    fn another_text_is_refused_and_the_error_says_why() {
        let text = Digest([0xAB; 32]).to_string();
        let error = |text: &str| text.parse::<Digest>().unwrap_err().to_string();
        let start = "not a SHA-256 digest: expected 64 hexadecimal digits, found";
        assert_eq!(error(""), format!("{start} 0"));
        assert_eq!(error(&text[1..]), format!("{start} 63"));
        assert_eq!(error(&format!("{text}00")), format!("{start} 66"));
        assert_eq!(error(&format!("{text}  libgreeter.so")), format!("{start} ' ' as character 65"));
        assert_eq!(error(&text.replacen("ab", "xy", 1)), format!("{start} 'x' as character 1"));
        assert_eq!(error(&format!("é{}", &text[2..])), format!("{start} 'é' as character 1"));
        assert_eq!(error(&format!("{}\n", &text[1..])), format!("{start} '\\n' as character 64"));
    }
}
