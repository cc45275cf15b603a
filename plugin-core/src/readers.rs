//! Who is reading what at this moment, said so that saying it costs a few plain stores.
//!
//! A call through a [`Live`](crate::Live) handle reads which version serves, and uses it until it ends. Whoever replaces that
//! version must know when no such call is left. Counting them would be an atomic operation at each end of each call, in a
//! place that all threads share. Here each thread has places of its own, *slots*: it writes down what it reads, and
//! whoever has replaced something looks at everybody's.
//!
//! A reader writes to its slot, and then reads; a writer writes what is to be read, and then looks at the slots. Either the
//! writer sees the slot, or the reader what is new; but only with a fence between the two steps of each. A reader's fence
//! would cost more than all the rest, so on Linux the writer has the kernel make it for all threads (`membarrier(2)`), and
//! the reader needs only to keep the compiler from swapping its steps. This is how user-space RCU does it (Desnoyers et al.,
//! *User-Level Implementations of Read-Copy Update*, 2012); but here a reader says what it reads, so that nobody waits for
//! those who read something else.
//!
//! A reader does the same few steps whatever others do: it never waits, and never tries again.

use std::cell::Cell;
use std::ptr::null;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering, compiler_fence, fence};
use std::sync::{Mutex, OnceLock, PoisonError};

/// How many calls a thread may have in progress, one within the other, before it is slower.
const DEEPEST: usize = 4;

/// What one reader reads.
#[derive(Default)]
pub(crate) struct Slot {
    /// The address of that, or null.
    what: AtomicPtr<()>,
    /// How often it was written to: tells a reader from the one before that read the same.
    times: AtomicU64,
}

/// The slots of a thread. No two threads' share what a processor fetches at once.
#[derive(Default)]
#[repr(align(128))]
struct Slots {
    slots: [Slot; DEEPEST],
    taken: AtomicBool,
}

/// Those of all threads, also of those that have ended: the next that begins takes them.
static ALL: Mutex<Vec<&'static Slots>> = Mutex::new(Vec::new());

fn all() -> std::sync::MutexGuard<'static, Vec<&'static Slots>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// This thread's slots, once it has some.
    static MINE: Cell<*const Slots> = const { Cell::new(null()) };
    /// How many of them are in use.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Gives them back at the thread's end.
    static GIVES_BACK: GivesBack = const { GivesBack };
}

struct GivesBack;

impl Drop for GivesBack {
    fn drop(&mut self) {
        let mine = MINE.replace(null());
        // From here on, this thread takes none any more.
        DEPTH.set(DEEPEST);
        // SAFETY: slots are never freed.
        if let Some(mine) = unsafe { mine.as_ref() } {
            mine.taken.store(false, Ordering::Release);
        }
    }
}

/// Takes slots for this thread, unless it is at its end.
#[cold]
#[inline(never)]
fn take() -> *const Slots {
    if GIVES_BACK.try_with(|_| ()).is_err() {
        return null();
    }
    let mut all = all();
    let free = all.iter().find(|slots| !slots.taken.swap(true, Ordering::AcqRel)).copied();
    let mine = free.unwrap_or_else(|| {
        let new: &'static Slots = Box::leak(Box::new(Slots { taken: AtomicBool::new(true), ..Slots::default() }));
        all.push(new);
        new
    });
    MINE.set(mine);
    mine
}

/// Whether writers have the kernel make the readers' fences.
fn kernel_fences() -> bool {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    *REGISTERED.get_or_init(|| {
        let registered = membarrier(REGISTER);
        FENCES.store(!registered, Ordering::Relaxed);
        registered
    })
}

/// Whether readers make their own. Written before there is anything to read.
static FENCES: AtomicBool = AtomicBool::new(true);

const REGISTER: i32 = 1 << 4;
const FENCE: i32 = 1 << 3;

#[cfg(target_os = "linux")]
fn membarrier(command: i32) -> bool {
    // SAFETY: a call that takes numbers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn membarrier(_: i32) -> bool {
    false
}

/// To be called before there is anything to read.
pub(crate) fn prepare() {
    kernel_fences();
}

/// A slot that says that `what` is being read, from before anything of it is; `None` if this thread has no more. To be
/// [ended](end) in the opposite order.
#[inline(always)]
pub(crate) fn begin(what: *const ()) -> Option<&'static Slot> {
    let depth = DEPTH.get();
    if depth >= DEEPEST {
        return None;
    }
    let mut mine = MINE.get();
    if mine.is_null() {
        mine = take();
    }
    // SAFETY: slots are never freed.
    let slot = &unsafe { mine.as_ref() }?.slots[depth];
    DEPTH.set(depth + 1);
    // Nobody else writes to it. Who sees a later value is past all that this thread did before.
    slot.times.store(slot.times.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    slot.what.store(what.cast_mut(), Ordering::Release);
    if FENCES.load(Ordering::Relaxed) {
        fence(Ordering::SeqCst);
    } else {
        compiler_fence(Ordering::SeqCst);
    }
    Some(slot)
}

/// Nothing is read any more through the slot that this thread was given last.
#[inline(always)]
pub(crate) fn end(slot: &'static Slot) {
    slot.what.store(null::<()>().cast_mut(), Ordering::Release);
    DEPTH.set(DEPTH.get() - 1);
}

