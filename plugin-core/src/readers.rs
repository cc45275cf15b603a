//! Who is reading what at this moment, said so that saying it costs a few plain stores.
//!
//! A call through a [`Live`](crate::Live) handle reads which version serves, and uses it until it ends. Whoever replaces that
//! version must know when no such call is left. Counting them would be an atomic operation at each end of each call, in a
//! place that all threads share. Here each thread has places of its own, *slots*: it writes down what it reads, and
//! whoever has replaced something looks at everybody's.
//!
//! A reader writes to its slot where it is going to read, reads there, and writes down what it found (a hazard pointer; see
//! Michael, *Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects*, 2004). Who sees the first must take it for
//! whatever could be found there; it is there for a moment only, so that nobody waits for those who came later.
//!
//! A writer writes what is to be read, and then looks at the slots. Either it sees that the reader was about to read, or the
//! reader sees what is new; but only with a fence between the two steps of each. A reader's fence would cost more than all
//! the rest, so on Linux the writer has the kernel make it for all threads (`membarrier(2)`), and the reader needs only to
//! keep the compiler from swapping its steps. This is how user-space RCU does it (Desnoyers et al., *User-Level
//! Implementations of Read-Copy Update*, 2012).
//!
//! A reader does the same few steps whatever writers do: it never waits for them, and never tries again. Only when it has no
//! slot that is free, as each thread once, does it take a lock to get one.

use std::cell::Cell;
use std::ptr::{null_mut, without_provenance_mut};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering, compiler_fence, fence};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// How many calls a thread may have in progress, one within the other, before they take a lock.
const DEEPEST: usize = 4;

/// What one reader reads: the address of that, or of the pointer through which it is just being found; or null.
#[derive(Default)]
struct Slot(AtomicPtr<()>);

impl Slot {
    /// One that is never free.
    const fn closed() -> Self {
        Slot(AtomicPtr::new(without_provenance_mut(1)))
    }

    #[inline(always)]
    fn is_free(&self) -> bool {
        // If another thread had it, who takes it is past all that was read there.
        self.0.load(Ordering::Acquire).is_null()
    }

    /// Nobody else writes to it meanwhile. Who sees this is past all that was read through the slot before.
    #[inline(always)]
    fn set(&self, what: *mut ()) {
        self.0.store(what, Ordering::Release);
    }
}

/// The slots of a thread. No two threads' share what a processor fetches at once.
#[repr(align(128))]
struct Slots {
    slots: [Slot; DEEPEST],
    taken: AtomicBool,
}

/// Those of a thread that has none yet, or none any more.
static NONE: Slots = Slots { slots: [const { Slot::closed() }; DEEPEST], taken: AtomicBool::new(true) };

/// All slots but those. They are never freed.
struct All {
    /// Of threads, also of those that have ended: the next that begins takes them.
    threads: Vec<&'static Slots>,
    /// For readers whose threads have none that is free. Who has the lock may take one that is.
    shared: Vec<&'static Slot>,
}

static ALL: Mutex<All> = Mutex::new(All { threads: Vec::new(), shared: Vec::new() });

fn all() -> MutexGuard<'static, All> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// This thread's slots.
    static MINE: Cell<*const Slots> = const { Cell::new(&raw const NONE) };
    /// Gives them back at the thread's end.
    static GIVES_BACK: GivesBack = const { GivesBack };
}

/// This thread's slots.
#[inline(always)]
fn mine() -> &'static Slots {
    // SAFETY: `NONE`, or what `take` has put there: slots are never freed.
    unsafe { &*MINE.get() }
}

struct GivesBack;

impl Drop for GivesBack {
    fn drop(&mut self) {
        let mine = mine();
        // From here on, `take` gives this thread none.
        MINE.set(&raw const NONE);
        if !std::ptr::eq(mine, &raw const NONE) {
            mine.taken.store(false, Ordering::Release);
        }
    }
}

/// Takes slots for this thread, if it has none and is not at its end.
fn take() {
    if !std::ptr::eq(mine(), &raw const NONE) || GIVES_BACK.try_with(|_| ()).is_err() {
        return;
    }
    let mut all = all();
    let free = all.threads.iter().find(|slots| !slots.taken.swap(true, Ordering::AcqRel)).copied();
    let mine = free.unwrap_or_else(|| {
        let mut slots: [Slot; DEEPEST] = Default::default();
        if !kernel_fences() {
            // `announce` makes no fence if the first is free.
            slots[0] = Slot::closed();
        }
        let new: &'static Slots = Box::leak(Box::new(Slots { slots, taken: AtomicBool::new(true) }));
        all.threads.push(new);
        new
    });
    MINE.set(mine);
}

