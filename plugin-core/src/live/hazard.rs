//! Hazard slots: each thread states what it is reading, at the cost of a few plain stores.
//!
//! # The problem
//!
//! A call through a [`Live`](crate::Live) handle loads a pointer to the version that serves, and uses that version
//! until the call ends. The thread that replaces the version must not free it before. A counter of calls would cost two
//! atomic operations for each call, in a place that all threads share. A reader must never wait for a writer, and must
//! never start again.
//!
//! # The idea
//!
//! Each thread has *slots* of its own (hazard pointers; see Michael, *Hazard Pointers: Safe Memory Reclamation for
//! Lock-Free Objects*, 2004). In the following, `current` is the pointer to the version that serves.
//!
//! | | a reader | | a writer |
//! | --- | --- | --- | --- |
//! | R1 | stores the address *of* `current` in a free slot | W1 | stores the next version in `current` |
//! | R2 | (a fence) | W2 | makes a fence |
//! | R3 | loads `current` | W3 | loads all slots, and notes those with the old version or the address of `current` |
//! | R4 | stores the loaded pointer in the slot | W4 | loads the noted slots again and again until they hold something else |
//! | R5 | uses the version | W5 | frees the old version |
//! | R6 | stores null in the slot | | |
//!
//! While a slot holds the address of `current`, a writer must assume that the reader finds the old version. A slot
//! holds that address only between R1 and R4, so a writer does not wait for readers that begin later.
//!
//! The fences make sure that either W3 sees the store R1, or R3 sees the store W1. Without them a processor may let R3
//! overtake R1. A fence at R2 would cost more than the rest of the call. On Linux, a writer therefore asks the kernel
//! for a fence on every processor that runs a thread of this process (`membarrier(2)`, private and expedited). R2 only
//! stops the compiler from swapping R1 and R3. User-space RCU does the same (Desnoyers et al., *User-Level
//! Implementations of Read-Copy Update*, 2012). On a system without this call, a thread's first slot is closed. A
//! reader then takes another slot, always in [`claim`], which makes the fence itself.
//!
//! # The proof
//!
//! *A version is not freed while it is used.* Let a reader load the old version at R3.
//!
//! 1. If the reader makes the fence itself, R2 and W2 are sequentially consistent fences, and one fence is before the
//!    other. If W2 were before R2, then R3 would see W1 or a later store, which is not the old version. So R2 is before
//!    W2, and W3 sees R1 or a later store of that slot.
//! 2. If the kernel makes the fence, it takes effect at some point of the reader's program. Were that point before R1,
//!    then R3 would come after W1, and would not load the old version. So it is after R1, and W3 sees R1 or a later
//!    store.
//! 3. If the later store is R4, the slot holds the old version. If it is R6 or one of the next use of the slot, the
//!    reader has ended. Otherwise the slot holds the address of `current`. The first and the last are noted, and W4
//!    waits for R6.
//! 4. W4 loads with acquire ordering a value that R6 or a later store has released. A later store is of the same
//!    thread, or of a thread that has loaded the null of R6 with acquire ordering before. So R5 is before W5 in every
//!    case.
//!
//! *No slot is left out.* W3 has the lock of [`ALL`]. A slot that is added after W3 is added under this lock, so its
//! thread sees W1. Slots are never freed.
//!
//! *No two threads write to one slot.* A thread's slots are taken by another thread only after its end, when `taken` is
//! cleared; and a thread takes a slot only if it is free. If a thread-local's destructor is reading at that moment, its
//! slot is not free. A shared slot is taken under the lock.
//!
//! *An address is not mistaken for another.* A slot holds the address of a version only while a reader keeps that
//! version, and the address of `current` only while a reader borrows it. Neither address can be reused meanwhile.
//! Another writer, for another `current`, compares with other addresses. If a version that was replaced serves once
//! more, its earlier writer waits for its new readers, too: longer than it must, and never too short.
//!
//! # What is assumed
//!
//! Case 1 and the rest of the proof are within Rust's memory model. Case 2 is not, because the model does not know
//! `membarrier`. It relies on two facts.
//!
//! The first fact is the kernel's manual. Between the start and the end of the call, each running thread of the process
//! passes through a state where all processors see all its earlier memory accesses, and none of its later accesses has
//! been made. A thread that is not running passes through such a state when the kernel switches to it.
//!
//! The second fact concerns the processor and the compiler. The atomic stores and loads are single instructions in
//! program order, because of `compiler_fence`. In the model, `compiler_fence` orders a thread and a signal handler on
//! the same thread. The kernel's fence interrupts the thread as a signal handler does. If the call fails although it
//! was registered (a seccomp filter was installed since), nothing is known of the readers, and the version is kept for
//! ever.

use std::cell::Cell;
use std::ptr::{null_mut, without_provenance_mut};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering, compiler_fence, fence};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// The number of slots that each thread has: one for each call within another call. Deeper calls take a lock.
const SLOTS_PER_THREAD: usize = 4;

/// The place where one reader states the thing that it reads. It is null, the address of a version, or, while the
/// reader finds a version, the address of the pointer to that version.
#[derive(Default)]
struct Slot(AtomicPtr<()>);

