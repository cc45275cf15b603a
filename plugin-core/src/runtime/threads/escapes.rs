//! The notes of everything that has escaped the host's control.

use std::ffi::{CStr, c_int, c_void};
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::abi::{Escaped, Registered, escaped};

/// The kinds of registrations that the host did not make: bits of [`escaped`].
static KINDS: AtomicU32 = AtomicU32::new(0);

/// The signals for which handlers were registered: bit 0 is signal 1.
static SIGNALS: AtomicU64 = AtomicU64::new(0);

/// Notes that the C library or the kernel may call or use a thing of this library that the host does not know. `by` is
/// the function of the C library that has registered the thing. `function` is the function that will be called, or
/// null.
pub(in crate::runtime) fn escape(kind: u32, by: &'static CStr, function: *const c_void) {
    KINDS.fetch_or(kind, Ordering::AcqRel);
    Details::add(kind, 0, by, function);
}

/// Notes a handler for a signal.
pub(super) fn escape_signal(number: c_int, by: &'static CStr, function: *const c_void) {
    if let Some(bit) = u32::try_from(number - 1).ok().and_then(|place| 1_u64.checked_shl(place)) {
        SIGNALS.fetch_or(bit, Ordering::AcqRel);
    }
    KINDS.fetch_or(escaped::SIGNAL_HANDLER, Ordering::AcqRel);
    Details::add(escaped::SIGNAL_HANDLER, number, by, function);
}

/// One registration. Its functions neither allocate nor lock, because a signal handler may register a thing.
struct Details {
    /// The kind. 0 means that the rest is not written yet.
    kind: AtomicU32,
    signal: AtomicI32,
    by: AtomicPtr<std::ffi::c_char>,
    function: AtomicPtr<c_void>,
}

/// The first registrations. Only the kinds of later ones are known.
static DETAILS: [Details; 64] = [const {
    Details {
        kind: AtomicU32::new(0),
        signal: AtomicI32::new(0),
        by: AtomicPtr::new(std::ptr::null_mut()),
        function: AtomicPtr::new(std::ptr::null_mut()),
    }
}; 64];

impl Details {
    fn add(kind: u32, signal: c_int, by: &'static CStr, function: *const c_void) {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let registered = Registered { kind, signal, by: by.as_ptr(), function };
        if DETAILS.iter().any(|details| details.read() == Some(registered)) {
            return;
        }
        let Ok(place) = COUNT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            Some(count + 1).filter(|&count| count <= DETAILS.len())
        }) else {
            return;
        };
        let details = &DETAILS[place];
        details.signal.store(signal, Ordering::Relaxed);
        details.by.store(by.as_ptr().cast_mut(), Ordering::Relaxed);
        details.function.store(function.cast_mut(), Ordering::Relaxed);
        details.kind.store(kind, Ordering::Release);
    }

    fn read(&self) -> Option<Registered> {
        let kind = self.kind.load(Ordering::Acquire);
        (kind != 0).then(|| Registered {
            kind,
            signal: self.signal.load(Ordering::Relaxed),
            by: self.by.load(Ordering::Relaxed),
            function: self.function.load(Ordering::Relaxed),
        })
    }
}

/// Returns the first registrations, with their details.
pub(crate) fn registrations() -> impl Iterator<Item = Registered> {
    DETAILS.iter().filter_map(Details::read)
}

/// Returns the kinds and signals that were noted so far.
pub(super) fn all() -> Escaped {
    Escaped { kinds: KINDS.load(Ordering::Acquire), signals: SIGNALS.load(Ordering::Acquire) }
}
