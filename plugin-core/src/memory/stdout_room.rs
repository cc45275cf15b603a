//! Room in the library itself for std's buffer of the standard output.
//!
//! A static of std owns that buffer. Only a private function of std empties the static, and only `std::process::exit` and
//! the end of a program's `main` call that function. So a block of the allocator would be lost at each unload. The room is
//! a static of the library instead, and goes away with it.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::{Cell, UnsafeCell};
use std::ptr::NonNull;

/// The layout of std's buffer. If another std allocates a buffer of another layout, the room stays unused.
const LAYOUT: Layout = Layout::new::<[u8; 1024]>();

struct Room(UnsafeCell<[u8; LAYOUT.size()]>);
// SAFETY: `take` gives the bytes to one owner as a block of the allocator, and nothing else accesses them.
unsafe impl Sync for Room {}

static ROOM: Room = Room(UnsafeCell::new([0; LAYOUT.size()]));

thread_local! {
    /// True while this thread makes std's buffer, and has not got the room.
    static WANTS_ROOM: Cell<bool> = const { Cell::new(false) };
}

/// Makes std's buffer of the standard output, unless a constructor of the library has printed already. The allocator
/// asks [`take`] on this thread meanwhile.
pub(super) fn make_buffer() {
    WANTS_ROOM.set(true);
    _ = std::io::stdout();
    WANTS_ROOM.set(false);
}

/// Returns the room, if this thread makes std's buffer in [`make_buffer`]. A library calls that function once, so the
/// room has one owner at most.
pub(super) fn take(layout: Layout) -> Option<NonNull<u8>> {
    // The layout comes first. On some platforms, the first use of a thread-local allocates.
    (layout == LAYOUT && WANTS_ROOM.replace(false)).then(|| NonNull::from(&ROOM.0).cast())
}

/// Returns true if the block of this layout is the room. The room is never freed.
#[inline(always)]
pub(super) fn is_room(block: *mut u8, layout: Layout) -> bool {
    layout.size() == LAYOUT.size() && block == ROOM.0.get().cast()
}

/// Moves the contents of the room to a block of the allocator.
///
/// # Safety
///
/// As for [`GlobalAlloc::realloc`], of a block for which [`is_room`] is true.
#[cold]
pub(super) unsafe fn move_out(allocator: &impl GlobalAlloc, room: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: by `# Safety`, the size is not zero, and makes a layout with this alignment, which is 1.
    // The new block is another one than the room, and both have the bytes that are copied.
    unsafe {
        let moved = allocator.alloc(Layout::from_size_align_unchecked(size, LAYOUT.align()));
        if !moved.is_null() {
            room.copy_to_nonoverlapping(moved, size.min(LAYOUT.size()));
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use super::*;

    #[test]
    fn the_room_is_given_once_and_only_to_the_thread_that_wants_it() {
        let other = Layout::new::<[u8; 1023]>();
        assert_eq!(take(LAYOUT), None);
        WANTS_ROOM.set(true);
        assert!(std::thread::spawn(|| take(LAYOUT).is_none()).join().unwrap());
        assert_eq!(take(other), None);
        let room = take(LAYOUT).unwrap().as_ptr();
        assert_eq!(take(LAYOUT), None);
        assert!(is_room(room, LAYOUT));
        // SAFETY: the room has no other user, and the blocks are freed with the layouts that they have.
        unsafe {
            assert!(!is_room(room.add(1), other));
            room.write_bytes(7, LAYOUT.size());
            for size in [1, 1024, 5000] {
                let layout = Layout::from_size_align(size, 1).unwrap();
                let moved = move_out(&System, room, size);
                assert_eq!(std::slice::from_raw_parts(moved, size.min(1024)), vec![7; size.min(1024)]);
                assert!(!is_room(moved, layout));
                System.dealloc(moved, layout);
            }
        }
    }
}
