//! Room on the stack for deeply nested values: a list of ten thousand boxes crosses as a short list does.
//!
//! A conversion of a deep type starts on the stack of its caller, and uses little of that stack. If it needs more, it
//! continues on a larger stack *of the same thread* (`runtime/stack.rs`). Another thread would be wrong, because a
//! conversion runs code of the author: defaults, hashers, and the `Display` of an error. The values that this code
//! makes need not be `Send`.

use std::any::Any;
use std::cell::Cell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::runtime::stack;

/// The number of bytes that conversions may use of the stack on which the outermost one is called. The free space there
/// is not known, and most values need far less.
const FIRST: usize = 32 * 1024;
/// The number of bytes that stay free on a stack when conversions continue on the next one.
const SPARE: usize = 1024 * 1024;
/// The number of bytes above the outermost conversion that count as its stack. Conversions that are inlined into the
/// same function have their variables there.
const ABOVE: usize = 4 * 1024;

/// A range of addresses on a stack.
#[derive(Clone, Copy)]
struct Room {
    lowest: usize,
    size: usize,
}

impl Room {
    const NONE: Room = Room { lowest: 0, size: 0 };

    /// The room from `lowest` to `here`.
    fn between(lowest: usize, here: usize) -> Self {
        Room { lowest, size: (here - lowest).saturating_add(ABOVE) }
    }

    #[inline(always)]
    fn contains(self, address: usize) -> bool {
        address.wrapping_sub(self.lowest) < self.size
    }
}

thread_local! {
    /// The room that conversions of this library may use on this thread, while there are any.
    ///
    /// A conversion may find itself outside: on a stack that another library or a coroutine has begun since. If that
    /// stack is above the room, the conversion takes as little of it as an outermost one. If it is below, the
    /// conversion cannot tell it from the end of its own stack, and takes a new one.
    static ROOM: Cell<Room> = const { Cell::new(Room::NONE) };
}

/// Restores the earlier [`ROOM`] when a conversion with its own room ends.
struct Restore(Room);

impl Drop for Restore {
    fn drop(&mut self) {
        ROOM.set(self.0);
    }
}

/// Returns an address on the current stack.
#[inline(always)]
fn here() -> usize {
    let marker = 0_u8;
    std::ptr::from_ref(&marker).addr()
}

/// Runs `convert`, which converts values on the heap behind another value, and so may come here again if `deep`, which
/// is [`PluginType::DEEP`](crate::PluginType::DEEP). If the room on the stack is used up, it runs on another stack.
///
/// # Panics
///
/// If `convert` panics, or if no other stack can be made.
#[inline]
pub(crate) fn with_room<R>(deep: bool, convert: impl FnOnce() -> R) -> R {
    if !deep {
        return convert();
    }
    let (here, room) = (here(), ROOM.get());
    if room.contains(here) {
        return convert();
    }
    if here < room.lowest {
        return on_another_stack(convert);
    }
    let _restore = Restore(ROOM.replace(Room::between(here.saturating_sub(FIRST), here)));
    convert()
}

/// Runs `convert`, which converts values of any depth, and so may come here again. If the room on the stack is used up, it runs on
/// another stack. This function is for hosts.
///
/// # Panics
///
/// If `convert` panics, or if no other stack can be made.
#[cfg(feature = "host")]
#[inline]
pub fn with_deep_room<R>(convert: impl FnOnce() -> R) -> R {
    with_room(true, convert)
}

/// A conversion on its way to another stack of this thread, and its result on the way back.
struct Task<F, R> {
    convert: Option<F>,
    converted: Option<Result<R, Box<dyn Any + Send>>>,
}

#[cold]
#[inline(never)]
fn on_another_stack<R, F: FnOnce() -> R>(convert: F) -> R {
    unsafe extern "C" fn run<R, F: FnOnce() -> R>(task: *mut c_void, lowest: usize) {
        // SAFETY: `on_another` passes its `data` on: the `task` below, which is a `Task<F, R>`. The function below
        // waits meanwhile, so nothing else uses the task.
        let task = unsafe { &mut *task.cast::<Task<F, R>>() };
        let Some(convert) = task.convert.take() else { return };
        let _restore = Restore(ROOM.replace(Room::between(lowest + SPARE, here())));
        // The panic ends here because the frames above may be another library's. It continues below, where `convert`
        // was called, so nothing that it leaves behind is seen.
        task.converted = Some(catch_unwind(AssertUnwindSafe(convert)));
    }

    let mut task = Task { convert: Some(convert), converted: None };
    // SAFETY: `run::<R, F>` may be called once with a `Task<F, R>`, which `task` is. It catches a panic, so it does not
    // unwind.
    let reason = unsafe { stack::on_another(run::<R, F>, (&raw mut task).cast()) };
    match task.converted {
        Some(Ok(converted)) => converted,
        Some(Err(payload)) => resume_unwind(payload),
        None => panic!("a value is nested too deeply to cross: {}", reason.unwrap_err()),
    }
}

#[cfg(all(test, stacks))]
mod tests {
    use corosensei::stack::DefaultStack;

    use super::*;

    /// Goes down by this number of levels, and returns the number. Each level needs a kibibyte of the stack.
    fn descend(levels: usize) -> usize {
        let frame = std::hint::black_box([1_u8; 1024]);
        let below = if levels == 1 { 0 } else { with_room(true, || descend(levels - 1)) };
        below + usize::from(std::hint::black_box(&frame)[levels % 1024])
    }

    /// Many levels more than fit on the stack on which this test runs.
    const DEEP: usize = 20_000;

    #[test]
    fn a_conversion_continues_on_other_stacks() {
        assert_eq!(with_room(true, || descend(DEEP)), DEEP);
        assert_eq!(ROOM.get().size, 0);
    }

    #[test]
    fn a_panic_leaves_no_room_behind() {
        let panic = || with_room(true, || with_room(true, || descend(1) / (descend(1) - 1)));
        catch_unwind(panic).unwrap_err();
        assert_eq!(ROOM.get().size, 0);
        fn fail(levels: usize) -> usize {
            assert_ne!(levels, 0, "at the bottom");
            let frame = std::hint::black_box([1_u8; 1024]);
            with_room(true, || fail(levels - 1)) + usize::from(frame[0])
        }
        let payload = catch_unwind(|| fail(DEEP)).unwrap_err();
        assert!(payload.downcast::<String>().unwrap().contains("at the bottom"));
        assert_eq!(ROOM.get().size, 0);
    }

    /// A conversion runs code that goes to a small stack of its own, above or below, and begins another conversion
    /// there.
    #[test]
    fn a_conversion_within_a_conversion_may_be_on_another_stack() {
        let small = || DefaultStack::new(256 * 1024).unwrap();
        let run =
            |stack: DefaultStack| with_room(true, || corosensei::on_stack(stack, || with_room(true, || descend(DEEP))));
        let (first, second) = (small(), small());
        // The kernel gives the stack of a thread that is started later a lower address.
        let thread = std::thread::Builder::new().stack_size(256 * 1024);
        let thread = thread.spawn(move || run(first) + run(small())).unwrap();
        assert_eq!(thread.join().unwrap() + run(second), 3 * DEEP);
    }
}
