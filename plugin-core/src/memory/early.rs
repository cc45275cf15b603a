//! The blocks that a library has allocated before it has a host.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// The early blocks of this library, and its relation to the common allocator.
pub(super) static EARLY: Blocks = Blocks::new();

/// The relations of this library to the common allocator. They are numbers and not an `enum`, because a relation is a
/// part of [`Blocks::state`].
pub(super) mod relation {
    /// This library has no host and no plugin so far.
    pub(in crate::memory) const UNDECIDED: usize = 0;
    /// This library allocates with the common allocator: its own, if it is the outermost host, or else its host's. This
    /// is the only odd number.
    pub(in crate::memory) const PLAIN: usize = 1;
    /// This library allocates with the common allocator, and its host keeps a list of this library's blocks.
    pub(in crate::memory) const TRACKED: usize = 2;
    /// This library has a host, and its memory is not common.
    pub(in crate::memory) const APART: usize = 4;
}

/// The sentinel for a place whose block is being reallocated. It is never the address of a block.
const BUSY: *mut u8 = NonNull::dangling().as_ptr();

/// The blocks that a library has from libc because it had no host yet. Its constructors keep them.
pub(super) struct Blocks {
    /// The number of blocks times [`Blocks::ONE`], plus the library's [`relation`]. Each buffer needs both, so they are
    /// one word. A library that has a host usually has no early blocks; then only this word is read.
    pub(super) state: AtomicUsize,
    places: [AtomicPtr<u8>; Blocks::MAX],
}

impl Blocks {
    pub(super) const MAX: usize = 64;
    const ONE: usize = 8;

    const fn new() -> Self {
        Blocks {
            state: AtomicUsize::new(relation::UNDECIDED),
            places: [const { AtomicPtr::new(null_mut()) }; Blocks::MAX],
        }
    }

    /// Returns the library's [`relation`].
    #[inline(always)]
    pub(super) fn relation(&self) -> usize {
        self.state.load(Ordering::Acquire) % Blocks::ONE
    }

    /// Changes the relation, if it is the expected one.
    pub(super) fn exchange_relation(&self, expected: usize, to: usize) -> bool {
        let exchanged = |state| (state % Blocks::ONE == expected).then(|| state - expected + to);
        self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, exchanged).is_ok()
    }

    #[inline(always)]
    fn is_empty(&self) -> bool {
        self.state.load(Ordering::Relaxed) < Blocks::ONE
    }

    /// Replaces one pointer by another in a place. Returns the place, or `None` if no place has the first pointer.
    fn replace(&self, from: *mut u8, to: *mut u8) -> Option<&AtomicPtr<u8>> {
        self.places.iter().find(|place| {
            place.load(Ordering::Relaxed) == from
                && place.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        })
    }

    /// Notes a block. Returns false if all places are taken.
    pub(super) fn note(&self, block: *mut u8) -> bool {
        // The block is counted before another thread can have it.
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

    /// Forgets a block, which is not used any more. Returns true if the block was noted.
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

    /// Forgets the blocks that are noted now.
    pub(super) fn forget_all(&self) {
        for place in &self.places {
            let block = place.load(Ordering::Relaxed);
            if !block.is_null() && block != BUSY {
                self.forget(block);
            }
        }
    }

    /// Reallocates a block with libc. If the block is noted, the new block takes its place. Another thread may get a
    /// block at the old address before this returns, so the place does not contain the old address meanwhile.
    ///
    /// # Safety
    ///
    /// As for [`GlobalAlloc::realloc`]. The block came from libc.
    #[cold]
    pub(super) unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let place = self.replace(block, BUSY);
        // SAFETY: by `# Safety`, the block came from libc with this layout, and the caller may reallocate it to this
        // size.
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

    /// Returns an address that the tests do not read.
    fn block(number: usize) -> *mut u8 {
        std::ptr::without_provenance_mut(number * 16)
    }

    #[test]
    fn as_many_blocks_are_noted_as_there_are_places() {
        let blocks = Blocks::new();
        for number in 1..=Blocks::MAX {
            assert!(blocks.note(block(number)));
        }
        assert!(!blocks.note(block(1000)));
        assert!(!blocks.forget(block(1000)));
        assert!(blocks.forget(block(7)));
        assert!(!blocks.has(block(7)));
        assert!(blocks.note(block(1000)));
        assert!(blocks.has(block(1000)));
        for number in (1..=Blocks::MAX).filter(|&number| number != 7) {
            assert!(blocks.forget(block(number)));
        }
        assert!(blocks.forget(block(1000)));
        assert_eq!(blocks.state.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_noted_block_keeps_its_place_when_it_moves() {
        let blocks = Blocks::new();
        let layout = Layout::from_size_align(16, 8).unwrap();
        // SAFETY: the block is allocated, moved and freed with the layout that it has each time.
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
        (1..=Blocks::MAX).for_each(|number| assert!(blocks.note(block(number))));
        assert!(blocks.exchange_relation(relation::UNDECIDED, relation::APART));
        blocks.forget_all();
        assert!(!blocks.has(block(1)));
        assert_eq!(blocks.state.load(Ordering::Relaxed), relation::APART);
    }
}
