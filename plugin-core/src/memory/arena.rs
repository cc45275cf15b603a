//! Memory for the length of a loan.
//!
//! A loan needs memory on both sides: the sender needs a place for the `Repr`s of a vector's elements, and the receiver
//! for the elements that it makes. One allocation for each part would cost more than the call. Both sides need all of
//! this memory until the loan ends and no longer. So each side has an arena that hands out parts of large chunks and
//! frees the chunks together. Each arena uses its own side's allocator, and the other side never frees any of its
//! memory.
//!
//! An arena that hands out nothing allocates nothing. Dropping such an arena costs one comparison, which the compiler
//! removes where it can see that the arena was not used.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::ManuallyDrop;
use std::ptr::{NonNull, null_mut};

/// The size of the first chunk, unless more is asked for.
const FIRST_CHUNK: usize = 1024;
/// Chunks double in size up to this one, unless more is asked for.
const LARGEST_CHUNK: usize = 1 << 20;

/// The header of a chunk. The parts come after it.
struct Chunk {
    previous: *mut Chunk,
    layout: Layout,
}

/// A value that an arena has to drop.
struct Kept {
    previous: *mut Kept,
    at: *mut u8,
    drop: unsafe fn(at: *mut u8),
}

/// Memory for the length of a loan, for [`PluginType::lend`] and [`PluginType::hold`].
///
/// The memory does not move when the arena itself is moved, and is freed when the arena is dropped.
///
/// [`PluginType::lend`]: crate::PluginType::lend
/// [`PluginType::hold`]: crate::PluginType::hold
///
/// # Example
///
/// ```
/// use plugin_core::Arena;
///
/// let mut arena = Arena::new();
/// let texts = arena.alloc::<&str>(2);
/// // SAFETY: there is room for two texts, which are written before they are read.
/// unsafe {
///     texts.write("a");
///     texts.add(1).write("b");
///     assert_eq!(std::slice::from_raw_parts(texts.as_ptr(), 2), ["a", "b"]);
/// }
/// ```
#[derive(Debug)]
pub struct Arena {
    /// The address of the next part, if the part fits before `end`.
    at: *mut u8,
    end: *mut u8,
    /// The newest chunk, or null.
    chunk: *mut Chunk,
    /// The value that was kept last, or null.
    kept: *mut Kept,
}

impl Arena {
    /// Makes an arena without memory.
    #[inline(always)]
    pub const fn new() -> Self {
        Arena { at: null_mut(), end: null_mut(), chunk: null_mut(), kept: null_mut() }
    }

    /// Returns memory for `count` values in a row. The memory is uninitialised, and values that are written there are
    /// not dropped.
    ///
    /// # Panics
    ///
    /// If `count` values are larger than any memory.
    #[inline]
    pub fn alloc<T>(&mut self, count: usize) -> NonNull<T> {
        let Ok(layout) = Layout::array::<T>(count) else { too_large() };
        if layout.size() == 0 {
            return NonNull::dangling();
        }
        // Without a chunk, both addresses are 0, so nothing fits.
        let padding = self.at.addr().wrapping_neg() % layout.align();
        if layout.size() + padding > self.end.addr() - self.at.addr() {
            return self.alloc_chunk(layout).cast();
        }
        // SAFETY: as many bytes are left between `at` and `end`, which are both in the newest chunk. So both results
        // are in that chunk, and neither is null.
        unsafe {
            let part = self.at.add(padding);
            self.at = part.add(layout.size());
            NonNull::new_unchecked(part).cast()
        }
    }