/// Writes to a slot that is free, where the thread's first is not, and makes a fence: what `announce` does in
/// one instruction otherwise.
#[cold]
#[inline(never)]
fn claim(what: *mut ()) -> &'static Slot {
    take();
    let slot = match mine().slots.iter().find(|slot| slot.is_free()) {
        Some(slot) => {
            slot.set(what);
            slot
        }
        None => {
            let mut all = all();
            let free = all.shared.iter().find(|slot| slot.is_free()).copied();
            let slot = free.unwrap_or_else(|| Box::leak(Box::default()));
            slot.set(what);
            if free.is_none() {
                all.shared.push(slot);
            }
            slot
        }
    };
    fence(Ordering::SeqCst);
    slot
}

/// Whether writers have the kernel make the readers' fences.
fn kernel_fences() -> bool {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    *REGISTERED.get_or_init(|| membarrier(REGISTER))
}

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

/// Something that is being read, and is kept by who replaces it until this is dropped.
pub(crate) struct Reading<T> {
    what: *const T,
    slot: &'static Slot,
}

impl<T> Reading<T> {
    #[inline(always)]
    pub(crate) fn what(&self) -> *const T {
        self.what
    }
}

impl<T> Drop for Reading<T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.slot.set(null_mut());
    }
}

/// A slot which says that something is going to be read there, from before it is.
#[inline(always)]
fn announce(place: *mut ()) -> &'static Slot {
    let first = &mine().slots[0];
    if !first.is_free() {
        return claim(place);
    }
    first.set(place);
    // The processor's is the writer's affair: see `take`.
    compiler_fence(Ordering::SeqCst);
    first
}

/// Reads what is current.
#[inline(always)]
pub(crate) fn begin<T>(current: &AtomicPtr<T>) -> Reading<T> {
    let slot = announce(std::ptr::from_ref(current).cast_mut().cast());
    let what = current.load(Ordering::Acquire);
    slot.set(what.cast());
    Reading { what, slot }
}

/// Readers of something that was replaced.
pub(crate) struct Readers {
    /// The address of that, and the one where it was found.
    what: [*const (); 2],
    slots: Vec<&'static Slot>,
    /// There was no fence. So nothing is known, and they count as there for ever.
    unknown: bool,
}

// SAFETY: the addresses are compared, and not followed.
unsafe impl Send for Readers {}

impl Readers {
    /// Everybody who reads `before`. What is `current` is another by now, so that nobody begins to.
    pub(crate) fn of<T>(before: *const T, current: &AtomicPtr<T>) -> Self {
        fence(Ordering::SeqCst);
        let unknown = kernel_fences() && !membarrier(FENCE);
        let what = [before.cast(), std::ptr::from_ref(current).cast()];
        let mut readers = Readers { what, slots: Vec::new(), unknown };
        let all = all();
        let slots = all.threads.iter().flat_map(|slots| &slots.slots).chain(all.shared.iter().copied());
        readers.slots = slots.filter(|slot| readers.reads(slot)).collect();
        readers
    }

    fn reads(&self, slot: &Slot) -> bool {
        self.what.contains(&slot.0.load(Ordering::Acquire).cast_const())
    }

    /// Whether all of them have ended.
    pub(crate) fn have_ended(&mut self) -> bool {
        let mut slots = std::mem::take(&mut self.slots);
        slots.retain(|slot| self.reads(slot));
        self.slots = slots;
        self.slots.is_empty() && !self.unknown
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::sync::mpsc::channel;

    use super::*;

    /// What may be read: a pointer that no other test reads, and what it points at.
    fn thing() -> &'static AtomicPtr<u64> {
        Box::leak(Box::new(AtomicPtr::new(Box::leak(Box::default()))))
    }

    /// Puts another in its place, and says who reads the one before.
    fn replace(current: &AtomicPtr<u64>) -> Readers {
        let before = current.swap(Box::leak(Box::default()), Ordering::AcqRel);
        Readers::of(before, current)
    }

    /// Has this thread make its own fences, as on systems that make none for it.
    fn make_fences() {
        take();
        mine().slots[0].set(without_provenance_mut(1));
    }

    /// Undoes that, for the thread that takes the slots next.
    fn make_none() {
        mine().slots[0].set(null_mut());
    }

    #[test]
    fn readers_are_waited_for_and_no_others() {
        let (a, b) = (thing(), thing());
        assert!(replace(a).have_ended());
        let reading = begin(a);
        let mut readers = replace(a);
        assert!(!readers.have_ended());
        assert!(replace(b).have_ended());
        // What is there now is read by nobody yet.
        assert!(replace(a).have_ended());
        // One within the other, of the same thing and of another.
        let (inner, other) = (begin(a), begin(b));
        let (mut of_inner, mut of_other) = (replace(a), replace(b));
        drop(other);
        assert!(of_other.have_ended() && !of_inner.have_ended());
        drop(inner);
        assert!(of_inner.have_ended() && !readers.have_ended());
        drop(reading);
        assert!(readers.have_ended());
        // Who begins while another is waited for reads what is new.
        let before = begin(a);
        let mut readers = replace(a);
        let after = begin(a);
        assert_ne!(before.what(), after.what());
        drop(before);
        assert!(readers.have_ended());
    }

