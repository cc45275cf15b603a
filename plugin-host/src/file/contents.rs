//! The contents of a library: a file, or bytes in memory.

use std::io::Write;

use sha2::{Digest as _, Sha256};

use crate::error::at::FileError;
use crate::file::open::{Opened, copy_digesting, not_read, too_large};
use crate::inspect::limits::Limits;
use crate::load::digest::Digest;

/// The source of a copy.
pub(crate) trait Contents {
    /// Copies everything, and returns the digest of the copied bytes if the digest is `wanted`.
    fn copy<W: Write>(&self, limits: &Limits, wanted: bool, to: &mut W) -> Result<Option<Digest>, FileError>;
}

impl Contents for Opened {
    fn copy<W: Write>(&self, limits: &Limits, wanted: bool, to: &mut W) -> Result<Option<Digest>, FileError> {
        Opened::copy(self, limits, wanted, to)
    }
}

impl Contents for [u8] {
    fn copy<W: Write>(&self, limits: &Limits, wanted: bool, to: &mut W) -> Result<Option<Digest>, FileError> {
        check_length(self, limits)?;
        if !wanted {
            to.write_all(self).map_err(not_read)?;
            return Ok(None);
        }
        let (mut bytes, mut hasher) = (self, Sha256::new());
        copy_digesting(&mut bytes, &mut hasher, to).map_err(not_read)?;
        Ok(Some(<[u8; 32]>::from(hasher.finalize()).into()))
    }
}

/// Refuses too many bytes.
pub(crate) fn check_length(bytes: &[u8], limits: &Limits) -> Result<(), FileError> {
    let length = bytes.len() as u64;
    if length > limits.file { Err(too_large(length, limits)) } else { Ok(()) }
}