impl Slot {
    /// Makes a slot that is never free.
    const fn closed() -> Self {
        Slot(AtomicPtr::new(without_provenance_mut(1)))
    }

    #[inline(always)]
    fn is_free(&self) -> bool {
        // Acquire: if another thread had the slot, everything that it read there is before what the next one does.
        self.0.load(Ordering::Acquire).is_null()
    }

    /// Stores an address. Only the slot's reader does this.
    #[inline(always)]
    fn set(&self, address: *mut ()) {
        // Release: a thread that sees the store sees that everything read through the slot before was read.
        self.0.store(address, Ordering::Release);
    }
}

/// The slots of a thread. The alignment puts the slots of two threads into different cache lines, also for processors
/// that fetch two lines at once.
#[repr(align(128))]
struct Slots {
    slots: [Slot; SLOTS_PER_THREAD],
    taken: AtomicBool,
}

/// The slots of a thread that has none yet, or has given its own back.
static NONE: Slots = Slots { slots: [const { Slot::closed() }; SLOTS_PER_THREAD], taken: AtomicBool::new(true) };

/// All slots except [`NONE`]. They are never freed.
struct All {
    /// The slots of threads. The slots of a thread that has ended are taken by one that begins.
    threads: Vec<&'static Slots>,
    /// Slots for readers whose threads have no free one. Taking one needs the lock.
    shared: Vec<&'static Slot>,
}

static ALL: Mutex<All> = Mutex::new(All { threads: Vec::new(), shared: Vec::new() });

fn all() -> MutexGuard<'static, All> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// This thread's slots.
    static MINE: Cell<*const Slots> = const { Cell::new(&raw const NONE) };
    /// Gives the slots back when the thread ends.
    static GIVES_BACK: GivesBack = const { GivesBack };
}

/// Returns this thread's slots.
#[inline(always)]
fn mine() -> &'static Slots {
    // SAFETY: `MINE` has the address of `NONE`, which is a static, or of slots from `take`, which leaks them.
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

/// Takes slots for this thread, unless it has some or is at its end.
fn take() {
    if !std::ptr::eq(mine(), &raw const NONE) || GIVES_BACK.try_with(|_| ()).is_err() {
        return;
    }
    let mut all = all();
    let free = all.threads.iter().find(|slots| !slots.taken.swap(true, Ordering::AcqRel)).copied();
    let mine = free.unwrap_or_else(|| {
        let mut slots: [Slot; SLOTS_PER_THREAD] = Default::default();
        if !kernel_fences() {
            // `announce` makes no fence for the first slot, so no reader may use it.
            slots[0] = Slot::closed();
        }
        let new: &'static Slots = Box::leak(Box::new(Slots { slots, taken: AtomicBool::new(true) }));
        all.threads.push(new);
        new
    });
    MINE.set(mine);
}

/// Does the steps R1 and R2 where the thread's first slot is not free: stores the address in another slot, and makes a
/// fence.
#[cold]
#[inline(never)]
fn claim(address: *mut ()) -> &'static Slot {
    take();
    let slot = match mine().slots.iter().find(|slot| slot.is_free()) {
        Some(slot) => {
            slot.set(address);
            slot
        }
        None => {
            let mut all = all();
            let free = all.shared.iter().find(|slot| slot.is_free()).copied();
            let slot = free.unwrap_or_else(|| Box::leak(Box::default()));
            slot.set(address);
            if free.is_none() {
                all.shared.push(slot);
            }
            slot
        }
    };
    fence(Ordering::SeqCst);
    slot
}

/// Returns true if the kernel makes the readers' fences for the writers.
fn kernel_fences() -> bool {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    *REGISTERED.get_or_init(|| membarrier(REGISTER))
}

/// `MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED`.
const REGISTER: i32 = 1 << 4;
/// `MEMBARRIER_CMD_PRIVATE_EXPEDITED`.
const FENCE: i32 = 1 << 3;

#[cfg(target_os = "linux")]
fn membarrier(command: i32) -> bool {
    // SAFETY: the call takes numbers and touches no memory of this process.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn membarrier(_: i32) -> bool {
    false
}

/// A value that is being read. The thread that replaces it keeps it until this is dropped.
pub(crate) struct Reading<T> {
    value: *const T,
    slot: &'static Slot,
}

impl<T> Reading<T> {
    #[inline(always)]
    pub(crate) fn value(&self) -> *const T {
        self.value
    }
}

impl<T> Drop for Reading<T> {
    #[inline(always)]
    fn drop(&mut self) {
        // R6.
        self.slot.set(null_mut());
    }
}

/// Does the steps R1 and R2, and returns the slot.
#[inline(always)]
fn announce(current: *mut ()) -> &'static Slot {
    let first = &mine().slots[0];
    if !first.is_free() {
        return claim(current);
    }
    first.set(current);
    // Only for the compiler: a first slot that can be free is one for which the kernel makes the processor's fence.
    compiler_fence(Ordering::SeqCst);
    first
}

