//! The blocks that a library has from before it has a host.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// The early blocks of this library.
pub(super) static EARLY: Blocks = Blocks::new();

/// The relation of this library to the common allocator. Not an `enum`, because it is part of [`Blocks::state`].
pub(super) mod relation {
    /// This library has no host, and is none, as yet.
    pub(in crate::memory) const UNDECIDED: usize = 0;
    /// It is what this library allocates with: its own, if this is a host and no plugin, or its host's. The only odd one.
    pub(in crate::memory) const PLAIN: usize = 1;
    /// This library has its memory from it, and the host keeps a list of what this library has.
    pub(in crate::memory) const TRACKED: usize = 2;
    /// This library has a host, and memory of its own.
    pub(in crate::memory) const APART: usize = 4;
}

/// Is at no block's address.
const BUSY: *mut u8 = NonNull::dangling().as_ptr();

/// The blocks that a library has from the system before it has a host: what its constructors keep.
pub(super) struct Blocks {
    /// How many there are, times [`Blocks::ONE`]; and what this library has to do with the common allocator, which is one
    /// of [`relation`]. Each buffer asks for both, so they are one word. Once the library has a host, there are mostly no
    /// blocks, and the word is all that is looked at.
    pub(super) state: AtomicUsize,
    places: [AtomicPtr<u8>; Blocks::MOST],
}

impl Blocks {
    pub(super) const MOST: usize = 64;
    const ONE: usize = 8;

    const fn new() -> Self {
        Blocks {
            state: AtomicUsize::new(relation::UNDECIDED),
            places: [const { AtomicPtr::new(null_mut()) }; Blocks::MOST],
        }
    }

    /// One of [`relation`].
    #[inline(always)]
    pub(super) fn relation(&self) -> usize {
        self.state.load(Ordering::Acquire) % Blocks::ONE
    }

    /// Makes it another of [`relation`], if it is the one expected.
    pub(super) fn exchange_relation(&self, expected: usize, to: usize) -> bool {
        let exchanged = |state| (state % Blocks::ONE == expected).then(|| state - expected + to);
        self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, exchanged).is_ok()
    }

    #[inline(always)]
    fn is_empty(&self) -> bool {
        self.state.load(Ordering::Relaxed) < Blocks::ONE
    }

    /// A place that has one pointer gets the other.
    fn replace(&self, from: *mut u8, to: *mut u8) -> Option<&AtomicPtr<u8>> {
        self.places.iter().find(|place| {
            place.load(Ordering::Relaxed) == from
                && place.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        })
    }

    /// Notes a block, unless there are too many.
    pub(super) fn note(&self, block: *mut u8) -> bool {
        // Counted before anybody else can have the block.
        self.state.fetch_add(Blocks::ONE, Ordering::Relaxed);
        let noted = self.replace(null_mut(), block).is_some();
        if !noted {
            self.state.fetch_sub(Blocks::ONE, Ordering::Relaxed);
        }
        noted
    }

    #[inline(always)]
    pub(super) fn has(&self, block: *mut u8) -> bool {
        !self.is_empty() && self.find(block)
    }

    #[cold]
    fn find(&self, block: *mut u8) -> bool {
        self.places.iter().any(|place| place.load(Ordering::Relaxed) == block)
    }

    /// Forgets a block, which is then no longer used, and tells whether it was noted.
    #[inline(always)]
    pub(super) fn forget(&self, block: *mut u8) -> bool {
        !self.is_empty() && self.forget_noted(block)
    }

    #[cold]
    fn forget_noted(&self, block: *mut u8) -> bool {
        let noted = self.replace(block, null_mut()).is_some();
        if noted {
            self.state.fetch_sub(Blocks::ONE, Ordering::Relaxed);
        }
        noted
    }

    /// Forgets what is noted now.
    pub(super) fn forget_all(&self) {
        for place in &self.places {
            let block = place.load(Ordering::Relaxed);
            if !block.is_null() && block != BUSY {
                self.forget(block);
            }
        }
    }

    /// Has the system reallocate a block that is noted, which keeps its place. Another block may come to lie at the old
    /// address before this returns, so it is not noted any more by then.
    ///
    /// # Safety
    ///
    /// As for [`GlobalAlloc::realloc`], and the block is the system's.
    #[cold]
    pub(super) unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let place = self.replace(block, BUSY);
        // SAFETY: the caller's promise.
        let moved = unsafe { System.realloc(block, layout, size) };
        if let Some(place) = place {
            place.store(if moved.is_null() { block } else { moved }, Ordering::Relaxed);
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses that nothing is read from.
    fn block(number: usize) -> *mut u8 {
        std::ptr::without_provenance_mut(number * 16)
    }

    #[test]
    fn as_many_blocks_are_noted_as_there_are_places() {
        let blocks = Blocks::new();
        for number in 1..=Blocks::MOST {
            assert!(blocks.note(block(number)));
        }
        assert!(!blocks.note(block(1000)));
        assert!(!blocks.forget(block(1000)));
        assert!(blocks.forget(block(7)));
        assert!(!blocks.has(block(7)));
        assert!(blocks.note(block(1000)));
        assert!(blocks.has(block(1000)));
        for number in (1..=Blocks::MOST).filter(|&number| number != 7) {
            assert!(blocks.forget(block(number)));
        }
        assert!(blocks.forget(block(1000)));
        assert_eq!(blocks.state.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_noted_block_keeps_its_place_when_it_moves() {
        let blocks = Blocks::new();
        let layout = Layout::from_size_align(16, 8).unwrap();
        // SAFETY: allocated, moved and freed with the layouts that it had.
        unsafe {
            let first = System.alloc(layout);
            assert!(blocks.note(first));
            let moved = blocks.realloc(first, layout, 1 << 20);
            assert!(blocks.has(moved));
            assert_eq!(blocks.state.load(Ordering::Relaxed), Blocks::ONE);
            assert!(blocks.forget(moved));
            System.dealloc(moved, Layout::from_size_align(1 << 20, 8).unwrap());
        }
    }

    #[test]
    fn what_is_noted_is_forgotten() {
        let blocks = Blocks::new();
        (1..=Blocks::MOST).for_each(|number| assert!(blocks.note(block(number))));
        assert!(blocks.exchange_relation(relation::UNDECIDED, relation::APART));
        blocks.forget_all();
        assert!(!blocks.has(block(1)));
        assert_eq!(blocks.state.load(Ordering::Relaxed), relation::APART);
    }
}