    /// Returns the first part of a new chunk.
    #[cold]
    #[inline(never)]
    fn alloc_chunk(&mut self, part: Layout) -> NonNull<u8> {
        let usual = match NonNull::new(self.chunk) {
            None => FIRST_CHUNK,
            // SAFETY: `alloc_chunk` has written the header of each chunk, and only `drop` frees the chunks.
            Some(chunk) => (unsafe { chunk.as_ref() }.layout.size() * 2).min(LARGEST_CHUNK),
        };
        let Ok((layout, offset)) = Layout::new::<Chunk>().extend(part) else { too_large() };
        let Ok(layout) = Layout::from_size_align(layout.size().max(usual), layout.align()) else { too_large() };
        // SAFETY: the layout has the size of a header at least, so it is not 0. The layout has room for the header, and
        // for the part at `offset`. `start` is not null.
        unsafe {
            let start = alloc(layout);
            if start.is_null() {
                handle_alloc_error(layout);
            }
            start.cast::<Chunk>().write(Chunk { previous: self.chunk, layout });
            self.chunk = start.cast();
            self.at = start.add(offset + part.size());
            self.end = start.add(layout.size());
            NonNull::new_unchecked(start.add(offset))
        }
    }

    /// Keeps a value where it does not move, and drops it with the arena: the newest first.
    pub fn keep<T: 'static>(&mut self, value: T) -> NonNull<T> {
        /// # Safety
        ///
        /// At `at` is a `T` that is not used afterwards.
        unsafe fn drop_at<T>(at: *mut u8) {
            // SAFETY: by `# Safety`, a `T` is at `at` that is not used afterwards.
            unsafe { at.cast::<T>().drop_in_place() }
        }
        let at = self.alloc::<T>(1);
        // SAFETY: `alloc` has given room for one `T`.
        unsafe { at.write(value) };
        if std::mem::needs_drop::<T>() {
            let kept = self.alloc::<Kept>(1);
            // SAFETY: `alloc` has given room for one `Kept`.
            unsafe { kept.write(Kept { previous: self.kept, at: at.as_ptr().cast(), drop: drop_at::<T> }) };
            self.kept = kept.as_ptr();
        }
        at
    }

    /// Keeps a value and returns a copy of its bytes, as a part of a value that is [held](crate::PluginType::hold).
    ///
    /// Such a part belongs to the receiver, because a clone of it may outlive the loan.
    ///
    /// # Example
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use plugin_core::Arena;
    ///
    /// let mut arena = Arena::new();
    /// // SAFETY: an `Arc` is a pointer, and cloning does not change the pointer. `text` is not used without the arena.
    /// let text = unsafe { arena.own(Arc::<str>::from("text")) };
    /// let clone = Arc::clone(&text);
    /// drop(arena);
    /// assert_eq!((&*clone, Arc::strong_count(&clone)), ("text", 1));
    /// ```
    ///
    /// # Safety
    ///
    /// The returned value is used behind `&` only, and not after the arena is dropped. No function that takes a `&T`
    /// changes the bytes of the `T` itself. (The memory that the bytes point to may change, as an `Arc`'s counters do.)
    pub unsafe fn own<T: 'static>(&mut self, value: T) -> ManuallyDrop<T> {
        // SAFETY: `keep` has written the value. The arena drops the value there, and no code drops the copy, which is
        // used as `# Safety` says.
        ManuallyDrop::new(unsafe { self.keep(value).read() })
    }
}

impl Default for Arena {
    #[inline(always)]
    fn default() -> Self {
        Arena::new()
    }
}

impl Drop for Arena {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.chunk.is_null() {
            // SAFETY: `alloc_chunk` and `keep` have made both lists, and this is the drop, so the arena does not use
            // them afterwards.
            unsafe { end(self.chunk, self.kept) }
        }
    }
}

/// Drops the kept values, and then frees the chunks that contain them.
///
/// # Safety
///
/// [`Arena::alloc_chunk`] and [`Arena::keep`] have made both lists for one arena. Neither is used afterwards.
#[inline(never)]
unsafe fn end(chunk: *mut Chunk, kept: *mut Kept) {
    struct Chunks(*mut Chunk);
    impl Drop for Chunks {
        fn drop(&mut self) {
            while let Some(chunk) = NonNull::new(self.0) {
                // SAFETY: `alloc_chunk` has written the header, with the layout of its allocation.
                // The chunk leaves the list here, so it is freed once.
                unsafe {
                    let Chunk { previous, layout } = chunk.read();
                    self.0 = previous;
                    dealloc(chunk.as_ptr().cast(), layout);
                }
            }
        }
    }
    /// Goes on with the remaining values if one of them panics.
    struct AllKept(*mut Kept);
    impl Drop for AllKept {
        fn drop(&mut self) {
            while let Some(kept) = NonNull::new(self.0) {
                // SAFETY: `keep` has written the entry and the value at `at`, and `drop` is for the type of this value.
                // The entry leaves the list before, so the value is dropped once. The chunks still exist, because
                // `_chunks` ends later.
                unsafe {
                    let Kept { previous, at, drop } = kept.read();
                    self.0 = previous;
                    let rest = AllKept(previous);
                    drop(at);
                    std::mem::forget(rest);
                }
            }
        }
    }
    let _chunks = Chunks(chunk);
    drop(AllKept(kept));
}

