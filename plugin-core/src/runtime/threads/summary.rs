//! The summary for the host: everything of the library that may still be called.

#[cfg(feature = "host")]
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use super::controlled::REACHED;
use super::{escapes, noted};
use crate::abi::{Escaped, escaped};
use crate::runtime::image::is_own;

struct Probe;

impl Drop for Probe {
    fn drop(&mut self) {}
}

thread_local! {
    static PROBE: Probe = const { Probe };
}

/// Makes std register a destructor, to find out whether std calls this library's definition. A std in a library of its
/// own does not.
pub(crate) fn probe() {
    PROBE.with(|_| ());
}

/// The number of this library's plugins that may still call it.
#[cfg(feature = "host")]
static PLUGINS: AtomicUsize = AtomicUsize::new(0);

/// Notes that this library has one more plugin.
#[cfg(feature = "host")]
pub(crate) fn note_plugin() {
    PLUGINS.fetch_add(1, Ordering::AcqRel);
}

/// Notes that a plugin of this library was unmapped.
#[cfg(feature = "host")]
pub(crate) fn forget_plugin() {
    PLUGINS.fetch_sub(1, Ordering::AcqRel);
}

/// Returns the registrations so far that the host did not make.
pub(crate) fn all_escaped() -> Escaped {
    // `abort` is in the library that contains std, and in no other.
    let has_std = is_own((std::process::abort as *const ()).cast());
    let unreached = match (REACHED.load(Ordering::Acquire), has_std) {
        (true, _) => 0,
        (false, true) => escaped::UNCONTROLLED,
        (false, false) => escaped::STD_ELSEWHERE,
    };
    noted::note_variables();
    #[cfg(feature = "host")]
    let host = if PLUGINS.load(Ordering::Acquire) == 0 { 0 } else { escaped::HOST };
    #[cfg(not(feature = "host"))]
    let host = 0;
    let Escaped { kinds, signals } = escapes::all();
    Escaped { kinds: kinds | unreached | host, signals }
}