    /// Also those for which a thread has no slot, and in whatever order they end.
    #[test]
    fn readers_may_be_as_many_as_they_like() {
        let thing = thing();
        let mut all: Vec<_> = (0..3 * DEEPEST).map(|_| (begin(thing), replace(thing))).collect();
        assert!(all.iter_mut().all(|(_, readers)| !readers.have_ended()));
        while !all.is_empty() {
            let (reading, mut readers) = all.remove(all.len() / 2);
            drop(reading);
            assert!(readers.have_ended());
            assert!(all.iter_mut().all(|(_, readers)| !readers.have_ended()));
        }
    }

    /// What a reader says while it finds what it reads may be anything that was there.
    #[test]
    fn who_is_about_to_read_is_waited_for() {
        let thing = thing();
        // In its first slot, once it has it; in its others, and in those that are shared.
        drop(begin(thing));
        let slots: Vec<_> = (0..2 * DEEPEST).map(|_| announce(std::ptr::from_ref(thing).cast_mut().cast())).collect();
        for slot in slots {
            let mut readers = replace(thing);
            assert!(!readers.have_ended());
            slot.set(thing.load(Ordering::Acquire).cast());
            readers.slots.retain(|other| std::ptr::eq(*other, slot));
            assert!(readers.have_ended(), "it has found another");
            slot.set(null_mut());
        }
    }

    #[test]
    fn the_slots_of_a_thread_are_its_successors() {
        let of_a_thread = || {
            let thread = std::thread::spawn(|| {
                let thing = thing();
                // Where readers make their own fences, the first slot is never free.
                let readings: Vec<_> = std::iter::repeat_with(|| begin(thing)).take(DEEPEST - 1).collect();
                assert!(readings.iter().all(|reading| mine().slots.iter().any(|own| std::ptr::eq(own, reading.slot))));
            });
            thread.join().unwrap();
        };
        of_a_thread();
        let before = all().threads.len();
        (0..100).for_each(|_| of_a_thread());
        // Other tests run beside this one.
        let after = all().threads.len();
        assert!(after < before + 50, "{after} are not taken again");
    }

    /// A thread-local's destructor, which runs when the slots may have been given back, reads as any other, and leaves nothing
    /// said.
    #[test]
    fn a_thread_reads_to_its_end() {
        struct AtEnd(&'static AtomicPtr<u64>, std::sync::mpsc::Sender<bool>);
        impl Drop for AtEnd {
            fn drop(&mut self) {
                let reading = begin(self.0);
                self.1.send(replace(self.0).have_ended()).unwrap();
                drop(reading);
            }
        }
        thread_local!(static AT_END: Cell<Option<AtEnd>> = const { Cell::new(None) });
        // Destroyed before the slots are given back, and after.
        for first in [true, false] {
            let (sender, receiver) = channel();
            let thing = thing();
            let thread = std::thread::spawn(move || {
                if first {
                    drop(begin(thing));
                }
                AT_END.set(Some(AtEnd(thing, sender)));
                if !first {
                    drop(begin(thing));
                }
            });
            thread.join().unwrap();
            assert!(!receiver.recv().unwrap(), "it is not said to read");
            assert!(replace(thing).have_ended(), "it is said to read on");
        }
    }

    /// What is replaced is not freed while it is read: here, overwritten. Whoever makes the fences, and if calls are in
    /// progress already.
    #[test]
    fn what_is_read_is_kept() {
        let versions: &'static [[AtomicU64; 2]; 2] = Box::leak(Box::default());
        let current = AtomicPtr::new(std::ptr::from_ref(&versions[0]).cast_mut());
        let stop = AtomicBool::new(false);
        let read = || {
            while !stop.load(Ordering::Relaxed) {
                let reading = begin(&current);
                // SAFETY: both are there for ever.
                let version = unsafe { &*reading.what() };
                let first = version[0].load(Ordering::Relaxed);
                let second = version[1].load(Ordering::Relaxed);
                assert_eq!(first, second, "overwritten while it was read");
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(read);
            scope.spawn(|| {
                make_fences();
                read();
                make_none();
            });
            scope.spawn(|| {
                let other = thing();
                let _others: Vec<_> = std::iter::repeat_with(|| begin(other)).take(DEEPEST).collect();
                read();
            });
            for round in 1..2000 {
                let next = &versions[round % 2];
                // Nobody reads it: that was waited for.
                next[0].store(round as u64, Ordering::Relaxed);
                next[1].store(round as u64, Ordering::Relaxed);
                let before = current.swap(std::ptr::from_ref(next).cast_mut(), Ordering::AcqRel);
                let mut readers = Readers::of(before, &current);
                while !readers.have_ended() {
                    std::hint::spin_loop();
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}