/// Readers that were there at one moment.
pub(crate) struct Readers {
    what: *const (),
    slots: Vec<(&'static Slot, u64)>,
    /// There was no fence. So nothing is known, and they count as there for ever.
    unknown: bool,
}

// SAFETY: `what` is compared, and not followed.
unsafe impl Send for Readers {}

impl Readers {
    /// Everybody who reads `what` and may have begun before now. Who begins later sees what was written before now.
    pub(crate) fn of(what: *const ()) -> Self {
        fence(Ordering::SeqCst);
        let unknown = kernel_fences() && !membarrier(FENCE);
        let mut readers = Readers { what, slots: Vec::new(), unknown };
        for slot in all().iter().flat_map(|slots| &slots.slots) {
            let times = slot.times.load(Ordering::Acquire);
            if readers.reads(slot) {
                readers.slots.push((slot, times));
            }
        }
        readers
    }

    fn reads(&self, slot: &Slot) -> bool {
        slot.what.load(Ordering::Acquire).cast_const() == self.what
    }

    /// Whether all of them have ended.
    pub(crate) fn have_ended(&mut self) -> bool {
        let mut slots = std::mem::take(&mut self.slots);
        slots.retain(|(slot, times)| self.reads(slot) && slot.times.load(Ordering::Acquire) == *times);
        self.slots = slots;
        self.slots.is_empty() && !self.unknown
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// An address that no other test reads.
    fn thing() -> *const () {
        Box::leak(Box::new(0u8)) as *const u8 as *const ()
    }

    #[test]
    fn readers_are_waited_for_and_no_others() {
        prepare();
        let (a, b) = (thing(), thing());
        assert!(Readers::of(a).have_ended());
        let slot = begin(a).unwrap();
        let mut readers = Readers::of(a);
        assert!(!readers.have_ended());
        assert!(Readers::of(b).have_ended());
        // One within the other, of the same thing and of another.
        let (inner, other) = (begin(a).unwrap(), begin(b).unwrap());
        let mut all = Readers::of(a);
        end(other);
        end(inner);
        assert!(!readers.have_ended() && !all.have_ended());
        end(slot);
        assert!(readers.have_ended() && all.have_ended());
        // Who reads it again is another reader.
        let mut before = {
            let slot = begin(a).unwrap();
            let readers = Readers::of(a);
            end(slot);
            readers
        };
        let again = begin(a).unwrap();
        assert!(before.have_ended());
        assert!(!Readers::of(a).have_ended());
        end(again);
    }

    #[test]
    fn a_thread_has_so_many_slots_and_its_successor_takes_them() {
        let of_a_thread = || {
            let thread = std::thread::spawn(|| {
                let thing = thing();
                let slots: Vec<_> = std::iter::from_fn(|| begin(thing)).collect();
                assert_eq!(slots.len(), DEEPEST);
                assert!(begin(thing).is_none());
                slots.iter().for_each(|slot| end(slot));
            });
            thread.join().unwrap();
        };
        of_a_thread();
        let before = all().len();
        (0..100).for_each(|_| of_a_thread());
        // Other tests run beside this one.
        assert!(all().len() < before + 50, "{} are not taken again", all().len());
    }

    /// A thread-local's destructor, which runs when the slots may have been given back, gets none, or gives back what it gets.
    #[test]
    fn a_thread_that_ends_has_none() {
        struct AtEnd(*const (), std::sync::mpsc::Sender<bool>);
        impl Drop for AtEnd {
            fn drop(&mut self) {
                let slot = begin(self.0);
                self.1.send(slot.is_some()).unwrap();
                slot.into_iter().for_each(end);
            }
        }
        thread_local!(static AT_END: Cell<Option<AtEnd>> = const { Cell::new(None) });
        // Destroyed before the slots are given back, and after.
        for first in [true, false] {
            let (sender, receiver) = channel();
            let address = thing() as usize;
            let thread = std::thread::spawn(move || {
                let thing = address as *const ();
                if first {
                    end(begin(thing).unwrap());
                }
                AT_END.set(Some(AtEnd(thing, sender)));
                if !first {
                    end(begin(thing).unwrap());
                }
            });
            thread.join().unwrap();
            receiver.recv().unwrap();
            assert!(Readers::of(address as *const ()).have_ended(), "it is said to read on");
        }
    }

    /// What is replaced is not freed while it is read: here, overwritten.
    #[test]
    fn what_is_read_is_kept() {
        prepare();
        let versions: &'static [[AtomicU64; 2]; 2] = Box::leak(Box::default());
        let current: &'static AtomicPtr<[AtomicU64; 2]> =
            Box::leak(Box::new(AtomicPtr::new(std::ptr::from_ref(&versions[0]).cast_mut())));
        let what = std::ptr::from_ref(current).cast::<()>() as usize;
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let slot = begin(what as *const ()).unwrap();
                        // SAFETY: both are there for ever.
                        let version = unsafe { &*current.load(Ordering::Acquire) };
                        let first = version[0].load(Ordering::Relaxed);
                        let second = version[1].load(Ordering::Relaxed);
                        assert_eq!(first, second, "overwritten while it was read");
                        end(slot);
                    }
                });
            }
            for round in 1..2000 {
                let next = &versions[round % 2];
                // Nobody reads it: that was waited for.
                next[0].store(round as u64, Ordering::Relaxed);
                next[1].store(round as u64, Ordering::Relaxed);
                current.store(std::ptr::from_ref(next).cast_mut(), Ordering::Release);
                let mut readers = Readers::of(what as *const ());
                while !readers.have_ended() {
                    std::hint::spin_loop();
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}
