//! [`Trust`]: the files that may be loaded. It is the one promise that the host's author makes.

use std::collections::BTreeSet;
use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::error::at::FileError;
use crate::file::mapping::Mapping;
use crate::load::digest::Digest;

/// The plugin files that a host may load.
///
/// Native code can do anything, and no check before it runs can rule that out. So making a `Trust` is `unsafe`. Loading,
/// looking up and calling are then safe.
///
/// # Example
///
/// ```
/// use plugin_host::Trust;
///
/// // SAFETY: this program loads only plugins that were built with the SDK, from directories that only it writes to.
/// let trust = unsafe { Trust::any() };
/// ```
#[derive(Clone)]
pub struct Trust(Policy);

#[derive(Clone)]
enum Policy {
    None,
    Any,
    Digests(BTreeSet<Digest>),
}

impl Trust {
    /// Trusts no file: for hosts that serve only [linked](crate::Host::linked) plugins.
    pub fn none() -> Self {
        Trust(Policy::None)
    }

    /// Trusts every file that is asked for.
    ///
    /// # Safety
    ///
    /// Every file that the host will be asked to load is a sound library. A plugin was built with the SDK from safe or soundly
    /// unsafe code, and was not tampered with. While the host runs, the file is replaced only by another such file.
    pub unsafe fn any() -> Self {
        Trust(Policy::Any)
    }

    /// Trusts the files whose bytes have these SHA-256 digests, and no others.
    ///
    /// The host maps the same bytes that it digested. So the promise is only about files with these digests.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use plugin_host::{Host, Trust};
    ///
    /// let reviewed = Trust::digest_of(&std::fs::read("plugins/libgreeter.so")?);
    /// // SAFETY: we have built and reviewed exactly this file.
    /// let host = Host::new(unsafe { Trust::digests([reviewed]) });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Safety
    ///
    /// Each file with one of the digests is a sound library, as for [`any`](Self::any).
    pub unsafe fn digests(digests: impl IntoIterator<Item = Digest>) -> Self {
        Trust(Policy::Digests(digests.into_iter().collect()))
    }

    /// Returns the digest of a file's bytes, for [`digests`](Self::digests).
    pub fn digest_of(bytes: &[u8]) -> Digest {
        <[u8; 32]>::from(Sha256::digest(bytes)).into()
    }

    /// Decides about a file as far as that is possible before it is read.
    pub(crate) fn ask(&self, mapping: Mapping) -> Result<Grant, FileError> {
        let reason = match &self.0 {
            Policy::Any => return Ok(Grant::Given),
            Policy::Digests(_) if mapping == Mapping::Private => return Ok(Grant::ByDigest),
            Policy::Digests(_) => {
                "mapped in place, it may be another file than the one that was digested; use `Mapping::Private`"
            }
            Policy::None => "this host trusts no files; create it with a `Trust` that covers this one",
        };
        Err(not_trusted(reason.to_owned()))
    }

    /// Decides about a file by the digest of its bytes.
    pub(crate) fn check(&self, digest: &Digest) -> Result<(), FileError> {
        let Policy::Digests(digests) = &self.0 else { return Ok(()) };
        if digests.contains(digest) {
            return Ok(());
        }
        let count = digests.len();
        let reason = format!("its SHA-256 digest {digest} is not among the {count} that this host trusts");
        Err(not_trusted(reason))
    }
}

fn not_trusted(reason: String) -> FileError {
    FileError::new(|path| Error::NotTrusted { path, reason })
}

/// The answer of [`Trust::ask`] about a file that is not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    /// The file is trusted.
    Given,
    /// The digest of the file decides: see [`Trust::check`].
    ByDigest,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Policy::None => f.write_str("Trust::none"),
            Policy::Any => f.write_str("Trust::any"),
            Policy::Digests(digests) => {
                f.write_str("Trust::digests")?;
                f.debug_set().entries(digests.iter().map(Digest::to_string)).finish()
            }
        }
    }
}
