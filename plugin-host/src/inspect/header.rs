//! The header of a plugin's table, in a file or in memory.

use plugin_core::host::table::{ABI_VERSION, MAGIC, TABLE_SYMBOL, TABLE_V1_SIZE};

use crate::error::Error;
use crate::error::at::FileError;

/// The first fields of a table. They are the same in every version of the table.
pub(crate) struct Header {
    magic: [u8; 8],
    abi: u32,
    size: u32,
}

impl Header {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let (abi, rest) = rest.split_first_chunk::<4>()?;
        let (size, _) = rest.split_first_chunk::<4>()?;
        Some(Header { magic: *magic, abi: u32::from_ne_bytes(*abi), size: u32::from_ne_bytes(*size) })
    }

    /// Checks the header. `size` is the real length of the table, if it is known.
    pub(crate) fn check(&self, size: Option<u64>) -> Result<(), FileError> {
        if self.magic != MAGIC {
            return Err(FileError::damaged(format!("its `{TABLE_SYMBOL}` does not begin as a table does")));
        }
        if self.abi != ABI_VERSION {
            let found = self.abi;
            return Err(FileError::new(move |path| Error::AbiVersion { path, expected: ABI_VERSION, found }));
        }
        let (says, needed) = (u64::from(self.size), TABLE_V1_SIZE as u64);
        let too_short = |expected, found| FileError::new(move |path| Error::TableTooShort { path, expected, found });
        if says < needed {
            return Err(too_short(needed, says));
        }
        match size {
            Some(size) if size < says => Err(too_short(says, size)),
            _ => Ok(()),
        }
    }
}