/// Begins to read the value that `current` points at.
#[inline(always)]
pub(crate) fn begin<T>(current: &AtomicPtr<T>) -> Reading<T> {
    let slot = announce(std::ptr::from_ref(current).cast_mut().cast());
    // R3 and R4.
    let value = current.load(Ordering::Acquire);
    slot.set(value.cast());
    Reading { value, slot }
}

/// The readers of a value that was replaced.
pub(crate) struct Readers {
    /// The address of that value, and that of the pointer to it.
    addresses: [*const (); 2],
    slots: Vec<&'static Slot>,
    /// True if the fence failed, so the writer may have missed readers. Such readers count as reading for ever.
    unknown: bool,
}

// SAFETY: the addresses are compared, and not followed. A slot may be shared.
unsafe impl Send for Readers {}

impl Readers {
    /// Finds the readers of `before`, which `current` pointed at. It points at another value by now.
    pub(crate) fn of<T>(before: *const T, current: &AtomicPtr<T>) -> Self {
        // W2.
        fence(Ordering::SeqCst);
        let unknown = kernel_fences() && !membarrier(FENCE);
        // W3.
        let addresses = [before.cast(), std::ptr::from_ref(current).cast()];
        let mut readers = Readers { addresses, slots: Vec::new(), unknown };
        let all = all();
        let slots = all.threads.iter().flat_map(|slots| &slots.slots).chain(all.shared.iter().copied());
        readers.slots = slots.filter(|slot| readers.reads(slot)).collect();
        readers
    }

    fn reads(&self, slot: &Slot) -> bool {
        self.addresses.contains(&slot.0.load(Ordering::Acquire).cast_const())
    }

    /// Looks at the slots again, and returns true if all readers have ended.
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

    /// Makes a pointer that no other test reads, and a number behind it.
    fn thing() -> &'static AtomicPtr<u64> {
        Box::leak(Box::new(AtomicPtr::new(Box::leak(Box::default()))))
    }

    /// Replaces the number, and returns the readers of the one before.
    fn replace(current: &AtomicPtr<u64>) -> Readers {
        let before = current.swap(Box::leak(Box::default()), Ordering::AcqRel);
        Readers::of(before, current)
    }

    /// Makes this thread use its own fences, as on a system where the kernel makes none.
    fn make_fences() {
        take();
        mine().slots[0].set(without_provenance_mut(1));
    }

    /// Undoes this, for the thread that takes the slots next.
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
        // The present number has no reader yet.
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
        // A reader that begins while another is waited for reads the new number.
        let before = begin(a);
        let mut readers = replace(a);
        let after = begin(a);
        assert_ne!(before.value(), after.value());
        drop(before);
        assert!(readers.have_ended());
    }

    /// A writer also waits for readers without a slot of the thread's own, in any order of their ends.
    #[test]
    fn readers_may_be_as_many_as_they_like() {
        let thing = thing();
        let mut all: Vec<_> = (0..3 * SLOTS_PER_THREAD).map(|_| (begin(thing), replace(thing))).collect();
        assert!(all.iter_mut().all(|(_, readers)| !readers.have_ended()));
        while !all.is_empty() {
            let (reading, mut readers) = all.remove(all.len() / 2);
            drop(reading);
            assert!(readers.have_ended());
            assert!(all.iter_mut().all(|(_, readers)| !readers.have_ended()));
        }
    }

    /// Between R1 and R4, a reader may find the old or the new value.
    #[test]
    fn readers_between_two_steps_are_waited_for() {
        let thing = thing();
        // In the thread's first slot, once it has one; in its others; and in shared slots.
        drop(begin(thing));
        let slots: Vec<_> =
            (0..2 * SLOTS_PER_THREAD).map(|_| announce(std::ptr::from_ref(thing).cast_mut().cast())).collect();
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
                let readings: Vec<_> = std::iter::repeat_with(|| begin(thing)).take(SLOTS_PER_THREAD - 1).collect();
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

    /// The destructor of a thread-local may run when the slots were given back. It reads as any other code, and leaves
    /// no slot taken.
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
            assert!(!receiver.recv().unwrap(), "no slot says that it reads");
            assert!(replace(thing).have_ended(), "a slot says that it still reads");
        }
    }

    /// A version is not freed while it is read; here, it is not overwritten. This holds if the kernel makes the fences,
    /// if the reader does, and if other calls are in progress.
    #[test]
    fn a_version_is_kept_while_it_is_read() {
        let versions: &'static [[AtomicU64; 2]; 2] = Box::leak(Box::default());
        let current = AtomicPtr::new(std::ptr::from_ref(&versions[0]).cast_mut());
        let stop = AtomicBool::new(false);
        let read = || {
            while !stop.load(Ordering::Relaxed) {
                let reading = begin(&current);
                // SAFETY: both versions were leaked, so they are never freed.
                let version = unsafe { &*reading.value() };
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
                let _others: Vec<_> = std::iter::repeat_with(|| begin(other)).take(SLOTS_PER_THREAD).collect();
                read();
            });
            for round in 1..2000 {
                let next = &versions[round % 2];
                // It has no reader: that was waited for.
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
