//! Room on the stack for values that are nested deeply: a list of ten thousand boxes crosses as a short one does.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use super::NoUnwind;
use crate::runtime::panics;

/// How much of the stack it was called on the outermost conversion may use. How much there is of that, nobody says; and
/// most values need far less.
const FIRST: usize = 32 * 1024;
/// The size of a stack of its own, of which the system provides what is used.
const STACK: usize = 64 * 1024 * 1024;
/// What such a stack has left when the next is begun.
const SPARE: usize = 1024 * 1024;

thread_local! {
    /// The lowest address that conversions on this thread may use; 0 outside of one.
    static LOWEST: Cell<usize> = const { Cell::new(0) };
    /// Whether this thread is there for its stack, and what it converts belongs to another.
    static IS_STACK: Cell<bool> = const { Cell::new(false) };
}

/// Sets [`LOWEST`] back when the outermost conversion ends.
struct Outermost;

impl Drop for Outermost {
    fn drop(&mut self) {
        LOWEST.set(0);
    }
}

/// Runs `convert`, which lends or lifts what is on the heap behind another value, and so may come here again if that is
/// `deep`: [`PluginType::DEEP`](crate::PluginType::DEEP).
///
/// Where the stack gets short it then runs on another, of a thread that this one waits for.
///
/// # Panics
///
/// If `convert` does, or there is no memory for another stack.
#[inline]
pub(crate) fn with_room<R>(deep: bool, convert: impl FnOnce() -> R) -> R {
    if deep { within_stack::<true, R>(convert) } else { convert() }
}

/// As [`with_room`], for what lowers, and so owns values of this thread's. If it panics on another stack, as only an error's
/// `Display` makes it, the process ends: unwinding would drop there what may have to be dropped here.
#[inline]
pub(crate) fn with_room_to_lower<R>(deep: bool, convert: impl FnOnce() -> R) -> R {
    if deep { within_stack::<false, R>(convert) } else { convert() }
}

#[inline]
fn within_stack<const MAY_UNWIND: bool, R>(convert: impl FnOnce() -> R) -> R {
    let marker = 0_u8;
    let here = std::ptr::from_ref(&marker).addr();
    match LOWEST.get() {
        0 => {
            LOWEST.set(here.saturating_sub(FIRST).max(1));
            let _outermost = Outermost;
            convert()
        }
        lowest if here > lowest => convert(),
        _ => on_another_stack::<MAY_UNWIND, R>(convert),
    }
}

/// Whether what is being converted belongs to this thread, which then does not run for another that waits.
pub(crate) fn on_own_thread() -> bool {
    !IS_STACK.get()
}

/// Something that another thread uses while its own waits.
struct Lent<T>(T);

// SAFETY: only `on_another_stack` makes one. The types that cross are data and are used by one thread at a time: the
// one that owns them waits for the other. The exception, a `Box<dyn Error>` that is not `Send`, is refused there, and
// nothing that owns one unwinds there.
unsafe impl<T> Send for Lent<T> {}

#[cold]
#[inline(never)]
fn on_another_stack<const MAY_UNWIND: bool, R>(convert: impl FnOnce() -> R) -> R {
    let convert = Lent(convert);
    let run = move || {
        // The whole of it, not the field.
        let Lent(convert) = { convert };
        let marker = 0_u8;
        IS_STACK.set(true);
        LOWEST.set(std::ptr::from_ref(&marker).addr() - (STACK - SPARE));
        let guard = if MAY_UNWIND { None } else { Some(NoUnwind) };
        // Not caring about unwind safety is right: the panic goes on where this thread is waited for.
        let converted = catch_unwind(AssertUnwindSafe(move || {
            let converted = convert();
            std::mem::forget(guard);
            converted
        }));
        // What the panic hook has noted belongs to the thread on which the panic will end.
        Lent(converted.map_err(|payload| (payload, panics::carry())))
    };
    let converted = thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run);
        let thread = thread.unwrap_or_else(|error| panic!("a value is nested too deeply to cross: no stack: {error}"));
        thread.join().unwrap_or_else(|payload| resume_unwind(payload)).0
    });
    converted.unwrap_or_else(|(payload, reports)| {
        panics::settle(reports);
        resume_unwind(payload)
    })
}