#[cold]
#[inline(never)]
fn too_large() -> ! {
    panic!("a value that is lent has more elements than memory has room for")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::rc::Rc;

    use super::*;

    #[repr(align(4096))]
    #[derive(Clone, Copy)]
    struct Page(#[allow(dead_code)] [u8; 4096]);

    #[test]
    fn parts_are_aligned_and_apart() {
        let mut arena = Arena::new();
        let mut parts: Vec<(usize, usize)> = Vec::new();
        let mut next = 1;
        for round in 0..1000 {
            // A fixed sequence of sizes without a pattern.
            next = (next * 7919 + 13) % 10_007;
            let count = next % 300;
            let (at, size, align) = match round % 4 {
                0 => (arena.alloc::<u8>(count).addr().get(), count, 1),
                1 => (arena.alloc::<u64>(count).addr().get(), count * 8, align_of::<u64>()),
                2 => (arena.alloc::<u128>(count % 3).addr().get(), count % 3 * 16, align_of::<u128>()),
                _ => (arena.alloc::<Page>(count % 2).addr().get(), count % 2 * 4096, 4096),
            };
            assert_eq!(at % align, 0);
            if size != 0 {
                parts.push((at, at + size));
            }
        }
        parts.sort_unstable();
        assert!(parts.windows(2).all(|pair| pair[0].1 <= pair[1].0), "no two overlap");
    }

    #[test]
    fn all_memory_may_be_written_and_stays_when_the_arena_moves() {
        let mut arena = Arena::new();
        let parts: Vec<NonNull<[u64; 16]>> = (0..1000)
            .map(|n| {
                let part = arena.alloc(1);
                // SAFETY: `alloc` has given room for one value.
                unsafe { part.write([n; 16]) };
                part
            })
            .collect();
        let moved = Box::new(arena);
        for (n, part) in parts.iter().enumerate() {
            // SAFETY: written above, and the arena still exists.
            assert_eq!(unsafe { part.read() }, [n as u64; 16]);
        }
        drop(moved);
    }

    #[test]
    fn an_unused_arena_has_no_memory() {
        let mut arena = Arena::new();
        arena.alloc::<u64>(0);
        arena.alloc::<()>(1000);
        arena.keep(());
        assert!(arena.chunk.is_null());
    }

    #[test]
    #[should_panic(expected = "more elements than memory has room for")]
    fn too_many_elements_are_a_panic() {
        Arena::new().alloc::<u64>(usize::MAX / 4);
    }

    struct Note(u32, Rc<RefCell<Vec<u32>>>);

    impl Drop for Note {
        fn drop(&mut self) {
            self.1.borrow_mut().push(self.0);
            assert_ne!(self.0, 3, "on purpose");
        }
    }

    #[test]
    fn what_is_kept_is_dropped_once_also_if_another_panics() {
        let dropped = Rc::new(RefCell::new(Vec::new()));
        let mut arena = Arena::new();
        for number in 0..3 {
            arena.keep(Note(number, dropped.clone()));
        }
        drop(arena);
        assert_eq!(dropped.take(), [2, 1, 0]);

        let mut arena = Arena::new();
        for number in 0..6 {
            arena.keep(Note(number, dropped.clone()));
        }
        catch_unwind(AssertUnwindSafe(|| drop(arena))).unwrap_err();
        assert_eq!(dropped.take(), [5, 4, 3, 2, 1, 0]);
    }
}
